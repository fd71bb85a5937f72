"""A console with agents at work: `python -m crew_stress.bench.console_stage AGENTS`.

A process of its own, so that its memory and its time are its own. It tells in a line of
JSON where it is, and ends with its standard input. Each agent says something ten times in
a second, of which the run takes in four.
"""

import json
import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import trio

from crew_actors.console import serve_console
from crew_actors.model import PlannedTask, RunPlan, TaskId
from crew_actors.places import Places
from crew_actors.runs import open_crew
from crew_actors.runtimes import Completed, Job, Outcome, Port

PAUSE = 0.1
"""Seconds between two words of an agent."""


async def talker(_: Job, port: Port) -> Outcome:
    """Say what time it is, until cancelled."""
    await trio.sleep(random.random() * PAUSE)  # each in its own time
    for _turn in range(1_000_000):
        await port.progress(f"{time.time():.4f}")
        await trio.sleep(PAUSE)
    return Completed(text="it is late")


def plan(agents: int) -> RunPlan:
    """Make a plan of tasks that are all ready at once."""
    tasks = tuple(
        PlannedTask(
            id=TaskId(f"task-{number}"),
            step=f"task-{number}",
            role="worker",
            agent="talker",
            title=f"Task {number}",
        )
        for number in range(agents)
    )
    return RunPlan(
        goal="talk", team="talkers", workflow="talk", tasks=tasks, limit=max(1, agents)
    )


async def stage(agents: int) -> None:
    """Open the console, and keep it open."""
    with tempfile.TemporaryDirectory(prefix="crew-bench-") as temporary:
        folder = Path(temporary)
        project = folder / "project"
        project.mkdir()
        places = Places(config=folder / "config", data=folder / "data")
        opened = partial(open_crew, places=places, functions={"talker": talker})
        async with opened(project, slots=256) as crew, trio.open_nursery() as nursery:
            address = await nursery.start(serve_console, crew)
            run = (await crew.start(plan(agents))).id if agents else None
            told = {
                "port": address.port,
                "token": address.tokens.operator,
                "run": run,
            }
            print(json.dumps(told), flush=True)
            await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(stage, int(sys.argv[1]))
