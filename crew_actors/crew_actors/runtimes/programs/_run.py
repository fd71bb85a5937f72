# A program's process, from its start to the end of its whole tree. What is said on the
# way is the business of the conversation.
#
# A process can be started ahead of its attempt. It is made for that attempt alone, with
# its environment and its folder: it is used once, or not at all. One that could not be
# started, or has not stayed well, costs nothing but the gain: another one is started when
# the attempt begins.
#
# A program that does not know its protocol is started once more, for one prompt.
"""Run an agent program."""

from contextlib import suppress
from typing import Final, final

import attrs
import trio

from crew_actors.model import CommandSpec, Failure, FailureKind
from crew_actors.runtimes._answer import Answer
from crew_actors.runtimes._job import Begins, Job, Port
from crew_actors.runtimes._log import OutputLog, drop_log
from crew_actors.runtimes._outcome import Completed, Failed, NoResult, Outcome
from crew_actors.runtimes._process import (
    NOT_STARTED,
    check_consent,
    ending_of,
    keep_errors,
    no_start,
    process_spec,
    told_otherwise,
    write_inputs,
)
from crew_actors.runtimes._prompt import prompt_of
from crew_actors.runtimes._screen import short
from crew_actors.runtimes.programs._converse import Enter, converse
from crew_actors.runtimes.programs._mcp import variables_of
from crew_actors.runtimes.programs._program import Mode, Program
from crew_actors.runtimes.programs._session import Session
from crew_supervisors import (
    ChildProcess,
    ProcessExit,
    ProcessSpec,
    Supervisor,
    open_supervisor,
)

EVENT_LIMIT: Final = 8 << 20
"""Bytes of one event that is taken in. Of longer ones the beginning is."""

WARM: Final = 600.0
"""Seconds that a process waits for its attempt. Then a fresh one takes its place, which
has read what its settings and the keys of its user are by then."""

_BY_ITSELF: Final = ("exited", "finished")

_END: Final = 1.0  # seconds from the end of its output to that of a process


@final
@attrs.frozen
class ProgramRuntime:
    """Runs tasks with one agent program."""

    program: Program

    async def __call__(self, job: Job, port: Port) -> Outcome:
        """Run the program for *job*."""
        return await run_program(self.program, job, port)

    async def warm(self, job: Job, port: Port, begins: Begins) -> Outcome:
        """Start the program ahead of its attempt; run it when that has begun."""
        return await run_warm(self.program, job, port, begins)


async def run_program(program: Program, job: Job, port: Port) -> Outcome:
    """Run *program* for *job*, in its own protocol, and tell how it ended.

    One that does not know its protocol is run for one prompt, if it can be.
    Cancelling it stops the program's whole process tree before it returns.
    """
    async with open_supervisor(
        name=job.attempt, max_restarts=0, on_event=told_otherwise
    ) as supervisor:
        command = job.task.command
        if command is None:
            return no_start(f"agent {job.task.agent} has no command")
        try:
            prompt, spec = await trio.to_thread.run_sync(
                _make_ready, program, job, command
            )
            await port.process_starts(supervisor)
            process = await supervisor.start_process(spec)
        except NOT_STARTED as error:
            return no_start(str(error.__cause__ or error))
        session, how = await _play(program, job, port, process, prompt)
        why = _why_mute(session, how)
        if program.once is None or why is None:
            return _outcome(session, how)
        try:
            spec = await trio.to_thread.run_sync(_again, program.once, job, command)
            process = await supervisor.start_process(spec)
        except NOT_STARTED as error:
            return no_start(str(error.__cause__ or error))
        note = f"(it does not speak its protocol, and hears one prompt only: {why})"
        session, how = await _play(program.once, job, port, process, prompt, note=note)
    return _outcome(session, how)


async def _play(
    mode: Mode,
    job: Job,
    port: Port,
    process: ChildProcess,
    prompt: str,
    *,
    note: str | None = None,
) -> tuple[Session, ProcessExit]:
    """Talk with a process from its start to its end; nothing of it lives then."""
    await port.process_started(process)
    use = _Use(mode, Session(job, port, process, OutputLog(job.folder)))
    use.session.begins(job)

    async def enter() -> str:
        if note is not None:
            await use.session.show(note)
        return prompt

    how = await use.run(enter)
    await port.process_ended(process, how)
    return use.session, how


def _why_mute(session: Session, how: ProcessExit) -> str | None:
    """Tell why a program does not speak its protocol; None if there is no sign of that.

    A program that does not know the protocol ends with an error of its own, or refuses
    the handshake; one that was ended by others has told nothing.
    """
    if session.is_open:
        return None
    if session.last is None and how.returncode and how.reason in _BY_ITSELF:
        words = session.log.end("stderr").strip()
        return short(words.partition("\n")[0]) or str(how)
    if session.last is None or session.last.failure is None or not session.knows_not:
        return None
    return session.last.failure.message


async def run_warm(program: Program, early: Job, port: Port, begins: Begins) -> Outcome:
    """Start *program* ahead of its attempt, and run it when *begins* has returned.

    *early* says what is known of the attempt. Cancelling it stops the program's whole
    process tree before it returns.
    """
    while True:
        async with open_supervisor(
            name=early.attempt, max_restarts=0, on_event=told_otherwise
        ) as supervisor:
            outcome = await _run_warm_in(supervisor, program, early, port, begins)
        if not isinstance(outcome, _Unused):
            return outcome
        await trio.to_thread.run_sync(drop_log, early.folder)
        if not outcome.renew:
            return await run_program(program, await begins(), port)


@attrs.frozen
class _Unused:
    """A process ahead of its attempt has ended, or there was none."""

    why: str
    renew: bool = attrs.field(default=False, kw_only=True)
    """Whether there is to be another one ahead of the attempt."""


async def _run_warm_in(
    supervisor: Supervisor, program: Program, early: Job, port: Port, begins: Begins
) -> Outcome | _Unused:
    command = early.task.command
    if command is None:
        return _Unused("there is no command")
    try:
        spec = await trio.to_thread.run_sync(_describe, program, early, command)
        process = await supervisor.start_process(spec)
    except NOT_STARTED as error:
        return _Unused(str(error))  # it is tried again, and told then
    port.process_warms(process)
    session = Session(early, port, process, OutputLog(early.folder))
    use = _Use(program, session)

    async def enter() -> str | None:
        job = await _until_begun(session, begins)
        if job is None:
            use.is_old = True
            return None
        prompt = await trio.to_thread.run_sync(_write, job)
        await port.process_starts(supervisor)
        await port.process_started(process)
        session.begins(job)
        return prompt

    how = await use.run(enter)
    if session.begun.is_set():
        await port.process_ended(process, how)
        return _outcome(session, how)
    unused = _why_unused(use, how)
    await port.process_discarded(process, how, unused.why)
    return unused


async def _until_begun(session: Session, begins: Begins) -> Job | None:
    """Wait until the attempt begins; None if that takes too long."""
    job: Job | None = None
    with trio.move_on_after(WARM):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.excuse)
            job = await begins()
            nursery.cancel_scope.cancel()
    return job


def _why_unused(use: "_Use", how: ProcessExit) -> _Unused:
    session = use.session
    if use.is_old:
        return _Unused(f"it has waited for {WARM:g} seconds", renew=True)
    if session.spoilt is not None:
        return _Unused(session.spoilt)
    if session.last is not None and session.last.failure is not None:
        return _Unused(session.last.failure.message)
    return _Unused(f"it is gone: {how}")


@final
@attrs.define(eq=False)
class _Use:
    """A process of a program, while somebody talks with it."""

    _mode: Mode
    session: Session
    is_old: bool = attrs.field(default=False, init=False)
    """It has waited too long for its attempt."""

    async def run(self, enter: Enter) -> ProcessExit:
        """Talk with it to the end; return how it ended. Nothing of it lives then."""
        session = self.session
        process, log = session.process, session.log
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(log.run)
                async with trio.open_nursery() as streams:
                    streams.start_soon(keep_errors, process, log)
                    await converse(session, self._mode, enter)
                    if not session.begun.is_set():
                        await self._give_up()
                how = await process.wait()
                nursery.cancel_scope.cancel()
        finally:
            await process.stop(reason="its attempt is over")  # most often it has ended
            await log.close()
        return how

    async def _give_up(self) -> None:
        """Stop a process that is not used; see how one has ended by itself."""
        session = self.session
        if not (self.is_old or session.spoilt or session.last):
            with trio.move_on_after(_END):
                await session.process.wait()
        await session.process.stop(reason="it is not used")


def _make_ready(
    program: Program, job: Job, command: CommandSpec
) -> tuple[str, ProcessSpec]:
    """Write what the agent may read; make its prompt and describe its process.

    Blocks; runs in a thread.

    Raises:
      ConsentVoid: what it runs has changed since its user agreed to it.
      ProcessError: there is no such program.
      NoHome: its home folder cannot be made.
    """
    return _write(job), _describe(program, job, command)


def _again(mode: Mode, job: Job, command: CommandSpec) -> ProcessSpec:
    """Describe another process of the agent, with a log of its own. Blocks.

    Raises what `_make_ready` raises.
    """
    with suppress(OSError):  # a log is for looking only
        drop_log(job.folder)
    return _describe(mode, job, command)


def _write(job: Job) -> str:
    """Write what the agent may read; make its prompt. Blocks; runs in a thread."""
    prompt = prompt_of(job)
    write_inputs(job, prompt, job.folder / "task.md")
    return prompt


def _describe(mode: Mode, job: Job, command: CommandSpec) -> ProcessSpec:
    """Describe the process of the agent. Blocks; runs in a thread.

    Raises:
      ConsentVoid: what it runs has changed since its user agreed to it.
      ProcessError: there is no such program.
      NoHome: its home folder cannot be made.
    """
    check_consent(job, command)
    argv = (*command.argv, *mode.arguments(job))
    return process_spec(
        *(job, command, argv),
        stdin="pipe",
        max_line=EVENT_LIMIT,
        extra={**variables_of(job), **mode.environ},
    )


def _outcome(session: Session, how: ProcessExit) -> Outcome:
    last = session.last
    if last is None:
        # It ended in the middle of its work, so its end tells why.
        return _lost(Answer(output="jsonl").outcome(ending_of(how, session.log)))
    if last.failure is not None:
        failure = attrs.evolve(last.failure, retried=session.has_tried)
        return Failed(failure=_with_last_words(failure, session))
    if last.text.strip():
        return Completed(text=last.text)
    return NoResult(why="it came to an end, but gave no result")


def _lost(outcome: Outcome) -> Outcome:
    """Make a failure of an end without a result: the code 0 of a program proves nothing."""
    if not isinstance(outcome, NoResult):
        return outcome
    message = "it ended in the middle of its work" + outcome.why.removeprefix(
        "it ended well, but gave no result"
    )
    return Failed(failure=Failure(kind=FailureKind.EXIT, message=message))


def _with_last_words(failure: Failure, session: Session) -> Failure:
    detail = session.log.end("stderr").strip()
    return failure if failure.detail else attrs.evolve(failure, detail=detail)
