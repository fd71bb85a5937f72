# A hop into a thread and back costs more than the small write for which it is made: of
# 1,000 tasks of a function, 16 at the same time, half of the processor time went into
# waking threads. What waits while a thread is at work goes into the next hop together.
"""Small blocking writes of many tasks, in one thread."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, final

import attrs
import outcome
import trio

_T = TypeVar("_T")

_GROUP: Final = 16  # calls in one hop: the first of them waits for the last


@attrs.define(eq=False)
class _Entry:
    work: Callable[[], object]
    turn: trio.Event = attrs.field(factory=trio.Event)
    """Set when the work is done, or when it is this entry's turn to see to all."""
    done: outcome.Outcome[object] | None = None

    def do(self) -> None:
        self.done = outcome.capture(self.work)


@final
@attrs.define(eq=False)
class SmallWrites:
    """Does small blocking calls one after the other, those that wait in one hop.

    There is no task behind it: the first who waits takes the others' calls along.
    """

    _waiting: deque[_Entry] = attrs.field(factory=deque[_Entry], init=False)
    _at_work: bool = attrs.field(default=False, init=False)

    async def do(self, work: Callable[[], _T]) -> _T:
        """Call *work* in a thread, and give what it gives or raise what it raises.

        Calls are made one at a time, in the order in which they came. A cancellation is
        noticed before, and then not until the call was made; it waits for what others
        asked before, so nothing that takes long belongs here. A checkpoint.

        Raises:
          RuntimeError: there is no thread to be had. *work* was not called.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        entry = _Entry(work)
        self._waiting.append(entry)
        with trio.CancelScope(shield=True):  # bounded: each call is small
            if self._at_work:
                await entry.turn.wait()
            if entry.done is None:
                await self._do_all()
        assert entry.done is not None
        return entry.done.unwrap()  # type: ignore[return-value]  # of this very work

    async def _do_all(self) -> None:
        self._at_work = True
        count = min(_GROUP, len(self._waiting))
        group = [self._waiting.popleft() for _ in range(count)]
        try:
            await trio.to_thread.run_sync(_do_each, group)
        except RuntimeError as error:  # no thread could be started: nothing was called
            for entry in group:
                entry.done = outcome.Error(error)
        finally:
            for entry in group:
                entry.turn.set()
            self._at_work = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.set()


def _do_each(group: Sequence[_Entry]) -> None:
    for entry in group:
        entry.do()
