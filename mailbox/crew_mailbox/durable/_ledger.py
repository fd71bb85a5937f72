# What the owner of a mailbox knows about its letters. Nothing here waits or reads a
# clock, and nothing here touches the disk.
#
# 1. Open letters are here with their bodies; there are `capacity` of them at most.
#    Of settled letters only the number and the weight are here, until an archive has
#    them.
# 2. A letter is open from its commit on. It changes its state when the change is
#    asked for: the record of it is then already on its way, and if it does not arrive
#    the mailbox ends.
# 3. accepted = queued + in_hand + awaiting + acknowledged + replied + expired + dead
#    + lost, at every moment.
"""The open letters of a mailbox in memory, and its counters."""

from collections import Counter
from collections.abc import Iterator
from typing import final

import attrs

from crew_mailbox.durable._letters import (
    DeliveryMode,
    Letter,
    State,
    StoredLetter,
    weight_of,
)
from crew_mailbox.durable._rules import FINAL, Ranks, Standing, lanes_for, rank_of


@final
@attrs.define(eq=False)
class Held:
    """One open letter, as its mailbox holds it."""

    seq: int
    letter: Letter
    sent_at: float
    state: State = "queued"
    attempts: int = 0
    """How often it was delivered, in all lives of the mailbox."""
    deadline: float | None = None
    """When its reply is due, in seconds of the loop's clock."""
    reader: object = None
    """Who has it in hand."""


@final
@attrs.define(eq=False)
class Ledger:
    """All open letters, by receiver and by deadline."""

    by_id: dict[str, Held] = attrs.field(factory=dict[str, Held], init=False)
    settled: dict[int, int] = attrs.field(factory=dict[int, int], init=False)
    """Weights of the settled letters that no archive has, in bytes."""
    settled_weight: int = attrs.field(default=0, init=False)
    size: int = attrs.field(default=0, init=False)
    """Bytes of the bodies of the open letters."""
    counts: Counter[str] = attrs.field(factory=Counter[str], init=False)
    """How many letters there are in each state, archived and lost ones included."""
    _lanes: dict[tuple[str, str], Ranks[tuple[int, int]]] = attrs.field(
        factory=dict[tuple[str, str], Ranks[tuple[int, int]]], init=False
    )
    _by_seq: dict[int, Held] = attrs.field(factory=dict[int, Held], init=False)
    _deadlines: Ranks[tuple[float, int]] = attrs.field(
        factory=Ranks[tuple[float, int]], init=False
    )

    def __len__(self) -> int:
        return len(self._by_seq)

    def __iter__(self) -> Iterator[Held]:
        return iter(self._by_seq.values())

    def add(self, held: Held) -> None:
        """Take in a letter that is on disk."""
        self._by_seq[held.seq] = self.by_id[held.letter.id] = held
        self.size += len(held.letter.body)
        self.counts[held.state] += 1
        if held.state == "queued":
            self._enqueue(held)
        if held.deadline is not None:
            self._deadlines.add((held.deadline, held.seq))

    def add_settled(self, stored: StoredLetter, standing: Standing) -> None:
        """Take in a letter whose fate is known already."""
        self.counts[standing.state] += 1
        self.file(stored.seq, weight_of(stored.letter))

    def take(self, to: str, mode: DeliveryMode | None) -> Held | None:
        """Hand out the next letter for *to*; None if none waits."""
        for lane in lanes_for(mode):
            ranks = self._lanes.get((to, lane))
            first = None if ranks is None else ranks.first()
            if first is not None:
                held = self._by_seq[first[1]]
                self.move(held, "in_hand")
                held.attempts += 1
                return held
        return None

    def move(self, held: Held, state: State) -> None:
        """Note that an open letter stands at *state* now."""
        if held.state == "queued":
            self._dequeue(held)
        self.counts[held.state] -= 1
        self.counts[state] += 1
        held.state = state
        if state == "queued":
            self._enqueue(held)
        elif state in FINAL:
            self._forget(held)

    def file(self, seq: int, weight: int) -> None:
        """Note that the end of a letter is on disk: an archive may have it."""
        self.settled[seq] = weight
        self.settled_weight += weight

    def archived(self, numbers: list[int]) -> None:
        """Note that an archive has the letters with *numbers*."""
        for seq in numbers:
            self.settled_weight -= self.settled.pop(seq)

    def next_deadline(self) -> tuple[float, Held] | None:
        """Tell which letter's reply is due first, and when."""
        first = self._deadlines.first()
        return None if first is None else (first[0], self._by_seq[first[1]])

    def _forget(self, held: Held) -> None:
        del self._by_seq[held.seq], self.by_id[held.letter.id]
        self.size -= len(held.letter.body)
        if held.deadline is not None:
            self._deadlines.discard((held.deadline, held.seq))

    def _enqueue(self, held: Held) -> None:
        lane = (held.letter.to, held.letter.delivery)
        ranks = self._lanes.get(lane)
        if ranks is None:
            ranks = self._lanes[lane] = Ranks()
        ranks.add(rank_of(held.letter, held.seq))

    def _dequeue(self, held: Held) -> None:
        lane = (held.letter.to, held.letter.delivery)
        ranks = self._lanes[lane]
        ranks.discard(rank_of(held.letter, held.seq))
        if not ranks:
            del self._lanes[lane]
