# Run as a program by tests: `python other_runtime.py PROJECT`. It is a runtime of its
# own on the project, and does what the lines of its standard input say; to each it
# answers with one line of JSON.
#
#   start TASK...   start a run; tasks called `p...` are processes, the others functions
#   resume RUN      take up a run         status RUN   tell where a run stands
#   cancel RUN      have a run stopped
"""A second runtime on the same project."""

import json
import os
import sys
from pathlib import Path

import attrs
import trio
from tests.support.crews import crew_in, sleep
from tests.support.plans import plan, task

from crew_actors.control import cancel_run
from crew_actors.errors import UserError
from crew_actors.journal import RunFolder, effective_status, owner_state, runs_folder
from crew_actors.model import CommandSpec, PlannedTask
from crew_actors.runs import Crew, Run

PROCESS = CommandSpec(argv=("/bin/sh", "-c", "echo $$; exec sleep 300"))


def _task(name: str) -> PlannedTask:
    if name.startswith("p"):
        return attrs.evolve(task(name, role="shell"), command=PROCESS)
    return task(name)


async def _begun(run: Run) -> Run:
    """Wait until each task is at work."""
    while not all(one.progress for one in run.state.tasks.values()):
        await run.newer(run.state.seq)
    return run


async def _obey(crew: Crew, project: Path, word: str, *given: str) -> object:
    if word == "start":
        made = plan(*map(_task, given), limit=len(given))
        return (await _begun(await crew.start(made))).id
    folder = RunFolder(runs_folder(project) / given[0])
    if word == "resume":
        return (await crew.resume(folder)).id
    if word == "cancel":
        return (await cancel_run(folder, "by the other runtime")).value
    return [effective_status(folder).value, owner_state(folder)]


async def main(project: Path) -> None:
    """Be a runtime until the standard input ends."""
    async with crew_in(project, worker=sleep) as crew:
        read = b""
        async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
            async for more in stdin:
                *lines, read = (read + more).split(b"\n")
                for line in lines:
                    try:
                        done = await _obey(crew, project, *line.decode().split())
                    except UserError as error:
                        done = {"error": type(error).__name__, "says": str(error)}
                    sys.stdout.write(json.dumps(done) + "\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
