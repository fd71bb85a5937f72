"""Virtual runs: time, seeds, and the end of a run that hangs."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import trio
import trio.testing
from trio._core import _run

from crew_supervisors import Backoff, ChildSpec
from crew_supervisors.testing import (
    Script,
    ScriptedChildren,
    StillWaiting,
    open_test_supervisor,
    run_virtual,
    settle,
)
from crew_supervisors.testing._private import seeded_scheduling


async def order_of_tasks(count: int) -> list[int]:
    order: list[int] = []

    async def note(number: int) -> None:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(note, number)
    return order


async def times_of_restarts() -> list[float]:
    children = ScriptedChildren()
    crash = Script(run_for=1.0, then="fail")
    async with open_test_supervisor(max_restarts=9) as (supervisor, _):
        spec = children.spec("a", crash, crash, Script(), backoff=Backoff())
        await supervisor.start(spec)
        await trio.sleep(10)
    return [step.time for step in children.steps]


def test_hours_pass_at_once_and_the_answer_comes_back() -> None:
    async def sleep(hours: float) -> float:
        await trio.sleep(3600 * hours)
        return trio.current_time()

    assert run_virtual(sleep, 16) == 16 * 3600


def test_the_same_seed_gives_the_same_order_of_tasks() -> None:
    orders = [run_virtual(order_of_tasks, 20, seed=7) for _ in range(3)]
    assert orders[0] == orders[1] == orders[2]


def test_other_seeds_give_other_orders() -> None:
    orders = {tuple(run_virtual(order_of_tasks, 20, seed=seed)) for seed in range(10)}
    assert len(orders) == 10


def test_jitter_comes_from_the_seed_of_the_run() -> None:
    first, again = (run_virtual(times_of_restarts, seed=3) for _ in range(2))
    assert first == again != run_virtual(times_of_restarts, seed=4)


def test_a_run_leaves_the_randomness_of_trio_as_it_was() -> None:
    state = _run._r.getstate()
    run_virtual(order_of_tasks, 20, seed=1)
    assert _run._r.getstate() == state


def test_what_comes_out_tells_the_seed() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError) as caught:
        run_virtual(fail, seed=11)
    assert caught.value.__notes__ == ["in a virtual run with seed=11"]


def test_a_run_that_waits_for_ever_ends_and_tells_who_waits() -> None:
    async def wait_for_nothing() -> None:
        await trio.Event().wait()

    with pytest.raises(StillWaiting, match=r"(?s)seed 5 .* in wait_for_nothing"):
        run_virtual(wait_for_nothing, seed=5)


def test_a_run_that_hangs_behind_a_shield_ends_all_the_same() -> None:
    async def hang() -> None:
        with trio.CancelScope(shield=True):
            async with open_test_supervisor() as (supervisor, _):
                await supervisor.start(ChildSpec("deaf", trio.sleep_forever))
                await trio.sleep_forever()

    with pytest.raises(StillWaiting) as caught:
        run_virtual(hang, limit=50.0)
    assert "supervisor/deaf" in caught.value.stacks
    assert caught.value.limit == 50.0


def test_a_run_that_hides_its_end_is_over_its_limit_nevertheless() -> None:
    async def hide() -> None:
        try:
            await trio.sleep_forever()
        except BaseException:  # noqa: BLE001  # that is what it is about
            return

    with pytest.raises(StillWaiting):
        run_virtual(hide)


def test_a_trio_without_a_seed_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING")

    with (
        pytest.warns(RuntimeWarning, match="has no seed for the order of tasks"),
        seeded_scheduling(1),
    ):
        pass


async def test_settled_means_that_every_other_task_waits() -> None:
    steps: list[int] = []

    async def work() -> None:
        for number in range(5):
            await trio.lowlevel.checkpoint()
            steps.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        await settle()
        assert len(steps) == 5


async def test_a_supervisor_works_on_the_clock_of_pytest_trio(
    autojump_clock: trio.testing.MockClock,
) -> None:
    began = trio.current_time()
    first = await times_of_restarts()
    assert trio.current_time() - began == pytest.approx(10)
    again = await times_of_restarts()
    shift = again[0] - first[0]
    assert [time + shift for time in first] == pytest.approx(again)


async def test_a_seed_of_ones_own_counts_more_than_that_of_the_run() -> None:
    async with open_test_supervisor(seed=9) as (supervisor, probe):
        assert supervisor._engine.random.random() == pytest.approx(0.4630079, abs=1e-6)
    assert probe.order() == ("supervisor stopping", "supervisor ended")


def test_the_kit_is_not_imported_with_supervisors() -> None:
    root = Path(__file__).parents[3] / "supervisors"
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "import crew_supervisors\n"
        "assert 'crew_supervisors.testing' not in sys.modules\n"
        "import trio.testing\n"
        "before = set(sys.modules)\n"
        "import crew_supervisors.testing\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names - {'trio', 'crew_supervisors'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == []


def test_a_seeded_run_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_virtual(order_of_tasks, 2)
