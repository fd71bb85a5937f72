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
import trio
from trio.lowlevel import Task, current_task

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
from crew_mailbox._turn import Turn, turn_of_this_run

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
    budget: int = attrs.field(default=64, validator=attrs.validators.ge(1))
    strict_checkpoints: bool = False

    _user: deque[M] = attrs.field(factory=deque[M], init=False, repr=False)
    _lanes: Lanes[M] | None = attrs.field(default=None, init=False, repr=False)
    _room: int = attrs.field(init=False, repr=False)
    """How long the ordinary lane may be: what the others leave; -1 when closed."""
    _closed: bool = attrs.field(default=False, init=False, repr=False)
    _blocked: Senders[M] | None = attrs.field(default=None, init=False, repr=False)
    _reader: Task | None = attrs.field(default=None, init=False, repr=False)
    """The task that waits for a message or gives way before it takes one."""
    _last_reader: Task | None = attrs.field(default=None, init=False, repr=False)
    _parked: bool = attrs.field(default=False, init=False, repr=False)
    _duties: Duties | None = attrs.field(default=None, init=False, repr=False)
    _plain: bool = attrs.field(default=False, init=False, repr=False)
    """Whether only the ordinary lane is in use, and nobody waits."""
    _turn: Turn = attrs.field(init=False, repr=False)

    _accepted: int = attrs.field(default=0, init=False, repr=False)
    _dropped: int = attrs.field(default=0, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._room = self.capacity
        self._turn = turn_of_this_run(strict=self.strict_checkpoints)

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
        if (
            turn.task is not task
            or turn.left <= 0
            or task._cancel_status.effectively_cancelled  # noqa: SLF001  see `_turn`
        ) and turn.is_over(task, self.budget):
            await turn.give_way(task)
        turn.left -= 1
        user = self._user
        if len(user) >= self._room:
            if self.on_full != "wait" or self._closed:
                self._overflow(message, priority)
                return
            await self._send_blocked(task, message, priority)
            turn.begin(task)
            return
        if priority is not NORMAL:
            self._accept(message, priority)
            return
        if isinstance(message, AnyRequest):
            self._accept_request(message)
        user.append(message)
        self._accepted += 1
        if self._parked:
            self._wake_reader()

    def send_nowait(self, message: M, priority: Priority = NORMAL) -> None:
        """Queue *message* now. Not a checkpoint, and blind to cancellation.

        Raises:
          MailboxFull: there is no room and `on_full` is "fail" or "wait". Nothing was
            queued.
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        if len(self._user) >= self._room:
            self._overflow(message, priority)
        else:
            self._accept(message, priority)

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
        self._plain = False
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
        self._plain = False
        self._all_lanes().notices.append(notice)
        if self._parked:
            self._wake_reader()

    def _all_lanes(self) -> Lanes[M]:
        if self._lanes is None:
            self._lanes = Lanes(self._user)
        return self._lanes

    def _accept(self, message: M, priority: Priority) -> None:
        """Queue *message*, for which there is room."""
        lane = self._user
        if priority != NORMAL:
            check_priority(priority)
            lane = self._all_lanes().lane_of(priority)
            self._plain = False
            self._room -= 1
        self._enter(lane, message)

    def _enter(self, lane: deque[M] | list[M], message: M) -> None:
        if isinstance(message, AnyRequest):
            self._accept_request(message)
        lane.append(message)
        self._accepted += 1
        if self._parked:
            self._wake_reader()

    def _accept_request(self, request: AnyRequest) -> None:
        if self._duties is None:
            self._duties = Duties(self.dead_letters)
        self._duties.accept(request)
        self._plain = False

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

    async def _send_blocked(self, task: Task, message: M, priority: Priority) -> None:
        """Wait until a reader makes room, behind all that wait already."""
        if self._blocked is None:
            self._blocked = Senders()
        self._plain = False
        entry = self._blocked.add(task, message, priority)
        await trio.lowlevel.wait_task_rescheduled(entry.withdraw)
        if not entry.accepted:
            raise MailboxClosed(self.name)

    def _admit(self, blocked: Senders[M]) -> None:
        """Move messages of blocked senders into the room that there is now."""
        while blocked.waiting and len(self._user) < self._room:
            entry = blocked.pop()
            entry.accepted = True
            self._accept(entry.message, entry.priority)
            trio.lowlevel.reschedule(entry.task)

    def _wake_reader(self) -> None:
        assert self._reader is not None
        self._parked = False
        trio.lowlevel.reschedule(self._reader)
