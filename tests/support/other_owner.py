# Run as a program by tests: `python other_owner.py FOLDER TASKS`. It works on a run, and
# does what the lines of its standard input say:
#
#   say TASK TEXT   the agent of TASK tells its progress
#   end TASK        it completes
"""A process of its own that owns a run."""

import json
import os
import sys
from pathlib import Path

import trio

from crew_actors.runtimes import Completed, Job, Outcome, Port
from tests.support.crews import crew_in
from tests.support.plans import plan, task


class Orders:
    """Hands the lines of standard input to the agents that they are for."""

    def __init__(self) -> None:
        self.ports: dict[str, Port] = {}
        self.ends: dict[str, trio.Event] = {}

    async def agent(self, job: Job, port: Port) -> Outcome:
        """Do what is said until told to end."""
        self.ports[job.task.id] = port
        self.ends[job.task.id] = trio.Event()
        await port.progress("ready")
        await self.ends[job.task.id].wait()
        return Completed(text="done")

    async def listen(self) -> None:
        """Read orders."""
        read = b""
        async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
            async for more in stdin:
                *lines, read = (read + more).split(b"\n")
                for line in lines:
                    await self.obey(*line.decode().split(" ", 2))

    async def obey(self, word: str, name: str, text: str = "") -> None:
        """Do what a line says."""
        if word == "end":
            self.ends[name].set()
        else:
            await self.ports[name].progress(text)


async def main(folder: Path, tasks: list[str]) -> None:
    """Own one run."""
    orders = Orders()
    async with crew_in(folder, worker=orders.agent) as crew:
        run = await crew.start(plan(*map(task, tasks), limit=len(tasks)))
        while len(orders.ports) < len(tasks):
            await run.newer(run.state.seq)
        sys.stdout.write(json.dumps({"run": run.id}) + "\n")
        sys.stdout.flush()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(orders.listen)
            await run.wait()
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2:])
