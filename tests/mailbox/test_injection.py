"""A cancellation at each step of each task: nothing is lost, doubled or stuck.

A scenario runs again and again; the first time one of its tasks is cancelled before its
first step, then before its second one, and so on, until a run gets through unharmed.
"""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
from trio.lowlevel import Task

from crew_mailbox import (
    Answer,
    AnswerState,
    Mailbox,
    MailboxClosed,
    OnFull,
    Priority,
    Request,
    open_mailbox,
)


@attrs.define(eq=False)
class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope before a certain step of a certain task."""

    victim: str
    step: int
    scope: trio.CancelScope
    taken: int = 0

    def before_task_step(self, task: Task) -> None:
        if task.name == self.victim:
            self.taken += 1
            if self.taken == self.step:
                self.scope.cancel()


@attrs.frozen(eq=False)
class Ask(Request[int]):
    number: int


@attrs.define
class World:
    """A mailbox, two senders, an asker and a reader, and what each of them knows."""

    box: Mailbox[int | Ask]
    scopes: dict[str, trio.CancelScope] = attrs.field(
        factory=dict[str, trio.CancelScope]
    )
    sent: list[int] = attrs.field(factory=list[int])
    got: list[int] = attrs.field(factory=list[int])
    answers: list[Answer] = attrs.field(factory=list[Answer])

    async def send(self, first: int, priority: Priority) -> None:
        for number in range(first, first + 6):
            await self.box.send(number, priority)
            self.sent.append(number)

    async def ask(self) -> None:
        for number in (100, 101):
            request, answer = Ask(number), Answer("asker")
            answer.attach(request)
            await self.box.send(request)
            self.sent.append(number)
            self.answers.append(answer)
            await answer.wait()

    async def read(self) -> None:
        async for message in self.box:
            if isinstance(message, Ask):
                self.got.append(message.number)
                message.reply(1)
            else:
                self.got.append(message)
                if message % 4 == 0:
                    await trio.lowlevel.checkpoint()

    async def run(self, victim: str, step: int) -> bool:
        """Return whether the run got through without that step."""
        scope = trio.CancelScope()

        async def within(name: str, work: Callable[[], Awaitable[None]]) -> None:
            with scope if name == victim else trio.CancelScope():
                await work()
            if name == "reader":
                await work()  # if it was cancelled, somebody else goes on reading

        instrument = CancelAtStep(victim, step, scope)
        trio.lowlevel.add_instrument(instrument)
        async with trio.open_nursery() as readers:
            readers.start_soon(within, "reader", self.read, name="reader")
            async with trio.open_nursery() as senders:
                for name, work in (
                    ("first", lambda: self.send(0, "normal")),
                    ("second", lambda: self.send(10, "urgent")),
                    ("asker", self.ask),
                ):
                    senders.start_soon(within, name, work, name=name)
            self.box.close()
        trio.lowlevel.remove_instrument(instrument)
        return instrument.taken < step


@pytest.mark.parametrize("victim", ["first", "second", "asker", "reader"])
@pytest.mark.parametrize("strict", [False, True], ids=["fast", "strict"])
@pytest.mark.parametrize("on_full", ["wait", "drop_new", "drop_old"])
async def test_a_cancellation_at_any_step_keeps_each_message_in_one_place(
    victim: str, strict: bool, on_full: OnFull, autojump_clock: trio.testing.MockClock
) -> None:
    for step in range(1, 200):
        box: Mailbox[int | Ask] = open_mailbox(
            "box", capacity=2, on_full=on_full, strict_checkpoints=strict, budget=3
        )
        world = World(box)
        through = await world.run(victim, step)
        figures = box.statistics()
        parts = figures.handled + figures.dead + figures.queued
        assert figures.accepted == parts == len(world.sent)
        assert len(set(world.got)) == len(world.got) == figures.handled
        assert set(world.got) <= set(world.sent)
        for lane in (range(10), range(10, 20)):
            ours = [number for number in world.got if number in lane]
            assert ours == sorted(ours)
        for answer in world.answers:
            assert answer.state is not AnswerState.WAITING
        with pytest.raises(MailboxClosed):
            await box.send(0)
        if through:
            return
    pytest.fail("the scenario never got through")
