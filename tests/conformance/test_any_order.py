"""What always holds, in whatever order things happen.

Hypothesis makes children that start, live, fail and clean up for a few seconds each, and
people who give orders to them meanwhile; much of that happens at the same moment, where
trio's order is random. No model could say what comes out, but some things always hold.

``CREW_EXAMPLES`` is the number of tries; with it, they are other ones each time.
"""

import functools
import os
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, TypeAlias

import attrs
import trio
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from tests.support.cast import Scripted, Status, always, leaves
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    KILL,
    Child,
    ChildDeclined,
    ChildEnded,
    ChildFailed,
    ChildRestarting,
    ChildSpec,
    ChildStarted,
    ChildStartFailed,
    ChildStopped,
    ChildStopping,
    ChildStuck,
    DeclineStart,
    Event,
    Grace,
    RestartLimitReached,
    RestartType,
    StopPolicy,
    Strategy,
    Supervisor,
    SupervisorError,
    SupervisorEscalated,
    SupervisorOptions,
    SupervisorStopping,
    open_supervisor,
    supervise,
)

EXAMPLES = int(os.environ.get("CREW_EXAMPLES", "200"))
FAR = 1_000  # seconds of virtual time in which everything must be over

Order: TypeAlias = Literal["stop", "restart", "remove", "start"]
Leaving: TypeAlias = Literal["left", "host cancelled", "cancelled", "raised"]

# --- what is made ---


@attrs.frozen
class Life:
    """What one incarnation does. All times are seconds."""

    start: Literal["up", "fail", "decline", "return"]
    after: int
    length: int | None
    """None: until it is stopped."""
    is_failure: bool
    cleanup: int


@attrs.frozen
class Role:
    """One child, and what its incarnations do, one after the other, again and again."""

    restart: RestartType
    policy: StopPolicy
    delay: int
    listens: bool
    lives: tuple[Life, ...]


@attrs.frozen
class Command:
    """An order that somebody gives, who has so much patience."""

    time: int
    order: Order
    child: int
    patience: int | None


@attrs.frozen
class Turmoil:
    """All of it."""

    options: SupervisorOptions
    inner: SupervisorOptions | None
    """Not None: the children are two supervisors, who share the roles."""
    roles: tuple[Role, ...]
    commands: tuple[Command, ...]
    end: int
    leaving: Leaving


SECONDS = st.integers(0, 3)
LIVES = st.builds(
    Life,
    st.sampled_from(("up", "up", "up", "up", "fail", "decline", "return")),
    SECONDS,
    st.one_of(st.none(), SECONDS),
    st.booleans(),
    SECONDS,
)
POLICIES: tuple[StopPolicy, ...] = (Grace(2), KILL, FOREVER, Grace(0))
RESTARTS: tuple[RestartType, ...] = ("permanent", "transient", "temporary")
STRATEGIES: tuple[Strategy, ...] = (
    "one_for_all",
    "rest_for_one",
    "one_for_one",
    "dynamic",
)
ROLES = st.builds(
    Role,
    st.sampled_from(RESTARTS),
    st.sampled_from(POLICIES),
    SECONDS,
    st.booleans(),
    st.lists(LIVES, min_size=1, max_size=4).map(tuple),
)
OPTIONS = st.builds(
    SupervisorOptions,
    strategy=st.sampled_from(STRATEGIES),
    max_restarts=st.sampled_from((20, 5, 2)),
    on_outer_cancel=st.sampled_from((Grace(5), Grace(1), KILL)),
)
TURMOILS = st.builds(
    Turmoil,
    OPTIONS,
    st.one_of(st.none(), OPTIONS),
    st.lists(ROLES, min_size=1, max_size=4).map(tuple),
    st.lists(
        st.builds(
            Command,
            st.integers(0, 12),
            st.sampled_from(("stop", "stop", "restart", "restart", "remove", "start")),
            st.integers(0, 5),
            st.one_of(st.none(), SECONDS),
        ),
        max_size=10,
    ).map(tuple),
    st.integers(0, 15),
    st.sampled_from(("left", "host cancelled", "cancelled", "raised")),
)

# --- how it happens ---


@attrs.define(eq=False)
class Stage:
    """Where a turmoil takes place."""

    turmoil: Turmoil
    events: list[Event] = attrs.field(factory=list[Event])
    begun: Counter[str] = attrs.field(factory=Counter[str])
    over: Counter[str] = attrs.field(factory=Counter[str])
    doubled: list[str] = attrs.field(factory=list[str])
    answered: int = 0
    gave_up: bool = False

    def spec(self, name: str, role: Role) -> ChildSpec:
        run = self.listening if role.listens else self.plain
        backoff = always(role.delay) if role.delay else None
        return ChildSpec(name, run, (name, role), role.restart, role.policy, backoff)

    def children(self) -> tuple[ChildSpec, ...]:
        inner, roles = self.turmoil.inner, self.turmoil.roles
        if inner is None:
            return tuple(self.spec(f"c{n}", role) for n, role in enumerate(roles))
        run = functools.partial(supervise, on_event=lambda _: None)
        specs = [self.spec(f"m{n}", role) for n, role in enumerate(roles)]
        return tuple(
            ChildSpec(f"c{n}", run, (specs[n::2], inner), roles[n].restart, FOREVER)
            for n in range(min(2, len(roles)))
        )

    async def plain(self, name: str, role: Role, *, task_status: Status) -> None:
        await self.live(name, role, task_status, None)

    async def listening(
        self, name: str, role: Role, *, child: Child, task_status: Status
    ) -> None:
        await self.live(name, role, task_status, child)

    async def live(
        self, name: str, role: Role, task_status: Status, child: Child | None
    ) -> None:
        if self.begun[name] != self.over[name]:
            self.doubled.append(name)
        life = role.lives[self.begun[name] % len(role.lives)]
        self.begun[name] += 1
        try:
            await trio.sleep(life.after)
            if life.start == "fail":
                raise Scripted
            if life.start == "decline":
                raise DeclineStart
            if life.start == "return":
                return
            task_status.started()
            with trio.move_on_after(FAR if life.length is None else life.length):
                if child is None:
                    await trio.sleep_forever()
                else:
                    await child.stopping.wait()
                    return
            if life.is_failure:
                raise Scripted
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(life.cleanup)
            self.over[name] += 1

    async def obey(self, sup: Supervisor, number: int, command: Command) -> None:
        await trio.sleep(command.time)
        name = f"c{command.child}"
        role = self.turmoil.roles[number % len(self.turmoil.roles)]
        calls: dict[Order, Callable[[], Awaitable[object]]] = {
            "stop": functools.partial(sup.stop, name),
            "restart": functools.partial(sup.restart, name),
            "remove": functools.partial(sup.remove, name),
            "start": functools.partial(sup.start, self.spec(f"x{number}", role)),
        }
        with trio.move_on_after(FAR if command.patience is None else command.patience):
            with suppress(SupervisorError):  # one of the answers
                await calls[command.order]()
        self.answered += 1

    async def run(self, clock: MockClock) -> None:
        with trio.fail_after(FAR):
            async with trio.open_nursery() as people:
                try:
                    await self.hold(people)
                except* RestartLimitReached as group:
                    names = {getattr(e, "supervisor", "") for e in leaves(group)}
                    self.gave_up = self.turmoil.options.name in names
                except* (Scripted, ChildStartFailed):
                    pass  # of the host, or of those that were stopped
        assert clock.current_time() < FAR

    async def hold(self, people: trio.Nursery) -> None:
        turmoil = self.turmoil
        leaving = turmoil.leaving
        with trio.move_on_after(turmoil.end if leaving == "host cancelled" else FAR):
            async with open_supervisor(
                turmoil.options, on_event=self.events.append
            ) as sup:
                for number, command in enumerate(turmoil.commands):
                    people.start_soon(self.obey, sup, number, command)
                for spec in self.children():
                    people.start_soon(self.start, sup, spec)
                await trio.sleep(turmoil.end)
                if leaving == "raised":
                    raise Scripted
                if leaving == "cancelled":
                    sup.cancel()
                    await trio.sleep_forever()

    async def start(self, sup: Supervisor, spec: ChildSpec) -> None:
        with suppress(SupervisorError):  # it did not start
            await sup.start(spec)
        self.answered += 1


# --- what holds ---

LETTERS: dict[type[object], str] = {
    ChildStarted: "s",
    ChildEnded: "e",
    ChildFailed: "f",
    ChildDeclined: "d",
    ChildRestarting: "r",
    ChildStopping: "t",
    ChildStopped: "p",
    ChildStuck: "k",
}
ONE_LIFE = re.compile("s?((e|f|d)r?|tp)p*")
"""A start, one end, and stops of who waits for the next start."""


def check_lives(events: list[Event]) -> None:
    """Each incarnation is told once, from its start to its one end."""
    lives: defaultdict[tuple[str, int], str] = defaultdict(str)
    for event in events:
        letter = LETTERS.get(type(event))
        if letter is not None:
            name: str = getattr(event, "child", "")
            number: int = getattr(event, "incarnation", -1)
            assert letter == "p" or (name, number + 1) not in lives, "out of order"
            lives[name, number] += letter
    for (name, number), letters in lives.items():
        pattern = re.compile("p*") if number == 0 else ONE_LIFE
        assert pattern.fullmatch(letters), f"{name} {number}: {letters}"


def check_limit(events: list[Event], options: SupervisorOptions, gave_up: bool) -> None:
    """There are never more restarts than allowed, and who gives up says so."""
    times = [event.time for event in events if isinstance(event, ChildRestarting)]
    for time in times:
        recent = [each for each in times if time - options.within <= each <= time]
        assert len(recent) <= options.max_restarts
    escalated = [event for event in events if isinstance(event, SupervisorEscalated)]
    assert len(escalated) == gave_up


def check_final_stop(events: list[Event], turmoil: Turmoil) -> None:
    """Nobody is restarted any more; each one is told when the one before is gone."""
    begin = next(i for i, e in enumerate(events) if isinstance(e, SupervisorStopping))
    stopping, *told = events[begin:]
    assert isinstance(stopping, SupervisorStopping)
    assert not any(isinstance(event, ChildRestarting) for event in told)
    if turmoil.options.strategy == "dynamic" or turmoil.leaving == "host cancelled":
        return  # at the same time, or without much time
    turn: str | None = None
    for event in told:
        if isinstance(event, ChildStopping) and event.reason == stopping.reason:
            assert turn is None
            turn = event.child
        elif isinstance(event, ChildStopped) and event.child == turn:
            turn = None


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="CREW_EXAMPLES" not in os.environ,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(TURMOILS)
def test_what_always_holds(turmoil: Turmoil) -> None:
    stage = Stage(turmoil)
    clock = MockClock(autojump_threshold=0)
    trio.run(stage.run, clock, clock=clock)
    assert stage.doubled == []
    assert stage.begun == stage.over
    assert stage.answered == len(turmoil.commands) + len(stage.children())
    check_lives(stage.events)
    check_limit(stage.events, turmoil.options, stage.gave_up)
    check_final_stop(stage.events, turmoil)
    assert not any(isinstance(event, ChildStuck) for event in stage.events)
