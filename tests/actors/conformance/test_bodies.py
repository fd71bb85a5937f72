"""What may be spawned, and what is refused before anything has started."""

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from crew_actors.actors import Actor, Inbox, Request, open_actors

T = TypeVar("T")


class Get(Request[int]):
    """Answered with a number."""


class Keeps(Actor[Get | T]):
    """Answers with the number that it was made with."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def handle(self, message: Get | T, inbox: Inbox[Get | T]) -> None:
        if isinstance(message, Get):
            message.reply(self.number)


async def keeps(inbox: Inbox[Get], number: int) -> None:
    async for message in inbox:
        message.reply(number)


def wraps(inbox: Inbox[Get], number: int) -> Awaitable[None]:
    return keeps(inbox, number)


class Callable_:  # noqa: N801  it is what its name says
    async def __call__(self, inbox: Inbox[Get], number: int) -> None:
        await keeps(inbox, number)

    async def method(self, inbox: Inbox[Get], number: int) -> None:
        await keeps(inbox, number)


BODIES: dict[str, Callable[..., Any]] = {
    "a function": keeps,
    "a partial function": functools.partial(keeps),
    "a method": Callable_().method,
    "an object that is a function": Callable_(),
    "a function that makes the coroutine": wraps,
    "a class": Keeps,
    "a generic class with its parameter": Keeps[int],
    "a partial class": functools.partial(Keeps[int]),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_is_a_function_or_a_class_in_any_form(
    body: Callable[..., Any],
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(body, 3)
        assert await ref.ask(Get(), timeout=1) == 3


async def yields(inbox: Inbox[Get]) -> AsyncGenerator[Get]:
    async for message in inbox:
        yield message


class Foreign:
    """No actor."""


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "an actor that was made already": (lambda: Keeps[int](3), "spawn its class"),
    "a function that was called": (
        lambda: keeps(None, 3),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  never runs
        "spawn the function itself",
    ),
    "an async generator": (lambda: yields, "must not yield"),
    "a class that is no actor": (lambda: Foreign, "derive it from Actor"),
    "something else": (lambda: "keeps", "spawn an async function"),
}


@pytest.mark.parametrize(("make", "remedy"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_no_body_is_refused_and_told_what_to_write(
    make: Callable[[], Any], remedy: str
) -> None:
    async with open_actors() as actors:
        with pytest.raises(TypeError, match=remedy):
            await actors.spawn(make())
        assert actors.refs() == ()
        assert actors.supervisor.children() == ()
