# The rules of a durable mailbox, over values. Nothing here waits or reads a clock.
#
# 1. Where a letter stands is a fold over its records. A final state absorbs: what
#    comes after it changes nothing.
# 2. A letter that was delivered and not acknowledged is queued again when the
#    mailbox is opened: nobody can know what became of its reader.
# 3. Deadlines are stored by the wall clock and kept by the loop's clock. A wall clock
#    that was set back cannot make anybody wait longer than the sender allowed.
"""What is due, what is delivered again, in which order, and what is archived."""

import heapq
from collections.abc import Iterable
from typing import Final, Generic, TypeVar, final

import attrs

from crew_mailbox.durable._letters import (
    MODES,
    PRIORITIES,
    Letter,
    Record,
    State,
    StoredLetter,
)

K = TypeVar("K", bound=tuple[float, int])

FINAL: Final[frozenset[State]] = frozenset(
    ("acknowledged", "replied", "expired", "dead")
)

_PRIORITY: Final = {name: rank for rank, name in enumerate(PRIORITIES)}


@final
@attrs.frozen
class Standing:
    """Where a letter stands on disk, and how often it was delivered."""

    state: State
    attempts: int


def awaits_reply(letter: Letter) -> bool:
    """Tell whether *letter* stays open after it was acknowledged."""
    return letter.reply_by is not None and letter.kind != "group_join"


def step(letter: Letter, state: State, record: Record) -> State:
    """Tell where *letter* stands after *record*, when it stood at *state*."""
    if state in FINAL:
        return state
    if record.kind == "delivered":
        return "in_hand" if state == "queued" else state
    if record.kind == "acknowledged":
        return "awaiting" if awaits_reply(letter) else "acknowledged"
    return record.kind


def standing(stored: StoredLetter) -> Standing:
    """Fold the records of a letter, as one who opens the mailbox sees it."""
    state: State = "queued"
    attempts = 0
    for record in stored.records:
        attempts += record.kind == "delivered"
        state = step(stored.letter, state, record)
    return Standing("queued" if state == "in_hand" else state, attempts)


def rank_of(letter: Letter, seq: int) -> tuple[int, int]:
    """Tell the place of a letter among those of its receiver and delivery mode."""
    return (_PRIORITY[letter.priority], seq)


def lanes_for(mode: str | None) -> tuple[str, ...]:
    """Tell which delivery modes a reader takes, the first one first."""
    return MODES if mode is None else (mode,)


def remaining(sent_at: float, reply_by: float, now: float) -> float:
    """Tell how many seconds are left at *now*; 0 if the time is over.

    All by the wall clock; *reply_by* is what the sender allowed.
    """
    return min(max(sent_at + reply_by - now, 0.0), reply_by)


def is_due(deadline: float, now: float) -> bool:
    """Tell whether *deadline* has come; at the very moment it has."""
    return deadline <= now


def archive_cut(settled: Iterable[tuple[int, int]], limit: int) -> list[int]:
    """Choose the letters that leave for an archive; none while there is room.

    *settled* are numbers and weights of settled letters in the order of their
    numbers. When they weigh *limit* bytes or more, the oldest go, until what stays
    weighs half of the limit at most; one archive takes *limit* bytes at most, or one
    letter.
    """
    letters = list(settled)
    stays = sum(weight for _, weight in letters)
    if stays < limit:
        return []
    chosen: list[int] = []
    taken = 0
    for seq, weight in letters:
        if stays <= limit // 2 or (chosen and taken + weight > limit):
            break
        chosen.append(seq)
        taken += weight
        stays -= weight
    return chosen


def archives_to_drop(sizes: Iterable[int], limit: int) -> int:
    """Tell how many of the oldest archives go, so that the rest fit in *limit* bytes.

    *sizes* are theirs, the oldest first. The newest one always stays.
    """
    left = list(sizes)
    total = sum(left)
    count = 0
    while total > limit and count < len(left) - 1:
        total -= left[count]
        count += 1
    return count


@final
@attrs.define(eq=False)
class Ranks(Generic[K]):
    """A set of keys, of which the least is found quickly.

    Keys that were removed are left in a heap until they are half of it, so it holds
    at most twice as many keys as the set, and a few.
    """

    _heap: list[K] = attrs.field(factory=list[K], init=False)
    _members: set[K] = attrs.field(factory=set[K], init=False)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, key: K) -> None:
        """Take *key* in; it is not there yet."""
        self._members.add(key)
        heapq.heappush(self._heap, key)
        self._tidy()

    def discard(self, key: K) -> None:
        """Take *key* out, if it is there."""
        self._members.discard(key)
        self._tidy()

    def first(self) -> K | None:
        """Return the least key, which stays; None without any."""
        while self._heap and self._heap[0] not in self._members:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._members) + 16:
            self._heap = list(self._members)
            heapq.heapify(self._heap)
