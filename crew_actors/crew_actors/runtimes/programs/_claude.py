# Claude Code: `claude -p` with stream-json on both sides, which stays for more turns.
#
# 1. A message that says nothing of its priority is read between two tool calls; with
#    "later" it is read after the turn. To interrupt, the turn is ended first.
# 2. What it wants to do and may not, it asks for: `can_use_tool`. So it does with
#    questions of its own, which are uses of a tool as well.
"""Run Claude Code."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, final
from uuid import uuid4

import attrs

from crew_actors.model import Message
from crew_actors.peers import (
    Dialect,
    Notification,
    Params,
    Peer,
    Request,
    unknown_method,
)
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._job import Job
from crew_actors.runtimes._screen import short, tool_detail
from crew_actors.runtimes._seen import Takes
from crew_actors.runtimes.programs._claude_events import (
    ClaudeDialect,
    ClaudeReader,
)
from crew_actors.runtimes.programs._mcp import for_claude
from crew_actors.runtimes.programs._once import Once
from crew_actors.runtimes.programs._session import Session

_PROTOCOL: Final = (
    *("-p", "--verbose"),
    *("--input-format", "stream-json", "--output-format", "stream-json"),
    *("--include-partial-messages", "--replay-user-messages"),
    *("--permission-prompt-tool", "stdio", "--no-session-persistence"),
)

_ONCE: Final = ("-p", "--verbose", "--output-format", "stream-json")

_TOOLS: Final = {
    "read": "Read",
    "grep": "Grep",
    "find": "Glob",
    "ls": "Glob",
    "bash": "Bash",
    "edit": "Edit",
    "write": "Write",
}
"""The names that teams use for tools, and Claude Code's own."""

_CHANGES: Final = ("Edit", "Write", "NotebookEdit", "MultiEdit")
"""The tools that a role which is to change nothing does not get."""

_KNOWN: Final = (
    *("Read", "Grep", "Glob", "LS", "Bash", "BashOutput", "KillShell"),
    *("Edit", "MultiEdit", "Write", "NotebookEdit", "NotebookRead"),
    *("WebFetch", "WebSearch", "Task", "TodoWrite", "SlashCommand", "Skill"),
    *("exit_plan_mode", "ExitPlanMode", "EnterPlanMode", "AskUserQuestion"),
)
"""The tools of versions that are too old for the protocol: 1.0.45 and 2.0.0 were asked."""

_QUESTION: Final = "AskUserQuestion"
_REFUSED: Final = "The people who watch this run have not agreed to it."


@final
@attrs.frozen
class Claude:
    """Claude Code."""

    dialect: Dialect = attrs.field(factory=ClaudeDialect)
    takes_mcp: bool = True
    environ: Mapping[str, str] = MappingProxyType(
        {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    )

    @property
    def protocol(self) -> tuple[str, ...]:
        """What has it speak its protocol, on its command line."""
        return _PROTOCOL

    async def greet(self, peer: Peer) -> None:
        """Have it answer."""
        await peer.request("initialize")

    def arguments(self, job: Job) -> tuple[str, ...]:
        """Return what is added to its command line for *job*."""
        return (*_PROTOCOL, *_choices(job), *_tools(job))

    @property
    def once(self) -> Once:
        """How it is run for one prompt. What it must ask for, it may not do then."""
        return Once(
            self,
            _ONCE,
            lambda job: (*_choices(job), *_old_tools(job)),
            reader=ClaudeReader,
        )

    def talk(self, session: Session) -> "ClaudeTalk":
        """Make the conversation of one session."""
        return ClaudeTalk(session)


def _choices(job: Job) -> tuple[str, ...]:
    task = job.task
    added = ["--permission-mode", "acceptEdits" if task.writes else "default"]
    if task.model is not None:
        added += ["--model", task.model]
    if task.fallback_models:
        added += ["--fallback-model", ",".join(task.fallback_models)]
    if task.max_turns is not None:
        added += ["--max-turns", str(task.max_turns)]
    return (*added, *for_claude(job))


def _tools(job: Job) -> tuple[str, ...]:
    added: list[str] = []
    if job.task.tools is not None:
        added.append(f"--tools={','.join(_named(job.task.tools))}")
    if not job.task.writes:
        added.append(f"--disallowedTools={','.join(_CHANGES)}")
    return tuple(added)


def _old_tools(job: Job) -> tuple[str, ...]:
    """Forbid each tool that is not meant: an old version knows no other limit."""
    meant = _KNOWN if job.task.tools is None else _named(job.task.tools)
    changes = () if job.task.writes else _CHANGES
    denied = [one for one in _KNOWN if one not in meant or one in changes]
    return (f"--disallowedTools={','.join(denied)}",) if denied else ()


def _named(tools: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_TOOLS.get(tool, tool) for tool in tools))


@final
@attrs.define(eq=False)
class ClaudeTalk:
    """One conversation with Claude Code."""

    _session: Session
    _reader: ClaudeReader = attrs.field(factory=ClaudeReader, init=False)
    _sent: dict[str, str] = attrs.field(factory=dict[str, str], init=False)
    """The ids of messages, by those that Claude Code knows them by."""

    async def open(self) -> None:
        """Open the conversation."""
        await self._session.peer.request("initialize")

    async def begin(self, prompt: str) -> None:
        """Tell it its task."""
        await self._say(prompt, str(uuid4()))

    async def hear(self, told: Notification) -> None:
        """Take in an event."""
        for seen in self._reader.take(told):
            if not isinstance(seen, Takes):
                await self._session.see(seen)
            elif (name := self._sent.pop(seen.message, None)) is not None:
                await self._session.see(Takes(name))

    async def tell(self, message: Message) -> None:
        """Hand on a message, in the way that its kind asks for."""
        name = str(uuid4())
        self._sent[name] = message.id
        if message.kind == "interrupt":
            await self._session.peer.request("interrupt")
        later = message.kind == "follow_up"
        await self._say(message.text, name, priority="later" if later else None)

    async def _say(self, text: str, name: str, priority: str | None = None) -> None:
        content = [{"type": "text", "text": text}]
        told: dict[str, object] = {
            "uuid": name,
            "message": {"role": "user", "content": content},
        }
        if priority is not None:
            told["priority"] = priority
        await self._session.peer.notify("user", told)

    async def serve(self, request: Request) -> object:
        """Answer what it asks: whether it may use a tool.

        Raises:
          RequestRefused: it asks for something else.
        """
        if request.method != "can_use_tool":
            raise unknown_method(request.method)
        given = field.mapping(request.params.get("input"))
        tool = field.text(request.params, "tool_name")
        if tool == _QUESTION:
            return await self._answers(given)
        if await self._session.permits(f"{tool}{short(tool_detail(given), ': ')}"):
            return {"behavior": "allow", "updatedInput": given}
        return {"behavior": "deny", "message": _REFUSED}

    async def _answers(self, given: Params) -> object:
        """Put its questions to the people around, one after the other."""
        answers: dict[str, str] = {}
        for question in field.items(given, "questions"):
            asked = field.text(question, "question")
            choices = [field.text(o, "label") for o in field.items(question, "options")]
            answer = await self._session.ask(asked, tuple(filter(None, choices)))
            if answer is not None:
                answers[asked] = answer
        if not answers:
            why = "Nobody has answered in time: decide for yourself."
            return {"behavior": "deny", "message": why}
        return {"behavior": "allow", "updatedInput": {**given, "answers": answers}}
