# What people say of a run when its owner has gone. It is written down by whoever brings
# it, under a lease of their own. An answer is found by the next attempt at the task; an
# approval by whoever takes up the run; after a rejection nothing is to be taken up.
#
# It is a step of its own, before the run is taken up: whoever does that, here or in a
# process of its own, needs not be told of it, and if nobody does it is kept.
"""Keep what is said of a run that nobody works on."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import trio

from crew_actors.control import RunNotRunning
from crew_actors.journal import Journal, Lease, RunFolder, open_journal, read_state
from crew_actors.model import (
    End,
    PlanApproved,
    PlanRejected,
    RunState,
    RunStatus,
    TaskId,
    TaskStatus,
    advance,
)
from crew_actors.runs._end import close_run
from crew_actors.runs._errors import NotWaiting, TooLate
from crew_actors.runs._messages import Respond
from crew_actors.runs._wishes import answer_to, check_approval
from crew_actors.runs._words import words

LATE_SECONDS: Final = 86_400.0
"""Seconds after the deadline of a question in which it can still be answered, where
its agent has gone with the owner of the run."""


async def keep_answer(
    folder: RunFolder,
    answer: str,
    *,
    task: str | None = None,
    question: str | None = None,
    by: str = "python",
) -> TaskId:
    """Answer a question of a run whose owner has gone; return the task that asked.

    On return the answer is on disk: when the run is taken up, the next attempt at the
    task finds it. If cancelled, it may be there.

    Raises:
      LeaseHeld: somebody works on the run.
      RunNotRunning: the run has ended, and its questions with it.
      TooLate: nobody would remember why it was asked.
      NotWaiting: nothing waits for that answer.
      SeveralWaiting: *task* must be given.
      NotAChoice: the question offers choices, and *answer* is none of them.
      UnknownTask: there is no such task.
      JournalError: the run cannot be read or written.
    """
    wish = Respond(task=task, question=question, answer=answer, by=by)
    now = time.time()
    async with _opened(folder, now) as (journal, state):
        try:
            event, asked = answer_to(state, wish)
        except NotWaiting as error:
            raise _interrupted(error, folder.run) from None
        if now > asked.deadline + LATE_SECONDS:
            raise TooLate(folder.run, event.question, now - asked.deadline)
        await journal.append(event)
    return event.task


async def keep_approval(folder: RunFolder, *, by: str = "python") -> None:
    """Agree to the plan of a run whose owner has gone.

    On return that is on disk: when the run is taken up, tasks that write begin. If
    cancelled, it may be there.

    Raises:
      LeaseHeld: somebody works on the run.
      RunNotRunning: the run has ended.
      NotAwaitingApproval: nobody was asked.
      JournalError: the run cannot be read or written.
    """
    async with _opened(folder, time.time()) as (journal, state):
        check_approval(state)
        await journal.append(PlanApproved(by=words(by)))


async def keep_rejection(
    folder: RunFolder, why: str = "", *, by: str = "python"
) -> None:
    """Refuse the plan of a run whose owner has gone. On return the run is cancelled.

    If cancelled itself, it may have been refused, and a part of its end be written.

    Raises:
      LeaseHeld: somebody works on the run.
      RunNotRunning: the run has ended.
      NotAwaitingApproval: nobody was asked.
      JournalError: the run cannot be read or written.
    """
    now = time.time()
    async with _opened(folder, now) as (journal, state):
        check_approval(state)
        rejected = PlanRejected(by=words(by), why=words(why))
        refused = advance(state, await journal.post(rejected))
        end = End(RunStatus.CANCELLED, refused.cancelling or "")
        await close_run(folder, journal, refused, end)


def _interrupted(error: NotWaiting, run: str) -> NotWaiting:
    """Say it of a run that nobody works on, though the last events say otherwise."""
    status = f"interrupted (`crew resume {run}` takes the run up)"
    at_work = {
        RunStatus.RUNNING.value,
        *(one.value for one in TaskStatus if one.active),
    }
    if error.status not in at_work:
        return error
    return NotWaiting(error.what, status, error.waiting)


@asynccontextmanager
async def _opened(
    folder: RunFolder, now: float
) -> AsyncGenerator[tuple[Journal, RunState]]:
    """Own the run for a moment.

    Raises:
      LeaseHeld: somebody works on it.
      RunNotRunning: it has ended.
      JournalError: it cannot be read or written.
    """
    async with open_journal(folder, lease=Lease.mine(now=now)) as journal:
        state = await trio.to_thread.run_sync(read_state, folder)
        if state.status.ended:
            raise RunNotRunning(folder.run, state.status.value)
        yield journal, state
