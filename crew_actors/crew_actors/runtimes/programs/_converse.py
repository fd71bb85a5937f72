# What is said between a run and a program, from the handshake to the goodbye.
#
# 1. First the conversation is opened: all that a program can do before it knows its task.
#    Then its attempt begins, which has begun already or is waited for; then it is told
#    its task.
# 2. A program whose attempt has not begun is kept as it is: what it tells by itself is
#    heard later, and what it asks is answered later. One that does not stay well is not
#    used, and that is no failure of anybody.
"""The conversation with an agent program."""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, final

import attrs
import trio

from crew_actors.model import Failure, FailureKind
from crew_actors.peers import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Notification,
    PeerClosed,
    PeerError,
    ProcessWire,
    Request,
    RequestRefused,
    Stray,
    open_peer,
)
from crew_actors.runtimes.programs._failures import failure_of
from crew_actors.runtimes.programs._program import Mode, Talk
from crew_actors.runtimes.programs._session import Session
from crew_supervisors import ChildProcess

HANDSHAKE: Final = 60.0
"""Seconds in which a program must be ready, and in which it must have taken its task.
It may have much to load."""

HELD: Final = 1000
"""Events that a program may tell before it knows its task. Those that are known tell
fewer than ten."""

_UNKNOWN: Final = (METHOD_NOT_FOUND, INVALID_REQUEST)
"""Codes with which a program refuses a request that it does not know."""

_GOODBYE: Final = 1.0  # seconds in which it must have read the end of its input

Enter = Callable[[], Awaitable[str | None]]
"""Waits until the attempt begins; returns the prompt. None: it is not to be used."""


async def converse(session: Session, mode: Mode, enter: Enter) -> None:
    """Talk with the program until there is nothing more to say, and it has ended.

    If its attempt has not begun by then, it was not used.
    """
    talk = mode.talk(session)
    ear = _Ear(talk, session)
    wire = ProcessWire(session.process)
    if session.job.mcp and not mode.takes_mcp:
        await session.show("(it cannot be given MCP servers)")
    async with open_peer(
        wire, mode.dialect, serve=ear.serve, hear=ear.hear
    ) as session.peer:
        async with trio.open_nursery() as session.nursery:
            session.nursery.start_soon(_until_gone, session)
            if await _agrees(session, talk.open()):
                session.is_open = True
                prompt = await enter()
                if prompt is not None:
                    await ear.open()
                    await _work(talk, session, prompt)
            session.nursery.cancel_scope.cancel()
        if not session.begun.is_set():
            return
        await session.rest()
        if session.last is not None:
            await session.port.answer_seen()
        await _say_goodbye(session.process)
        await session.peer.ended.wait()


async def _work(talk: Talk, session: Session, prompt: str) -> None:
    if await _agrees(session, talk.begin(prompt)):
        session.nursery.start_soon(_hand_on, talk, session)
        await _until_over(talk, session)


@final
@attrs.define(eq=False)
class _Ear:
    """Hears a program, and answers it: both not before its attempt has begun."""

    _talk: Talk
    _session: Session
    _held: deque[Notification | Stray] | None = attrs.field(init=False)
    """What it has told before; None when all of it was heard."""

    def __attrs_post_init__(self) -> None:
        self._held = None if self._session.begun.is_set() else deque()

    async def hear(self, told: Notification | Stray) -> None:
        """Take in what wants no answer."""
        if self._held is None:
            await self._take(told)
            return
        self._held.append(told)
        if len(self._held) > HELD:
            self._session.spoils("it said too much before it had a task")

    async def open(self) -> None:
        """Hear what was held back, and from now on all at once."""
        while self._held:
            await self._take(self._held.popleft())
        self._held = None

    async def serve(self, request: Request) -> object:
        """Answer a request."""
        await self._session.begun.wait()
        return await self._talk.serve(request)

    async def _take(self, told: Notification | Stray) -> None:
        self._session.port.beat()
        if isinstance(told, Stray):
            await self._session.show(told.text[:1000])
        else:
            await self._talk.hear(told)


async def _until_over(talk: Talk, session: Session) -> None:
    """Wait for the result of a program, which it may mend once."""
    await session.until_idle()
    repair = session.repair()
    if repair is not None:
        session.hands_on(repair)
        with suppress(PeerClosed):  # what it has said already counts
            try:
                await talk.tell(repair)
            except PeerError as error:
                await session.refuses(repair, str(error))
        await session.until_idle()
    session.is_over()


async def _agrees(session: Session, step: Awaitable[None]) -> bool:
    """Take one *step* of the handshake; False if the program does not take part in it."""
    try:
        with trio.fail_after(HANDSHAKE):
            await step
    except PeerClosed:
        return False  # its end tells why
    except PeerError as error:
        session.knows_not = isinstance(error, RequestRefused) and error.code in _UNKNOWN
        session.ends(failure_of(str(error)))
        return False
    except trio.TooSlowError:
        what = f"it has not answered within {HANDSHAKE:.0f} seconds"
        session.ends(Failure(kind=FailureKind.TIMEOUT, message=what))
        return False
    return True


async def _until_gone(session: Session) -> None:
    await session.peer.ended.wait()
    session.nursery.cancel_scope.cancel()


async def _hand_on(talk: Talk, session: Session) -> None:
    while True:
        message = await session.port.next_message()
        if not session.hands_on(message):
            return  # it came too late, and is kept for the next attempt
        try:
            await talk.tell(message)
        except PeerClosed:
            return  # so is this one
        except PeerError as error:
            await session.refuses(message, str(error))


async def _say_goodbye(process: ChildProcess) -> None:
    with trio.move_on_after(_GOODBYE):
        await process.close_stdin()
    await process.finish()
