# How messages come into a mailbox. The rules are told in `_mailbox.py`.
#
# 1. `_room` is how long the ordinary lane may be: what urgent and low messages leave
#    of the capacity, and -1 in a closed mailbox. One comparison tells whether a send
#    may go on.
# 2. While senders are blocked there is no room, so none of them is overtaken.
"""The sending side of a mailbox."""

from collections import deque
from typing import Generic, Literal, TypeAlias, TypeVar, get_args

import attrs
from trio.lowlevel import Task, current_task, reschedule, wait_task_rescheduled

from crew_mailbox._duties import Duties
from crew_mailbox._errors import MailboxClosed, MailboxFull
from crew_mailbox._lanes import (
    NORMAL,
    SYSTEM_CAPACITY,
    Lanes,
    Priority,
    check_priority,
)
from crew_mailbox._letter import Reason
from crew_mailbox._letters import DeadLetters
from crew_mailbox._notices import Notice
from crew_mailbox._requests import AnyRequest
from crew_mailbox._senders import Senders
from crew_mailbox._turn import BUDGET, Turn, turn_of_this_run

M = TypeVar("M")

OnFull: TypeAlias = Literal["wait", "fail", "drop_new", "drop_old"]
"""What a send does when the mailbox is full."""


@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class Intake(Generic[M]):
    """What a mailbox is to those who send to it."""

    name: str
    capacity: int = attrs.field(validator=attrs.validators.ge(1))
    on_full: OnFull = attrs.field(
        default="wait", validator=attrs.validators.in_(get_args(OnFull))
    )
    dead_letters: DeadLetters = attrs.field(factory=DeadLetters, repr=False)
    budget: int = attrs.field(default=BUDGET, validator=attrs.validators.ge(1))
    strict_checkpoints: bool = False

    _user: deque[M] = attrs.field(factory=deque[M], init=False, repr=False)
    _lanes: Lanes[M] | None = attrs.field(default=None, init=False, repr=False)
    _room: int = attrs.field(init=False, repr=False)
    """How long the ordinary lane may be: what the others leave; -1 when closed."""
    _closed: bool = attrs.field(default=False, init=False, repr=False)
    _blocked: Senders[M] | None = attrs.field(default=None, init=False, repr=False)
    _has_line: bool = attrs.field(default=False, init=False, repr=False)
    """Whether senders may be waiting; if not, certainly none does."""
    _reader: Task | None = attrs.field(default=None, init=False, repr=False)
    """The task that waits for a message or gives way before it takes one."""
    last_reader: Task | None = attrs.field(default=None, init=False, repr=False)
    """The task that reads, as far as is known: it may read no more."""
    _parked: bool = attrs.field(default=False, init=False, repr=False)
    _duties: Duties | None = attrs.field(default=None, init=False, repr=False)
    _ready: int = attrs.field(default=0, init=False, repr=False)
    """How many messages of the ordinary lane the reader may take one after another, as
    part of its turn, because there is nothing else to look at."""
    _taken: int = attrs.field(default=0, init=False, repr=False)
    """How many messages were read, and those that are ready to be."""
    _turn: Turn = attrs.field(init=False, repr=False)

    _accepted: int = attrs.field(default=0, init=False, repr=False)
    _dropped: int = attrs.field(default=0, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._room = self.capacity
        self._turn = turn_of_this_run(strict=self.strict_checkpoints)

    @property
    def running_task(self) -> Task | None:
        """The task that runs; None if it is cancelled, or in a strict mailbox.

        Who gets None asks trio. This is the cheaper way for by far the most.
        """
        turn = self._turn
        if turn.strict:
            return None
        task = turn.here["task"]
        return None if task._cancel_status.effectively_cancelled else task  # noqa: SLF001  see `_turn`

    async def send(self, message: M, priority: Priority = NORMAL) -> None:
        """Queue *message*; when there is no room, do what `on_full` says.

        A checkpoint when it waits for room or when the sender's turn is used up;
        always notices cancellation. A cancelled send queued nothing.

        Raises:
          MailboxFull: there is no room and `on_full` is "fail". Nothing was queued.
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        turn = self._turn
        task = turn.here["task"]
        user = self._user
        if (
            (
                turn.task is not task
                or not turn.left
                or task._cancel_status.effectively_cancelled  # noqa: SLF001  see `_turn`
            )
            # Who has to wait for room gives way and notices cancellation by that.
            and (len(user) < self._room or self._closed or self.on_full != "wait")
            and turn.is_over(task, self.budget)
        ):
            await turn.give_way(task)
        if len(user) >= self._room:
            if self.on_full != "wait" or self._closed:
                turn.left -= 1
                self._overflow(message, priority)
                return
            # In here, and in no method of its own: each frame costs a switch more time.
            entry = self._senders().add(task, message, priority)
            await wait_task_rescheduled(entry.withdraw)
            if not entry.accepted:
                raise MailboxClosed(self.name)
            return
        turn.left -= 1
        if priority is not NORMAL:
            self._accept(message, priority)
            return
        if self._parked:
            self._wake_reader()
        if isinstance(message, AnyRequest):
            (self._duties or self._own_duties()).accept(message)
            self._look_again()
        user.append(message)
        self._accepted += 1

    def send_nowait(self, message: M, priority: Priority = NORMAL) -> None:
        """Queue *message* now. Not a checkpoint, and blind to cancellation.

        Raises:
          MailboxFull: there is no room and `on_full` is "fail" or "wait". Nothing was
            queued.
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        user = self._user
        if len(user) >= self._room:
            self._overflow(message, priority)
        elif priority is not NORMAL:
            self._accept(message, priority)
        else:
            if self._parked:
                self._wake_reader()
            if isinstance(message, AnyRequest):
                (self._duties or self._own_duties()).accept(message)
                if self._ready:
                    self._look_again()
            user.append(message)
            self._accepted += 1

    def send_system(self, message: M) -> None:
        """Queue *message* before all ordinary ones. Not a checkpoint.

        System messages keep their order among themselves.

        Raises:
          MailboxFull: `SYSTEM_CAPACITY` of them wait already. Nothing was queued.
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        if self._closed:
            raise MailboxClosed(self.name)
        lane = self._all_lanes().system
        if len(lane) >= SYSTEM_CAPACITY:
            raise MailboxFull(self.name, SYSTEM_CAPACITY)
        self._look_again()
        self._enter(lane, message)

    def send_notice(self, notice: Notice[M]) -> None:
        """Queue *notice* before all messages; there is always room. Not a checkpoint.

        For what the reader has ordered for itself: that bounds how many there are. It is
        accepted when it is read and holds, and never returned nor buried.

        Raises:
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        if self._closed:
            raise MailboxClosed(self.name)
        if self._parked:
            self._wake_reader()
        self._look_again()
        self._all_lanes().notices.append(notice)

    def _all_lanes(self) -> Lanes[M]:
        if self._lanes is None:
            self._lanes = Lanes(self._user)
        return self._lanes

    def _accept(self, message: M, priority: Priority) -> None:
        """Queue *message*, for which there is room."""
        if priority is not NORMAL and priority != NORMAL:
            check_priority(priority)
            self._enter(self._all_lanes().lane_of(priority), message)
            self._look_again()
            self._room -= 1
            return
        if self._parked:
            self._wake_reader()
        if isinstance(message, AnyRequest):
            (self._duties or self._own_duties()).accept(message)
            self._look_again()
        self._user.append(message)
        self._accepted += 1

    def _enter(self, lane: deque[M] | list[M], message: M) -> None:
        if self._parked:
            self._wake_reader()
        if isinstance(message, AnyRequest):
            (self._duties or self._own_duties()).accept(message)
            self._look_again()
        lane.append(message)
        self._accepted += 1

    def _own_duties(self) -> Duties:
        self._duties = Duties(self.dead_letters)
        return self._duties

    def _overflow(self, message: M, priority: Priority) -> None:
        """Do with *message*, for which there is no room, what the policy says."""
        if self._closed:
            raise MailboxClosed(self.name)
        if self.on_full in ("wait", "fail"):
            raise MailboxFull(self.name, self.capacity)
        self._accept(message, priority)
        lane = self._user if self._lanes is None else self._lanes.least_urgent()
        if self.on_full == "drop_old":
            victim, reason = lane.popleft(), Reason.DROPPED_OLD
        else:
            victim, reason = lane.pop(), Reason.DROPPED_NEW
        self._measure()
        self._dropped += 1
        if self._duties is not None:
            self._duties.give_up([victim])
        sender = current_task().name if victim is message else None
        self.dead_letters.record(reason, victim, receiver=self.name, sender=sender)

    def _measure(self) -> None:
        """Work out the room of the ordinary lane."""
        if not self._closed:
            used = 0 if self._lanes is None else self._lanes.used
            self._room = self.capacity - used

    def _senders(self) -> Senders[M]:
        """Return the line of senders, because one more will wait in it."""
        if self._blocked is None:
            self._blocked = Senders()
        self._has_line = True
        return self._blocked

    def _admit(self) -> None:
        """Move messages of blocked senders into the room that there is now."""
        blocked, user = self._blocked, self._user
        assert blocked is not None  # `_has_line` said so
        while blocked.waiting and len(user) < self._room:
            entry = blocked.pop()
            entry.accepted = True
            message = entry.message
            if entry.priority is not NORMAL or isinstance(message, AnyRequest):
                self._accept(message, entry.priority)
            else:  # the reader is here, or has been woken: there was no room
                user.append(message)
                self._accepted += 1
            reschedule(entry.task)
        if not blocked.waiting:
            self._has_line = False

    def _look_again(self) -> None:
        """Have the reader look at more than the ordinary lane when it reads next."""
        self._taken -= self._ready
        self._ready = 0

    def _wake_reader(self) -> None:
        """Have the reader run. Comes first: in a foreign thread it raises RuntimeError."""
        assert self._reader is not None
        reschedule(self._reader)
        self._parked = False
