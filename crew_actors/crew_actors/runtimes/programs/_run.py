# A program's process, from its start to the end of its whole tree. What is said on the
# way is the business of the session.
"""Run an agent program."""

from contextlib import suppress
from typing import Final

import attrs
import trio

from crew_actors.model import CommandSpec, Failure, FailureKind
from crew_actors.peers import (
    Notification,
    PeerClosed,
    PeerError,
    ProcessWire,
    Stray,
    open_peer,
)
from crew_actors.runtimes._answer import Answer
from crew_actors.runtimes._job import Job, Port
from crew_actors.runtimes._log import OutputLog
from crew_actors.runtimes._outcome import Completed, Failed, NoResult, Outcome
from crew_actors.runtimes._process import (
    ConsentVoid,
    check_consent,
    ending_of,
    keep_errors,
    no_start,
    process_spec,
    told_otherwise,
    write_inputs,
)
from crew_actors.runtimes._prompt import prompt_of
from crew_actors.runtimes.programs._failures import failure_of
from crew_actors.runtimes.programs._mcp import variables_of
from crew_actors.runtimes.programs._program import Program, Talk
from crew_actors.runtimes.programs._session import Session
from crew_supervisors import (
    ChildProcess,
    ChildStartFailed,
    ProcessError,
    ProcessExit,
    ProcessSpec,
    Supervisor,
    open_supervisor,
)

EVENT_LIMIT: Final = 8 << 20
"""Bytes of one event that is taken in. Of longer ones the beginning is."""

HANDSHAKE: Final = 60.0
"""Seconds in which a program must have taken its task. It may have much to load."""

_GOODBYE: Final = 1.0  # seconds in which it must have read the end of its input


async def run_program(program: Program, job: Job, port: Port) -> Outcome:
    """Run *program* for *job*, in its own protocol, and tell how it ended.

    Cancelling it stops the program's whole process tree before it returns.
    """
    async with open_supervisor(
        name=job.attempt, max_restarts=0, on_event=told_otherwise
    ) as supervisor:
        return await _run_in(program, job, port, supervisor)


async def _run_in(
    program: Program, job: Job, port: Port, supervisor: Supervisor
) -> Outcome:
    command = job.task.command
    if command is None:
        return no_start(f"agent {job.task.agent} has no command")
    try:
        prompt, spec = await trio.to_thread.run_sync(_make_ready, program, job, command)
        await port.process_starts(supervisor)
        process = await supervisor.start_process(spec)
    except (ProcessError, ChildStartFailed, ConsentVoid) as error:
        return no_start(str(error.__cause__ or error))
    log = OutputLog(job.folder)
    try:
        await port.process_started(process)
        async with trio.open_nursery() as nursery:
            session = Session(job, port, process, log)
            nursery.start_soon(log.run)
            async with trio.open_nursery() as streams:
                streams.start_soon(keep_errors, process, log)
                await _converse(program.talk(session), session, program, prompt)
            how = await process.wait()
            nursery.cancel_scope.cancel()
    finally:
        await process.stop(reason="its attempt is over")  # most often it has ended
        await log.close()
    await port.process_ended(process, how)
    return _outcome(session, how)


def _make_ready(
    program: Program, job: Job, command: CommandSpec
) -> tuple[str, ProcessSpec]:
    """Write what the agent may read; make its prompt and describe its process.

    Blocks; runs in a thread.

    Raises:
      ConsentVoid: what it runs has changed since its user agreed to it.
      ProcessError: there is no such program.
    """
    prompt = prompt_of(job)
    write_inputs(job, prompt, job.folder / "task.md")
    check_consent(job, command)
    argv = (*command.argv, *program.arguments(job))
    return prompt, process_spec(
        *(job, command, argv),
        stdin="pipe",
        max_line=EVENT_LIMIT,
        extra={**variables_of(job), **program.environ},
    )


async def _converse(
    talk: Talk, session: Session, program: Program, prompt: str
) -> None:
    """Talk with the program until there is nothing more to say, and it has ended."""
    process = session.process

    async def hear(told: Notification | Stray) -> None:
        session.port.beat()
        if isinstance(told, Stray):
            await session.show(told.text[:1000])
        else:
            await talk.hear(told)

    wire = ProcessWire(process)
    if session.job.mcp and not program.takes_mcp:
        await session.show("(it cannot be given MCP servers)")
    async with open_peer(
        wire, program.dialect, serve=talk.serve, hear=hear
    ) as session.peer:
        async with trio.open_nursery() as nursery:
            session.nursery = nursery
            nursery.start_soon(_until_gone, session, nursery.cancel_scope)
            if await _begins(talk, session, prompt):
                nursery.start_soon(_hand_on, talk, session)
                await _until_over(talk, session)
            nursery.cancel_scope.cancel()
        await session.rest()
        if session.last is not None:
            await session.port.answer_seen()
        await _say_goodbye(process)
        await session.peer.ended.wait()


async def _until_over(talk: Talk, session: Session) -> None:
    """Wait for the result of a program, which it may mend once."""
    await session.until_idle()
    repair = session.repair()
    if repair is not None:
        session.hands_on(repair)
        with suppress(PeerClosed):  # what it has said already counts
            try:
                await talk.tell(repair)
            except PeerError as error:
                await session.refuses(repair, str(error))
        await session.until_idle()
    session.is_over()


async def _begins(talk: Talk, session: Session, prompt: str) -> bool:
    """Open the conversation; False if the program does not take part in it."""
    try:
        with trio.fail_after(HANDSHAKE):
            await talk.begin(prompt)
    except PeerClosed:
        return False  # its end tells why
    except PeerError as error:
        session.ends(failure_of(str(error)))
        return False
    except trio.TooSlowError:
        what = f"it has not answered within {HANDSHAKE:.0f} seconds"
        session.ends(Failure(kind=FailureKind.TIMEOUT, message=what))
        return False
    return True


async def _until_gone(session: Session, scope: trio.CancelScope) -> None:
    await session.peer.ended.wait()
    scope.cancel()


async def _hand_on(talk: Talk, session: Session) -> None:
    while True:
        message = await session.port.next_message()
        if not session.hands_on(message):
            return  # it came too late, and is kept for the next attempt
        try:
            await talk.tell(message)
        except PeerClosed:
            return  # so is this one
        except PeerError as error:
            await session.refuses(message, str(error))


async def _say_goodbye(process: ChildProcess) -> None:
    with trio.move_on_after(_GOODBYE):
        await process.close_stdin()
    await process.finish()


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
