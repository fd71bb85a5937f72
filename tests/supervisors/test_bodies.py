"""What a body gets as keywords, whatever kind of callable it is."""

import collections.abc
import functools
from collections.abc import Awaitable
from typing import cast

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    Backoff,
    Child,
    ChildFailed,
    ChildInfo,
    ChildSpec,
    Event,
    OnFailure,
    State,
    open_supervisor,
)

Run = collections.abc.Callable[..., Awaitable[object]]
Status = trio.TaskStatus[object]


async def forever() -> None:
    await trio.sleep_forever()


class Callable:
    async def __call__(self, *, child: Child) -> None:
        handles.append(child)


class Owner:
    async def method(self, child: Child) -> None:
        handles.append(child)


handles: list[object] = []


async def keyword(*, child: Child) -> None:
    handles.append(child)


async def positional(child: object) -> None:
    handles.append(child)


async def wrapped_inner(child: Child) -> None:
    handles.append(child)


@functools.wraps(wrapped_inner)
async def wrapped(*args: object, **kwargs: object) -> None:
    await cast("Run", wrapped_inner)(*args, **kwargs)


@pytest.mark.parametrize(
    "run",
    [
        keyword,
        positional,
        wrapped,
        Callable(),
        Owner().method,
        functools.partial(keyword),
    ],
    ids=["keyword", "positional", "wrapped", "object", "method", "partial"],
)
async def test_a_body_with_a_child_parameter_gets_its_handle(run: Run) -> None:
    handles.clear()
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("named", run, restart="temporary"))
        await trio.testing.wait_all_tasks_blocked()
    (handle,) = handles
    assert isinstance(handle, Child)
    assert (handle.name, handle.incarnation) == ("named", 1)
    assert not handle.stopping.is_set()


async def only_positional(child: object, /) -> None:
    handles.append(child)


async def anything(*args: object, **kwargs: object) -> None:
    handles.extend([*args, *kwargs])


@pytest.mark.parametrize(
    "run",
    [positional, only_positional, wrapped, anything, functools.partial(positional)],
    ids=["taken", "positional", "wrapped", "anything", "partial"],
)
async def test_an_argument_of_the_spec_is_not_replaced_by_the_handle(run: Run) -> None:
    handles.clear()
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("x", run, ("mine",), "temporary"))
        await trio.testing.wait_all_tasks_blocked()
    assert handles == ["mine"]


async def test_a_callable_without_a_signature_gets_no_handle() -> None:
    class Odd:
        __signature__ = "none"

        async def __call__(self) -> None:
            handles.append("ran")

    handles.clear()
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("odd", Odd(), restart="temporary"))
        await trio.testing.wait_all_tasks_blocked()
    assert handles == ["ran"]


async def test_a_body_that_is_not_async_fails_like_any_other() -> None:
    def plain() -> None:
        return None

    events: list[Event] = []
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("plain", plain, restart="temporary"))  # type: ignore[arg-type]  # the point of the test
        await trio.testing.wait_all_tasks_blocked()
    (failed,) = [event for event in events if isinstance(event, ChildFailed)]
    assert "TypeError" in failed.summary


async def test_a_beat_is_seen_from_outside(autojump_clock: MockClock) -> None:
    async def beating(child: Child) -> None:
        await trio.sleep(3)
        child.beat()
        await child.stopping.wait()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("beating", beating))
        assert sup.children()[0].last_beat is None
        await trio.sleep(4)
        assert sup.children() == (
            ChildInfo("beating", State.RUNNING, 1, "permanent", 0, False, False, 3.0),
        )


async def test_a_body_without_a_hash_gets_its_handle() -> None:
    @attrs.define
    class Body:
        seen: list[str] = attrs.field(factory=list[str])

        async def __call__(self, *, child: Child) -> None:
            self.seen.append(child.name)

    body = Body()
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", body, restart="temporary"))
        await sup.start(ChildSpec("b", body, restart="temporary"))
        await trio.testing.wait_all_tasks_blocked()
    assert body.seen == ["a", "b"]


def test_a_named_copy_differs_in_name_and_arguments_only() -> None:
    odd = ChildSpec(
        "a",
        trio.sleep,
        (1,),
        restart="transient",
        stop=FOREVER,
        backoff=Backoff(first=9),
        significant=True,
        on_failure=(OnFailure(KeyError, "stop"),),
    )
    for field in attrs.fields(ChildSpec):
        if field.default is not attrs.NOTHING:
            assert getattr(odd, field.name) != field.default, "make it odd, too"
    assert odd.named("b", 2) == attrs.evolve(odd, name="b", args=(1, 2))
