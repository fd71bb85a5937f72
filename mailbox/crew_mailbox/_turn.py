# A turn is the time in which one task has trio's loop to itself.
#
# trio yields at each await. A yield costs about fifty times as much as the transfer
# of a message, so mailboxes yield once for many messages. Three limits keep a busy
# task from starving the others:
#
# 1. After `budget` messages, sent or received, the task gives way.
# 2. After `SLICE` seconds it gives way at the next message at which the clock is
#    read: after 1, 4, 16 and then each 32 messages, or at each one if they are slow.
# 3. A cancelled task never gets or sends another message: that is looked at for
#    each message.
#
# There is one turn for each trio run: only one task has the loop at a time.
"""Who has the loop, for how long, and when it gives way."""

from importlib import import_module
from time import perf_counter
from typing import Final, Literal, Protocol

import attrs
import trio
from trio.lowlevel import Task

BUDGET: Final = 128
"""Messages after which a task gives way. Of 64 quick ones, giving way is a sixth of the
price; of 128 a tenth. Together they take some 60 µs."""

SLICE: Final = 0.005
"""Seconds after which a task gives way. A quarter of the 20 ms a loop may stall."""

_LONGEST_STEP: Final = 32


class _PublicHere:
    """The current task by trio's public, slower way."""

    def __getitem__(self, _key: str) -> Task:
        return trio.lowlevel.current_task()


class Here(Protocol):
    """Where the current task stands, under the key "task"."""

    def __getitem__(self, _key: Literal["task"], /) -> Task: ...


_PUBLIC: Final = _PublicHere()


def _find_private() -> object | None:
    """Return the context in which trio keeps the current task, if mailboxes know it.

    That, and how a task shows its cancellation, are private to trio; asking the public
    functions instead would double the price of a message. Where this trio lacks any of
    them, mailboxes use the public functions and keep trio's strict rule.
    """
    try:
        core = import_module("trio._core._run")
    except ImportError:
        return None
    context: object = getattr(core, "GLOBAL_RUN_CONTEXT", None)
    status: object = getattr(core, "CancelStatus", None)
    shows = hasattr(Task, "_cancel_status") and hasattr(status, "effectively_cancelled")
    return context if shows else None


_PRIVATE: Final = _find_private()


def _here() -> Here | None:
    """Return this thread's view of the private context, if it is as it should be."""
    here: dict[str, Task] = getattr(_PRIVATE, "__dict__", {})
    return here if here.get("task") is trio.lowlevel.current_task() else None


@attrs.define(eq=False)
class Turn:
    """The messages and the time that the task which has the loop has used."""

    here: Here = _PUBLIC

    strict: bool = False
    """Whether each message ends the turn, as trio's own rule asks."""

    task: Task | None = None
    """The task that has the turn; None in a strict turn, so that everybody looks."""

    left: int = 0
    """How many messages may pass before the next look at the limits."""

    _used: int = 0
    _step: int = 1
    _since: float = 0.0

    def begin(self, task: Task) -> None:
        """Note that *task* has just been given the loop."""
        if self.strict:
            return
        self.task = task
        self.left = self._step = 1
        self._used = 0
        self._since = perf_counter()

    def is_over(self, task: Task, budget: int) -> bool:
        """Tell whether *task* must give way, because of a limit or a cancellation."""
        if self.strict or task._cancel_status.effectively_cancelled:  # noqa: SLF001  see `_find_private`
            return True
        if self.task is not task:
            self.begin(task)
            return False
        if self.left > 0:
            return False
        taken = perf_counter() - self._since
        self._used += self._step
        if self._used >= budget or taken >= SLICE:
            return True
        step = min(4 * self._step, _LONGEST_STEP, budget - self._used)
        if taken * step > (SLICE - taken) * self._used:
            step = 1  # at this pace, so many messages would not fit into the slice
        self.left = self._step = step
        return False

    async def give_way(self, task: Task) -> None:
        """Let other tasks run. Always a checkpoint."""
        await trio.lowlevel.checkpoint()
        self.begin(task)


_turn: Final = trio.lowlevel.RunVar[Turn]("crew_mailbox.turn")


def turn_of_this_run(*, strict: bool) -> Turn:
    """Return the one turn of the trio run that is going on, or a strict one."""
    if strict:
        return Turn(strict=True)
    try:
        return _turn.get()
    except LookupError:
        here = _here()
        turn = Turn(strict=True) if here is None else Turn(here)
        _turn.set(turn)
        return turn
