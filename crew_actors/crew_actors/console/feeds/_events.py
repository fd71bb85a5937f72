# 1. The revision of a cursor is the number of the last event that it has given: the
#    journal is the memory of this feed, and a client goes on wherever it was.
# 2. The newest events are kept as they are sent, for all cursors; who is further behind
#    is served from the disk, and slows nobody.
"""The feed of the events of one run."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, final

import attrs
import trio

from crew_actors.console.feeds._feed import Feed, update
from crew_actors.console.feeds._json import to_json
from crew_actors.console.feeds._watch import RunWatch, Watching
from crew_actors.journal import RunFolder, read_events
from crew_actors.model import Recorded
from crew_actors.observe.displays import event_object

FRAME_EVENTS: Final = 256
"""The most events of one frame."""

FRAME_BYTES: Final = 256 * 1024
"""Bytes of events after which a frame is full; one event may be larger."""

TAIL_EVENTS: Final = 1024
"""The newest events, which are kept for cursors that are up to date."""


OLD_FRAMES: Final = 8
"""Frames from the disk that are kept: who reads from the beginning, is not alone."""


@final
@attrs.frozen
class _Told:
    """An event as it is sent."""

    seq: int
    body: bytes


@final
@attrs.define(eq=False)
class EventsFeed(Feed):
    """The events of a run. `rev` is the number of the newest one."""

    folder: RunFolder
    watching: Watching
    _tail: deque[_Told] = attrs.field(init=False)
    """The newest events, each of them up to `rev`."""
    _seq: Callable[[], int] = attrs.field(init=False)
    """Tells the number of the newest event of the run, which may be newer than `rev`."""
    _kept_after: int = attrs.field(default=0, init=False)
    """The number of the event before those in `_tail`."""
    _updates: dict[int, tuple[int, bytes]] = attrs.field(
        factory=dict[int, tuple[int, bytes]], init=False
    )
    """What is newer than an event, as long as `rev` is what it is."""
    _old: OrderedDict[int, tuple[int, bytes]] = attrs.field(
        factory=OrderedDict[int, tuple[int, bytes]], init=False
    )
    """Frames that were read from the disk last."""

    def __attrs_post_init__(self) -> None:
        self._tail = deque()
        self.rev = self.floor = 0

    async def keep_up(self) -> None:
        """Fetch each event when there is one."""
        with self.watching(self.folder) as watch:
            await watch.up()
            self._seq = lambda: watch.state.seq
            version = watch.version
            # What is in the state may not be on the disk yet, where others read it.
            newest = await watch.page(watch.state.seq - 1, 1)
            self.rev = self._kept_after = newest[0].seq if newest else 0
            self.ready.set()
            while True:
                version = await watch.newer(version)
                if found := await self._fetch(watch):
                    self._take_in(found)

    async def _fetch(self, watch: RunWatch) -> list[_Told]:
        """Read the events that are in the state by now and not known here."""
        found: list[_Told] = []
        last, newest = self.rev, watch.state.seq
        while last < newest:
            page = await watch.page(last, FRAME_EVENTS)
            if not page:
                break  # what is in the state is not in the journal, which broke
            found.extend(map(_told, page))
            last = page[-1].seq
        return found

    def _take_in(self, events: list[_Told]) -> None:
        self._tail.extend(events)
        while len(self._tail) > TAIL_EVENTS:
            self._kept_after = self._tail.popleft().seq
        self._updates.clear()
        self.changed(events[-1].seq)

    async def first(self, since: int | None, tail: int) -> tuple[int, bytes | None]:  # noqa: ARG002  of all feeds
        """Give the events after *since*; from the first, if there is no such event."""
        if since is not None and since >= self.rev and await self._is_one(since):
            return since, None
        known = since is not None and since < self.rev
        rev, events = await self._after(since if known and since else 0)
        return rev, b'{"events":%b}' % events

    async def _is_one(self, seq: int) -> bool:
        """Tell whether there is event number *seq*. A client may know of it first.

        It may have it from the run itself, or from the disk.
        """
        if seq <= self._seq():
            await trio.lowlevel.checkpoint()
            return True
        page = await trio.to_thread.run_sync(_read_frame, self.folder, seq - 1)
        return page[0] >= seq

    async def after(self, base: int) -> tuple[int, bytes]:
        """Give the number of the last of the next events after *base*, and those."""
        told = self._updates.get(base)
        if told is None:
            rev, events = await self._after(base)
            told = rev, update(base, rev, b'{"events":%b}' % events)
            if base >= self._kept_after:
                self._updates[base] = told
        else:
            await trio.lowlevel.checkpoint()
        return told

    async def _after(self, base: int) -> tuple[int, bytes]:
        if base < self._kept_after:
            return await self._from_disk(base)
        await trio.lowlevel.checkpoint()
        return _frame(told for told in self._tail if told.seq > base)

    async def _from_disk(self, base: int) -> tuple[int, bytes]:
        """Read the events of one frame; who comes along with others, reads once."""
        frame = self._old.get(base)
        if frame is None:
            frame = await trio.to_thread.run_sync(_read_frame, self.folder, base)
            self._old[base] = frame
            while len(self._old) > OLD_FRAMES:
                self._old.popitem(last=False)
        else:
            await trio.lowlevel.checkpoint()
        return frame


def _told(recorded: Recorded) -> _Told:
    return _Told(recorded.seq, to_json(event_object(recorded)))


def _read_frame(folder: RunFolder, base: int) -> tuple[int, bytes]:
    """Read the events of one frame after *base*. Blocks on the disk."""
    return _frame(map(_told, read_events(folder, base, FRAME_EVENTS)))


def _frame(events: Iterable[_Told]) -> tuple[int, bytes]:
    """Make one frame of the first of *events*, of which there is one."""
    bodies: list[bytes] = []
    size = last = 0
    for told in islice(events, FRAME_EVENTS):
        if bodies and size + len(told.body) > FRAME_BYTES:
            break
        bodies.append(told.body)
        size += len(told.body)
        last = told.seq
    return last, b"[%b]" % b",".join(bodies)
