"""A stop may be ordered from inside of what it stops."""

import math

import pytest
import trio
import trio.testing
from tests.support.children import (
    LATER,
    USER,
    polite,
)
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    KILL,
    Child,
    ChildSpec,
    Grace,
    State,
    StopPolicy,
    Supervisor,
    open_supervisor,
    supervise,
)


@pytest.mark.parametrize("stop", [KILL, Grace(5), FOREVER])
async def test_a_stop_of_oneself_gives_the_order_and_does_not_deadlock(
    autojump_clock: MockClock, stop: StopPolicy
) -> None:
    ends: list[str] = []

    async def suicidal(sup: Supervisor, *, child: Child) -> None:
        report = await sup.stop(child.name, USER)
        ends.append(report.end)
        assert child.stopping.is_set()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("self", suicidal, (sup,), stop=stop))
        await trio.testing.wait_all_tasks_blocked()
        assert sup.children()[0].state is State.STOPPED
        assert trio.current_time() == 0
    assert ends == ([] if stop is KILL else ["asked"])


async def test_a_task_below_a_child_cannot_wait_for_it_either(
    autojump_clock: MockClock,
) -> None:
    """Also two supervisors further down."""
    ends: list[str] = []

    async def deep(top: Supervisor, *, child: Child) -> None:
        async with trio.open_nursery() as nursery:

            async def stop_the_team() -> None:
                ends.append((await top.stop("team", USER)).end)

            nursery.start_soon(stop_the_team)
        await child.stopping.wait()

    async with open_supervisor() as top:
        inner = (ChildSpec("deep", deep, (top,), stop=FOREVER),)
        await top.start(ChildSpec("team", supervise, (inner,), stop=FOREVER))
        await trio.testing.wait_all_tasks_blocked()
        assert top.children()[0].state is State.STOPPED
    assert ends == ["asked"]


async def test_a_stop_of_oneself_while_all_stop_is_acknowledged(
    autojump_clock: MockClock,
) -> None:
    reasons: list[object] = []

    async def late(sup: Supervisor, *, child: Child) -> None:
        await trio.sleep(1)  # by now "newer" is being stopped
        reasons.append((await sup.stop(child.name, LATER)).reason)
        await child.stopping.wait()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("late", late, (sup,)))
        await sup.start(ChildSpec("newer", polite, (3,)))
        sup.cancel(USER)
    assert reasons == [USER]


async def test_two_children_may_stop_each_other() -> None:
    async def rival(sup: Supervisor, other: str) -> None:
        await trio.testing.wait_all_tasks_blocked()
        await sup.stop(other)

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", rival, (sup, "b"), "transient"))
        await sup.start(ChildSpec("b", rival, (sup, "a"), "transient"))
        while any(info.state is not State.STOPPED for info in sup.children()):
            await trio.testing.wait_all_tasks_blocked()


async def test_a_child_may_cancel_its_supervisor() -> None:
    async def last(sup: Supervisor) -> None:
        sup.cancel(USER)
        await trio.sleep_forever()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("last", last, (sup,)))
        await trio.sleep(math.inf)
    assert sup.children()[0].state is State.STOPPED
