# The bodies that the supervisor runs as children: one call is one incarnation.
#
# 1. A stop closes the mailbox; the reader gets what is queued, within its grace.
#    Then reading ends: the iteration, and `receive` with `MailboxClosed`, which is an
#    orderly end of the body too.
# 2. Supervisors take the end of a child in which another supervisor gave up for an
#    orderly one, as OTP does. For an actor it is a crash: `ChildrenGaveUp`.
# 3. An incarnation ends in this order: what it had in hand is settled and its asks
#    fail, its links break, its timers, watches and jobs end, and at the final end what
#    is queued is settled. Then the body ends, and nothing of it is left.
"""The incarnations of actors."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar, cast, get_origin

import trio

from crew_actors.actors import _links
from crew_actors.actors._cell import Cell
from crew_actors.actors._ends import How
from crew_actors.actors._errors import ChildrenGaveUp
from crew_actors.actors._groups_of_errors import consists_of
from crew_actors.actors._inbox import Actor, Inbox
from crew_mailbox import MailboxClosed
from crew_supervisors import Child, RestartLimitReached

M = TypeVar("M")

UNDELIVERED_LIMIT: Final = 2.0
"""Seconds that the `undelivered` hook may take. Less than the patience of supervisors
with a cancelled child."""


def runner_of(body: object) -> Callable[..., Awaitable[object]]:
    """Return what runs *body*, which is an actor's function or class.

    Raises:
      TypeError: it is neither; the text says what to write.
    """
    inner = body
    while isinstance(inner, partial):
        inner = cast("partial[object]", inner).func
    kind = get_origin(inner) or inner  # `Cache[int]` is made by `Cache`
    if isinstance(kind, type) and issubclass(kind, Actor):
        return run_class
    if callable(inner) and not (
        isinstance(kind, type) or inspect.isasyncgenfunction(inner)
    ):
        return run_function
    text = f"{body!r} is no body of an actor: {_remedy_for(inner)}"
    raise TypeError(text)


def _remedy_for(body: Any) -> str:  # noqa: ANN401  it may be anything, which is the point
    if isinstance(body, Actor):
        return "spawn its class, with the arguments after it"
    if inspect.iscoroutine(body):
        body.close()  # nobody will await it
        return "spawn the function itself, with the arguments after it"
    if isinstance(body, type):
        return "derive it from Actor"
    if callable(body):
        return "an actor must not yield"
    return "spawn an async function, or a class that derives from Actor"


async def run_function(cell: Cell[M], *, child: Child) -> None:
    """Be one incarnation of an actor that is a function."""
    inbox: Inbox[M] = Inbox(cell, child)
    failure: BaseException | None = None
    try:
        _begin(cell, inbox)
        await cell.body(inbox, *cell.args)
        _refuse_broken(cell, inbox)
        _settle(cell, None)
    except BaseException as error:  # a cancellation as well: it is told
        if _is_end_of_inbox(cell, error):
            _settle(cell, None)
            return
        failure = _blame(cell, inbox, error)
        _settle(cell, failure)
        if failure is not error:
            raise failure from failure.__cause__
        raise
    finally:
        await inbox.end()
        if cell.is_final(failure):
            cell.finish(failure)
        del failure  # it holds this frame


async def run_class(
    cell: Cell[M], *, child: Child, task_status: trio.TaskStatus[None]
) -> None:
    """Be one incarnation of an actor that is a class; up when `started` returns."""
    inbox: Inbox[M] = Inbox(cell, child)
    actor: Actor[M] | None = None
    failure: BaseException | None = None
    try:
        _begin(cell, inbox)
        made: Actor[M] = cell.body(*cell.args)
        actor = made
        cell.mailbox.last_reader = trio.lowlevel.current_task()  # it will be
        await made.started(inbox)
        task_status.started()
        await _handle_all(cell, made, inbox)
        _settle(cell, None)
    except BaseException as error:  # a cancellation as well: it is told
        if _is_end_of_inbox(cell, error):
            _settle(cell, None)
            return
        failure = _blame(cell, inbox, error)
        _settle(cell, failure)
        if failure is not error:
            raise failure from failure.__cause__
        raise
    finally:
        try:
            if actor is not None:
                await actor.stopping(inbox, failure)
        except BaseException as error:  # it takes the place of what ended the body
            failure = error
            raise
        finally:
            await inbox.end()
            if cell.is_final(failure):
                await _finish(cell, actor, failure)
            del failure  # it holds this frame


async def _handle_all(cell: Cell[M], actor: Actor[M], inbox: Inbox[M]) -> None:
    if cell.on_crash != "resume":
        async for message in inbox:
            await actor.handle(message, inbox)
        return
    async for message in inbox:
        try:
            await actor.handle(message, inbox)
        except Exception as error:  # noqa: BLE001  recorded and logged; the policy says so
            cell.resume(message, error)


def _begin(cell: Cell[M], inbox: Inbox[M]) -> None:
    cell.begin(inbox)
    if cell.ties is not None and cell.ties.doom is not None:
        doom, cell.ties.doom = cell.ties.doom, None
        raise doom


def _refuse_broken(cell: Cell[M], inbox: Inbox[M]) -> None:
    """Fail also if the body had no checkpoint left at which to be cancelled."""
    if inbox.broken is not None and not cell.mailbox.closed:  # a stop goes before
        raise inbox.broken


def _is_end_of_inbox(cell: Cell[M], error: BaseException) -> bool:
    """Tell whether the body just ran into the end of its own messages, at a stop."""
    mailbox = cell.mailbox
    return (
        isinstance(error, MailboxClosed)
        and mailbox.closed
        and error.name == mailbox.name
    )


def _blame(cell: Cell[M], inbox: Inbox[M], error: BaseException) -> BaseException:
    """Return what the incarnation failed with, if *error* came out of it."""
    if inbox.broken is not None and consists_of(error, trio.Cancelled):
        return error if cell.mailbox.closed else inbox.broken
    if consists_of(error, RestartLimitReached):
        gave_up = ChildrenGaveUp(cell.name)
        gave_up.__cause__ = error
        return gave_up
    return error


def _settle(cell: Cell[M], failure: BaseException | None) -> None:
    """Settle what the incarnation had in hand, and tell those linked to it."""
    cell.inbox = None
    how: How = "stopped" if cell.mailbox.closed else "returned"
    if failure is None:
        cell.returned()
    else:
        cell.crashed(failure)
        how = "stopped" if consists_of(failure, trio.Cancelled) else "failed"
    _links.sever(cell, how, failure)


async def _finish(
    cell: Cell[M], actor: Actor[M] | None, failure: BaseException | None
) -> None:
    base: type[Actor[M]] = Actor
    if actor is None or type(actor).undelivered is base.undelivered:
        cell.finish(failure)
        return
    messages = cell.give_back(failure)
    if messages:
        # Bound: UNDELIVERED_LIMIT. The hook works also for an actor that is cancelled.
        try:
            with trio.fail_after(UNDELIVERED_LIMIT, shield=True):
                await actor.undelivered(messages)
        except BaseException as error:  # none is lost unseen
            cell.lose(messages, error)
            raise
