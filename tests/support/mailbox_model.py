# A mailbox as it should be, written down a second time, without trio and without speed:
# lists of numbers. A step that the real mailbox takes is taken here too, and the two are
# compared afterwards.
"""A pure model of a mailbox with many senders, one reader and dead letters."""

from collections.abc import Callable
from typing import Final, Literal

import attrs

from crew_mailbox import OnFull, Priority, Reason

ORDER: Final[tuple[Priority, ...]] = ("urgent", "normal", "low")

Outcome = Literal["accepted", "waiting", "cancelled", "closed", "full"]
AskState = Literal["waiting", "replied", "unanswered", "dropped"]


@attrs.define
class Model:
    """What is where. Messages are numbers."""

    capacity: int
    on_full: OnFull
    held: int
    """How many messages the dead letters hold."""

    system: list[int] = attrs.field(factory=list[int])
    back: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])
    aside: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])
    lanes: dict[Priority, list[int]] = attrs.field(
        factory=lambda: {priority: list[int]() for priority in ORDER}
    )
    blocked: list[tuple[int, Priority]] = attrs.field(
        factory=list[tuple[int, Priority]]
    )
    hand: tuple[int, int] | None = None
    reading: bool = False
    """Whether the reader waits for a message."""
    woken: bool = False
    """Whether it was told that there is one, and has not run yet."""
    cancelled: bool = False
    """Whether it was cancelled after that: it gives up if the message is gone again."""
    closed: bool = False

    outcomes: dict[int, Outcome] = attrs.field(factory=dict[int, Outcome])
    asks: dict[int, AskState] = attrs.field(factory=dict[int, AskState])
    letters: list[tuple[int, Reason]] = attrs.field(factory=list[tuple[int, Reason]])
    holding: dict[int, int] = attrs.field(factory=dict[int, int])
    accepted: int = 0
    handled: int = 0
    dead: int = 0
    returned: int = 0
    requeued: int = 0

    # Sending

    def send(self, number: int, priority: Priority, *, waits: bool) -> Outcome:
        outcome = self._send(number, priority, waits=waits)
        self.outcomes[number] = outcome
        return outcome

    def _send(self, number: int, priority: Priority, *, waits: bool) -> Outcome:
        if self.closed:
            return "closed"
        if self._used() >= self.capacity:
            if self.on_full == "wait" and waits:
                self.blocked.append((number, priority))
                return "waiting"
            if self.on_full in ("wait", "fail"):
                return "full"
        self._accept(number, priority)
        if self._used() > self.capacity:
            lane = next(self.lanes[p] for p in reversed(ORDER) if self.lanes[p])
            is_old = self.on_full == "drop_old"
            victim = lane.pop(0 if is_old else -1)
            self._die(victim, Reason.DROPPED_OLD if is_old else Reason.DROPPED_NEW)
            self._settle_ask(victim, "dropped")
        return "accepted"

    def send_system(self, number: int) -> Outcome:
        self.outcomes[number] = "closed" if self.closed else "accepted"
        if not self.closed:
            self.accepted += 1
            self.system.append(number)
            self.woken = self.reading
        return self.outcomes[number]

    def cancel_sender(self, number: int) -> None:
        if self.outcomes[number] == "waiting":
            self.blocked = [each for each in self.blocked if each[0] != number]
            self.outcomes[number] = "cancelled"

    def _accept(self, number: int, priority: Priority) -> None:
        self.accepted += 1
        self.lanes[priority].append(number)
        self.woken = self.reading

    def _admit(self) -> None:
        while self.blocked and self._used() < self.capacity:
            first = min(self.blocked, key=lambda each: ORDER.index(each[1]))
            self.blocked.remove(first)
            self.outcomes[first[0]] = "accepted"
            self._accept(*first)

    def _used(self) -> int:
        return sum(len(lane) for lane in self.lanes.values())

    # Reading

    def receive(self) -> None:
        self.ack()
        self.reading, self.cancelled = True, False

    def cancel_reader(self) -> None:
        self.reading = self.cancelled = self.woken

    def settle(self) -> None:
        """Let the waiting reader run: it takes the message that is next."""
        self.woken = False
        if not self.reading:
            return
        if self.system:
            self.hand = (self.system.pop(0), 0)
        elif self.back:
            self.hand = self.back.pop(0)
        elif self._used():
            lane = next(self.lanes[p] for p in ORDER if self.lanes[p])
            self.hand = (lane.pop(0), 0)
        else:
            self.reading = not (self.closed or self.cancelled)
            return
        self.reading = False
        self._admit()

    def reply(self) -> None:
        if self.hand is not None:
            self._settle_ask(self.hand[0], "replied")

    def ack(self) -> None:
        if self.hand is not None:
            self.handled += 1
            self._settle_ask(self.hand[0], "unanswered")
            self.hand = None

    def reject(self) -> None:
        if self.hand is not None:
            self._settle_ask(self.hand[0], "unanswered")
            self._die(self.hand[0], Reason.HANDLER_FAILED)
            self.hand = None

    def put_back(self) -> None:
        if self.hand is not None:
            number, again = self.hand
            self.back.insert(0, (number, again + 1))
            self.hand = None

    def stash(self, limit: int) -> bool:
        if self.hand is not None:
            if len(self.aside) >= limit:
                return False
            self.aside.append(self.hand)
            self.hand = None
        return True

    def unstash(self) -> int:
        count = len(self.aside)
        self.back = self.aside + self.back
        self.aside = []
        self.woken = self.reading and (self.woken or count > 0)
        return count

    # Taking out, and the end

    def close(self) -> None:
        self.closed = True
        for number, _ in self.blocked:
            self.outcomes[number] = "closed"
        self.blocked = []
        self.woken = self.reading

    def drain(self) -> list[int]:
        self.close()
        return self.withdraw(lambda _: True)

    def bury(self) -> int:
        self.close()
        numbers = self.waiting()
        self._remove(numbers)
        for number in numbers:
            self._settle_ask(number, "dropped")
            self._die(number, Reason.UNDELIVERED)
        return len(numbers)

    def withdraw(self, matches: Callable[[int], bool]) -> list[int]:
        numbers = [number for number in self.waiting() if matches(number)]
        self._remove(numbers)
        self.returned += len(numbers)
        self._admit()
        return numbers

    def waiting(self) -> list[int]:
        """What is queued, in the order of reading, and what is aside."""
        again = [number for number, _ in self.back + self.aside]
        lanes = [number for priority in ORDER for number in self.lanes[priority]]
        return self.system + again + lanes

    def _remove(self, numbers: list[int]) -> None:
        self.system = [each for each in self.system if each not in numbers]
        self.back = [each for each in self.back if each[0] not in numbers]
        self.aside = [each for each in self.aside if each[0] not in numbers]
        for lane in self.lanes.values():
            lane[:] = [each for each in lane if each not in numbers]

    # Dead letters

    def _die(self, number: int, reason: Reason) -> None:
        self.dead += 1
        self.letters.append((number, reason))
        self.holding[len(self.letters)] = number
        for letter in sorted(self.holding)[: -self.held]:
            del self.holding[letter]

    def requeue(self, letter: int) -> bool:
        """Send the message of *letter* again; tell whether that was possible."""
        if letter not in self.holding:
            return False
        number = self.holding[letter]
        state = self.asks.pop(number, None)
        if self._send(number, "normal", waits=False) != "accepted":
            if state is not None:
                self.asks[number] = state
            return False
        self.holding.pop(letter, None)
        self.requeued += 1
        return True

    def _settle_ask(self, number: int, state: AskState) -> None:
        if self.asks.get(number) == "waiting":
            self.asks[number] = state

    @property
    def queued(self) -> int:
        return len(self.waiting()) + (self.hand is not None)
