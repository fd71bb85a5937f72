"""The owner's memory, against a list that is searched from the front."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from crew_mailbox import Letter
from crew_mailbox.durable import DeliveryMode
from crew_mailbox.durable._ledger import Held, Ledger
from crew_mailbox.durable._letters import MODES, PRIORITIES
from crew_mailbox.durable._rules import FINAL

STATES = ("queued", "in_hand", "awaiting", *sorted(FINAL))


class LedgerAgainstAList(RuleBasedStateMachine):
    """Each letter is in one state, and the right one is handed out."""

    held: Bundle[Held] = Bundle("held")
    taken: Bundle[Held] = Bundle("taken")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.open: list[Held] = []
        self.accepted = 0

    @rule(
        target=held,
        to=st.sampled_from("ab"),
        priority=st.sampled_from(PRIORITIES),
        delivery=st.sampled_from(MODES),
        deadline=st.none() | st.integers(0, 9),
    )
    def add(self, to: str, priority: Any, delivery: Any, deadline: int | None) -> Held:
        self.accepted += 1
        letter = Letter(to=to, priority=priority, delivery=delivery, body=b"x" * 7)
        held = Held(self.accepted, letter, 0.0, deadline=deadline)
        self.ledger.add(held)
        self.open.append(held)
        return held

    @rule(target=taken, to=st.sampled_from("ab"), mode=st.sampled_from((None, *MODES)))
    def take(self, to: str, mode: DeliveryMode | None) -> Any:
        waiting = [
            each
            for each in self.open
            if each.letter.to == to
            and each.state == "queued"
            and mode in {None, each.letter.delivery}
        ]
        waiting.sort(
            key=lambda each: (
                MODES.index(each.letter.delivery),
                PRIORITIES.index(each.letter.priority),
                each.seq,
            )
        )
        found = self.ledger.take(to, mode)
        assert found is (waiting[0] if waiting else None)
        return found

    @rule(held=consumes(taken), state=st.sampled_from(("queued", "awaiting")))
    def give_back(self, held: Held | None, state: Any) -> None:
        if held is not None and held.state == "in_hand":
            self.ledger.move(held, state)

    @rule(held=consumes(held), end=st.sampled_from(sorted(FINAL)))
    def settle(self, held: Held, end: Any) -> None:
        self.ledger.move(held, end)
        self.open.remove(held)
        self.ledger.file(held.seq, 10)

    @rule()
    def archive(self) -> None:
        self.ledger.archived(sorted(self.ledger.settled)[:2])

    @invariant()
    def each_letter_is_in_one_state(self) -> None:
        assert sum(self.ledger.counts[state] for state in STATES) == self.accepted
        assert list(self.ledger) == self.open
        assert len(self.ledger) == len(self.open)
        assert self.ledger.size == 7 * len(self.open)
        assert self.ledger.settled_weight == 10 * len(self.ledger.settled)

    @invariant()
    def the_next_deadline_is_the_earliest(self) -> None:
        due = [(h.deadline, h.seq) for h in self.open if h.deadline is not None]
        found = self.ledger.next_deadline()
        assert (None if found is None else (found[0], found[1].seq)) == min(
            due, default=None
        )


TestLedger = LedgerAgainstAList.TestCase
