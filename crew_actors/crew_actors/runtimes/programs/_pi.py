# pi: `pi --mode rpc`, which takes prompts, steers and follow-ups, and tells its events.
#
# 1. A prompt that says how it is meant is taken at any time: at work or not.
# 2. Its own dialogs come from extensions. They are put to the people around.
"""Run pi."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, final

import attrs

from crew_actors.model import Message
from crew_actors.peers import Dialect, Notification, Params, Peer, Request
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._job import Job
from crew_actors.runtimes._seen import Takes
from crew_actors.runtimes.programs._once import Once
from crew_actors.runtimes.programs._pi_events import PiDialect, PiReader
from crew_actors.runtimes.programs._session import Session

_CHANGES: Final = "edit,write"
"""The tools that a role which is to change nothing does not get."""


@final
@attrs.frozen
class Pi:
    """pi."""

    dialect: Dialect = attrs.field(factory=PiDialect)
    takes_mcp: bool = False
    environ: Mapping[str, str] = MappingProxyType(
        {"PI_OFFLINE": "1", "PI_SKIP_VERSION_CHECK": "1", "PI_TELEMETRY": "0"}
    )

    @property
    def protocol(self) -> tuple[str, ...]:
        """What has it speak its protocol, on its command line."""
        return ("--mode", "rpc", "--no-session")

    async def greet(self, peer: Peer) -> None:
        """Have it answer."""
        await peer.request("get_state")

    def arguments(self, job: Job) -> tuple[str, ...]:
        """Return what is added to its command line for *job*."""
        return (*self.protocol, *_choices(job))

    @property
    def once(self) -> Once:
        """How it is run for one prompt."""
        return Once(
            *(self, ("--mode", "json", "-p", "--no-session"), _choices),
            reader=PiReader,
        )

    def talk(self, session: Session) -> "PiTalk":
        """Make the conversation of one session."""
        return PiTalk(session)


def _choices(job: Job) -> tuple[str, ...]:
    task = job.task
    added: list[str] = []
    if task.model is not None:
        added += ["--model", task.model]
    if task.tools:
        added += ["--tools", ",".join(task.tools)]
    elif task.tools is not None:
        added.append("--no-tools")
    if not task.writes:
        added += ["--exclude-tools", _CHANGES]
    return tuple(added)


@final
@attrs.define(eq=False)
class PiTalk:
    """One conversation with pi."""

    _session: Session
    _reader: PiReader = attrs.field(factory=PiReader, init=False)
    _sent: list[tuple[str, str]] = attrs.field(
        factory=list[tuple[str, str]], init=False
    )
    """The texts and ids of messages that it has not read."""

    async def open(self) -> None:
        """Wait until it answers: then all that it needs is loaded."""
        await self._session.peer.request("get_state")

    async def begin(self, prompt: str) -> None:
        """Tell it its task."""
        await self._prompt({"message": prompt})

    async def _prompt(self, told: Params) -> None:
        await self._session.peer.request("prompt", told)

    async def hear(self, told: Notification) -> None:
        """Take in an event."""
        for seen in self._reader.take(told):
            if not isinstance(seen, Takes):
                await self._session.see(seen)
                continue
            for sent in self._sent:
                if sent[0] == seen.message.strip():
                    self._sent.remove(sent)
                    await self._session.see(Takes(sent[1]))
                    break

    async def tell(self, message: Message) -> None:
        """Hand on a message, in the way that its kind asks for."""
        # What begins with a slash would be a command of pi itself.
        text = f" {message.text}" if message.text.startswith("/") else message.text
        self._sent.append((text.strip(), message.id))
        if message.kind == "interrupt":
            await self._session.peer.request("abort")
        later = message.kind == "follow_up"
        way = "followUp" if later else "steer"
        await self._prompt({"message": text, "streamingBehavior": way})

    async def serve(self, request: Request) -> object:
        """Put a dialog to the people around."""
        asked = request.params
        title, more = field.text(asked, "title"), field.text(asked, "message")
        text = "\n".join(part for part in (title, more) if part) or request.method
        seconds = field.count(asked, "timeout") / 1000 or None
        if request.method == "confirm":
            answer = await self._session.ask(
                text, ("allow", "deny"), seconds=seconds, permission=True
            )
            return {"confirmed": answer == "allow"}
        choices = field.texts(asked, "options")
        answer = await self._session.ask(text, choices, seconds=seconds)
        return {"cancelled": True} if answer is None else {"value": answer}
