"""No message is lost, doubled or reordered, whatever happens to those who handle it.

Hypothesis has many senders and a reader send, read, wait, cancel, put back, stash,
reject, withdraw, requeue and close in any order, and compares the mailbox with a pure
model after each step.
"""

from collections.abc import Callable
from random import Random
from typing import get_args

import attrs
import hypothesis.strategies as st
import pytest
import trio
from hypothesis import Phase, given, settings
from tests.support.mailbox_model import Model, Outcome
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_mailbox import (
    Answer,
    AnswerState,
    DeadLetters,
    LetterNotHeld,
    Mailbox,
    MailboxClosed,
    MailboxError,
    MailboxFull,
    MailboxStatistics,
    OnFull,
    Priority,
    Reason,
    Request,
    StashFull,
    open_mailbox,
)

HELD = 3
STATES = {
    "waiting": AnswerState.WAITING,
    "replied": AnswerState.REPLIED,
    "unanswered": AnswerState.UNANSWERED,
    "dropped": AnswerState.DROPPED,
}


@attrs.frozen(eq=False)
class Note:
    """A message."""

    number: int


@attrs.frozen(eq=False)
class Ask(Request[int]):
    """A message that is a request, so that those paths are taken too."""

    number: int


@attrs.frozen
class Step:
    """Something that happens. *number* says to whom, or how much, where it matters."""

    act: str
    number: int = 0
    priority: Priority = "normal"
    ask: bool = False
    settles: bool = True
    """Whether all tasks run before the next step. Sends and reads always settle."""


def conserves(figures: MailboxStatistics) -> bool:
    """Return whether the law of conservation holds."""
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


class Machine:
    """A mailbox beside its model, and the tasks that use it."""

    def __init__(
        self, nursery: trio.Nursery, capacity: int, on_full: OnFull, *, strict: bool
    ) -> None:
        self.nursery = nursery
        self.model = Model(capacity, on_full, HELD)
        self.box: Mailbox[Note | Ask] = open_mailbox(
            "box",
            capacity=capacity,
            on_full=on_full,
            dead_letters=DeadLetters(held=HELD),
            strict_checkpoints=strict,
            budget=2,
        )
        self.answers = dict[int, Answer]()
        self.outcomes = dict[int, Outcome]()
        self.senders = dict[int, trio.CancelScope]()
        self.reader: trio.CancelScope | None = None
        self.hand: Note | Ask | None = None
        self.next = 0

    # What the tasks do

    def make(self, *, ask: bool) -> Note | Ask:
        self.next += 1
        if not ask:
            return Note(self.next)
        request, answer = Ask(self.next), Answer("asker")
        answer.attach(request)
        self.answers[self.next] = answer
        self.model.asks[self.next] = "waiting"
        return request

    def try_to(self, number: int, act: Callable[[], None]) -> None:
        try:
            act()
        except MailboxClosed:
            self.outcomes[number] = "closed"
        except MailboxFull:
            self.outcomes[number] = "full"
        else:
            self.outcomes[number] = "accepted"

    async def send(self, message: Note | Ask, priority: Priority) -> None:
        number = message.number
        self.outcomes[number] = "waiting"
        with trio.CancelScope() as self.senders[number]:
            try:
                await self.box.send(message, priority)
            except MailboxClosed:
                self.outcomes[number] = "closed"
            except MailboxFull:
                self.outcomes[number] = "full"
            else:
                self.outcomes[number] = "accepted"
        if self.senders.pop(number).cancelled_caught:
            self.outcomes[number] = "cancelled"

    async def read(self) -> None:
        with trio.CancelScope() as self.reader:
            try:
                self.hand = await self.box.receive()
            except MailboxClosed:
                assert self.model.closed
        self.reader = None

    # The steps

    async def take(self, step: Step) -> None:
        act: Callable[[Step], None] = getattr(self, f"do_{step.act}")
        is_task = step.act in ("send", "receive")
        if is_task:
            await self.settle()
        act(step)
        assert conserves(self.box.statistics())
        if is_task or step.settles:
            await self.settle()

    async def settle(self) -> None:
        await wait_all_tasks_blocked()
        self.model.settle()
        self.check()

    def do_send(self, step: Step) -> None:
        message = self.make(ask=step.ask)
        self.nursery.start_soon(self.send, message, step.priority)
        self.model.send(message.number, step.priority, waits=True)

    def do_send_nowait(self, step: Step) -> None:
        message = self.make(ask=step.ask)
        self.try_to(
            message.number, lambda: self.box.send_nowait(message, step.priority)
        )
        self.model.send(message.number, step.priority, waits=False)

    def do_send_system(self, step: Step) -> None:
        message = self.make(ask=step.ask)
        self.try_to(message.number, lambda: self.box.send_system(message))
        self.model.send_system(message.number)

    def do_cancel_sender(self, step: Step) -> None:
        waiting = sorted(self.senders)
        if waiting:
            number = waiting[step.number % len(waiting)]
            self.senders[number].cancel()
            self.model.cancel_sender(number)

    def do_receive(self, step: Step) -> None:
        if self.reader is None:
            self.hand = None
            self.nursery.start_soon(self.read)
            self.model.receive()

    def do_cancel_reader(self, step: Step) -> None:
        if self.reader is not None:
            self.reader.cancel()
            self.model.cancel_reader()

    def do_reply(self, step: Step) -> None:
        if isinstance(self.hand, Ask) and not self.has_answer(self.hand):
            self.hand.reply(1)
            self.model.reply()

    def has_answer(self, ask: Ask) -> bool:
        """Return whether *ask* was answered, or lost its asker by a requeue."""
        answer = self.answers.get(ask.number)
        return answer is None or answer.replied

    def do_ack(self, step: Step) -> None:
        self.hand = None
        self.box.ack()
        self.model.ack()

    def do_reject(self, step: Step) -> None:
        self.hand = None
        self.box.reject(Reason.HANDLER_FAILED)
        self.model.reject()

    def do_put_back(self, step: Step) -> None:
        self.hand = None
        self.box.put_back()
        self.model.put_back()

    def do_stash(self, step: Step) -> None:
        try:
            self.box.stash(step.number)
        except StashFull:
            assert not self.model.stash(step.number)
        else:
            self.hand = None
            assert self.model.stash(step.number)

    def do_unstash(self, step: Step) -> None:
        assert self.box.unstash() == self.model.unstash()

    def do_withdraw(self, step: Step) -> None:
        def matches(number: int) -> bool:
            return number % (1 + step.number) == 0

        gone = self.box.withdraw(lambda message: matches(message.number))
        assert [message.number for message in gone] == self.model.withdraw(matches)

    def do_requeue(self, step: Step) -> None:
        letter = max(self.box.dead_letters.total - step.number, 1)
        number = self.model.holding.get(letter)
        try:
            self.box.dead_letters.requeue(letter, self.box)
        except (LetterNotHeld, MailboxError):
            assert not self.model.requeue(letter)
        else:
            assert self.model.requeue(letter)
            assert number is not None
            self.answers.pop(number, None)

    def do_close(self, step: Step) -> None:
        self.box.close()
        self.model.close()

    def do_drain(self, step: Step) -> None:
        gone = [message.number for message in self.box.drain()]
        assert gone == self.model.drain()

    def do_bury(self, step: Step) -> None:
        assert self.box.bury() == self.model.bury()

    # The comparison

    def check(self) -> None:
        box, model = self.box, self.model
        figures = box.statistics()
        assert conserves(figures)
        assert figures.accepted == model.accepted
        assert figures.handled == model.handled
        assert figures.dead == model.dead
        assert figures.returned == model.returned
        assert figures.queued == model.queued
        assert figures.urgent == len(model.lanes["urgent"])
        assert figures.low == len(model.lanes["low"])
        assert figures.stashed == len(model.aside)
        assert figures.in_hand == (model.hand is not None)
        assert figures.senders_waiting == len(model.blocked)
        assert figures.closed == model.closed
        assert self.outcomes == model.outcomes
        assert (self.reader is not None) == model.reading
        hand = None if self.hand is None else self.hand.number
        assert hand == (None if model.hand is None else model.hand[0])
        assert box.deliveries == (0 if model.hand is None else 1 + model.hand[1])
        for number, answer in self.answers.items():
            assert answer.state is STATES[model.asks[number]]
        letters = [letter.reason for letter in box.dead_letters.newest()]
        assert letters == [reason for _, reason in model.letters]
        assert box.dead_letters.statistics().requeued == model.requeued
        assert box.dead_letters.statistics().held == len(model.holding)


ACTS = (
    *("send",) * 8,
    *("receive",) * 6,
    *("cancel_sender", "put_back", "stash") * 2,
    *("send_nowait", "send_system", "cancel_reader", "unstash", "reply"),
    *("ack", "reject", "withdraw", "requeue"),
)
ENDS = ("close", "drain", "bury")


def steps_of(least: int, most: int) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        act=st.sampled_from(ACTS),
        number=st.integers(0, 3),
        priority=st.sampled_from(get_args(Priority)),
        ask=st.booleans(),
        settles=st.booleans(),
    )
    return st.lists(step, min_size=least, max_size=most)


@settings(
    max_examples=500,
    deadline=None,
    # Without shrinking: it would take minutes, and a run of 60 steps can be read.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    steps=steps_of(20, 60),
    end=st.sampled_from(ENDS),
    after=steps_of(0, 10),
    capacity=st.integers(1, 3),
    on_full=st.sampled_from(get_args(OnFull)),
    strict=st.booleans(),
)
def test_a_mailbox_does_what_its_model_does(
    *,
    steps: list[Step],
    end: str,
    after: list[Step],
    capacity: int,
    on_full: OnFull,
    strict: bool,
) -> None:
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            machine = Machine(nursery, capacity, on_full, strict=strict)
            for step in (*steps, Step(end), *after):
                await machine.take(step)
            machine.box.close()
        await machine.take(Step("drain"))
        assert machine.box.statistics().queued == machine.box.statistics().in_hand

    trio.run(run, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("strict", [False, True], ids=["fast", "strict"])
@pytest.mark.parametrize("seed", range(12))
def test_cancelled_senders_and_readers_lose_and_double_nothing(
    seed: int, strict: bool
) -> None:
    """Many senders, one reader; each of them is cancelled at random moments."""
    random = Random(seed)
    sent, got = list[tuple[int, int]](), list[tuple[int, int]]()

    async def send(box: Mailbox[tuple[int, int]], sender: int) -> None:
        for number in range(40):
            with trio.move_on_after(random.choice([0, 0.5, 2, 9])) as scope:
                await box.send((sender, number))
            if not scope.cancelled_caught:
                sent.append((sender, number))
            assert conserves(box.statistics())

    async def read(box: Mailbox[tuple[int, int]]) -> None:
        while True:
            with trio.move_on_after(random.choice([0, 0.5, 2])):
                try:
                    got.append(await box.receive())
                except MailboxClosed:
                    return
                assert conserves(box.statistics())
                await trio.sleep(random.choice([0, 0, 0.3]))

    async def run() -> None:
        box: Mailbox[tuple[int, int]] = open_mailbox(
            "box", capacity=random.randint(1, 5), strict_checkpoints=strict
        )
        async with trio.open_nursery() as readers:
            readers.start_soon(read, box)
            async with trio.open_nursery() as senders:
                for sender in range(5):
                    senders.start_soon(send, box, sender)
            box.close()
        figures = box.statistics()
        assert figures.accepted == figures.handled == len(sent)

    trio.run(run, clock=MockClock(autojump_threshold=0))
    assert sorted(got) == sorted(sent)
    for sender in range(5):
        numbers = [number for who, number in got if who == sender]
        assert numbers == sorted(numbers)
