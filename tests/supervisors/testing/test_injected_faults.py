"""Injection: what happens at a point, when, and to whom."""

import pytest
import trio
import trio.testing

from crew_supervisors import ChildFailed, ChildSpec, _points
from crew_supervisors.testing import (
    CANCEL,
    POINTS,
    Script,
    ScriptedChildren,
    count_points,
    inject,
    interruptible,
    no_task_left,
    open_test_supervisor,
)


class Injected(Exception):
    pass


async def test_points_are_counted(autojump_clock: trio.testing.MockClock) -> None:
    with count_points() as counts:
        async with open_test_supervisor() as (supervisor, _):
            await supervisor.start(ChildSpec("a", trio.sleep_forever))
            await supervisor.stop("a")
            await supervisor.remove("a")
    assert set(counts) <= set(POINTS)
    for point in (
        "block.open",
        "start.enter",
        "start.wait",
        "stop.wait",
        "remove.wait",
    ):
        assert counts[point] == 1


async def test_what_is_raised_is_raised_at_the_point_and_that_time_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    children = ScriptedChildren()
    with inject("start.enter", Injected(), nth=2) as injection:
        async with open_test_supervisor() as (supervisor, _):
            await supervisor.start(children.spec("a"))
            assert not injection.has_happened
            with pytest.raises(Injected):
                await supervisor.start(children.spec("b"))
            await supervisor.start(children.spec("c"))
            assert injection.reached == 3
    assert children.order("up") == ("a up", "c up")


async def test_what_is_raised_in_a_child_is_its_failure(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with inject("body.before", Injected()):
        async with open_test_supervisor() as (supervisor, probe):
            await supervisor.start(ChildSpec("a", trio.sleep_forever))
            failed = await probe.wait_for(ChildFailed)
    assert isinstance(failed.error, Injected)


async def test_what_is_raised_in_the_engine_comes_out_of_the_block(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with (
        no_task_left(),
        inject("agenda.park", Injected()),
        pytest.raises(ExceptionGroup) as caught,
    ):
        async with open_test_supervisor() as (supervisor, _):
            await supervisor.start(ChildSpec("a", trio.sleep_forever))
            await supervisor.stop("a")
    assert caught.group_contains(Injected)


async def test_a_scope_is_cancelled(autojump_clock: trio.testing.MockClock) -> None:
    with trio.CancelScope() as scope, inject("stop.wait", scope):
        async with open_test_supervisor() as (supervisor, _):
            await supervisor.start(ChildSpec("a", trio.sleep_forever))
            await supervisor.stop("a")
    assert scope.cancelled_caught


async def test_cancel_without_anything_interruptible_cancels_the_block_of_inject(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with inject("body.before", CANCEL) as injection:
        async with open_test_supervisor() as (supervisor, _):
            await supervisor.start(ChildSpec("a", trio.sleep_forever))
            await trio.sleep(60)
    assert injection.scope.cancelled_caught


async def test_cancel_ends_the_innermost_interruptible_block_of_that_task(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with inject("start.wait", CANCEL) as injection:
        async with open_test_supervisor() as (supervisor, _):
            with interruptible() as outer:
                with interruptible() as inner:
                    script = Script(start_after=60)
                    await supervisor.start(ScriptedChildren().spec("a", script))
                assert inner.cancelled_caught
            assert not outer.cancel_called
    assert not injection.scope.cancel_called


async def test_a_function_is_called_and_awaited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    called: list[str] = []

    def call() -> None:
        called.append("plain")

    async def wait() -> None:
        called.append("awaited")
        await trio.sleep(1)

    with inject("block.open", call), inject("block.open", wait):
        began = trio.current_time()
        async with open_test_supervisor():
            assert trio.current_time() == began + 1
    assert called == ["plain", "awaited"]


async def test_afterwards_nothing_is_hooked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with pytest.raises(Injected), count_points(), inject("block.open", CANCEL):
        raise Injected
    assert _points.hook is None


@pytest.mark.parametrize(("point", "nth"), [("nowhere", 1), ("block.open", 0)])
def test_a_fault_that_can_never_happen_is_refused(point: str, nth: int) -> None:
    expected = pytest.raises(ValueError, match=r"no point 'nowhere'|nth is 0")
    with expected, inject(point, CANCEL, nth=nth):
        pass
