"""Orders that come while children are restarted together."""

from functools import partial

import pytest
import trio
from tests.support.children import messy, stubborn
from trio.testing import MockClock

from crew_supervisors import (
    Backoff,
    ChildRunning,
    ChildSpec,
    ChildStartFailed,
    ChildStuck,
    Event,
    Grace,
    State,
    Supervisor,
    SupervisorRestartingGroup,
    open_supervisor,
)

BACKOFF = Backoff(first=10, jitter=0)


class Crasher:
    """Crashes when told to; says when its incarnations start."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self._crash = trio.Event()

    async def run(self) -> None:
        self.starts.append(trio.current_time())
        self._crash = trio.Event()
        await self._crash.wait()
        raise ValueError

    async def crash(self) -> None:
        await settle()  # it may not have made its first step
        self._crash.set()


def states(sup: Supervisor) -> dict[str, str]:
    return {info.name: info.state.value for info in sup.children()}


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


quiet = partial(open_supervisor, on_event=lambda _: None)


async def test_a_start_that_is_under_way_waits_for_the_group(
    autojump_clock: MockClock,
) -> None:
    a = Crasher()
    starts: list[float] = []

    async def slow(*, task_status: trio.TaskStatus[str]) -> None:
        starts.append(trio.current_time())
        await trio.sleep(3)
        task_status.started("up")
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery, quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run, backoff=BACKOFF))

        @nursery.start_soon
        async def crash() -> None:
            await trio.sleep(1)
            await a.crash()

        assert await sup.start(ChildSpec("slow", slow)) == "up"
        assert trio.current_time() == 14
        assert starts == [0, 11]


async def test_a_start_that_was_given_up_is_not_started_by_a_group(
    autojump_clock: MockClock,
) -> None:
    a = Crasher()
    starts: list[float] = []

    async def slow(*, task_status: trio.TaskStatus[str]) -> None:
        starts.append(trio.current_time())
        await messy(2)

    async with trio.open_nursery() as nursery, quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run))

        @nursery.start_soon
        async def crash() -> None:
            await trio.sleep(2)
            await a.crash()

        with trio.move_on_after(1):
            await sup.start(ChildSpec("slow", slow))
        await trio.sleep(5)
        assert states(sup) == {"a": "running"}
        assert starts == [0]
        assert a.starts == [0, 3]  # it waited until the other one was gone


async def test_a_start_during_the_backoff_comes_after_the_others(
    autojump_clock: MockClock,
) -> None:
    a = Crasher()
    async with quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run, backoff=BACKOFF))
        await a.crash()
        await settle()
        assert states(sup) == {"a": "backoff"}
        with pytest.raises(ChildRunning):
            await sup.remove("a")
        with pytest.raises(ChildRunning):
            await sup.restart("a")
        await sup.start(ChildSpec("b", trio.sleep_forever))
        assert trio.current_time() == 10
        assert states(sup) == {"a": "running", "b": "running"}


async def test_a_start_that_fails_in_a_group_concerns_its_caller_only(
    autojump_clock: MockClock,
) -> None:
    a = Crasher()

    async def refuse(*, task_status: trio.TaskStatus[None]) -> None:
        raise KeyError

    async with quiet(strategy="one_for_all", max_restarts=1) as sup:
        await sup.start(ChildSpec("a", a.run, backoff=BACKOFF))
        await a.crash()
        await settle()
        with pytest.raises(ChildStartFailed):
            await sup.start(ChildSpec("b", refuse))
        assert states(sup) == {"a": "running"}


async def test_a_start_during_the_backoff_may_be_cancelled(
    autojump_clock: MockClock,
) -> None:
    a = Crasher()
    async with quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run, backoff=BACKOFF))
        await a.crash()
        await settle()
        with trio.move_on_after(1):
            await sup.start(ChildSpec("b", trio.sleep_forever))
        assert trio.current_time() == 1
        await trio.sleep(20)
        assert states(sup) == {"a": "running"}


async def test_a_stopped_child_before_the_group_may_be_restarted_meanwhile(
    autojump_clock: MockClock,
) -> None:
    b = Crasher()
    async with quiet(strategy="rest_for_one") as sup:
        await sup.start(ChildSpec("a", trio.sleep_forever))
        await sup.start(ChildSpec("b", b.run, backoff=BACKOFF))
        await sup.start(ChildSpec("c", trio.sleep_forever))
        await sup.stop("a")
        await b.crash()
        await settle()
        await sup.restart("a")
        assert trio.current_time() == 0
        await sup.stop("c")
        assert states(sup) == {"a": "running", "b": "backoff", "c": "stopped"}
        await sup.restart("c")  # behind the group: it waits
        assert trio.current_time() == 10
        assert set(states(sup).values()) == {"running"}


async def test_a_stuck_member_holds_up_the_start_until_it_ends(
    autojump_clock: MockClock,
) -> None:
    """There are never two incarnations, nor a child without those it stands on."""
    a, release = Crasher(), trio.Event()

    async def once_stubborn() -> None:
        if not release.is_set():
            await stubborn(release)
        await trio.sleep_forever()

    async with quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run))
        await sup.start(ChildSpec("b", once_stubborn, stop=Grace(0)))
        await a.crash()
        await trio.sleep(60)
        assert any(isinstance(e, ChildStuck) for e in sup.recent_events())
        assert a.starts == [0]
        release.set()
        await settle()
        assert a.starts == [0, 60]
        assert set(states(sup).values()) == {"running"}


async def test_a_stuck_member_holds_up_the_others_also_when_it_was_stopped_by_name(
    autojump_clock: MockClock,
) -> None:
    a, release = Crasher(), trio.Event()
    async with quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run))
        await sup.start(ChildSpec("b", stubborn, (release,), stop=Grace(0)))
        await a.crash()
        await trio.sleep(60)
        end = (await sup.stop("b")).end
        await settle()
        starts = list(a.starts)
        release.set()
        await settle()
        assert (end, starts) == ("stuck", [0])
        assert states(sup) == {"a": "running", "b": "stopped"}
        assert a.starts == [0, 60]


async def test_a_stuck_temporary_child_holds_up_the_others_too(
    autojump_clock: MockClock,
) -> None:
    a, release = Crasher(), trio.Event()
    async with quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run))
        await sup.start(ChildSpec("b", stubborn, (release,), "temporary", Grace(0)))
        await a.crash()
        await trio.sleep(60)
        starts = list(a.starts)
        release.set()
        await settle()
        assert starts == [0]
        assert states(sup) == {"a": "running"}


async def test_a_member_may_start_another_child_before_it_is_up(
    autojump_clock: MockClock,
) -> None:
    """The group waits for the member, so the member's own start waits for no group."""
    a = Crasher()
    helped: list[float] = []

    async def member(*, task_status: trio.TaskStatus[None]) -> None:
        helper = ChildSpec(f"helper-{len(helped)}", trio.sleep_forever, (), "temporary")
        await sup.start(helper)
        helped.append(trio.current_time())
        task_status.started()
        await trio.sleep_forever()

    async with quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run))
        await sup.start(ChildSpec("m", member))
        await a.crash()
        await settle()
        found = states(sup)
        assert found == {"a": "running", "m": "running", "helper-1": "running"}
        assert helped == [0, 0]


async def test_leaving_during_the_backoff_starts_nobody(
    autojump_clock: MockClock,
) -> None:
    a = Crasher()
    async with quiet(strategy="one_for_all") as sup:
        await sup.start(ChildSpec("a", a.run, backoff=BACKOFF))
        await sup.start(ChildSpec("b", trio.sleep_forever))
        await a.crash()
        await settle()
    assert trio.current_time() == 0
    assert a.starts == [0]


async def test_a_large_group_is_restarted_without_deep_recursion() -> None:
    a = Crasher()
    groups: list[Event] = []
    async with open_supervisor(strategy="one_for_all", on_event=groups.append) as sup:
        await sup.start(ChildSpec("a", a.run))
        for number in range(3_000):
            await sup.start(ChildSpec(str(number), trio.sleep_forever))
        await a.crash()
        await settle()
        assert {info.state for info in sup.children()} == {State.RUNNING}
        assert {info.incarnation for info in sup.children()} == {2}
    (group,) = [e for e in groups if isinstance(e, SupervisorRestartingGroup)]
    assert len(group.members) == 3_001
