"""Programs in Job Objects for tests, with the model or with Windows itself."""

import json
import os
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from crew_supervisors.processes import ProcessSpec
from crew_supervisors.processes._host import Launch
from crew_supervisors.processes._job_api import Job, Program, Windows
from tests.support import windows_agent
from tests.support.windows_model import ModelWindows

# The launcher that a virtual environment has on Windows is a process of its own.
PYTHON: Final[str] = getattr(sys, "_base_executable", sys.executable)
AGENT: Final = (PYTHON, "-I", "-S", windows_agent.__file__)
SYSTEMS: Final = ("model", *(("Windows",) if sys.platform == "win32" else ()))
LOOK: Final = 0.01  # seconds between two looks
LIMIT: Final = 30.0  # seconds; Wine takes its time to start a program


def system(name: str) -> Windows:
    """Return the model, or Windows itself."""
    if sys.platform == "win32" and name == "Windows":
        from crew_supervisors.processes._windows import WindowsSystem  # noqa: PLC0415 - only there

        return WindowsSystem()
    return ModelWindows(console=name == "model with a console")


def agent(*words: str, **options: Any) -> ProcessSpec:
    """Return the spec of an agent that does *words*."""
    return ProcessSpec(name="agent", argv=(*AGENT, *words), **options)


def launch(*words: str, stdin_pipe: bool = False, **changed: Any) -> Launch:
    """Return what `agent` comes to."""
    given: dict[str, Any] = {
        "name": "agent",
        "executable": Path(AGENT[0]),
        "argv": (*AGENT, *words),
        "cwd": None,
        "environment": dict(os.environ),
        "marker": "none",
        "stdin_pipe": stdin_pipe,
    }
    return Launch(**{**given, **changed})


@asynccontextmanager
async def started(windows: Windows, *words: str) -> AsyncGenerator[Program]:
    """Start a suspended program for a block, and leave nothing of it."""
    program = await windows.start_suspended(launch(*words, stdin_pipe=True))
    try:
        yield program
    finally:
        with trio.move_on_after(LIMIT, shield=True):
            with suppress(OSError):  # gone already
                windows.kill(program)
            await program.wait()
            for pipe in (program.stdin, program.stdout, program.stderr):
                assert pipe is not None
                await trio.aclose_forcefully(pipe)


@asynccontextmanager
async def running(windows: Windows, *words: str) -> AsyncGenerator[tuple[Program, Job]]:
    """Run a program in a job of its own for a block, and leave nothing of them."""
    async with started(windows, *words) as program:
        job = windows.create_job()
        try:
            job.assign(program)
            windows.resume(program)
            yield program, job
        finally:
            job.close()


async def line_of(program: Program) -> str:
    """Return the next line that *program* prints."""
    assert program.stdout is not None
    said = bytearray()
    with trio.fail_after(LIMIT):
        while not said.endswith(b"\n"):
            piece = await program.stdout.receive_some(1)
            assert piece, f"it has ended after {said!r}"
            said += piece
    return said.decode().rstrip()


async def tree_of(program: Program) -> dict[str, int]:
    """Return the pids of a program that says that it is ready."""
    told: dict[str, Any] = json.loads(await line_of(program))
    return {"leader": told["pid"], **told["pids"]}


async def wait_gone(windows: Windows, pids: Iterable[int]) -> None:
    """Return when nobody has the numbers *pids*."""
    left = set(pids)
    with trio.fail_after(LIMIT):
        while left := {pid for pid in left if windows.created(pid)}:  # noqa: ASYNC110 - nobody tells of it
            await trio.sleep(LOOK)


async def wait_for_members(job: Job, count: int) -> None:
    """Return when *job* has *count* members."""
    with trio.fail_after(LIMIT):
        while job.active() != count:  # noqa: ASYNC110 - nobody tells of it
            await trio.sleep(LOOK)


needs_windows = pytest.mark.skipif(
    sys.platform != "win32", reason="the system itself; .ci/windows runs it under Wine"
)
