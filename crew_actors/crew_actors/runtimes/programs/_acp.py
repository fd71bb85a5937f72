# Any agent that speaks the Agent Client Protocol, version 1.
#
# 1. A turn is a request, and the protocol has no word for a message in the middle of
#    one: what is said while it works is the prompt of the next turn. To interrupt, the
#    turn is cancelled first.
# 2. It is offered neither our files nor our terminals: it has its own, where it is.
# 3. What it asks leave for, people are asked, with two exceptions: who is to change
#    nothing, may not edit; who may, may edit files of the workspace.
"""Run an agent that speaks ACP."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import attrs
import trio

from crew_actors.model import Failure, FailureKind, Message
from crew_actors.peers import (
    Dialect,
    JsonRpc,
    Notification,
    Params,
    Peer,
    PeerClosed,
    PeerError,
    Request,
    RequestRefused,
    unknown_method,
)
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._job import Job
from crew_actors.runtimes._screen import short, tool_detail
from crew_actors.runtimes._seen import Takes, TurnEnds
from crew_actors.runtimes.programs._acp_events import AcpReader
from crew_actors.runtimes.programs._failures import failure_of
from crew_actors.runtimes.programs._mcp import for_acp
from crew_actors.runtimes.programs._program import CLIENT
from crew_actors.runtimes.programs._session import Session
from crew_actors.runtimes.programs._turns import Waiting

VERSION: Final = 1
"""Of the protocol."""

_MODEL: Final = "model"  # the category of the option that chooses one

_CHANGES: Final = frozenset({"edit", "delete", "move"})
"""Kinds of tools that change files."""

_QUIET: Final = MappingProxyType(
    {
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GEMINI_TELEMETRY_ENABLED": "false",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    }
)
"""What keeps known agents from phoning home; others do not know these names."""


@final
@attrs.frozen
class Acp:
    """An agent that speaks ACP."""

    dialect: Dialect = attrs.field(factory=JsonRpc)
    takes_mcp: bool = True
    once: None = None
    environ: Mapping[str, str] = _QUIET

    @property
    def protocol(self) -> tuple[str, ...]:
        """What has it speak its protocol: its command line does."""
        return ()

    async def greet(self, peer: Peer) -> None:
        """Have it answer."""
        await _initialize(peer)

    def arguments(self, job: Job) -> tuple[str, ...]:
        """Return nothing: its command line is whole."""
        del job
        return ()

    def talk(self, session: Session) -> "AcpTalk":
        """Make the conversation of one session."""
        return AcpTalk(session)


async def _initialize(peer: Peer) -> Params:
    """Open the connection; return what the agent tells of itself."""
    nothing = {"readTextFile": False, "writeTextFile": False}
    hello = {
        "protocolVersion": VERSION,
        "clientCapabilities": {"fs": nothing, "terminal": False},
        "clientInfo": CLIENT,
    }
    told = field.mapping(await peer.request("initialize", hello))
    if told.get("protocolVersion") != VERSION:
        speaks = told.get("protocolVersion")
        raise RequestRefused(f"it speaks version {speaks} of ACP, not {VERSION}")
    return told


@final
@attrs.define(eq=False)
class AcpTalk:
    """One session of an ACP agent."""

    _session: Session
    _reader: AcpReader = attrs.field(factory=AcpReader, init=False)
    _waiting: Waiting = attrs.field(factory=Waiting, init=False)
    _id: str = attrs.field(default="", init=False)
    """Of the session."""
    _working: bool = attrs.field(default=False, init=False)
    _fresh: str | None = attrs.field(default=None, init=False)
    """The message that the present turn began with, until the agent shows itself."""
    _asking: set[trio.CancelScope] = attrs.field(
        factory=set[trio.CancelScope], init=False
    )
    """Requests for leave that people have not answered."""

    async def open(self) -> None:
        """Open a session."""
        peer = self._session.peer
        told = await _initialize(peer)
        http = field.flag(told, "agentCapabilities", "mcpCapabilities", "http")
        servers, missing = for_acp(self._session.job, http=http)
        for name in missing:
            await self._session.show(f"(it asks no MCP server over HTTP, as {name} is)")
        where: dict[str, object] = {
            "cwd": str(self._session.job.workspace),
            "mcpServers": servers,
        }
        opened = field.mapping(await peer.request("session/new", where))
        self._id = field.text(opened, "sessionId")
        await self._choose_model(opened)

    async def begin(self, prompt: str) -> None:
        """Tell it its task."""
        self._working = True
        self._session.nursery.start_soon(self._take_turns, prompt)

    async def _choose_model(self, opened: Params) -> None:
        """Choose the model of the task, if the agent has it."""
        model = self._session.job.task.model
        if model is None:
            return
        option = next(
            (
                field.text(one, "id")
                for one in field.items(opened, "configOptions")
                if field.text(one, "category") == _MODEL and model in _values(one)
            ),
            None,
        )
        older = {
            field.text(one, "modelId")
            for one in field.items(opened, "models", "availableModels")
        }
        peer = self._session.peer
        if option is not None:
            chosen = {"sessionId": self._id, "configId": option, "value": model}
            await peer.request("session/set_config_option", chosen)
        elif model in older:  # as agents did it before there were options
            chosen = {"sessionId": self._id, "modelId": model}
            await peer.request("session/set_model", chosen)
        else:
            await self._session.show(f"(it does not offer the model {model})")

    async def _take_turns(self, prompt: str) -> None:
        """Take one turn after the other."""
        await self._turn(prompt)
        while True:
            message = await self._waiting.next()
            self._fresh = message.id
            await self._turn(message.text)

    async def _turn(self, text: str) -> None:
        self._working = True
        self._reader.begin()
        told = {"sessionId": self._id, "prompt": [{"type": "text", "text": text}]}
        try:
            result = await self._session.peer.request("session/prompt", told)
        except PeerClosed:
            return  # its end tells why
        except RequestRefused as why:
            self._working = False
            await self._read()
            await self._session.see(TurnEnds(failure=_refusal(why)))
        except PeerError as error:
            self._working = False
            await self._session.see(TurnEnds(failure=failure_of(str(error))))
        else:
            self._working = False
            await self._read()
            for seen in self._reader.end(field.mapping(result)):
                await self._session.see(seen)

    async def _read(self) -> None:
        """Tell that the agent has read what the turn began with."""
        if self._fresh is not None:
            name, self._fresh = self._fresh, None
            await self._session.see(Takes(name))

    async def hear(self, told: Notification) -> None:
        """Take in an update of the session."""
        if told.method != "session/update" or not self._is_mine(told.params):
            return
        update = field.mapping(told.params.get("update"))
        if self._working and field.text(update, "sessionUpdate").startswith("agent_"):
            await self._read()
        for seen in self._reader.take(update):
            await self._session.see(seen)

    def _is_mine(self, params: Params) -> bool:
        return field.text(params, "sessionId") == self._id

    async def tell(self, message: Message) -> None:
        """Hand on a message: it is the prompt of the next turn, or of the one after."""
        if message.kind != "interrupt":
            self._waiting.put(message)
            return
        self._waiting.put_first(message)
        if self._working:
            await self._session.peer.notify("session/cancel", {"sessionId": self._id})
            for scope in self._asking:
                scope.cancel()

    async def serve(self, request: Request) -> object:
        """Answer whether it may use a tool.

        Raises:
          RequestRefused: it asks for something else.
        """
        if request.method != "session/request_permission":
            raise unknown_method(request.method)
        call = field.mapping(request.params.get("toolCall"))
        allowed: bool | None = self._decided(call)
        if allowed is None:
            kind = field.text(call, "kind") or "tool"
            given = field.mapping(call.get("rawInput"))
            detail = field.text(call, "title") or tool_detail(given)
            with trio.CancelScope() as scope:
                self._asking.add(scope)
                try:
                    allowed = await self._session.permits(
                        f"{kind}{short(detail, ': ')}"
                    )
                finally:
                    self._asking.discard(scope)
        if allowed is None:  # its turn was cancelled meanwhile
            return {"outcome": {"outcome": "cancelled"}}
        option = _option(request.params, "allow" if allowed else "reject")
        if option is None:
            return {"outcome": {"outcome": "cancelled"}}
        return {"outcome": {"outcome": "selected", "optionId": option}}

    def _decided(self, call: Params) -> bool | None:
        """Tell what needs no person to decide it."""
        if field.text(call, "kind") not in _CHANGES:
            return None
        job = self._session.job
        if not job.task.writes:
            return False
        paths = [field.text(one, "path") for one in field.items(call, "locations")]
        inside = [_is_inside(path, job.workspace) for path in paths]
        return True if inside and all(inside) else None


def _is_inside(path: str, folder: Path) -> bool:
    return (folder / path).resolve().is_relative_to(folder.resolve())


def _option(params: Params, wanted: str) -> str | None:
    """Find the option that does as little as it can of what is *wanted*."""
    kinds = {
        field.text(one, "kind"): field.text(one, "optionId")
        for one in field.items(params, "options")
    }
    once, always = kinds.get(f"{wanted}_once"), kinds.get(f"{wanted}_always")
    return once or always


def _refusal(why: RequestRefused) -> Failure:
    told = field.mapping(why.data)
    said = field.text(told, "details") or field.text(told, "message")
    message = f"{why.message}: {said}" if said else why.message
    if "auth" in message.lower():
        return Failure(kind=FailureKind.AUTH, message=message)
    return failure_of(message, _status(why))


def _status(why: RequestRefused) -> int | None:
    """Some agents give the status of the provider as the code of their error."""
    if not isinstance(why.code, int):
        return None
    code = why.code
    return code if 400 <= code < 600 else None  # noqa: PLR2004 - HTTP


def _values(option: Params) -> set[str]:
    """Return the values of an option, those in its groups too."""
    found = field.items(option, "options")
    groups = [one for group in found for one in field.items(group, "options")]
    return {field.text(one, "value") for one in (*found, *groups)}
