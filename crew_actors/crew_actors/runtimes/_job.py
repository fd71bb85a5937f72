# What a runtime is given, and nothing more: a job and a port.
#
# A job is data. A port is the way back: everything that an agent says on its way
# goes through it, and it waits when the run cannot keep up, so that an agent which
# says too much is slowed by nobody but itself.
"""The interface between a run and the runtimes of its agents."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import attrs

from crew_actors.model import (
    Answer,
    Artifact,
    AttemptId,
    Failure,
    McpServer,
    Message,
    MessageOutcome,
    PlannedTask,
    RunId,
    Usage,
)
from crew_actors.runtimes._memory import Notes
from crew_actors.runtimes._outcome import Outcome
from crew_supervisors import ChildProcess, ProcessExit, Supervisor

DEPTH_VARIABLE = "CREW_DEPTH"
"""Tells a process in how many runs it is nested; missing outside of any."""

FOLDER_VARIABLE = "CREW_RUN_FOLDER"
"""Tells a process the folder of the run that it belongs to."""


class NotSent(Exception):
    """A message to another agent cannot be sent. Nobody has heard of it."""


@attrs.frozen(kw_only=True)
class DependencyResult:
    """What a task that this one depends on has left."""

    text: str
    data: object = None
    artifacts: tuple[tuple[str, Path], ...] = ()
    """Names and absolute paths."""


@attrs.frozen(kw_only=True)
class Job:
    """One attempt at one task."""

    run: RunId
    task: PlannedTask
    attempt: AttemptId
    goal: str
    workspace: Path
    """Where the agent works. An absolute path."""

    folder: Path
    """The attempt's own folder. It exists and is empty."""

    dependencies: Mapping[str, DependencyResult]
    """By the id of the task, in the order in which the task names them."""

    environ: Mapping[str, str] = attrs.field(factory=lambda: dict(os.environ))
    """From which the agent's environment is chosen."""

    messages: tuple[Message, ...] = ()
    """What it is told by people before it begins."""

    notes: Notes | None = None
    """What its agent has noted in earlier runs; None for one without a memory."""

    failure: Failure | None = None
    """How the attempt before this one has failed, if it is made because of that."""

    answers: tuple[Answer, ...] = ()
    """What earlier attempts have asked, and heard."""

    mcp: tuple[McpServer, ...] = ()
    """The MCP servers that its agent is to have."""

    depth: int = 0
    """How many runs its run is nested in."""

    tokens: int | None = None
    """Tokens that its run had left when the attempt began; None without a limit."""

    @property
    def output(self) -> Path:
        """The folder in which the agent may leave files."""
        return self.folder / "output"


class Port(Protocol):
    """The way from a running attempt back to its run.

    Each asynchronous method notices a cancellation, and is a checkpoint when the run is
    behind. A call that is cancelled may have told nothing.
    """

    async def progress(self, text: str) -> None:
        """Tell what the agent is doing. Of many within a moment the last is kept."""

    async def usage(self, usage: Usage) -> None:
        """Tell what the agent used up since the last report."""

    async def artifact(self, name: str, source: Path) -> Artifact:
        """Keep the file *source* as an artifact called *name*.

        Raises:
          BadArtifact: the name or the file cannot be one. Nothing was kept.
        """
        ...

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...] = (),
        seconds: float | None = None,
        permission: bool = False,
    ) -> str | None:
        """Ask the people around, and wait for an answer; None if none comes in time.

        The task waits meanwhile, and an agent that waits is not held for dead.
        The answer is waited for *seconds*, at most 3,600; without it, as the run says.
        With *permission* the answer is to be `allow` or `deny`. A checkpoint; when
        cancelled, the question is void.
        """
        ...

    async def send(self, task: str, text: str) -> tuple[MessageOutcome, str]:
        """Send a message to the agent of another task of the run.

        Returns what became of it, and why. A checkpoint; a call that is cancelled may
        have sent it.

        Raises:
          NotSent: it cannot be sent; nobody has heard of it.
        """
        ...

    async def next_message(self) -> Message:
        """Wait for a message that somebody sends to this attempt.

        It is `queued` until it was taken and settled. A checkpoint; a cancelled call
        takes nothing.
        """
        ...

    async def settle_message(
        self, message: str, outcome: MessageOutcome, why: str = ""
    ) -> None:
        """Tell what became of the message with that id, which was taken."""

    async def answer_seen(self) -> None:
        """Tell that the agent has given its final answer."""

    async def process_starts(self, supervisor: Supervisor) -> None:
        """Tell that a process is about to be started under *supervisor*.

        It is not before this returns: then it is on disk that the attempt has begun,
        and its heartbeat watcher is a child of *supervisor* as well. A checkpoint.
        """

    async def process_started(self, process: ChildProcess) -> None:
        """Tell that the agent is a process, and which."""

    async def process_ended(self, process: ChildProcess, how: ProcessExit) -> None:
        """Tell that the process and its tree have ended."""

    def process_warms(self, process: ChildProcess) -> None:
        """Tell that there is a process ahead of the attempt. Not a checkpoint.

        It is told of as started when the attempt has begun, or else as discarded.
        """

    async def process_discarded(
        self, process: ChildProcess, how: ProcessExit, why: str
    ) -> None:
        """Tell that a process ahead of the attempt has ended, and its tree: unused."""

    def beat(self) -> None:
        """Give a sign of life. Not a checkpoint; costs next to nothing."""


AgentFunction: TypeAlias = Callable[[Job, Port], Awaitable[Outcome]]
"""An agent that lives in this process.

It is cancelled when its task is, and must let the cancellation pass.
"""

Runtime: TypeAlias = Callable[[Job, Port], Awaitable[Outcome]]
"""Runs one agent to its end. When it returns, nothing of the agent lives."""

Begins: TypeAlias = Callable[[], Awaitable[Job]]
"""Waits until an attempt begins; returns its whole job.

A call that is cancelled can be made again.
"""


@runtime_checkable
class WarmRuntime(Protocol):
    """A runtime that can have an agent ready before its attempt begins."""

    async def __call__(self, job: Job, port: Port) -> Outcome:
        """Run one agent to its end. When it returns, nothing of the agent lives."""
        ...

    async def warm(self, job: Job, port: Port, begins: Begins) -> Outcome:
        """Make an agent ready for an attempt; run it when *begins* has returned.

        *job* says of the attempt what is known ahead. If the agent cannot be made
        ready, or does not stay so, that is no failure: it is started when the attempt
        begins. Cancelled before that, it leaves nothing behind but what *port* knows.
        """
        ...
