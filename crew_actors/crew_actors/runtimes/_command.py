# A command agent: one process, from its start to the end of its whole tree.
#
# 1. What the process is given lies in the attempt's own folder before it starts.
# 2. Every line is understood, handed to the port and forgotten. The port waits when
#    the run cannot keep up; then the process waits at its pipe.
# 3. A line of output is a sign of life. So is the mere end of it.
# 4. Who has given its answer need not exit to be done: it is ended politely. That is
#    after a `result` or `failure`, or when nobody holds the plain text open any more.
# 5. What it says is kept in its folder, on both streams, for whoever asks.
# 6. A line too long for memory is kept as an artifact, and what it was part of has the
#    reference.
"""Run an agent that is a command."""

from pathlib import Path

import trio

from crew_actors.model import CommandSpec
from crew_actors.runtimes._answer import LINE_LIMIT, Answer
from crew_actors.runtimes._command_line import CommandLine, command_line
from crew_actors.runtimes._conversation import Conversation
from crew_actors.runtimes._job import Job, Port
from crew_actors.runtimes._log import OutputLog
from crew_actors.runtimes._messages import (
    Asks,
    Leaves,
    Message,
    Received,
    Says,
    Uses,
)
from crew_actors.runtimes._outcome import Outcome
from crew_actors.runtimes._process import (
    NOT_STARTED,
    check_consent,
    ending_of,
    forget,
    keep_errors,
    no_start,
    process_spec,
    told_otherwise,
    write_inputs,
)
from crew_actors.runtimes._prompt import prompt_of
from crew_supervisors import (
    ChildProcess,
    CutLine,
    ProcessSpec,
    StdinClosed,
    Supervisor,
    open_supervisor,
)

OUTPUT_CLOSED = 5.0
"""Seconds for an agent that has closed its output; it may have to put things away."""

HELD = "processes that it left behind held its output open, and were ended"


class BadArtifact(ValueError):
    """An agent named a file that cannot be kept as an artifact. Nothing was kept."""


async def run_command(job: Job, port: Port) -> Outcome:
    """Run the command agent of *job* and tell how it ended.

    Cancelling it stops the agent's whole process tree before it returns.
    """
    async with open_supervisor(
        name=job.attempt, max_restarts=0, on_event=told_otherwise
    ) as supervisor:
        return await _run_in(job, port, supervisor)


async def _run_in(job: Job, port: Port, supervisor: Supervisor) -> Outcome:
    command = job.task.command
    if command is None:
        return no_start(f"agent {job.task.agent} has no command")
    try:
        prompt, line, spec = await trio.to_thread.run_sync(_make_ready, job, command)
        await port.process_starts(supervisor)
        process = await supervisor.start_process(spec)
    except NOT_STARTED as error:
        return no_start(str(error.__cause__ or error))
    log = OutputLog(job.folder)
    try:
        await port.process_started(process)
        answer = Answer(output=command.output)
        talk = Conversation(port, process, can_hear=command.control == "stdin")
        async with trio.open_nursery() as nursery:
            if line.stdin is not None:
                nursery.start_soon(_feed, process, answer, line.stdin)
            first = prompt if command.input == "stdin" else None
            nursery.start_soon(talk.begin, first)
            nursery.start_soon(log.run)
            async with trio.open_nursery() as streams:
                streams.start_soon(keep_errors, process, log)
                await _listen(job, talk, answer, log, nursery)
            how = await process.wait()
            if how.output_truncated:
                await port.progress(HELD)
            nursery.cancel_scope.cancel()  # nobody is left to read its input
    finally:
        await process.stop(reason="its attempt is over")  # most often it has ended
        await log.close()
    await port.process_ended(process, how)
    return answer.outcome(ending_of(how, log))


def _make_ready(job: Job, command: CommandSpec) -> tuple[str, CommandLine, ProcessSpec]:
    """Write what the agent may read; make its prompt and describe its process.

    Blocks; runs in a thread.

    Raises:
      ConsentVoid: what it runs has changed since its user agreed to it.
      ProcessError: there is no such program.
      NoHome: its home folder cannot be made.
    """
    prompt = prompt_of(job)
    task_file = job.folder / "task.md"
    write_inputs(job, prompt, task_file)
    line = command_line(
        command,
        prompt=prompt,
        goal=job.goal,
        task_file=task_file,
        workspace=job.workspace,
    )
    check_consent(job, command)
    return (
        prompt,
        line,
        process_spec(
            job,
            command,
            line.argv,
            stdin="null"
            if line.stdin is None and command.control == "none"
            else "pipe",
        ),
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
    job: Job,
    talk: Conversation,
    answer: Answer,
    log: OutputLog,
    nursery: trio.Nursery,
) -> None:
    """Take in what it says, to the end; see to it that its end comes after its answer."""
    port, process = talk.port, talk.process
    ending = False
    cuts = 0
    async for line in process.lines():
        port.beat()
        await log.add("stdout", line.text)
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
        await trio.to_thread.run_sync(forget, line.file)
    answer.take_cut(line.text, note)
    await port.progress(note)


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
