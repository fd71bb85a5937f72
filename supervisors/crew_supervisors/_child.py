# A child, seen from its own body (`Child`) and from its supervisor (`Record`).
#
# 1. A `Child` belongs to one incarnation; a `Record` lives as long as the name.
# 2. Records are changed by actions on the agenda of their supervisor only.
"""The handle of a child, and what its supervisor knows about it."""

import inspect
import types
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, final

import attrs
import trio

from ._agenda import Timer
from ._reasons import CancelReason
from ._replies import Reply
from ._reports import ChildReport, State
from ._specs import ChildSpec

if TYPE_CHECKING:
    from ._engine import Engine


@final
@attrs.define(eq=False)
class Stopping:
    """Whether a child has been asked to stop, and why."""

    reason: CancelReason | None = attrs.field(default=None, init=False)
    """None until the child is asked to stop."""
    _asked: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _listeners: list[Callable[[CancelReason], None]] = attrs.field(
        factory=list[Callable[[CancelReason], None]], init=False, repr=False
    )

    def is_set(self) -> bool:
        """Return whether the child has been asked to stop."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Return when the child is asked to stop. Always a checkpoint."""
        await self._asked.wait()

    def _ask(self, reason: CancelReason) -> None:
        self.reason = reason
        self._asked.set()
        for listener in tuple(self._listeners):
            listener(reason)

    @contextmanager
    def _heard_by(self, listener: Callable[[CancelReason], None]) -> Generator[None]:
        """Have *listener* called when the child is asked, or now if it has been."""
        self._listeners.append(listener)
        try:
            if self.reason is not None:
                listener(self.reason)
            yield
        finally:
            self._listeners.remove(listener)


@final
@attrs.define(eq=False)
class Child:
    """What the body of a child can know and say about itself.

    A body with a keyword ``child`` gets one. That makes it a child that can be asked
    to stop: it should return soon after ``stopping`` is set, and is cancelled only when
    its `Grace` is over.
    """

    name: str
    incarnation: int
    """Counts from 1, and rises by one with each restart."""
    stopping: Stopping = attrs.field(factory=Stopping, init=False)
    _record: "Record" = attrs.field(repr=False, alias="record")

    def beat(self) -> None:
        """Note a sign of life, which `ChildInfo.last_beat` shows. Not a checkpoint."""
        self._record.last_beat = trio.current_time()


@final
@attrs.frozen
class Order:
    """That a child has to stop."""

    reason: CancelReason
    given_at: float


@final
@attrs.define(eq=False)
class Record:
    """What a supervisor knows about one child."""

    spec: ChildSpec
    reports_up: bool
    """Whether the body takes ``task_status``."""
    listens: bool
    """Whether the body takes ``child``, and so can be asked to stop."""
    state: State = State.IDLE
    incarnation: int = 0
    restarts: int = 0
    row: int = 0
    """Restarts in a row, for the backoff."""
    up_at: float = 0.0
    last_beat: float | None = None
    is_cancelled: bool = False
    is_stuck: bool = False
    is_fresh: bool = True
    """Whether it has never been up: such a child is forgotten when its start fails."""
    scope: trio.CancelScope | None = None
    """The scope of the incarnation; None while there is none."""
    task: trio.lowlevel.Task | None = None
    handle: Child | None = None
    order: Order | None = None
    timer: Timer | None = None
    """The end of a backoff, of a grace, or of the patience after a cancellation."""
    started: Reply[object] | None = None
    """Who waits until it is up."""
    gone: tuple[Reply[ChildReport], ...] = ()
    """Who waits until it has ended."""
    inner: "tuple[Engine, ...]" = ()
    """The supervisors that are open inside of its body."""
    is_supervisor: bool = False
    """Whether a supervisor has been opened inside of its body."""


RECORD: Final[ContextVar[Record]] = ContextVar("crew_supervisors_record")
"""The child in whose task, or below it, code runs. A task that was started from
inside into an outer nursery inherits it wrongly: compare `Record.task`."""


def ancestry(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    """Yield *task*, the task that holds its nursery, and so on up to the first."""
    found: trio.lowlevel.Task | None = task
    while found is not None:
        yield found
        nursery = found.parent_nursery
        found = None if nursery is None else nursery.parent_task


def is_inside(record: Record) -> bool:
    """Tell whether the running task is the body of *record*, or a part of it."""
    body = record.task
    if body is None:
        return False
    return any(task is body for task in ancestry(trio.lowlevel.current_task()))


def enclosing_child() -> Record | None:
    """Return the nearest child whose body the running task is a part of."""
    for task in ancestry(trio.lowlevel.current_task()):
        record = task.context.get(RECORD)
        if record is not None and record.task is task:
            return record
    return None


def takes(spec: ChildSpec, keyword: str) -> bool:
    """Tell whether the body of *spec* has a parameter *keyword* that ``args`` leaves."""
    run = spec.run
    if isinstance(run, types.FunctionType) and not hasattr(run, "__wrapped__"):
        code = run.__code__  # much cheaper than a signature, and nearly always enough
        named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if keyword not in named[code.co_posonlyargcount :]:
            return False
        return named.index(keyword) >= min(len(spec.args), code.co_argcount)
    try:
        parameters = list(inspect.signature(run).parameters.values())
    except (TypeError, ValueError):
        return False  # a callable written in C tells nothing about itself
    kinds = inspect.Parameter
    positional = [p for p in parameters if p.kind <= kinds.POSITIONAL_OR_KEYWORD]
    taken = {p.name for p in positional[: len(spec.args)]}
    return any(
        p.name == keyword
        and p.name not in taken
        and p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        for p in parameters
    )


def new_record(spec: ChildSpec) -> Record:
    """Return the record of a child that has not been started yet."""
    return Record(spec, takes(spec, "task_status"), takes(spec, "child"))
