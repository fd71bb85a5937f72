# The actor of one run, from its first event to its last.
#
# 1. The run's last event is written when each of its tasks has ended and nothing of
#    them lives. It is on disk before anybody is told.
# 2. Cancelled from outside, the actor stops its tasks and writes down the end of the
#    run, inside of a shield of `LAST_WORDS` seconds; then the cancellation goes on.
# 3. The journal is closed, and the lease put down, when nothing of the run lives: a
#    run without an owner has no agents.
"""The run actor."""

import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import trio

from crew_actors.actors import Inbox, open_actors
from crew_actors.control import Control, open_control
from crew_actors.errors import UserError
from crew_actors.journal import (
    ArtifactStore,
    Journal,
    JournalError,
    JournalStuck,
    Lease,
    open_journal,
    read_state,
)
from crew_actors.model import (
    End,
    RunCreated,
    RunStarted,
    RunState,
    RunStatus,
    advance,
    begin,
    decide,
    resume_plan,
)
from crew_actors.redaction import redact_chunks
from crew_actors.runs._calls import answer_calls
from crew_actors.runs._clock import steady_clock
from crew_actors.runs._end import close_run
from crew_actors.runs._errors import NothingToResume
from crew_actors.runs._failures import describe, find_cause
from crew_actors.runs._looks import tell_news, with_looks
from crew_actors.runs._messages import Begin, RunMessage
from crew_actors.runs._order import RunOrder
from crew_actors.runs._words import words
from crew_actors.runs._work import RunWork
from crew_supervisors import KILL, ChildSpec

LAST_WORDS = 5.0
"""Seconds in which a run that is cancelled from outside must be written down."""


async def run_actor(inbox: Inbox[RunMessage], order: RunOrder) -> None:
    """Work on one run, from its creation, or from where it stood, to its end.

    The first message must be `Begin`; it is answered with the error if the run cannot
    be worked on. Whatever ends the actor, its view has ended when the actor has.
    """
    view = order.view
    try:
        await _own(inbox, order)
    except Exception as error:  # whoever waits for the run is told, whatever it was
        view.error = find_cause(error, UserError) or error
        if not isinstance(view.error, UserError):
            raise  # a defect; whoever waits for the run is told of the others
    finally:
        view.end()


async def _own(inbox: Inbox[RunMessage], order: RunOrder) -> None:
    first = await inbox.receive()
    assert isinstance(first, Begin)
    token = secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        try:
            listener, port = await open_control()
            await stack.enter_async_context(listener)
            lease = Lease.mine(now=time.time(), control_port=port, token=token)
            journal = await stack.enter_async_context(
                open_journal(
                    order.folder,
                    lease=lease,
                    create=order.plan is not None,
                    compact_at=order.compact_at,
                )
            )
            await _begin(order, journal)
        except (UserError, OSError) as error:
            await stack.aclose()  # whoever hears of it can take the run up at once
            first.fail(error)
            return
        first.reply(journal)
        answer = with_looks(answer_calls(inbox.ref), order.view)
        control = Control(token, answer, tell_news(journal))
        serve = partial(control.serve, listener)
        await _until_ended(inbox, order, journal, serve)


async def _begin(order: RunOrder, journal: Journal) -> None:
    """Write the first events of this owner, durably.

    Raises:
      NothingToResume: the run was taken up, and there is nothing to be done.
      JournalError: it cannot be written.
    """
    view = order.view
    if order.plan is not None:
        created = RunCreated(
            run=order.folder.run, workspace=str(order.workspace), plan=order.plan
        )
        view.state = begin(await journal.append(created))
        view.state = advance(view.state, await journal.append(RunStarted()))
        return
    take_up = order.take_up
    assert take_up is not None, "a run is created or taken up"
    view.state = await trio.to_thread.run_sync(read_state, order.folder)
    events = resume_plan(
        view.state, words(take_up.why), take_up.retry, limits=take_up.limits
    )
    if not events:
        retried = take_up.retry is not None
        status = view.state.status.value
        raise NothingToResume(order.folder.run, status, retried=retried)
    for event in events:
        view.state = advance(view.state, await journal.post(event))
    await journal.flush()


async def _until_ended(
    inbox: Inbox[RunMessage],
    order: RunOrder,
    journal: Journal,
    serve: Callable[[], Awaitable[None]],
) -> None:
    """Work on the run until it has ended, and write down how, whatever ended it."""
    stopped = End(RunStatus.CANCELLED, "the program that ran it was stopped")
    end = stopped
    work: RunWork | None = None
    try:
        async with open_actors(
            name=f"run/{order.folder.run}", max_restarts=0
        ) as actors:
            order.view.actors = actors
            await actors.supervisor.start(
                ChildSpec("control", serve, restart="temporary", stop=KILL)
            )
            work = RunWork(
                inbox=inbox,
                actors=actors,
                order=order,
                journal=journal,
                store=ArtifactStore(order.folder, redact=redact_chunks),
                clock=steady_clock(),
            )
            end = await work.until_ended()
    except Exception as error:  # a defect: the run says that it ended of one
        end = End(RunStatus.FAILED, words(f"internal error: {describe(error)}"))
        raise
    finally:
        state = order.view.state
        if work is not None:
            work.release()
            state = work.state
        if end is stopped and all(one.status.terminal for one in state.tasks.values()):
            end = decide(state, time.time()).end or end  # it had ended before
        await _write_down(order, journal, state, end)


async def _write_down(
    order: RunOrder, journal: Journal, state: RunState, end: End
) -> None:
    """Write down how the run ends, in `LAST_WORDS` seconds. Nothing of it lives.

    Others see it when it is on disk; if that fails, they see what was there before.
    """
    view = order.view
    limit = trio.current_time() + LAST_WORDS
    with trio.CancelScope(shield=True, deadline=limit) as scope:
        try:
            view.state = await close_run(order.folder, journal, state, end)
        except JournalError as error:
            view.error = error
    if scope.cancelled_caught:
        view.error = JournalStuck(
            order.folder.database, f"not within {LAST_WORDS:g} seconds"
        )
