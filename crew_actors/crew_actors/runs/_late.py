# An answer that comes when the owner of the run has gone. It is written down by whoever
# brings it, under a lease of their own, and found by the next attempt at the task.
#
# It is a step of its own, before the run is taken up: whoever does that, here or in a
# process of its own, needs not be told the answer, and if nobody does it is kept.
"""Keep an answer for a run that nobody works on."""

import time
from typing import Final

import trio

from crew_actors.control import RunNotRunning
from crew_actors.journal import Lease, RunFolder, open_journal, read_state
from crew_actors.model import TaskId
from crew_actors.runs._errors import TooLate
from crew_actors.runs._messages import Respond
from crew_actors.runs._wishes import answer_to

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
    async with open_journal(folder, lease=Lease.mine(now=now)) as journal:
        state = await trio.to_thread.run_sync(read_state, folder)
        if state.status.ended:
            raise RunNotRunning(folder.run, state.status.value)
        event, asked = answer_to(state, wish)
        if now > asked.deadline + LATE_SECONDS:
            raise TooLate(folder.run, event.question, now - asked.deadline)
        await journal.append(event)
    return event.task
