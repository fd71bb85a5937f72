"""How a run ends: its page, and its last event."""

import logging
from functools import partial

import trio

from crew_actors.journal import Journal, RunFolder
from crew_actors.model import (
    End,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunState,
    RunStatus,
    TaskCancelled,
    advance,
)
from crew_actors.runs._files import write_summary
from crew_actors.runs._summary import NAME, summarise, written_summary

_log = logging.getLogger("crew_actors.runs")


async def close_run(
    folder: RunFolder, journal: Journal, state: RunState, end: End
) -> RunState:
    """Write down how the run ends; return its last state, which is on disk.

    Nothing of it lives. Only a blocked run keeps tasks that have not ended.

    Raises:
      JournalError: it cannot be written.
    """
    if end.status is not RunStatus.BLOCKED:
        for task, one in state.tasks.items():
            if not one.status.terminal:
                cancelled = TaskCancelled(task=task, attempt=one.attempt, why=end.why)
                state = advance(state, await journal.post(cancelled))
    summary = await _write_page(folder, state, end)
    return advance(state, await journal.append(_last_event(end, summary)))


async def _write_page(folder: RunFolder, state: RunState, end: End) -> str | None:
    """Write the summary of the run, unless its team has; return its path.

    It is relative to the folder of the run; None if it could not be written.
    """
    summary = written_summary(state)
    if summary is not None:
        return summary
    text = summarise(state, status=end.status.value, why=end.why)
    try:
        await trio.to_thread.run_sync(partial(write_summary, folder, NAME, text))
    except OSError as error:
        _log.warning("run %s: its summary cannot be written: %s", state.run, error)
        return None
    return NAME


def _last_event(end: End, summary: str | None) -> RunEvent:
    """Make the event that the run ends with."""
    match end.status:
        case RunStatus.COMPLETED:
            return RunCompleted(summary=summary)
        case RunStatus.CANCELLED:
            return RunCancelled(why=end.why, summary=summary)
        case RunStatus.BLOCKED:
            return RunBlocked(why=end.why, summary=summary)
        case _:
            return RunFailed(why=end.why, summary=summary)
