"""What is due, delivered again and archived: rules over values."""

from typing import Any

import pytest
from hypothesis import given, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crew_mailbox import Letter
from crew_mailbox.durable import Kind, Record, State, StoredLetter, standing
from crew_mailbox.durable._letters import RECORDS
from crew_mailbox.durable._rules import (
    FINAL,
    Ranks,
    archive_cut,
    is_due,
    lanes_for,
    rank_of,
    remaining,
    step,
)


def _stored(*kinds: str, reply_by: float | None = None, kind: Kind = "message") -> Any:
    letter = Letter(to="ann", sender="bob", reply_by=reply_by, kind=kind)
    records = tuple(Record(each, 0.0) for each in kinds)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  some of them
    return StoredLetter(seq=1, letter=letter, sent_at=0.0, records=records)


@pytest.mark.parametrize(
    ("records", "reply_by", "state", "attempts"),
    [
        ((), None, "queued", 0),
        (("delivered",), None, "queued", 1),
        (("delivered", "delivered"), None, "queued", 2),
        (("delivered", "acknowledged"), None, "acknowledged", 1),
        (("acknowledged",), None, "acknowledged", 0),
        (("delivered", "acknowledged"), 5.0, "awaiting", 1),
        (("delivered", "acknowledged", "replied"), 5.0, "replied", 1),
        (("delivered", "acknowledged", "expired"), 5.0, "expired", 1),
        (("delivered", "replied"), 5.0, "replied", 1),
        (("expired", "acknowledged"), 5.0, "expired", 0),
        (("delivered", "dead"), None, "dead", 1),
        (("acknowledged", "delivered"), None, "acknowledged", 1),
        (("acknowledged", "delivered"), 5.0, "awaiting", 1),
    ],
)
def test_where_a_letter_stands_is_a_fold_over_its_records(
    records: tuple[str, ...], reply_by: float | None, state: str, attempts: int
) -> None:
    found = standing(_stored(*records, reply_by=reply_by))
    assert (found.state, found.attempts) == (state, attempts)


def test_acknowledging_a_group_join_is_enough() -> None:
    stored = _stored("delivered", "acknowledged", reply_by=5.0, kind="group_join")
    assert standing(stored).state == "acknowledged"


@given(st.lists(st.sampled_from(RECORDS)), st.lists(st.sampled_from(RECORDS)))
def test_a_final_state_absorbs_what_comes_after(
    before: list[str], after: list[str]
) -> None:
    state = standing(_stored(*before, reply_by=5.0)).state
    if state in FINAL:
        assert standing(_stored(*before, *after, reply_by=5.0)).state == state


@given(st.lists(st.sampled_from(RECORDS)))
def test_what_was_not_acknowledged_is_queued_when_the_mailbox_is_opened(
    records: list[str],
) -> None:
    state = standing(_stored(*records)).state
    assert (state == "queued") == (set(records) <= {"delivered"})


def test_a_delivery_moves_only_what_is_queued() -> None:
    letter = Letter(to="ann")
    states: list[State] = ["queued", "in_hand", "awaiting", "dead"]
    after = [step(letter, state, Record("delivered", 0.0)) for state in states]
    assert after == ["in_hand", "in_hand", "awaiting", "dead"]


def test_urgent_comes_before_normal_before_low_and_then_the_older() -> None:
    low = rank_of(Letter(to="ann", priority="low"), 1)
    normal = rank_of(Letter(to="ann"), 2)
    urgent = rank_of(Letter(to="ann", priority="urgent"), 4)
    assert sorted([low, normal, urgent, rank_of(Letter(to="ann"), 3)]) == [
        urgent,
        normal,
        rank_of(Letter(to="ann"), 3),
        low,
    ]


def test_interrupts_come_before_the_next_turn() -> None:
    assert lanes_for(None) == ("interrupt", "next_turn")
    assert lanes_for("next_turn") == ("next_turn",)


@pytest.mark.parametrize(
    ("now", "left"),
    [(100, 30), (110, 20), (130, 0), (131, 0), (99, 30), (0, 30)],
)
def test_a_wall_clock_that_was_set_back_lengthens_no_deadline(
    now: float, left: float
) -> None:
    assert remaining(100, 30, now) == left


def test_a_deadline_is_due_at_its_very_moment() -> None:
    assert [is_due(5, now) for now in (4.999, 5, 5.001)] == [False, True, True]


WEIGHTS = st.lists(st.integers(1, 100), max_size=60)


@given(WEIGHTS, st.integers(1, 400))
def test_an_archive_takes_the_oldest_until_half_of_the_limit_stays(
    weights: list[int], limit: int
) -> None:
    settled = [(number * 3, weight) for number, weight in enumerate(weights)]
    chosen = archive_cut(settled, limit)
    assert chosen == [seq for seq, _ in settled][: len(chosen)]
    taken = sum(weight for _, weight in settled[: len(chosen)])
    stays = sum(weights) - taken
    if sum(weights) < limit:
        assert not chosen
    else:
        assert chosen
        assert taken <= limit or len(chosen) == 1
        following = weights[len(chosen) : len(chosen) + 1]
        assert stays <= limit // 2 or taken + following[0] > limit


@given(WEIGHTS, st.integers(1, 400))
def test_cutting_until_nothing_is_chosen_leaves_less_than_the_limit(
    weights: list[int], limit: int
) -> None:
    settled = dict(enumerate(weights))
    while chosen := archive_cut(settled.items(), limit):
        for seq in chosen:
            del settled[seq]
    assert sum(settled.values()) < limit


class RanksAgainstASortedSet(RuleBasedStateMachine):
    """The least key is always found, and what was removed does not pile up."""

    def __init__(self) -> None:
        super().__init__()
        self.ranks = Ranks[tuple[int, int]]()
        self.model: set[tuple[int, int]] = set()

    @rule(key=st.tuples(st.integers(0, 2), st.integers(0, 30)))
    def add(self, key: tuple[int, int]) -> None:
        if key not in self.model:
            self.model.add(key)
            self.ranks.add(key)

    @rule(key=st.tuples(st.integers(0, 2), st.integers(0, 30)))
    def discard(self, key: tuple[int, int]) -> None:
        self.model.discard(key)
        self.ranks.discard(key)

    @invariant()
    def the_least_is_first(self) -> None:
        assert self.ranks.first() == min(self.model, default=None)
        assert len(self.ranks) == len(self.model)
        assert len(self.ranks._heap) <= 2 * len(self.model) + 16


TestRanks = RanksAgainstASortedSet.TestCase
