# Faults inside of the engine.
#
# 1. The engine reaches a point just before each of its awaits. A fault is what happens
#    there, the n-th time that any supervisor of the process gets there.
# 2. One fault happens once. Several may be set at the same time, one inside of another.
# 3. The point itself does not wait: a cancellation takes effect at the engine's await.
"""Injected faults."""

import enum
import inspect
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, TypeAlias, final
from weakref import WeakKeyDictionary

import attrs
import trio

from crew_supervisors import _points
from crew_supervisors._points import POINTS


@final
class CancelType(enum.Enum):
    """The type of `CANCEL`."""

    CANCEL = "cancel"


CANCEL: Final = CancelType.CANCEL
"""Cancel what is there: the innermost `interruptible` block of the task that has reached
the point; where it has none, the block of `inject`."""

Action: TypeAlias = CancelType | trio.CancelScope | BaseException | Callable[[], object]

_interruptible: WeakKeyDictionary[trio.lowlevel.Task, list[trio.CancelScope]] = (
    WeakKeyDictionary()
)


@final
@attrs.define(eq=False)
class Injection:
    """A fault that is set."""

    point: str
    nth: int
    reached: int = attrs.field(default=0, init=False)
    """How often the point has been reached."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Around the block of `inject`."""

    @property
    def has_happened(self) -> bool:
        """Whether the point was reached so often that the fault has happened."""
        return self.reached >= self.nth


@contextmanager
def interruptible() -> Generator[trio.CancelScope]:
    """Mark what `CANCEL` cancels, when this task reaches the point inside the block."""
    task = trio.lowlevel.current_task()
    with trio.CancelScope() as scope:
        scopes = _interruptible.setdefault(task, [])
        scopes.append(scope)
        try:
            yield scope
        finally:
            scopes.remove(scope)


@contextmanager
def inject(point: str, action: Action, *, nth: int = 1) -> Generator[Injection]:
    """Have *action* happen at *point*, the *nth* time that it is reached in the block.

    A cancel scope is cancelled, `CANCEL` cancels what is there, an exception is raised
    there, and a function without parameters is called, and awaited if it is asynchronous.
    The block is a cancel scope itself; if it is cancelled by `CANCEL`, it is left without
    an error.

    What is raised in the task of a supervisor (``agenda``) breaks that supervisor: it
    comes out of its block, with no task left and every caller answered.

    Raises:
      ValueError: there is no such point, or *nth* is less than 1.
    """
    if point not in POINTS:
        message = f"there is no point {point!r}; there are {', '.join(POINTS)}"
        raise ValueError(message)
    if nth < 1:
        message = f"nth is {nth}, and must be at least 1"
        raise ValueError(message)
    injection = Injection(point, nth)

    async def happen(name: str) -> None:
        if name == point:
            injection.reached += 1
            if injection.reached == nth:
                await _do(action, injection)

    with injection.scope, _hooked(happen):
        yield injection


@contextmanager
def count_points() -> Generator[Counter[str]]:
    """Count how often each point is reached in the block."""
    counts: Counter[str] = Counter()

    async def count(name: str) -> None:
        counts[name] += 1

    with _hooked(count):
        yield counts


@contextmanager
def _hooked(hook: _points.Hook) -> Generator[None]:
    outer = _points.hook

    async def both(name: str) -> None:
        if outer is not None:
            await outer(name)
        await hook(name)

    _points.hook = both
    try:
        yield
    finally:
        _points.hook = outer


async def _do(action: Action, injection: Injection) -> None:
    if isinstance(action, CancelType):
        scopes = _interruptible.get(trio.lowlevel.current_task())
        action = scopes[-1] if scopes else injection.scope
    if isinstance(action, trio.CancelScope):
        action.cancel()
    elif isinstance(action, BaseException):
        raise action
    else:
        answer = action()
        if inspect.isawaitable(answer):
            await answer
