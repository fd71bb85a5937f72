# A program that does not know its protocol, most often because it is too old for it, can
# still be run for one prompt, and tells the same events. Nothing more can be said to it:
# it is not steered, it asks for nothing, and its result is not mended.
"""Run an agent program for one prompt."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol, final

import attrs

from crew_actors.model import Message, MessageOutcome
from crew_actors.peers import (
    Dialect,
    Notification,
    PeerClosed,
    Request,
    unknown_method,
)
from crew_actors.runtimes._job import Job
from crew_actors.runtimes._seen import Seen
from crew_actors.runtimes.programs._program import Mode
from crew_actors.runtimes.programs._session import Session
from crew_supervisors import StdinClosed

_DEAF: Final = "the program was given one prompt, and hears nothing while it works"


class Reader(Protocol):
    """What was seen of one session. Pure: it takes events and tells what they say."""

    def take(self, told: Notification) -> Iterator[Seen]:
        """Yield what an event shows."""
        ...


@final
@attrs.frozen
class Once:
    """An agent program that is given one prompt on its standard input."""

    _program: Mode
    _command: tuple[str, ...]
    """What has it run once, on its command line."""
    _choices: Callable[[Job], tuple[str, ...]]
    """What is added to that for a job."""
    _reader: Callable[[], Reader] = attrs.field(alias="reader", kw_only=True)
    _dialect: Dialect | None = attrs.field(default=None, alias="dialect", kw_only=True)
    """How it writes its events, if not as in its own protocol."""

    @property
    def dialect(self) -> Dialect:
        """How it writes what it says."""
        return self._dialect or self._program.dialect

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables without which it would do what nobody has asked for."""
        return self._program.environ

    @property
    def takes_mcp(self) -> bool:
        """Whether it can be given MCP servers."""
        return self._program.takes_mcp

    def arguments(self, job: Job) -> tuple[str, ...]:
        """Return what is added to its command line for *job*."""
        return (*self._command, *self._choices(job))

    def talk(self, session: Session) -> "OnceTalk":
        """Make the conversation of one session."""
        return OnceTalk(session, self._reader())


@final
@attrs.frozen(eq=False)
class OnceTalk:
    """One prompt, and what follows from it."""

    _session: Session
    _reader: Reader

    async def open(self) -> None:
        """Do nothing: it is ready for its prompt from the beginning."""

    async def begin(self, prompt: str) -> None:
        """Tell it its task.

        Raises:
          PeerClosed: it does not read it to the end.
        """
        process = self._session.process
        try:
            await process.send_bytes(prompt.encode("utf-8", "surrogateescape"))
            await process.close_stdin()
        except StdinClosed as error:
            raise PeerClosed("the prompt") from error

    async def hear(self, told: Notification) -> None:
        """Take in an event."""
        for seen in self._reader.take(told):
            await self._session.see(seen)

    async def serve(self, request: Request) -> object:
        """Answer nothing: nothing can be written to it.

        Raises:
          RequestRefused: always.
        """
        raise unknown_method(request.method)

    async def tell(self, message: Message) -> None:
        """Refuse what is meant for now; keep the rest for the next attempt."""
        is_for_now = message.kind in {"steer", "interrupt"}
        outcome: MessageOutcome = "rejected" if is_for_now else "queued"
        await self._session.refuses(message, _DEAF, outcome)
