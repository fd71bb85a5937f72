# What is different from one agent program to the next, and nothing more.
"""The interface of agent programs."""

from collections.abc import Mapping
from typing import Final, Protocol

from crew_actors._version import __version__
from crew_actors.model import Message
from crew_actors.peers import Dialect, Notification, Peer, Request
from crew_actors.runtimes._job import Job
from crew_actors.runtimes.programs._session import Session

CLIENT: Final = {"name": "crew", "title": "Crew", "version": __version__}
"""Who talks to a program, for those that ask."""


class Talk(Protocol):
    """One conversation with a program, from its first prompt to its last answer.

    What a method raises of `PeerError` means that the program refuses, or is gone.
    """

    async def open(self) -> None:
        """Open the conversation. No model is asked.

        Returns when the program is ready to be told its task.
        """

    async def begin(self, prompt: str) -> None:
        """Tell the program its task.

        Returns when it has begun with it, not when it is done.
        """

    async def hear(self, told: Notification) -> None:
        """Take in an event. It must not wait for an answer of the program."""

    async def serve(self, request: Request) -> object:
        """Answer a request of the program; cancelled when it is void.

        Raises:
          RequestRefused: there is no such thing.
        """
        ...

    async def tell(self, message: Message) -> None:
        """Hand *message* to the program, in the way that its kind asks for.

        That it has arrived is told by a `Takes` with its id.
        """


class Mode(Protocol):
    """One way to use an agent program."""

    @property
    def dialect(self) -> Dialect:
        """How it writes what it says."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables without which it would do what nobody has asked for."""
        ...

    @property
    def takes_mcp(self) -> bool:
        """Whether it can be given MCP servers."""
        ...

    def arguments(self, job: Job) -> tuple[str, ...]:
        """What is added to its command line for *job*: the mode, and what it may."""
        ...

    def talk(self, session: Session) -> Talk:
        """Make the conversation of one session."""
        ...


class Program(Mode, Protocol):
    """One kind of agent program, in its own protocol."""

    @property
    def protocol(self) -> tuple[str, ...]:
        """What has it speak its protocol, on its command line."""
        ...

    @property
    def once(self) -> Mode | None:
        """How it is run for one prompt where it does not know its protocol, if it can be."""
        ...

    async def greet(self, peer: Peer) -> None:
        """Have it answer something that costs nothing.

        Raises:
          PeerError: it does not.
        """
