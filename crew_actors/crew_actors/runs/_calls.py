# What other processes may ask of a run over its control socket, by name:
#
#   ping                                      cancel       why
#   respond   answer, task?, question?, by    send         task, text, kind?, by
#   retry     tasks?, why                     cancel_task  task, why
#   approve   by                              reject       by, why
"""Requests from other processes become messages to the run."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast, get_args

from crew_actors.actors import (
    ActorError,
    AskTimeout,
    MailboxClosed,
    MailboxFull,
    Ref,
)
from crew_actors.control import Refused
from crew_actors.errors import UserError
from crew_actors.model import MessageKind
from crew_actors.runs._mail import SETTLE_SECONDS
from crew_actors.runs._messages import (
    Approve,
    CancelTask,
    Reject,
    Respond,
    Retry,
    RunMessage,
    Send,
    Sent,
    Stop,
    Wish,
)
from crew_actors.runs._words import words

ANSWER_SECONDS: Final = SETTLE_SECONDS + 3.0
"""Seconds in which the run must have answered; the caller waits a little longer."""

Params = dict[str, object]


def answer_calls(run: Ref[RunMessage]) -> Callable[[str, Params], Any]:
    """Make the handler of the requests to *run*."""

    async def handle(method: str, params: Params) -> Params:
        if method == "ping":
            return {}
        if method == "cancel":
            # The run is about to end anyway, or as many wait as there can be.
            with suppress(MailboxClosed, MailboxFull):
                run.tell_system(Stop(_text(params, "why", "asked to stop")))
            return {}
        make = _WISHES.get(method)
        if make is None:
            known = ", ".join(["ping", "cancel", *_WISHES])
            msg = f"there is no request {method!r} (there are: {known})"
            raise Refused("UnknownMethod", msg)
        return _told(await wish_of(run, make(params)))

    return handle


async def wish_of(run: Ref[RunMessage], wish: Wish) -> object:
    """Ask the run, and wait for its answer.

    Raises:
      UserError: the run refuses, or has ended, or does not answer.
    """
    try:
        asked = cast("Any", wish)
        return await run.ask(asked, timeout=ANSWER_SECONDS)
    except UserError:
        raise
    except MailboxClosed:
        msg = "the run is ending; nothing was done"
        raise Refused("RunEnding", msg, exit_code=1) from None
    except AskTimeout:
        msg = f"the run did not answer within {ANSWER_SECONDS:g} seconds"
        raise Refused("RunBusy", msg, exit_code=1) from None
    except ActorError as error:
        msg = f"the run ended before it could answer ({error})"
        raise Refused("RunEnding", msg, exit_code=1) from error


def _text(params: Params, name: str, default: str = "") -> str:
    value = params.get(name)
    return words(value) if isinstance(value, str) and value else default


def _whole(params: Params, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        msg = f"{name}: a text is needed"
        raise Refused("BadRequest", msg)
    return value


def _maybe(params: Params, name: str) -> str | None:
    return _whole(params, name) if params.get(name) else None


def _respond(params: Params) -> Wish:
    return Respond(
        task=_maybe(params, "task"),
        question=_maybe(params, "question"),
        answer=_whole(params, "answer"),
        by=_text(params, "by", "somebody"),
    )


def _send(params: Params) -> Wish:
    kind = params.get("kind", "message")
    if kind not in get_args(MessageKind):
        known = ", ".join(get_args(MessageKind))
        msg = f"kind: {kind!r} is none of {known}"
        raise Refused("BadRequest", msg)
    return Send(
        task=_whole(params, "task"),
        kind=cast("MessageKind", kind),
        text=_whole(params, "text"),
        by=_text(params, "by", "somebody"),
    )


def _retry(params: Params) -> Wish:
    tasks: object = params.get("tasks") or []
    if not isinstance(tasks, list):
        msg = "tasks: a list is needed"
        raise Refused("BadRequest", msg)
    named = tuple(str(task) for task in cast("list[object]", tasks))
    return Retry(tasks=named, why=_text(params, "why", "asked to retry"))


def _cancel_task(params: Params) -> Wish:
    return CancelTask(
        task=_whole(params, "task"), why=_text(params, "why", "asked to stop")
    )


def _approve(params: Params) -> Wish:
    return Approve(by=_text(params, "by", "somebody"))


def _reject(params: Params) -> Wish:
    return Reject(by=_text(params, "by", "somebody"), why=_text(params, "why"))


_WISHES: Final[dict[str, Callable[[Params], Wish]]] = {
    "respond": _respond,
    "send": _send,
    "retry": _retry,
    "cancel_task": _cancel_task,
    "approve": _approve,
    "reject": _reject,
}


def _told(answer: object) -> Params:
    match answer:
        case Sent(message=message, outcome=outcome, why=why):
            return {"message": message, "outcome": outcome, "why": why}
        case str():
            return {"task": answer}
        case tuple():
            return {"tasks": list(cast("tuple[str, ...]", answer))}
        case _:
            return {}
