# What other processes may ask about a run. Nothing here writes.
#
# 1. A question has no effect: it is answered the same way while the owner works,
#    after it was killed, and in a folder that cannot be written to.
# 2. The owner is looked at before the events. A run that ends in between is then
#    seen as ended, never as interrupted.
"""Reading a run from outside of its runtime."""

from collections import deque
from collections.abc import Iterator
from typing import Final, final

import attrs
import trio

from crew_actors.journal._errors import JournalCorrupt, JournalMissing
from crew_actors.journal._folder import RunFolder
from crew_actors.journal._lease import owner_state
from crew_actors.journal._log import hides_pages
from crew_actors.journal._pages import AfterGap, read_newest, read_page
from crew_actors.model import (
    IllegalEvent,
    Recorded,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunState,
    RunStatus,
    advance,
    begin,
)

PAGE_EVENTS: Final = 1000
"""The most events that are read from the database at once."""

_LAST: Final[dict[type, RunStatus]] = {
    RunCompleted: RunStatus.COMPLETED,
    RunFailed: RunStatus.FAILED,
    RunCancelled: RunStatus.CANCELLED,
    RunBlocked: RunStatus.BLOCKED,
}
"""The events that end a run, each the last one of its journal."""

FOLLOW_SECONDS: Final = 0.2
"""How often a follower looks for news. There is no way to be told of them."""


def read_events(
    folder: RunFolder, since: int = 0, limit: int | None = None
) -> Iterator[Recorded]:
    """Read the events after number *since*, oldest first; *limit* of them at most.

    Blocks on the disk at the first event of each page. Ends with the last event that
    is committed when it gets there.

    Raises:
      JournalMissing: there is no such run.
      JournalError: by its class. The events given out before are true.
    """
    while limit is None or limit > 0:
        size = PAGE_EVENTS if limit is None else min(limit, PAGE_EVENTS)
        page = read_page(folder, since, size)
        yield from page
        if len(page) < size:
            return
        since = page[-1].seq
        limit = None if limit is None else limit - size


def newest_events(folder: RunFolder, count: int) -> list[Recorded]:
    """Read the last *count* events, oldest first. Blocks on the disk.

    Raises:
      JournalMissing: there is no such run.
      JournalError: by its class.
    """
    return read_newest(folder, max(count, 0))


def read_state(folder: RunFolder) -> RunState:
    """Fold the events of a run into its state. Blocks on the disk.

    A run whose owner is gone keeps its last status here; see `effective_status`.

    Raises:
      JournalMissing: there is no such run, or it died before its first event.
      JournalError: by its class.
    """
    state: RunState | None = None
    try:
        for recorded in read_events(folder):
            state = advance_over(state, recorded)
    except IllegalEvent as error:
        raise JournalCorrupt(folder.database, str(error)) from error
    if state is None:
        raise JournalMissing(folder.database, "the run never began")
    return state


def advance_over(state: RunState | None, recorded: Recorded) -> RunState:
    """Fold one more event into *state*, which is None before the first one.

    Like `crew_actors.model.advance`, and goes over events that are missing.

    Raises:
      IllegalEvent: it does not fit.
    """
    if state is None:
        return begin(recorded)
    if isinstance(recorded, AfterGap):
        missing = recorded.compacted + recorded.lost
        state = attrs.evolve(state, seq=state.seq + missing)
    return advance(state, recorded)


def effective_status(folder: RunFolder) -> RunStatus:
    """Tell the status of a run as it is: without an owner it is interrupted.

    A run that has ended keeps its status. Blocks on the disk; changes nothing.

    Raises:
      JournalMissing: there is no such run, or it died before its first event.
      JournalError: by its class.
    """
    owner = owner_state(folder)
    newest = newest_events(folder, 1)
    if not newest:
        raise JournalMissing(folder.database, "the run never began")
    ended = _LAST.get(type(newest[0].event))
    if ended is not None:
        return ended
    if owner != "held":
        return RunStatus.INTERRUPTED
    begun = not isinstance(newest[0].event, RunCreated)
    return RunStatus.RUNNING if begun else RunStatus.QUEUED


def never_began(folder: RunFolder) -> bool:
    """Tell whether there is no run in *folder*: its creator died before it was one.

    False if there may be one that a damage hides. Blocks on the disk; changes nothing.

    Raises:
      JournalError: by its class. There may be a run.
      OSError: the system refused. There may be a run.
    """
    try:
        if owner_state(folder) == "held" or newest_events(folder, 1):
            return False
    except JournalMissing:
        pass  # or its log is damaged, or all that is left of it
    return not hides_pages(folder.database)


def follow_events(folder: RunFolder, since: int = 0) -> "Follower":
    """Follow the events after number *since*, from outside of the run's runtime.

    Each event comes exactly once, in order. Ends when nobody owns the run any more
    and all was given out. Not a checkpoint; see `Follower` for the iteration.
    """
    return Follower(folder, since)


@final
@attrs.define(eq=False)
class Follower:
    """The events of a run that another process writes.

    Looks into the database each `FOLLOW_SECONDS`: SQLite has no way to tell other
    processes of a change.
    """

    _folder: RunFolder
    _cursor: int
    _page: deque[Recorded] = attrs.field(factory=deque[Recorded], init=False)

    def __aiter__(self) -> "Follower":
        return self

    async def __anext__(self) -> Recorded:
        """Wait for the next event.

        A checkpoint at least once in 1000 events, and whenever it waits. A cancelled
        call takes nothing.

        Raises:
          JournalMissing: there is no such run, or no longer.
          JournalError: by its class.
        """
        while not self._page:
            page, owned = await trio.to_thread.run_sync(self._look)
            self._page.extend(page)
            if not page:
                if not owned:
                    raise StopAsyncIteration
                await trio.sleep(FOLLOW_SECONDS)
        recorded = self._page.popleft()
        self._cursor = recorded.seq
        return recorded

    def _look(self) -> tuple[list[Recorded], bool]:
        # The owner first: what it wrote before it went is then in the page.
        owned = owner_state(self._folder) == "held"
        return read_page(self._folder, self._cursor, PAGE_EVENTS), owned
