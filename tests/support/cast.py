# A cast of scripted children, and the log of what they did.
#
# 1. A child starts as its script says, and then stays up until it is told to end
#    (`Cast.tell`) or is stopped by its supervisor.
# 2. The log has one line for each thing that a body did, in the order in which it was
#    done: "up a", "stopped a", "returned a", "failed a", "gave up a", "no start a",
#    "declined a". So it tells what a supervisor did, not what it says that it did.
# 3. Every name is used once in a cast, also in different teams.
"""Children that do what a test says, and log it."""

from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypeAlias, cast as cast_type, final

import attrs
import trio
import trio.testing

from crew_supervisors import (
    FOREVER,
    Backoff,
    Child,
    ChildSpec,
    DeclineStart,
    Event,
    FailureEscalated,
    RestartLimitReached,
    RestartType,
    Supervisor,
    SupervisorOptions,
    open_supervisor,
    supervise,
)

Act: TypeAlias = Literal["up", "fail", "decline", "return early", "hang"]
"""How an incarnation starts."""
Word: TypeAlias = Literal["return", "fail", "decline"]
"""How a child that is up can be told to end."""
Status: TypeAlias = "trio.TaskStatus[object]"


class Scripted(Exception):  # what a script says, not an error of a test
    """What scripted children raise."""


async def settle() -> None:
    """Return when every task waits, and none is about to go on."""
    await trio.testing.wait_all_tasks_blocked()


_IS_AWAITED: ContextVar[list[bool]] = ContextVar("is_awaited")
"""Whether the test expects that the supervisor ends the block."""


async def until_over() -> None:
    """Wait until the block around is ended, which must be about to happen."""
    _IS_AWAITED.get([]).append(True)
    await settle()
    message = "nothing has ended the block"
    raise AssertionError(message)


def fails(times: int) -> tuple[Act, ...]:
    """Return a script in which a child does not start so often."""
    fail: Act = "fail"
    return (fail,) * times


def always(delay: float) -> Backoff:
    """Return a backoff that waits the same time before each restart."""
    return Backoff(first=delay, cap=delay, factor=1, jitter=0)


@asynccontextmanager
async def on_stage(
    cast: "Cast", *specs: ChildSpec, **options: Any
) -> AsyncGenerator[Supervisor]:
    """Open a supervisor with the children *specs*, and begin a new log."""
    async with open_supervisor(
        SupervisorOptions(**options), on_event=cast.events.append
    ) as supervisor:
        cast.top = supervisor
        for spec in specs:
            await supervisor.start(spec)
        await settle()
        cast.log.clear()
        awaited: list[bool] = []
        _IS_AWAITED.set(awaited)
        was_cut_short = False
        try:
            yield supervisor
        except trio.Cancelled:
            was_cut_short = True
            raise
    # The supervisor ended the block without an error: what came after the last await of
    # the test was not run, asserts included.
    assert awaited or not was_cut_short, "the block was ended, and not by until_over()"


@contextmanager
def gives_up() -> Generator[list[RestartLimitReached]]:
    """Expect that the supervisor in the block gives up; tell how."""
    found: list[RestartLimitReached] = []
    try:
        yield found
    except* RestartLimitReached as group:
        found.extend(e for e in leaves(group) if isinstance(e, RestartLimitReached))
    assert len(found) == 1


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors in a group, also in groups of groups."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    parts = cast_type("BaseExceptionGroup[BaseException]", error).exceptions
    return [leaf for part in parts for leaf in leaves(part)]


def states(supervisor: Supervisor) -> dict[str, str]:
    """Return the state of each child, by name."""
    return {info.name: info.state.value for info in supervisor.children()}


def incarnations(supervisor: Supervisor) -> dict[str, int]:
    """Return the incarnation of each child, by name."""
    return {info.name: info.incarnation for info in supervisor.children()}


@final
@attrs.frozen(kw_only=True)
class Manner:
    """How a child takes its stop."""

    listens: bool = False
    """Whether it takes ``child``, and so can be asked."""
    cleanup: float = 0
    """Seconds that it takes to end."""
    sore: bool = False
    """Whether it raises at its end."""
    deaf: bool = False
    """Whether it goes on when it is asked, until it is cancelled."""


PLAIN = Manner()


@final
@attrs.define(eq=False)
class Cast:
    """Makes specs of scripted children, and keeps their common log."""

    log: list[str] = attrs.field(factory=list[str], init=False)
    starts: dict[str, list[float]] = attrs.field(
        factory=dict[str, list[float]], init=False
    )
    """When each child was started: one time for each incarnation."""
    stops: dict[str, list[float]] = attrs.field(
        factory=dict[str, list[float]], init=False
    )
    """When each child was told to stop."""
    events: list[Event] = attrs.field(factory=list[Event], init=False)
    """What the supervisors of the teams said."""
    top: Supervisor = attrs.field(init=False)
    """The supervisor of `on_stage`, also after its end."""
    supervisors: dict[str, Supervisor] = attrs.field(
        factory=dict[str, Supervisor], init=False
    )
    """The supervisors of the teams that are or were up."""
    _scripts: dict[str, deque[Act]] = attrs.field(
        factory=dict[str, deque[Act]], init=False
    )
    _ears: dict[str, "_Ear"] = attrs.field(factory=dict[str, "_Ear"], init=False)

    # --- specs ---

    def spec(
        self,
        name: str,
        *acts: Act,
        restart: RestartType = "permanent",
        manner: Manner = PLAIN,
        **fields: Any,
    ) -> ChildSpec:
        """Return the spec of a child that starts as *acts* say, and then always."""
        self._scripts[name] = deque(acts)
        run = self._listening if manner.listens else self._plain
        return ChildSpec(name, run, (name, manner), restart, **fields)

    def team(
        self,
        name: str,
        children: Iterable[ChildSpec],
        *acts: Act,
        restart: RestartType = "permanent",
        options: SupervisorOptions | None = None,
        **fields: Any,
    ) -> ChildSpec:
        """Return the spec of a child that is a supervisor of *children*."""
        self._scripts[name] = deque(acts)
        options = attrs.evolve(options or SupervisorOptions(), name=name)
        args = (name, tuple(children), options)
        return ChildSpec(name, self._lead, args, restart, FOREVER, **fields)

    # --- what a test does ---

    def tell(self, name: str, word: Word = "fail") -> None:
        """Tell a child that is up to end. It does so when it runs next."""
        self._ears.pop(name).hear(word)

    async def end(self, *names: str, word: Word = "fail") -> None:
        """Tell children to end, one after the other, and wait for what follows."""
        for name in names:
            self.tell(name, word)
            await settle()

    def script(self, name: str, *acts: Act) -> None:
        """Have the next incarnations of a child start as *acts* say."""
        self._scripts[name].extend(acts)

    def take(self) -> list[str]:
        """Return the log since the last call."""
        taken, self.log = self.log, []
        return taken

    # --- bodies ---

    async def _plain(self, name: str, manner: Manner, *, task_status: Status) -> None:
        await self._live(name, manner, task_status, None)

    async def _listening(
        self, name: str, manner: Manner, *, child: Child, task_status: Status
    ) -> None:
        await self._live(name, manner, task_status, child)

    async def _live(
        self, name: str, manner: Manner, task_status: Status, child: Child | None
    ) -> None:
        act = self._begin(name)
        if act == "return early":
            self.log.append(f"no start {name}")
            return
        ear = self._ears[name] = _Ear()
        if act != "hang":
            self.log.append(f"up {name}")
            task_status.started(f"value of {name}")
        has_heard = False
        try:
            await ear.listen(None if manner.deaf else child)
            has_heard = ear.word is not None
        finally:
            if not has_heard:
                await self._leave_stage(name, manner)
        if ear.word is not None:
            self._obey(name, ear.word)

    def _begin(self, name: str) -> Act:
        self.starts.setdefault(name, []).append(trio.current_time())
        script = self._scripts[name]
        act: Act = script.popleft() if script else "up"
        if act == "decline":
            self.log.append(f"declined {name}")
            raise DeclineStart(f"{name} does not want to")
        if act == "fail":
            self.log.append(f"no start {name}")
            raise Scripted(f"{name} cannot start")
        return act

    async def _leave_stage(self, name: str, manner: Manner) -> None:
        self.stops.setdefault(name, []).append(trio.current_time())
        with trio.CancelScope(shield=True):
            await trio.sleep(manner.cleanup)
        self.log.append(f"stopped {name}")
        if manner.sore:
            raise Scripted(f"{name} is sore")

    def _obey(self, name: str, word: Word) -> None:
        if word == "return":
            self.log.append(f"returned {name}")
            return
        self.log.append(f"failed {name}")
        if word == "decline":
            raise DeclineStart(f"{name} does not want to any more")
        raise Scripted(f"{name} was told to fail")

    async def _lead(
        self,
        name: str,
        children: tuple[ChildSpec, ...],
        options: SupervisorOptions,
        *,
        child: Child,
        task_status: Status,
    ) -> None:
        if self._begin(name) == "return early":
            self.log.append(f"no start {name}")
            return
        status = _TeamStatus(self, name, task_status)
        line = "returned"
        try:
            await supervise(
                children,
                options,
                on_event=self.events.append,
                child=child,
                task_status=status,
            )
        except BaseExceptionGroup as errors:
            if errors.subgroup(RestartLimitReached) is not None:
                line = "gave up"
            elif errors.subgroup(FailureEscalated) is not None:
                line = "failed"
            raise
        finally:
            if child.stopping.is_set():
                line = "stopped"
            elif not status.is_up:
                line = "no start"
            self.log.append(f"{line} {name}")


@final
@attrs.define(eq=False)
class _Ear:
    """Where a child that is up hears what it is told."""

    word: Word | None = attrs.field(default=None, init=False)
    _event: trio.Event = attrs.field(factory=trio.Event, init=False)

    def hear(self, word: Word) -> None:
        self.word = word
        self._event.set()

    async def listen(self, child: Child | None) -> None:
        """Return when it was told a word, or when *child* is asked to stop."""
        if child is None:
            await self._event.wait()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow, child)
            await self._event.wait()
            nursery.cancel_scope.cancel()

    async def _follow(self, child: Child) -> None:
        await child.stopping.wait()
        self._event.set()


@final
@attrs.define(eq=False)
class _TeamStatus(trio.TaskStatus[Supervisor]):
    """Notes that a team is up, and the handle of its supervisor."""

    _cast: Cast
    _name: str
    _status: Status
    is_up: bool = attrs.field(default=False, init=False)

    def started(self, value: Supervisor | None = None) -> None:
        self.is_up = True
        assert value is not None  # supervise passes its supervisor
        self._cast.supervisors[self._name] = value
        self._cast.log.append(f"up {self._name}")
        self._status.started(value)
