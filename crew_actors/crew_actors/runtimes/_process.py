# What all agents that are processes have in common: what they are given, how they are
# described, what their end means.
"""Agents that are processes of their own."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import msgspec
import trio

from crew_actors.model import CommandSpec, Failure, FailureKind
from crew_actors.resources import content_hash
from crew_actors.runtimes._answer import LINE_LIMIT, Ending
from crew_actors.runtimes._command_line import search_path
from crew_actors.runtimes._home import NoHome, at_home, make_home
from crew_actors.runtimes._job import DEPTH_VARIABLE, FOLDER_VARIABLE, Job
from crew_actors.runtimes._log import OutputLog
from crew_actors.runtimes._outcome import Failed
from crew_supervisors import (
    ChildProcess,
    ChildStartFailed,
    CutLine,
    EnvPolicy,
    ProcessError,
    ProcessExit,
    ProcessSpec,
    Rung,
    resolve_executable,
)

LADDER = (Rung("SIGTERM", 0.2),)
"""How an agent is stopped: asked, and killed 0.2 seconds later. Agent programs that end
in order were measured to need 0.02 to 0.18 seconds."""


_PLACES: Final = ("CREW_HOME",)
"""Variables by which a nested run finds what its parent finds."""

LONG_LINES_LIMIT = 1 << 28
"""Bytes of all too long lines of one agent together."""


class ConsentVoid(Exception):
    """What a project brings is not what its user has agreed to. It was not run."""

    def __init__(self, agent: str, workspace: Path, absent: tuple[str, ...]) -> None:
        super().__init__(agent, workspace, absent)
        self.agent = agent
        self.workspace = workspace
        self.absent = absent
        """Files that were agreed to and are not there."""

    def __str__(self) -> str:
        if self.absent:
            return (
                f"agent {self.agent} runs {', '.join(self.absent)}, which "
                f"{'is' if len(self.absent) == 1 else 'are'} not in {self.workspace}: "
                "a worktree holds what is committed; commit it"
            )
        return (
            f"what agent {self.agent} would run has changed since it was agreed to; "
            "look at it, then allow it with `crew trust`"
        )


NOT_STARTED: Final = (ProcessError, ChildStartFailed, ConsentVoid, NoHome)
"""Why an attempt has no process."""


def told_otherwise(event: object) -> None:
    """Heed no event of an attempt: how it ends is told by the event of its task."""


def no_start(message: str) -> Failed:
    """Tell that nothing was started."""
    return Failed(failure=Failure(kind=FailureKind.START, message=message))


def write_inputs(job: Job, prompt: str, task_file: Path) -> None:
    """Write what the agent may read, and make the folder for what it leaves. Blocks."""
    job.output.mkdir()
    task_file.write_text(prompt, encoding="utf-8", errors="surrogateescape")
    inputs = {
        "goal": job.goal,
        "task": {
            "id": job.task.id,
            "step": job.task.step,
            "role": job.task.role,
            "title": job.task.title,
        },
        "dependencies": {
            name: {
                "text": result.text,
                "data": result.data,
                "artifacts": [
                    {"name": artifact, "path": str(path)}
                    for artifact, path in result.artifacts
                ],
            }
            for name, result in job.dependencies.items()
        },
    }
    (job.folder / "inputs.json").write_bytes(msgspec.json.encode(inputs))


def check_consent(job: Job, command: CommandSpec) -> None:
    """Look once more at what is about to be executed.

    Raises:
      ConsentVoid: it has changed since its user agreed to it.
    """
    consent = job.task.consent
    if consent is None:
        return
    agent_file = Path(consent.agent_file)
    if content_hash(job.workspace, agent_file, command.argv) != consent.sha256:
        # One that is reached through a link is told as `written -> where it is`.
        names = {name: name.partition(" -> ")[0] for name in consent.files}
        gone = (n for n, path in names.items() if not (job.workspace / path).exists())
        raise ConsentVoid(job.task.agent, job.workspace, tuple(gone))


def process_spec(
    job: Job,
    command: CommandSpec,
    argv: tuple[str, ...],
    *,
    stdin: Literal["null", "pipe"],
    max_line: int = LINE_LIMIT,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> ProcessSpec:
    """Describe the process of *job*, which is *argv* in its workspace.

    *extra* are variables of its environment which the names in *command* may replace.

    Makes the home folder of its agent, if it has one. Blocks.

    Raises:
      ProcessError: there is no such program.
      NoHome: the folder cannot be made.
    """
    make_home(job.task.home)
    chosen = {
        **EnvPolicy().build(job.environ),
        **extra,
        **{name: job.environ[name] for name in command.env if name in job.environ},
    }
    env = EnvPolicy(
        inherit=(),  # what is chosen is chosen from the crew's environment, not from ours
        extra={
            **at_home(chosen, job.task.home),
            **{name: job.environ[name] for name in _PLACES if name in job.environ},
            "CREW_RUN": job.run,
            FOLDER_VARIABLE: str(job.folder.parents[1]),
            "CREW_TASK": job.task.id,
            "CREW_ATTEMPT": job.attempt,
            "CREW_WORKSPACE": str(job.workspace),
            "CREW_INPUTS": str(job.folder / "inputs.json"),
            "CREW_OUTPUT": str(job.output),
            DEPTH_VARIABLE: str(job.depth + 1),
        },
    )
    path = search_path(job.environ)
    executable = resolve_executable(argv[0], cwd=job.workspace, path=path)
    return ProcessSpec(
        name=f"{job.attempt}/process",
        argv=(str(executable), *argv[1:]),
        cwd=job.workspace,
        env=env,
        stderr="lines",
        stdin=stdin,
        max_line=max_line,
        overflow=job.folder / "long-lines",
        overflow_limit=LONG_LINES_LIMIT,
        ladder=LADDER,
        silence=command.silence,
        wall=command.timeout,
    )


async def keep_errors(process: ChildProcess, log: OutputLog) -> None:
    """Keep what it writes to its error stream; of too long lines the beginning."""
    async for line in process.lines("stderr"):
        await log.add("stderr", line.text)
        if isinstance(line, CutLine) and line.file is not None:
            await trio.to_thread.run_sync(forget, line.file)


def forget(path: Path) -> None:
    """Remove a file, if it is there. Blocks."""
    path.unlink(missing_ok=True)


def ending_of(how: ProcessExit, log: OutputLog) -> Ending:
    """Tell what the end of a process means for its attempt; *log* is closed."""
    deadlines = {
        "startup_timeout": "no output within the time allowed for its start",
        "silence_timeout": "no output for longer than allowed",
        "wall_timeout": "it took longer than allowed",
    }
    is_lost = how.reason == "containment_lost"
    return Ending(
        code=how.returncode,
        signal=how.signal,
        deadline=deadlines.get(how.reason),
        lost="its warden was killed, so it was ended" if is_lost else None,
        answered=how.reason == "finished",
        stderr=log.end("stderr"),
    )
