# Codex: `codex app-server`, a thread with turns that can be steered.
#
# 1. A message while it works is a steer of its turn; one that has to wait is the prompt
#    of the next turn. To interrupt, the turn is ended first.
# 2. What its sandbox does not let it do, it asks for.
"""Run Codex."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import attrs
import trio

from crew_actors.model import Message
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
from crew_actors.runtimes._screen import short
from crew_actors.runtimes.programs._codex_events import CodexReader
from crew_actors.runtimes.programs._codex_exec import CodexExecReader
from crew_actors.runtimes.programs._mcp import for_codex
from crew_actors.runtimes.programs._once import Once
from crew_actors.runtimes.programs._pi_events import PiDialect
from crew_actors.runtimes.programs._program import CLIENT
from crew_actors.runtimes.programs._session import Session
from crew_actors.runtimes.programs._turns import Waiting

_COMMAND: Final = "item/commandExecution/requestApproval"
_FILES: Final = "item/fileChange/requestApproval"
_FORM: Final = "mcpServer/elicitation/request"
_PERMISSIONS: Final = "item/permissions/requestApproval"
_QUESTION: Final = "item/tool/requestUserInput"

# Older versions do not know `--disable`, and heed no settings that they do not know.
_ONCE: Final = (
    *("exec", "--json", "--skip-git-repo-check"),
    *("-c", "features.plugins=false"),
)


@final
@attrs.frozen
class Codex:
    """Codex."""

    dialect: Dialect = attrs.field(factory=lambda: JsonRpc(field=False))
    takes_mcp: bool = True
    environ: Mapping[str, str] = MappingProxyType({})

    @property
    def protocol(self) -> tuple[str, ...]:
        """What has it speak its protocol, on its command line."""
        # With plugins it would look for them on the network at each start.
        return ("app-server", "--disable", "plugins")

    async def greet(self, peer: Peer) -> None:
        """Have it answer."""
        await peer.request("initialize", {"clientInfo": CLIENT})

    def arguments(self, job: Job) -> tuple[str, ...]:
        """Return what is added to its command line for *job*."""
        return (*self.protocol, *for_codex(job))

    @property
    def once(self) -> Once:
        """How it is run for one prompt. What its sandbox forbids is forbidden then."""
        # Its events are objects with a type then, as those of pi.
        return Once(self, _ONCE, _choices, reader=CodexExecReader, dialect=PiDialect())

    def talk(self, session: Session) -> "CodexTalk":
        """Make the conversation of one session."""
        return CodexTalk(session)


def _choices(job: Job) -> tuple[str, ...]:
    added = ["--sandbox", _sandbox(job)]
    if job.task.model is not None:
        added += ["--model", job.task.model]
    return (*added, *for_codex(job), "-")


def _sandbox(job: Job) -> str:
    return "workspace-write" if job.task.writes else "read-only"


@final
@attrs.define(eq=False)
class CodexTalk:
    """One thread of Codex."""

    _session: Session
    _reader: CodexReader = attrs.field(factory=CodexReader, init=False)
    _waiting: Waiting = attrs.field(factory=Waiting, init=False)
    _thread: str = attrs.field(default="", init=False)
    _turn: str = attrs.field(default="", init=False)
    """The turn that goes on; empty if none does."""
    _idle: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Set while no turn goes on."""

    async def open(self) -> None:
        """Open a thread."""
        peer, task = self._session.peer, self._session.job.task
        await peer.request("initialize", {"clientInfo": CLIENT})
        await peer.notify("initialized")
        asked: dict[str, object] = {
            "cwd": str(self._session.job.workspace),
            "approvalPolicy": "on-request",
            "sandbox": _sandbox(self._session.job),
            "ephemeral": True,
        }
        if task.model is not None:
            asked["model"] = task.model
        opened = field.mapping(await peer.request("thread/start", asked))
        self._thread = field.text(opened, "thread", "id")

    async def begin(self, prompt: str) -> None:
        """Tell it its task."""
        await self._start(prompt, None)
        self._session.nursery.start_soon(self._go_on)

    async def _start(self, text: str, name: str | None) -> None:
        """Begin a turn."""
        self._idle = trio.Event()
        told = {"threadId": self._thread, **_input(text, name)}
        try:
            found = field.mapping(await self._session.peer.request("turn/start", told))
        except PeerError:
            self._idle.set()
            raise
        if not self._idle.is_set():  # it may have ended already
            self._turn = field.text(found, "turn", "id")

    async def _go_on(self) -> None:
        """Begin a turn for each message that had to wait."""
        while True:
            await self._idle.wait()
            message = await self._waiting.next()
            try:
                await self._start(message.text, message.id)
            except PeerClosed:
                return
            except PeerError as error:
                await self._session.refuses(message, str(error))

    async def hear(self, told: Notification) -> None:
        """Take in an event."""
        for seen in self._reader.take(told):
            await self._session.see(seen)
        if told.method == "turn/completed":
            self._turn = ""
            self._idle.set()

    async def tell(self, message: Message) -> None:
        """Hand on a message, in the way that its kind asks for."""
        turn = self._turn
        if message.kind == "follow_up" or not turn:
            self._waiting.put(message)
        elif message.kind == "interrupt":
            self._waiting.put_first(message)
            of_it = {"threadId": self._thread, "turnId": turn}
            await self._session.peer.request("turn/interrupt", of_it)
        else:
            await self._steer(message, turn)

    async def _steer(self, message: Message, turn: str) -> None:
        steer = {
            "threadId": self._thread,
            "expectedTurnId": turn,
            **_input(message.text, message.id),
        }
        try:
            await self._session.peer.request("turn/steer", steer)
        except RequestRefused:
            self._waiting.put(message)  # the turn has ended, or cannot be steered

    async def serve(self, request: Request) -> object:
        """Answer what it asks: whether it may do something, or a question of its own.

        Raises:
          RequestRefused: it asks for something else.
        """
        asked = request.params
        if request.method == _QUESTION:
            return await self._answers(asked)
        if request.method == _PERMISSIONS:
            # Only ever all or nothing, and for this turn.
            wanted = asked.get("permissions")
            allowed = await self._session.permits(f"permissions: {wanted}")
            return {"permissions": wanted if allowed else {}, "scope": "turn"}
        if request.method == _FORM:
            return await self._form(asked)
        if request.method not in {_COMMAND, _FILES}:
            raise unknown_method(request.method)
        allowed = await self._session.permits(_what(request))
        return {"decision": "accept" if allowed else "decline"}

    async def _form(self, asked: Params) -> object:
        """Answer for an MCP server: by leave to use its tool, and by nothing else."""
        server = field.text(asked, "serverName")
        if field.mapping(field.at(asked, "requestedSchema", "properties")):
            note = f"(MCP server {server} asks for what cannot be filled in here)"
            await self._session.show(note)
            return {"action": "decline"}
        what = f"{server}: {short(field.text(asked, 'message'))}"
        if field.text(asked, "mode") == "url" or not await self._session.permits(what):
            return {"action": "decline"}
        return {"action": "accept", "content": {}}

    async def _answers(self, asked: Params) -> object:
        answers: dict[str, object] = {}
        for question in field.items(asked, "questions"):
            options = [field.text(o, "label") for o in field.items(question, "options")]
            text = field.text(question, "question")
            answer = await self._session.ask(text, tuple(filter(None, options)))
            given = [] if answer is None else [answer]
            answers[field.text(question, "id")] = {"answers": given}
        return {"answers": answers}


def _what(request: Request) -> str:
    asked = request.params
    why = short(field.text(asked, "reason"), ": ")
    if request.method == _COMMAND:
        return f"shell: {short(field.text(asked, 'command'))}{why}"
    root = field.text(asked, "grantRoot")
    return f"change files{f' in {Path(root)}' if root else ''}{why}"


def _input(text: str, name: str | None) -> Params:
    told: dict[str, object] = {"input": [{"type": "text", "text": text}]}
    return told if name is None else {**told, "clientUserMessageId": name}
