"""An actor does what a model of it does, whatever it is sent."""

from collections import deque
from typing import Literal, TypeAlias

import attrs
from hypothesis import given, settings, strategies as st
from trio.testing import wait_all_tasks_blocked

from crew_actors.actors import (
    Inbox,
    OnCrash,
    Priority,
    Reason,
    Redeliver,
    open_actors,
)
from crew_actors.testing import run_virtual

CAPACITY = 3

Kind: TypeAlias = Literal["note", "boom", "stash", "unstash"]


@attrs.frozen
class Order:
    """Tells the actor what to do with this very message."""

    kind: Kind
    number: int


@attrs.frozen
class Batch:
    """What is sent before the actor gets to run."""

    orders: list[tuple[Kind, Priority]]


Seen: TypeAlias = "tuple[int, Order]"


async def body(inbox: Inbox[Order], seen: list[Seen]) -> None:
    async for order in inbox:
        seen.append((inbox.incarnation, order))
        if order.kind == "boom":
            raise ValueError(order.number)
        if order.kind == "stash":
            inbox.stash()
        elif order.kind == "unstash":
            inbox.unstash()


@attrs.define
class Model:
    """One actor, as plain lists."""

    times: int
    """How often a message is read again at which the actor has failed."""
    lanes: dict[Priority, deque[Order]] = attrs.field(
        factory=lambda: {"urgent": deque(), "normal": deque(), "low": deque()}
    )
    back: list[tuple[Order, int]] = attrs.field(factory=list[tuple[Order, int]])
    aside: list[tuple[Order, int]] = attrs.field(factory=list[tuple[Order, int]])
    incarnation: int = 1
    seen: list[Seen] = attrs.field(factory=list[Seen])
    dead: list[tuple[str, Reason]] = attrs.field(factory=list[tuple[str, Reason]])

    def run(self) -> None:
        while (taken := self.take()) is not None:
            order, again = taken
            self.seen.append((self.incarnation, order))
            if order.kind == "unstash":
                self.bring_back()
            elif order.kind == "stash" and len(self.aside) < CAPACITY:
                self.aside.append(taken)
            elif order.kind != "note":
                self.fail(order, again)

    def take(self) -> tuple[Order, int] | None:
        if self.back:
            return self.back.pop(0)
        for lane in self.lanes.values():
            if lane:
                return lane.popleft(), 0
        return None

    def bring_back(self) -> None:
        self.back[:0] = self.aside
        self.aside.clear()

    def fail(self, order: Order, again: int) -> None:
        if again < self.times:
            self.back.insert(0, (order, again + 1))
        else:
            reason = Reason.POISONED if self.times else Reason.HANDLER_FAILED
            self.dead.append((repr(order), reason))
        self.bring_back()
        self.incarnation += 1

    def end(self) -> None:
        self.run()
        self.dead += [(repr(order), Reason.UNDELIVERED) for order, _ in self.aside]


kinds: st.SearchStrategy[Kind] = st.sampled_from(
    ["note", "note", "boom", "stash", "stash", "unstash"]
)
priorities: st.SearchStrategy[Priority] = st.sampled_from(
    ["normal", "normal", "urgent", "low"]
)
batches = st.lists(
    st.lists(st.tuples(kinds, priorities), max_size=CAPACITY).map(Batch), max_size=8
)


@settings(max_examples=150)
@given(batches=batches, times=st.integers(0, 2))
def test_an_actor_does_what_its_model_does(batches: list[Batch], times: int) -> None:
    on_crash: OnCrash = Redeliver(times) if times else "dead_letter"

    async def main() -> None:
        model, seen, number = Model(times), list[Seen](), 0
        async with open_actors(max_restarts=10_000) as actors:
            ref = await actors.spawn(body, seen, capacity=CAPACITY, on_crash=on_crash)
            for batch in batches:
                for kind, priority in batch.orders:
                    number += 1
                    order = Order(kind, number)
                    ref.tell_nowait(order, priority)
                    model.lanes[priority].append(order)
                await wait_all_tasks_blocked()
                model.run()
                assert seen == model.seen
                assert ref.incarnation == model.incarnation
                assert ref.statistics().stashed == len(model.aside)
            await ref.stop()
            model.end()
        letters = actors.dead_letters.newest()
        assert [(each.summary, each.reason) for each in letters] == model.dead
        figures = ref.statistics()
        assert figures.accepted == number == figures.handled + figures.dead

    run_virtual(main)
