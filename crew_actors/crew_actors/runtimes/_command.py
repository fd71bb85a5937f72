# A command agent: one process, from its start to the end of its whole tree.
#
# 1. What the process is given lies in the attempt's own folder before it starts.
# 2. Every line is understood, handed to the port and forgotten. The port waits when
#    the run cannot keep up; then the process waits at its pipe.
# 3. A line of output is a sign of life. So is the mere end of it.
# 4. Who has given its answer need not exit to be done: it is ended politely. That is
#    after a `result` or `failure`, or when nobody holds the plain text open any more.
# 5. A line too long for memory is kept as an artifact, and what it was part of has the
#    reference.
"""Run an agent that is a command."""

from pathlib import Path

import msgspec
import trio

from crew_actors.model import CommandSpec, Failure, FailureKind
from crew_actors.resources import content_hash
from crew_actors.runtimes._answer import LINE_LIMIT, Answer, Ending
from crew_actors.runtimes._command_line import (
    CommandLine,
    command_line,
    search_path,
)
from crew_actors.runtimes._conversation import Conversation
from crew_actors.runtimes._job import DEPTH_VARIABLE, Job, Port
from crew_actors.runtimes._messages import (
    Asks,
    Leaves,
    Message,
    Received,
    Says,
    Uses,
)
from crew_actors.runtimes._outcome import Failed, Outcome
from crew_actors.runtimes._prompt import build_prompt
from crew_supervisors import (
    ChildProcess,
    ChildStartFailed,
    CutLine,
    EnvPolicy,
    ProcessError,
    ProcessExit,
    ProcessSpec,
    Rung,
    StdinClosed,
    Supervisor,
    resolve_executable,
)

LADDER = (Rung("SIGTERM", 0.2),)
"""How an agent is stopped: asked, and killed 0.2 seconds later. Agent CLIs that end
in order were measured to need 0.02 to 0.18 seconds."""


OUTPUT_CLOSED = 5.0
"""Seconds for an agent that has closed its output; it may have to put things away."""

HELD = "processes that it left behind held its output open, and were ended"

LONG_LINES_LIMIT = 1 << 28
"""Bytes of all too long lines of one agent together."""


class BadArtifact(ValueError):
    """An agent named a file that cannot be kept as an artifact. Nothing was kept."""


class ConsentVoid(Exception):
    """What a project brings is not what its user has agreed to. It was not run."""

    def __init__(self, agent: str) -> None:
        super().__init__(agent)
        self.agent = agent

    def __str__(self) -> str:
        return (
            f"what agent {self.agent} would run has changed since it was agreed to; "
            "look at it, then allow it with `crew trust`"
        )


async def run_command(job: Job, port: Port, supervisor: Supervisor) -> Outcome:
    """Run the command agent of *job* and tell how it ended.

    Cancelling it stops the agent's whole process tree before it returns.
    """
    command = job.task.command
    if command is None:
        return _no_start(f"agent {job.task.agent} has no command")
    prompt = build_prompt(
        job.task,
        job.goal,
        job.dependencies,
        messages=job.messages,
        answers=job.answers,
    )
    task_file = job.folder / "task.md"
    await trio.to_thread.run_sync(_prepare, job, prompt, task_file)
    line = command_line(
        command,
        prompt=prompt,
        goal=job.goal,
        task_file=task_file,
        workspace=job.workspace,
    )
    try:
        await trio.to_thread.run_sync(_check_consent, job, command)
        spec = await trio.to_thread.run_sync(_process_spec, job, command, line)
        process = await supervisor.start_process(spec)
    except (ProcessError, ChildStartFailed, ConsentVoid) as error:
        return _no_start(str(error.__cause__ or error))
    try:
        await port.process_started(process)
        answer = Answer(output=command.output)
        talk = Conversation(port, process, can_hear=command.control == "stdin")
        async with trio.open_nursery() as nursery:
            if line.stdin is not None:
                nursery.start_soon(_feed, process, answer, line.stdin)
            first = prompt if command.input == "stdin" else None
            nursery.start_soon(talk.begin, first)
            await _listen(job, talk, answer, nursery)
            how = await process.wait()
            if how.output_truncated:
                await port.progress(HELD)
            nursery.cancel_scope.cancel()  # nobody is left to read its input
    finally:
        await process.stop(reason="its attempt is over")  # most often it has ended
    await port.process_ended(process, how)
    return answer.outcome(_ending(how))


def _no_start(message: str) -> Failed:
    return Failed(failure=Failure(kind=FailureKind.START, message=message))


def _prepare(job: Job, prompt: str, task_file: Path) -> None:
    """Write what the agent may read. Blocks; runs in a thread."""
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


def _check_consent(job: Job, command: CommandSpec) -> None:
    """Look once more at what is about to be executed. Blocks; runs in a thread.

    Raises:
      ConsentVoid: it has changed since its user agreed to it.
    """
    consent = job.task.consent
    if consent is None:
        return
    agent_file = Path(consent.agent_file)
    if content_hash(job.workspace, agent_file, command.argv) != consent.sha256:
        raise ConsentVoid(job.task.agent)


def _process_spec(job: Job, command: CommandSpec, line: CommandLine) -> ProcessSpec:
    """Describe the process of *job*. Blocks on the disk; runs in a thread."""
    env = EnvPolicy(
        extra={
            **{name: job.environ[name] for name in command.env if name in job.environ},
            "CREW_RUN": job.run,
            "CREW_TASK": job.task.id,
            "CREW_ATTEMPT": job.attempt,
            "CREW_WORKSPACE": str(job.workspace),
            "CREW_INPUTS": str(job.folder / "inputs.json"),
            "CREW_OUTPUT": str(job.output),
            DEPTH_VARIABLE: str(job.depth + 1),
        }
    )
    path = search_path(job.environ)
    executable = resolve_executable(line.argv[0], cwd=job.workspace, path=path)
    return ProcessSpec(
        name=f"{job.attempt}/process",
        argv=(str(executable), *line.argv[1:]),
        cwd=job.workspace,
        env=env,
        stdin="null" if line.stdin is None and command.control == "none" else "pipe",
        max_line=LINE_LIMIT,
        overflow=job.folder / "long-lines",
        overflow_limit=LONG_LINES_LIMIT,
        ladder=LADDER,
        silence=command.silence,
        wall=command.timeout,
    )


async def _feed(process: ChildProcess, answer: Answer, prompt: bytes) -> None:
    answer.unread = True
    try:
        await process.send_bytes(prompt)
        answer.unread = False
        await process.close_stdin()
    except StdinClosed:
        return  # it needs no more of its prompt; its answer tells whether that is well


async def _listen(
    job: Job, talk: Conversation, answer: Answer, nursery: trio.Nursery
) -> None:
    """Take in what it says, to the end; see to it that its end comes after its answer."""
    port, process = talk.port, talk.process
    ending = False
    cuts = 0
    async for line in process.lines():
        port.beat()
        if isinstance(line, CutLine):
            cuts += 1
            await _keep_cut(port, answer, line, f"long-lines/{cuts}.txt")
        else:
            message = answer.take(line.text)
            if isinstance(message, Asks):
                nursery.start_soon(talk.ask, message)
            elif isinstance(message, Received):
                await talk.received(message.message)
            else:
                await _hand_over(job, port, message)
        if answer.is_given and not ending:
            ending = True
            await port.answer_seen()
            nursery.start_soon(process.finish)
    if answer.is_text:
        await process.finish(quiet=OUTPUT_CLOSED)


async def _keep_cut(port: Port, answer: Answer, line: CutLine, name: str) -> None:
    note = f"a line of {line.size:,} bytes was cut after {LINE_LIMIT:,}"
    if line.file is None:
        note += f", and its rest was dropped: {line.problem}"
    else:
        try:
            await port.artifact(name, line.file)
            note += f"; all of it is artifact {name}"
        except BadArtifact as error:
            note += f", and cannot be kept: {error}"
        await trio.to_thread.run_sync(_forget, line.file)
    answer.take_cut(line.text, note)
    await port.progress(note)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _hand_over(job: Job, port: Port, message: Message) -> None:
    match message:
        case Says(text):
            if text:
                await port.progress(text)
        case Uses(usage):
            await port.usage(usage)
        case Leaves(name, path):
            try:
                source = await trio.to_thread.run_sync(_inside, job.output, path)
                await port.artifact(name, source)
            except BadArtifact as error:
                await port.progress(str(error))
        case _:
            pass  # a result or a failure counts when the process has ended


def _inside(folder: Path, path: str) -> Path:
    """Find the file that *path* names in *folder*. Blocks; runs in a thread.

    Raises:
      BadArtifact: it leads elsewhere, or to nothing.
    """
    try:
        found = (folder / path).resolve(strict=True)
        is_inside = found.is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError) as error:
        msg = f"artifact {path!r} is not in the output folder: {error}"
        raise BadArtifact(msg) from error
    if not is_inside:
        msg = f"artifact {path!r} lies outside of the output folder: write it there"
        raise BadArtifact(msg)
    return found


def _ending(how: ProcessExit) -> Ending:
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
        stderr=how.stderr_tail,
    )
