"""Shake hands with an agent program: does it start, and does it speak its protocol?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import trio

from crew_actors.model import CommandSpec
from crew_actors.peers import (
    Notification,
    Peer,
    PeerError,
    ProcessWire,
    Request,
    Stray,
    open_peer,
    unknown_method,
)
from crew_actors.runtimes.programs._program import Program
from crew_supervisors import EnvPolicy, ProcessError, ProcessSpec, run_process

GREETING: Final = 30.0
"""Seconds in which a program must have answered. It may have much to load."""


async def greet(
    program: Program, command: CommandSpec, workspace: Path, environ: Mapping[str, str]
) -> str | None:
    """Start *program*, have it answer one request, and end it; tell what is wrong.

    None if nothing is. No model is asked. Whatever happens, its whole process tree has
    ended on return.
    """
    why: str | None = None
    try:
        async with trio.open_nursery() as nursery:
            spec = _spec(program, command, workspace, environ)
            process = await nursery.start(run_process, spec)
            wire = ProcessWire(process)
            async with open_peer(
                wire, program.dialect, serve=_serve, hear=_hear
            ) as peer:
                why = await _answers(program, peer)
            await process.stop(reason="it was greeted")
    except* ProcessError as errors:
        why = f"it cannot be started: {errors.exceptions[0]}"
    return why


async def _answers(program: Program, peer: Peer) -> str | None:
    try:
        with trio.fail_after(GREETING):
            await program.greet(peer)
    except PeerError as error:
        why = f"it does not speak its protocol: {error}"
        once = "; it would be run for one prompt, and nobody could steer it"
        return why if program.once is None else why + once
    except trio.TooSlowError:
        return f"it has not answered within {GREETING:g} seconds"
    return None


async def _serve(request: Request) -> object:
    raise unknown_method(request.method)


async def _hear(_: Notification | Stray) -> None:
    pass  # what it says by itself is nothing to a greeting


def _spec(
    program: Program, command: CommandSpec, workspace: Path, environ: Mapping[str, str]
) -> ProcessSpec:
    names = [name for name in command.env if name in environ]
    return ProcessSpec(
        name=f"greet {command.argv[0]}",
        argv=(*command.argv, *program.protocol),
        cwd=workspace,
        env=EnvPolicy(
            inherit=(),
            extra={
                **EnvPolicy().build(environ),
                **program.environ,
                **{name: environ[name] for name in names},
            },
        ),
        stdin="pipe",
    )
