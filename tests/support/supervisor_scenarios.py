# What can happen to a supervisor, as scenarios that a test can attack.
#
# 1. A stage keeps what comes of one run: events, steps, answers, and what came out.
# 2. Orders are given in blocks that can be cancelled. What a scenario asserts itself
#    holds whatever is injected.
"""Scenarios of supervisors, in each strategy."""

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

import attrs
import trio

from crew_supervisors import (
    FOREVER,
    KILL,
    Backoff,
    ChildFailed,
    ChildSpec,
    ChildStopped,
    Grace,
    OnFailure,
    RestartLimitReached,
    StopErrors,
    Strategy,
    Supervisor,
    SupervisorError,
    SupervisorOptions,
    open_supervisor,
    supervise,
)
from crew_supervisors._restart import leaves_of
from crew_supervisors._specs import CANCEL_PATIENCE
from crew_supervisors._stops import WAVE as STOP_WAVE
from crew_supervisors.testing import (
    EventProbe,
    Script,
    ScriptedChildren,
    interruptible,
)

Answer: TypeAlias = "object | BaseException"


class Injected(Exception):
    """Raised at a point."""


class Torn(BaseException):
    """Raised at a point; about the whole program, as KeyboardInterrupt is."""


EXPECTED = (SupervisorError, Injected, Torn, trio.Cancelled)
ABANDONED = object()
"""The answer of a call that was cancelled."""
SOON = Backoff(first=0.1, factor=1, jitter=0)
FAILS_SOON = Script(run_for=0.4, then="fail")
FAILS_LATER = Script(run_for=1.0, then="fail")
SLOW_START = Script(start_after=0.5)
SORE = Script(on_stop="fail")
BAD_START = Script(start_after=0.1, up=False, then="fail")


@attrs.define(eq=False)
class Stage:
    """One run of a scenario, and what came of it."""

    strategy: Strategy
    probe: EventProbe = attrs.field(factory=EventProbe, init=False)
    kids: ScriptedChildren = attrs.field(factory=ScriptedChildren, init=False)
    supervisor: Supervisor | None = attrs.field(default=None, init=False)
    asked: int = attrs.field(default=0, init=False)
    """How many orders were given."""
    answers: list[Answer] = attrs.field(factory=list[Answer], init=False)
    starts_are_concurrent: bool = attrs.field(default=False, init=False)
    came_out: list[BaseException] = attrs.field(factory=list[BaseException], init=False)
    """What came out of supervisors."""

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncGenerator[Supervisor]:
        """Open the supervisor."""
        fields: dict[str, Any] = {
            "name": "top",
            "max_restarts": 10,
            "within": 60.0,
        } | options
        async with open_supervisor(
            SupervisorOptions(strategy=self.strategy, **fields), on_event=self.probe
        ) as self.supervisor:
            yield self.supervisor

    async def play(self, scenario: "Scenario") -> None:
        """Run *scenario*, and keep what comes out of it."""
        try:
            await scenario(self)
        except BaseException as error:  # all that comes out is looked at
            self.came_out.append(error)
            if not is_expected(error) or isinstance(error, trio.Cancelled):
                raise
            group = cast("BaseExceptionGroup[BaseException]", error)
            cancelled = group.subgroup(trio.Cancelled)
            if cancelled is not None:
                raise cancelled from None

    async def order(
        self, give: Callable[..., Awaitable[object]], *args: object
    ) -> None:
        """Give an order that may be cancelled, and keep its answer."""
        self.asked += 1
        began = trio.current_time()
        answer: Answer = None
        try:
            with interruptible() as scope:
                answer = await give(*args)
            if scope.cancelled_caught:
                answer = ABANDONED
        except BaseException as error:  # it is the answer, and most go on
            answer = error
            if not isinstance(error, (SupervisorError, Injected, Torn)):
                raise
        finally:
            self.answers.append(answer)
        if answer is ABANDONED or isinstance(answer, Injected):
            took = trio.current_time() - began  # a point is reached at once
            assert took <= CANCEL_PATIENCE, f"{took} s, though it was cancelled at once"

    async def start(self, name: str, *scripts: Script, **fields: Any) -> None:
        assert self.supervisor is not None
        spec = self.kids.spec(name, *scripts, **fields)
        ran_before = name in self.alive()
        await self.order(self.supervisor.start, spec)
        answer = self.answers[-1]
        was_abandoned = answer is ABANDONED or isinstance(answer, Injected)
        if was_abandoned and not ran_before and self.supervisor.report is None:
            assert name not in self.alive(), f"{name} was abandoned, and still runs"

    def alive(self) -> set[str]:
        """Return the names of the children that run, and are not stuck."""
        assert self.supervisor is not None
        return {
            child.name
            for child in self.supervisor.children()
            if child.state.is_alive and not child.stuck
        }

    def told_failures(self) -> list[str]:
        failed = (event.summary for event in self.probe.of(ChildFailed))
        stopped = (str(event.report.error) for event in self.probe.of(ChildStopped))
        return [*failed, *stopped]


def is_expected(error: BaseException) -> bool:
    """Whether that is injected, or what supervisors raise by themselves."""
    leaves = leaves_of(error, skip=StopErrors)
    return all(isinstance(leaf, EXPECTED) for leaf in leaves)


# --- scenarios ---


async def crash_and_restart(stage: Stage) -> None:
    async with stage.open():
        await stage.start("a", FAILS_LATER, Script(), backoff=SOON)
        await stage.start("b", Script(run_for=1.5), Script())
        await stage.start("c", Script(run_for=1.2, then="fail"), restart="temporary")
        await stage.start("d", listens=False)
        await trio.sleep(5)


async def group_restart(stage: Stage) -> None:
    async with stage.open() as supervisor:
        await stage.start("a", Script(stop_after=0.5))
        await stage.start("b", FAILS_LATER, BAD_START, SLOW_START, backoff=SOON)
        await stage.start("c", Script(cleanup=0.5), SLOW_START, listens=False)
        await stage.start("d", SORE, Script())
        async with trio.open_nursery() as others:
            await trio.sleep(1.2)
            others.start_soon(functools.partial(stage.start, "e"))
            others.start_soon(stage.order, supervisor.stop, "c")
            await trio.sleep(0.4)
            others.start_soon(stage.order, supervisor.restart, "c")
        await trio.sleep(5)


async def stop_by_name(stage: Stage) -> None:
    async with stage.open() as supervisor:
        await stage.start("a", Script(stop_after=1.0))
        await stage.start("b", SORE)
        async with trio.open_nursery() as callers:
            for name in "aab":
                callers.start_soon(stage.order, supervisor.stop, name)
            callers.start_soon(stage.order, supervisor.remove, "a")
        await stage.order(supervisor.restart, "a")
        await stage.order(supervisor.stop, "a")
        await stage.order(supervisor.remove, "a")
        await stage.start("a", Script(on_stop="ignore"), stop=Grace(0.5))
        await stage.order(supervisor.stop, "a")
        await stage.start("c", Script(stop_after=20.0), stop=Grace(30.0))
        await stage.order(supervisor.stop, "c")


async def called_from_outside(stage: Stage) -> None:
    """Orders of tasks that go on when the block is left with an error."""
    stage.starts_are_concurrent = True
    async with trio.open_nursery() as callers:
        try:
            async with stage.open() as supervisor:
                await call_from(callers, stage, supervisor)
        except BaseExceptionGroup as error:
            stage.came_out.append(error)
            if not is_expected(error):
                raise


async def call_from(
    callers: trio.Nursery, stage: Stage, supervisor: Supervisor
) -> None:
    """Have *callers* give orders.

    At 0.46 a grace is over, and wakes the engine while "d" waits for a group.
    """

    def start(name: str, script: Script) -> None:
        fields = {"restart": "temporary"}
        callers.start_soon(functools.partial(stage.start, name, script, **fields))

    await stage.start("a", Script(stop_after=5.0), stop=Grace(9.0))
    await stage.start("z", Script(on_stop="ignore"), stop=Grace(0.05))
    await stage.start("b", *[FAILS_SOON] * 4, Script(), backoff=SOON)
    callers.start_soon(stage.order, supervisor.stop, "a")
    start("c", Script(start_after=4.0))
    await trio.sleep(0.41)
    callers.start_soon(stage.order, supervisor.stop, "z")
    await trio.sleep(0.02)
    start("d", Script(start_after=0.3))
    await trio.sleep(6.0)
    callers.start_soon(stage.order, supervisor.restart, "a")


async def start_cancelled(stage: Stage) -> None:
    async with stage.open() as supervisor:
        await stage.start("a")
        with trio.move_on_after(0.2):
            await stage.start("b", Script(start_after=1.0, cleanup=0.3))
        await stage.start("b", BAD_START)
        await stage.start("c", Script(up=False, then="decline"))
        async with trio.open_nursery() as callers:
            callers.start_soon(functools.partial(stage.start, "b", SLOW_START))
            await trio.sleep(0.2)
            callers.start_soon(stage.order, supervisor.stop, "b")
        await stage.start("b")


async def leave(stage: Stage) -> None:
    async with stage.open(on_outer_cancel=Grace(2.0)):
        await stage.start("a", Script(stop_after=1.0))
        await stage.start("b", SORE)
        await stage.start("c", Script(on_stop="ignore"), stop=Grace(0.5))
        await stage.start("d", Script(cleanup=7.0), stop=KILL)
        await stage.start("e", FAILS_LATER, Script(), backoff=Backoff(first=30))
        await trio.sleep(1.5)


async def leave_by_an_error(stage: Stage) -> None:
    async with stage.open(on_outer_cancel=KILL):
        await stage.start("a", Script(stop_after=1.0))
        await stage.start("b", Script(stop_after=1.0, on_stop="fail"))
        raise RestartLimitReached("somebody", "else", 1, 1.0)


async def host_cancelled(stage: Stage) -> None:
    began = trio.current_time()
    with trio.move_on_after(1.5):
        async with stage.open(on_outer_cancel=Grace(1.0)):
            await stage.start("a", Script(stop_after=3.0))
            await stage.start("b", FAILS_LATER, SLOW_START)
            await stage.start("c", SORE)
            await stage.start("d", Script(stop_after=3.0))
            await trio.sleep(60)
    took = trio.current_time() - began
    assert took <= 1.5 + 1.0, f"the host was cancelled, and that took {took} s"


async def restart_limit(stage: Stage) -> None:
    async with stage.open(max_restarts=1):
        await stage.start("a", Script(stop_after=0.5))
        await stage.start("b", FAILS_LATER, backoff=SOON)
        await stage.start("c", SORE)
        await trio.sleep(60)


async def ends_by_itself(stage: Stage) -> None:
    shutdown = "never" if stage.strategy == "dynamic" else "all_significant"
    fields = {} if shutdown == "never" else {"significant": True}
    escalate = OnFailure(ZeroDivisionError, "escalate")
    worst = Script(run_for=1.5, then="fail", error=ZeroDivisionError)
    async with stage.open(auto_shutdown=shutdown):
        await stage.start("a", Script(run_for=1.0), restart="transient", **fields)
        await stage.start("b", Script(run_for=2.0), restart="temporary", **fields)
        await stage.start("c", Script(run_for=1.0), worst, on_failure=(escalate,))
        await trio.sleep(60)


async def nested(stage: Stage) -> None:
    inner = functools.partial(
        supervise,
        name="inner",
        strategy=stage.strategy,
        max_restarts=1,
        within=60.0,
        on_event=stage.probe,
    )
    specs = (
        stage.kids.spec("x", Script(stop_after=0.5)),
        stage.kids.spec("y", FAILS_LATER, FAILS_LATER, Script(), backoff=SOON),
        stage.kids.spec("z", listens=False),
    )
    async with stage.open() as supervisor:
        await stage.start("a")
        team = ChildSpec("team", inner, (specs,), stop=FOREVER)
        await stage.order(supervisor.start, team)
        await trio.sleep(5)
        await stage.order(supervisor.stop, "team")
        await stage.order(supervisor.restart, "team")


async def many(stage: Stage) -> None:
    """Three waves of children: between the last two, the agenda makes a break."""
    plain = ChildSpec("plain", trio.sleep_forever)
    async with stage.open(on_outer_cancel=Grace(1.0)) as supervisor:
        await stage.start("first", FAILS_LATER, Script(), backoff=SOON)
        for number in range(2 * STOP_WAVE + 10):
            await stage.order(supervisor.start, plain.named(f"{number}"))
        await trio.sleep(20)


SCENARIOS = (
    crash_and_restart,
    group_restart,
    stop_by_name,
    called_from_outside,
    start_cancelled,
    leave,
    leave_by_an_error,
    host_cancelled,
    restart_limit,
    ends_by_itself,
    nested,
)
Scenario: TypeAlias = Callable[[Stage], Awaitable[None]]
