"""Small writes wait for one thread, and go into it together."""

import threading
from collections.abc import Callable

import pytest
import trio
import trio.testing

from crew_actors.journal._small_writes import SmallWrites


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many calls each hop into a thread has made."""
    seen: list[int] = []
    original = trio.to_thread.run_sync

    async def counted(do_each: Callable[..., object], group: list[object]) -> object:
        seen.append(len(group))
        return await original(do_each, group)

    monkeypatch.setattr(trio.to_thread, "run_sync", counted)
    return seen


async def test_those_who_wait_go_together_in_the_order_in_which_they_came(
    hops: list[int],
) -> None:
    writes, may_end = SmallWrites(), threading.Event()
    called: list[int] = []
    given: dict[int, int] = {}

    async def ask(number: int) -> None:
        def work() -> int:
            called.append(number)
            if number == 0:
                assert may_end.wait(10)
            return number * 10

        given[number] = await writes.do(work)

    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(ask, number)
            await trio.testing.wait_all_tasks_blocked()
        may_end.set()
    assert called == list(range(40))
    assert given == {number: number * 10 for number in range(40)}
    assert hops == [1, 16, 16, 7]


async def test_an_error_is_that_of_who_asked() -> None:
    writes = SmallWrites()
    lost: list[int] = []
    kept: list[int] = []

    async def ask(number: int) -> None:
        try:
            kept.append(await writes.do(lambda: 6 // number))
        except ZeroDivisionError:
            lost.append(number)

    async with trio.open_nursery() as nursery:
        for number in (1, 0, 2, 0, 3):
            nursery.start_soon(ask, number)
    assert lost == [0, 0]
    assert sorted(kept) == [2, 3, 6]


async def test_a_cancelled_write_is_not_begun_and_one_that_is_begun_is_ended() -> None:
    writes = SmallWrites()
    called: list[str] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await writes.do(lambda: called.append("never"))
    assert scope.cancelled_caught
    began, may_end = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def long() -> None:
        token.run_sync_soon(began.set)
        assert may_end.wait(10)
        called.append("first")

    async def ask(work: Callable[[], object]) -> None:
        await writes.do(work)
        called.append("told")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, long)
        await began.wait()
        nursery.start_soon(ask, lambda: called.append("second"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        may_end.set()
    assert called[0] == "first"
    assert sorted(called) == ["first", "second", "told", "told"]


async def test_without_a_thread_nothing_is_called_and_the_next_one_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes = SmallWrites()

    async def refused(*_: object) -> None:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(trio.to_thread, "run_sync", refused)
        with pytest.raises(RuntimeError, match="new thread"):
            await writes.do(lambda: pytest.fail("it was called"))
    assert await writes.do(lambda: "done") == "done"
