# A child, seen from its own body (`Child`) and from its supervisor (`Record`).
#
# 1. A `Child` belongs to one incarnation; a `Record` lives as long as the name.
# 2. Records are changed by actions on the agenda of their supervisor only.
"""The handle of a child, and what its supervisor knows about it."""

import inspect
import types
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Final, final
from weakref import WeakKeyDictionary

import attrs
import trio

from ._agenda import Timer
from ._reasons import CancelReason
from ._replies import Reply
from ._reports import ChildReport, State
from ._restart import RestartBudget
from ._specs import ChildSpec, OnFailure

if TYPE_CHECKING:
    from ._engine import Engine
    from ._lives import Lives


@final
@attrs.define(eq=False)
class Stopping:
    """Whether a child has been asked to stop, and why."""

    reason: CancelReason | None = attrs.field(default=None, init=False)
    """None until the child is asked to stop."""
    _asked: trio.Event | None = attrs.field(default=None, init=False, repr=False)
    """Made when somebody waits: most children are never asked, and there may be many."""
    _listeners: tuple[Callable[[CancelReason], None], ...] = attrs.field(
        default=(), init=False, repr=False
    )

    def is_set(self) -> bool:
        """Return whether the child has been asked to stop."""
        return self.reason is not None

    async def wait(self) -> None:
        """Return when the child is asked to stop. Always a checkpoint."""
        if self._asked is None:
            self._asked = trio.Event()
            if self.reason is not None:
                self._asked.set()
        await self._asked.wait()

    def _ask(self, reason: CancelReason) -> None:
        self.reason = reason
        if self._asked is not None:
            self._asked.set()
        for listener in self._listeners:
            listener(reason)

    @contextmanager
    def _heard_by(self, listener: Callable[[CancelReason], None]) -> Generator[None]:
        """Have *listener* called when the child is asked, or now if it has been."""
        self._listeners += (listener,)
        try:
            if self.reason is not None:
                listener(self.reason)
            yield
        finally:
            left = tuple(each for each in self._listeners if each is not listener)
            self._listeners = left


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
    _lives: "Lives" = attrs.field(repr=False, alias="lives")
    _beat_hearers: tuple[Callable[[], None], ...] = attrs.field(
        default=(), init=False, repr=False
    )

    def beat(self) -> None:
        """Note a sign of life, which `ChildInfo.last_beat` shows. Not a checkpoint."""
        self._record.last_beat = trio.current_time()
        for hear in self._beat_hearers:
            hear()

    @contextmanager
    def shown_as_process(self, pid: int) -> Generator[None]:
        """Show the child as the process *pid* in `TreeNode`, which is up meanwhile."""
        record = self._record
        record.is_process, record.pid = True, pid
        try:
            yield
        finally:
            if record.incarnation == self.incarnation:
                record.pid = None

    def fail(self, error: Exception) -> None:
        """End this incarnation as a failure, as if its body had raised *error*.

        The body is cancelled. When it has ended, what it raised meanwhile is
        ``error.__cause__``, and the failure is treated as any other. Does nothing if the
        incarnation has ended, was told to stop, or fails already. From any task of the
        trio run; not a checkpoint.
        """
        self._lives.agenda.post(
            partial(self._lives.fail, self._record, self.incarnation, error)
        )


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
    """Restarts in a row, for the backoff and the log."""
    rule_budgets: dict[OnFailure, RestartBudget] | None = None
    """The restarts by rules that limit them; None until there is one."""
    up_at: float = 0.0
    last_beat: float | None = None
    failure: Exception | None = None
    """Why it fails although its body has not raised."""
    is_cancelled: bool = False
    is_stuck: bool = False
    waits_for_group: bool = False
    """Whether it will be started again with others, and by nobody else."""
    was_up: bool = False
    """Whether this incarnation has been up."""
    is_fresh: bool = True
    """Whether it has never been up: such a child is forgotten when its start fails."""
    scope: trio.CancelScope | None = None
    """The scope of the incarnation; None while there is none."""
    task: trio.lowlevel.Task | None = None
    handle: Child | None = None
    order: Order | None = None
    timer: Timer | None = None
    """The end of a backoff, of a grace, or of the patience after a cancellation."""
    started: "StartReply | None" = None
    """Who waits until it is up."""
    gone: tuple[Reply[ChildReport], ...] = ()
    """Who waits until it has ended."""
    inner: "tuple[Engine, ...]" = ()
    """The supervisors that are open inside of its body."""
    is_supervisor: bool = False
    """Whether a supervisor has been opened inside of its body."""
    is_process: bool = False
    """Whether a process of the operating system has been its body."""
    pid: int | None = None
    """Of that process, while it is up."""


@final
@attrs.define(eq=False)
class StartReply(Reply[object]):
    """The answer to one who starts a child."""

    is_first: bool
    """Whether the child was not known before."""
    at_once: bool = False
    """Whether no group may be waited for, since it waits for the caller."""
    record: Record | None = None
    """The child; None as long as it was not found right to start it."""


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


def child_around(children: Mapping[str, Record]) -> Record | None:
    """Return the one of *children* whose body the running task is a part of."""
    for task in ancestry(trio.lowlevel.current_task()):
        record = task.context.get(RECORD)
        if record is None or record.task is not task:
            continue
        if children.get(record.spec.name) is record:
            return record
    return None


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
    parameters = _parameters_of(run)
    kinds = inspect.Parameter
    positional = [p for p in parameters if p.kind <= kinds.POSITIONAL_OR_KEYWORD]
    taken = {p.name for p in positional[: len(spec.args)]}
    return any(
        p.name == keyword
        and p.name not in taken
        and p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        for p in parameters
    )


_known: Final[WeakKeyDictionary[object, tuple[inspect.Parameter, ...]]] = (
    WeakKeyDictionary()
)
"""What was found before: a signature costs more than starting a task."""


def _parameters_of(run: Callable[..., object]) -> tuple[inspect.Parameter, ...]:
    """Return the parameters of *run*; none if it is written in C and tells nothing."""
    with suppress(TypeError):  # it has no hash
        if run in _known:
            return _known[run]
    try:
        found = tuple(inspect.signature(run).parameters.values())
    except (TypeError, ValueError):
        return ()
    with suppress(TypeError):  # it has no hash, or no weak references
        _known[run] = found
    return found


def new_record(spec: ChildSpec) -> Record:
    """Return the record of a child that has not been started yet."""
    return Record(spec, takes(spec, "task_status"), takes(spec, "child"))
