"""A supervisor is used in its own trio run, or says that it cannot be."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
import trio

from crew_supervisors import (
    CancelCode,
    ChildSpec,
    ChildStopped,
    Event,
    State,
    Supervisor,
    WrongThread,
    open_supervisor,
)


async def test_a_thread_gives_orders_through_trio() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", trio.sleep_forever))

        def in_a_thread() -> tuple[str, int]:
            report = trio.from_thread.run(sup.stop, "a")
            trio.from_thread.run(sup.remove, "a")
            trio.from_thread.run(sup.start, ChildSpec("b", trio.sleep_forever))
            return report.end, len(trio.from_thread.run_sync(sup.children))

        assert await trio.to_thread.run_sync(in_a_thread) == ("cancelled", 1)
        assert sup.children()[0].state is State.RUNNING


async def test_a_thread_inside_of_a_child_may_stop_that_child() -> None:
    ends: list[str] = []

    async def body() -> None:
        def in_a_thread() -> None:
            ends.append(trio.from_thread.run(sup.stop, "a").end)

        await trio.to_thread.run_sync(in_a_thread)

    stopped = trio.Event()

    def note(event: Event) -> None:
        if isinstance(event, ChildStopped):
            stopped.set()

    async with open_supervisor(on_event=note) as sup:
        await sup.start(ChildSpec("a", body))
        with trio.fail_after(5):
            await stopped.wait()
        assert sup.children()[0].state is State.STOPPED
    assert ends in ([], ["asked"])  # it got its answer, or was cancelled with the call


CALLS: list[Callable[[Supervisor], object]] = [
    Supervisor.children,
    Supervisor.counts,
    Supervisor.tree,
    Supervisor.recent_events,
    Supervisor.cancel,
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
async def test_a_call_from_a_bare_thread_is_refused(
    call: Callable[[Supervisor], object],
) -> None:
    async with open_supervisor(name="top") as sup:
        await sup.start(ChildSpec("a", trio.sleep_forever))
        with pytest.raises(WrongThread, match="from_thread") as refused:
            await trio.to_thread.run_sync(call, sup)
        assert refused.value.supervisor == "top"
        assert sup.children()[0].state is State.RUNNING


ORDERS: list[Callable[[Supervisor], object]] = [
    partial(Supervisor.start, spec=ChildSpec("b", trio.sleep_forever)),
    partial(Supervisor.stop, name="a"),
    partial(Supervisor.restart, name="a"),
    partial(Supervisor.remove, name="a"),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.func.__name__)
async def test_an_order_from_another_trio_run_or_asyncio_is_refused(
    order: Callable[[Supervisor], object],
) -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", trio.sleep_forever))

        async def elsewhere() -> None:
            with pytest.raises(WrongThread):
                await order(sup)  # type: ignore[misc]  # they are all async

        await trio.to_thread.run_sync(trio.run, elsewhere)
        await trio.to_thread.run_sync(asyncio.run, elsewhere())
        assert [info.name for info in sup.children()] == ["a"]
        sup.cancel()
    assert sup.report is not None
    assert sup.report.reason.code is CancelCode.REQUESTED
