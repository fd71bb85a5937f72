# One conversation with a running agent program, whatever it speaks.
#
# 1. It is over when the program has ended a turn, and has taken every message that was
#    handed to it. Its exit code means nothing then.
# 2. A message is delivered when the program says that it has read it. One that is not
#    read within a while after the end of a turn stays queued, for the next attempt.
# 3. While the program waits for a person, its silence is not held against it.
"""The session of an agent program."""

import math
from typing import Final, final

import attrs
import trio

from crew_actors.model import Failure, Message, MessageOutcome
from crew_actors.peers import Peer
from crew_actors.redaction import redact_start
from crew_actors.runtimes._answer import DETAIL_LIMIT
from crew_actors.runtimes._conversation import BEAT
from crew_actors.runtimes._job import Job, Port
from crew_actors.runtimes._log import OutputLog
from crew_actors.runtimes._results import please_mend
from crew_actors.runtimes._seen import Does, Seen, Takes, Tries, TurnEnds
from crew_actors.runtimes._stage import Stage
from crew_supervisors import ChildProcess

UNREAD: Final = 5.0
"""Seconds after a turn in which a message that was handed on must be read."""

REPAIR: Final = "repair"
"""The id of what a program is told when its result has not the right form."""

_UNREAD = "the agent has ended without reading it"


@final
@attrs.define(eq=False)
class Session:
    """What a program and its run know of each other. Made by `run_program`."""

    job: Job
    port: Port
    process: ChildProcess
    log: OutputLog
    begun: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Set when its attempt has begun. Before that nothing of it is reported."""
    spoilt: str | None = attrs.field(default=None, init=False)
    """Why the program is not to be used for an attempt that has not begun."""
    is_open: bool = attrs.field(default=False, init=False)
    """Whether the program has taken part in the handshake."""
    knows_not: bool = attrs.field(default=False, init=False)
    """Whether it has told that it does not know what it is asked in the handshake."""
    nursery: trio.Nursery = attrs.field(init=False)
    """Ends when the session is over."""
    peer: Peer = attrs.field(init=False)
    last: TurnEnds | None = attrs.field(default=None, init=False)
    """How the last turn has ended; None before one has."""
    has_tried: bool = attrs.field(default=False, init=False)
    """Whether the program tries again what failed, and has done nothing else since."""
    _stage: Stage = attrs.field(init=False)
    _works: bool = attrs.field(default=True, init=False)
    """Whether a turn is going on, or is about to."""
    _over: bool = attrs.field(default=False, init=False)
    _unread: dict[str, Message] = attrs.field(factory=dict[str, Message], init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self._stage = Stage(self.port, self.log)

    async def see(self, seen: Seen) -> None:
        """Take in what the program shows of itself. A checkpoint when others are slow."""
        if isinstance(seen, Takes) and seen.message not in self._unread:
            return  # it is no message of ours, or has been read before
        await self._stage.see(seen)
        match seen:
            case Does():
                self.has_tried = False
            case Tries():
                self.has_tried = True
            case Takes(message):
                self.has_tried = False
                await self._taken(message)
            case TurnEnds():
                self.last = seen
                self._works = False
                self._change()
            case _:
                pass  # only to be shown

    async def show(self, line: str) -> None:
        """Show people one line."""
        await self._stage.show(line)

    async def rest(self) -> None:
        """Show what has no line end yet."""
        await self._stage.rest()

    def begins(self, job: Job) -> None:
        """Let its attempt begin, for all of *job*. Not a checkpoint."""
        self.job = job
        self.begun.set()

    def spoils(self, why: str) -> None:
        """Have the program not used for an attempt to come. Not a checkpoint."""
        self.spoilt = why
        self.nursery.cancel_scope.cancel()

    def ends(self, failure: Failure) -> None:
        """End the session with *failure*. Not a checkpoint."""
        self.last = TurnEnds(failure=failure)
        self._works = False
        self._unread.clear()
        self._change()

    async def permits(self, what: str) -> bool:
        """Ask the people around whether the program may do *what*; wait for the answer.

        Without one in time it may not.
        """
        answer = await self.ask(what, ("allow", "deny"), permission=True)
        return answer == "allow"

    async def ask(
        self,
        text: str,
        choices: tuple[str, ...] = (),
        *,
        seconds: float | None = None,
        permission: bool = False,
    ) -> str | None:
        """Ask the people around, and wait; None if nobody answers in time."""
        answer: str | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.excuse)
            answer = await self.port.ask(
                redact_start(text, DETAIL_LIMIT),
                choices=choices,
                seconds=seconds,
                permission=permission,
            )
            nursery.cancel_scope.cancel()
        return answer

    async def excuse(self) -> None:
        """Do not hold its silence against the program, until cancelled."""
        while True:
            self.process.beat()
            await trio.sleep(BEAT)

    def hands_on(self, message: Message) -> bool:
        """Tell that *message* is about to be handed on; False if it is too late.

        Not a checkpoint.
        """
        if self._over:
            return False
        self._unread[message.id] = message
        self._change()
        return True

    async def refuses(
        self, message: Message, why: str, outcome: MessageOutcome = "rejected"
    ) -> None:
        """Tell that the program will not take *message*."""
        if self._unread.pop(message.id, None) is not None:
            await self._settle(message.id, outcome, why)
            self._change()

    async def _taken(self, message: str) -> None:
        del self._unread[message]
        self._works = True
        await self._settle(message, "delivered")
        self._change()

    async def _settle(
        self, message: str, outcome: MessageOutcome, why: str = ""
    ) -> None:
        if message != REPAIR:  # of which nobody else knows
            await self.port.settle_message(message, outcome, why)

    def _change(self) -> None:
        self._changed.set()

    async def until_idle(self) -> None:
        """Wait until there is nothing that the program still has to do.

        What it has not read a while after its last turn is kept for the next attempt.
        Its caller either hands on something more, or ends the session, at once.
        """
        while self._works or self._unread:
            patience = math.inf if self._works else UNREAD
            with trio.move_on_after(patience) as waiting:
                await self._changed.wait()
            self._changed = trio.Event()
            if waiting.cancelled_caught:
                await self._give_up()

    def is_over(self) -> None:
        """Hand on no more messages. Not a checkpoint."""
        self._over = True

    def repair(self) -> Message | None:
        """Write what the program is to mend of its result; None if that is all right."""
        if self.last is None or self.last.failure is not None:
            return None
        text = please_mend(self.job.task, self.last.text)
        if text is None:
            return None
        return Message(id=REPAIR, kind="follow_up", text=text, by="crew")

    async def _give_up(self) -> None:
        for name in list(self._unread):
            del self._unread[name]
            await self._settle(name, "queued", _UNREAD)
