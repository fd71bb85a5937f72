# What other processes may ask of a run over its control socket, by name:
#
#   ping                                      cancel       why, now?
#   inspect, in `_looks`                      follow       since, in `_looks`
#   respond   answer, task?, question?, by    send         task, text, kind?, by
#   retry     tasks?, why                     cancel_task  task, why
#   approve   by                              reject       by, why
#                                             restart_task task, why
#   claim     task?, owner, seconds?          extend       task, token, seconds?, progress?
#   nest      task, attempt, run
#   release   task, token, why?               transition   task, token, status, result?, why?
#
# Every parameter is checked: one of the wrong kind is refused by name, and so is one
# that there is not.
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
from crew_actors.model import BadId, MessageKind, parse_run_id
from crew_actors.runs._mail import SETTLE_SECONDS
from crew_actors.runs._messages import (
    Approve,
    CancelTask,
    Claimed,
    ClaimEnd,
    ClaimTask,
    ExtendClaim,
    Nest,
    Reject,
    ReleaseClaim,
    Respond,
    RestartTask,
    Retry,
    RunMessage,
    Send,
    Sent,
    Stop,
    Transition,
    Wish,
)
from crew_actors.runs._words import words

ANSWER_SECONDS: Final = SETTLE_SECONDS + 3.0
"""Seconds in which the run must have answered; the caller waits a little longer."""

Params = dict[str, object]

_MOST_SECONDS: Final = 10**9  # more of them cannot be a number of seconds


def answer_calls(run: Ref[RunMessage]) -> Callable[[str, Params], Any]:
    """Make the handler of the requests to *run*."""

    async def handle(method: str, params: Params) -> Params:
        if method in _OTHERS:
            _check_names(method, params, _OTHERS[method])
        if method == "ping":
            return {}
        if method == "cancel":
            # The run is about to end anyway, or as many wait as there can be.
            why, now = _text(params, "why", "asked to stop"), _flag(params, "now")
            with suppress(MailboxClosed, MailboxFull):
                run.tell_system(Stop(why, now=now))
            return {}
        if method not in _WISHES:
            there_are = ", ".join([*_OTHERS, *_WISHES])
            msg = f"there is no request {words(method)!r} (there are: {there_are})"
            raise Refused("UnknownMethod", msg)
        make, known = _WISHES[method]
        _check_names(method, params, known)
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
    """Take a text that may be missing, or empty."""
    value = params.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str):
        raise _bad(name, value, "a text")
    return value


def _whole(params: Params, name: str) -> str:
    value = _text(params, name)
    if not value:
        raise _bad(name, params.get(name), "a text that is not empty")
    return value


def _maybe(params: Params, name: str) -> str | None:
    return _text(params, name) or None


def _choice(params: Params, name: str, choices: tuple[str, ...], default: str) -> str:
    value = _text(params, name, default)
    if value not in choices:
        raise _bad(name, value, f"one of {', '.join(choices)}")
    return value


def _seconds(params: Params) -> float | None:
    value = params.get("seconds")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad("seconds", value, "a number")
    return float(min(value, _MOST_SECONDS))  # the run knows how many it may be


def _flag(params: Params, name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise _bad(name, value, "true or false")
    return value


def _texts(params: Params, name: str) -> tuple[str, ...]:
    value = params.get(name)
    if not value:
        return ()
    named = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = tuple(one for one in named if isinstance(one, str))
    if not isinstance(value, list) or len(texts) < len(named):
        raise _bad(name, params.get(name), "a list of texts")
    return texts


def _bad(name: str, value: object, wanted: str) -> Refused:
    return Refused("BadRequest", f"{name}: {words(repr(value))} is not {wanted}")


def _respond(params: Params) -> Wish:
    return Respond(
        task=_maybe(params, "task"),
        question=_maybe(params, "question"),
        answer=_whole(params, "answer"),
        by=_text(params, "by", "somebody"),
    )


def _send(params: Params) -> Wish:
    kind = _choice(params, "kind", get_args(MessageKind), "message")
    return Send(
        task=_whole(params, "task"),
        kind=cast("MessageKind", kind),
        text=_whole(params, "text"),
        by=_text(params, "by", "somebody"),
    )


def _retry(params: Params) -> Wish:
    why = _text(params, "why", "asked to retry")
    return Retry(tasks=_texts(params, "tasks"), why=why)


def _cancel_task(params: Params) -> Wish:
    return CancelTask(
        task=_whole(params, "task"), why=_text(params, "why", "asked to stop")
    )


def _restart_task(params: Params) -> Wish:
    return RestartTask(
        task=_whole(params, "task"), why=_text(params, "why", "asked to begin anew")
    )


def _approve(params: Params) -> Wish:
    return Approve(by=_text(params, "by", "somebody"))


def _reject(params: Params) -> Wish:
    return Reject(by=_text(params, "by", "somebody"), why=_text(params, "why"))


def _claim(params: Params) -> Wish:
    return ClaimTask(
        task=_maybe(params, "task"),
        owner=_whole(params, "owner"),
        seconds=_seconds(params),
    )


def _extend(params: Params) -> Wish:
    return ExtendClaim(
        task=_whole(params, "task"),
        token=_whole(params, "token"),
        seconds=_seconds(params),
        progress=_text(params, "progress"),
    )


def _release(params: Params) -> Wish:
    return ReleaseClaim(
        task=_whole(params, "task"),
        token=_whole(params, "token"),
        why=_text(params, "why"),
    )


def _transition(params: Params) -> Wish:
    return Transition(
        task=_whole(params, "task"),
        token=_whole(params, "token"),
        status=cast("ClaimEnd", _choice(params, "status", get_args(ClaimEnd), "")),
        result=_text(params, "result"),
        why=_text(params, "why"),
    )


def _nest(params: Params) -> Wish:
    try:
        run = parse_run_id(_whole(params, "run"))
    except BadId as error:
        raise Refused("BadRequest", f"run: {error}") from error
    return Nest(task=_whole(params, "task"), attempt=_whole(params, "attempt"), run=run)


_WISHES: Final[dict[str, tuple[Callable[[Params], Wish], frozenset[str]]]] = {
    "respond": (_respond, frozenset({"task", "question", "answer", "by"})),
    "send": (_send, frozenset({"task", "kind", "text", "by"})),
    "retry": (_retry, frozenset({"tasks", "why"})),
    "cancel_task": (_cancel_task, frozenset({"task", "why"})),
    "restart_task": (_restart_task, frozenset({"task", "why"})),
    "approve": (_approve, frozenset({"by"})),
    "reject": (_reject, frozenset({"by", "why"})),
    "nest": (_nest, frozenset({"task", "attempt", "run"})),
    "claim": (_claim, frozenset({"task", "owner", "seconds"})),
    "extend": (_extend, frozenset({"task", "token", "seconds", "progress"})),
    "release": (_release, frozenset({"task", "token", "why"})),
    "transition": (
        _transition,
        frozenset({"task", "token", "status", "result", "why"}),
    ),
}
"""How each request becomes a wish, and which parameters it takes."""

_OTHERS: Final = {"ping": frozenset[str](), "cancel": frozenset({"why", "now"})}


def _check_names(method: str, params: Params, known: frozenset[str]) -> None:
    unknown = sorted(params.keys() - known)
    if unknown:
        there_are = ", ".join(sorted(known)) or "none"
        msg = f"{method}: unknown parameter {words(unknown[0])!r} (there are: {there_are})"
        raise Refused("BadRequest", msg)


def _told(answer: object) -> Params:
    match answer:
        case Sent(message=message, outcome=outcome, why=why):
            return {"message": message, "outcome": outcome, "why": why}
        case Claimed():
            return _claimed(answer)
        case str():
            return {"task": answer}
        case tuple():
            return {"tasks": list(cast("tuple[str, ...]", answer))}
        case _:
            return {}


def _claimed(claim: Claimed) -> Params:
    return {
        "task": claim.task,
        "attempt": claim.attempt,
        "owner": claim.owner,
        "token": claim.token,
        "until": claim.until,
        "messages": [
            {"id": one.id, "kind": one.kind, "text": one.text, "by": one.by}
            for one in claim.messages
        ],
    }
