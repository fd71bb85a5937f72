"""Turns: a busy task gives way, by messages and by time; cancellation counts."""

import sys
from time import perf_counter
from types import SimpleNamespace

import pytest
import trio
from trio.lowlevel import Task

import crew_mailbox._turn as turns
from crew_mailbox import Mailbox, Request, open_mailbox
from crew_mailbox._turn import BUDGET, Turn, turn_of_this_run


class CountSteps(trio.abc.Instrument):
    """Counts how often each task is given the loop."""

    def __init__(self) -> None:
        self.steps = dict[str, int]()

    def before_task_step(self, task: Task) -> None:
        self.steps[task.name] = self.steps.get(task.name, 0) + 1


async def steps_of_sending(messages: int, budget: int, *, strict: bool = False) -> int:
    box: Mailbox[int] = open_mailbox(
        "box", capacity=messages, budget=budget, strict_checkpoints=strict
    )
    count = CountSteps()
    trio.lowlevel.add_instrument(count)
    for number in range(messages):
        await box.send(number)
    trio.lowlevel.remove_instrument(count)
    return sum(count.steps.values())


@pytest.fixture(autouse=True)
def fast_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no slice of time end: a slow machine must not change the counts."""
    monkeypatch.setattr(turns, "SLICE", 1e9)


async def test_a_sender_gives_way_after_its_budget_of_messages() -> None:
    assert await steps_of_sending(64, budget=64) == 0
    assert await steps_of_sending(640, budget=64) in (9, 10)


async def test_a_budget_of_one_gives_way_at_each_message() -> None:
    assert await steps_of_sending(100, budget=1) in (99, 100)


async def test_strict_checkpoints_make_each_send_and_receive_a_checkpoint() -> None:
    assert await steps_of_sending(10, budget=64, strict=True) == 10
    box: Mailbox[int] = open_mailbox("box", capacity=10, strict_checkpoints=True)
    for number in range(10):
        box.send_nowait(number)
    count = CountSteps()
    trio.lowlevel.add_instrument(count)
    for _ in range(10):
        await box.receive()
    trio.lowlevel.remove_instrument(count)
    assert sum(count.steps.values()) == 10


async def test_a_reader_gives_way_after_its_budget_of_messages() -> None:
    box: Mailbox[int] = open_mailbox("box", capacity=1000)
    for number in range(1000):
        box.send_nowait(number)
    box.close()
    steps = CountSteps()
    trio.lowlevel.add_instrument(steps)
    assert [message async for message in box] == list(range(1000))
    trio.lowlevel.remove_instrument(steps)
    assert 1000 // BUDGET - 1 <= sum(steps.steps.values()) <= 1000 // BUDGET + 1


async def test_a_busy_pair_does_not_starve_others() -> None:
    box: Mailbox[int] = open_mailbox("box", capacity=1000)
    longest = 0
    since = 0

    async def send() -> None:
        nonlocal since
        for number in range(2000):
            since += 1
            await box.send(number)
        box.close()

    async def look() -> None:
        nonlocal longest, since
        while not box.closed:
            longest, since = max(longest, since), 0
            await trio.lowlevel.checkpoint()

    async def read() -> None:
        async for _ in box:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        nursery.start_soon(read)
        nursery.start_soon(send)
    assert 0 < longest <= 2 * (BUDGET + 1)


async def test_a_task_that_takes_long_for_each_message_gives_way_by_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SLICE", 0.001)
    box: Mailbox[int] = open_mailbox("box", capacity=64)
    for number in range(8):
        box.send_nowait(number)
    box.close()
    steps = CountSteps()
    trio.lowlevel.add_instrument(steps)
    async for _ in box:
        end = perf_counter() + 0.002
        while perf_counter() < end:
            pass
    trio.lowlevel.remove_instrument(steps)
    assert sum(steps.steps.values()) in (7, 8)


async def test_all_mailboxes_of_a_run_share_one_turn() -> None:
    assert turn_of_this_run(strict=False) is turn_of_this_run(strict=False)
    assert turn_of_this_run(strict=True) is not turn_of_this_run(strict=True)


async def test_a_fan_out_over_many_mailboxes_gives_way_too() -> None:
    boxes: list[Mailbox[int]] = [open_mailbox("box", capacity=1) for _ in range(640)]
    steps = CountSteps()
    trio.lowlevel.add_instrument(steps)
    for box in boxes:
        await box.send(1)
    trio.lowlevel.remove_instrument(steps)
    assert sum(steps.steps.values()) >= 640 // BUDGET - 1


async def work_strictly(private: object) -> None:
    """Check that mailboxes in a trio where *private* was found are strict, and work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "_PRIVATE", private)
        assert turn_of_this_run(strict=False).strict
        assert await steps_of_sending(10, budget=64) == 10
        box: Mailbox[int] = open_mailbox("box", capacity=2)
        await box.send(1)
        box.close()
        assert [message async for message in box] == [1]
        with trio.CancelScope() as scope:
            scope.cancel()
            await box.receive()
        assert scope.cancelled_caught


async def test_in_a_trio_without_its_private_module_mailboxes_are_strict() -> None:
    with pytest.MonkeyPatch.context() as patch:  # no await: trio needs it back
        patch.setitem(sys.modules, "trio._core._run", None)
        found = turns._find_private()
    await work_strictly(found)


@pytest.mark.parametrize(
    "missing",
    [
        "trio._core._run.GLOBAL_RUN_CONTEXT",
        "trio._core._run.CancelStatus",
        "trio._core._run.CancelStatus.effectively_cancelled",
        "trio.lowlevel.Task._cancel_status",
    ],
)
async def test_in_a_trio_that_lacks_a_private_field_mailboxes_are_strict(
    missing: str,
) -> None:
    with pytest.MonkeyPatch.context() as patch:  # no await: trio needs it back
        patch.delattr(missing)
        found = turns._find_private()
    assert found is None
    await work_strictly(found)


async def test_in_a_trio_that_keeps_the_task_elsewhere_mailboxes_are_strict() -> None:
    await work_strictly(SimpleNamespace(task="another"))


async def test_in_the_trio_that_is_installed_nothing_is_missing() -> None:
    turn = turn_of_this_run(strict=False)
    assert not turn.strict
    assert turn.here["task"] is trio.lowlevel.current_task()
    await trio.lowlevel.checkpoint()
    assert turn.here["task"] is trio.lowlevel.current_task()


def test_a_strict_turn_belongs_to_nobody() -> None:
    async def check() -> None:
        turn = Turn(strict=True)
        turn.begin(trio.lowlevel.current_task())
        assert turn.task is None

    trio.run(check)


async def test_a_dropped_request_does_not_slow_the_mailbox_down() -> None:
    box: Mailbox[Ask | int] = open_mailbox("box", capacity=1, on_full="drop_old")
    box.send_nowait(Ask())
    box.send_nowait(1)
    box.send_nowait(2)
    assert await box.receive() == 2
    assert box._is_plain()


class Ask(Request[int]):
    """A request."""
