"""Live agents at work: `python -m crew_stress.bench.live_stage URL AGENTS`.

A process of its own, so that its memory and its time are its own. URL is that of a fake
LLM. It tells in lines of JSON: first what it needs before there are agents, then where
its console is, and for each line on its standard input how long it took to interrupt each
agent. It ends with its standard input.
"""

import gc
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil
import trio

from crew_actors.config import Settings
from crew_actors.console import serve_console
from crew_actors.model import PlannedTask, Progress, Provider, RunPlan, TaskId
from crew_actors.places import Places
from crew_actors.runs import Run, open_crew

TALK = "[[slow:100000:0.1]]"
"""What each agent is told: to say a word ten times in a second, and not to end."""


def plan(agents: int, prompt: str) -> RunPlan:
    """Make a plan of live agents that are all ready at once."""
    tasks = tuple(
        PlannedTask(
            id=TaskId(f"task-{number}"),
            step=f"task-{number}",
            role="executor",
            agent="talker",
            title=f"Task {number}",
            runtime="llm",
            model="fake/one",
            prompt=prompt,
        )
        for number in range(agents)
    )
    return RunPlan(
        goal="talk", team="talkers", workflow="talk", tasks=tasks, limit=agents
    )


async def all_at_work(run: Run, agents: int) -> None:
    """Wait until each agent has said something."""
    heard: set[str] = set()
    async for one in run.events():
        if isinstance(one.event, Progress):
            heard.add(one.event.task)
            if len(heard) == agents:
                return


async def interrupted(run: Run, agents: int) -> list[float]:
    """Interrupt one agent after the other; tell the milliseconds until it has heard."""
    took: list[float] = []
    for number in range(agents):
        began = time.perf_counter()
        sent = await run.send(f"task-{number}", TALK, kind="interrupt")
        took.append((time.perf_counter() - began) * 1000)
        assert sent.outcome == "delivered", sent
    return took


def tell(**what: object) -> None:
    """Write one line."""
    print(json.dumps(what), flush=True)


def held() -> int:
    """Tell how many bytes this process holds."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def stage(url: str, agents: int) -> None:
    """Let the agents work until nobody wants to know more."""
    provider = Provider(name="fake", api="chat", base_url=f"{url}/v1")
    with tempfile.TemporaryDirectory(prefix="crew-bench-") as temporary:
        folder = Path(temporary)
        project = folder / "project"
        project.mkdir()
        places = Places(config=folder / "config", data=folder / "data")
        settings = Settings(providers=(provider,))
        opened = partial(open_crew, places=places, settings=settings)
        async with opened(project, slots=256) as crew, trio.open_nursery() as nursery:
            address = await nursery.start(serve_console, crew)
            first = await crew.start(plan(1, "[[say:ready]]"))
            await first.wait()
            tell(before=held())
            run = await crew.start(plan(agents, TALK))
            await all_at_work(run, agents)
            tell(port=address.port, token=address.tokens.operator, run=run.id)
            while await trio.to_thread.run_sync(
                sys.stdin.readline, abandon_on_cancel=True
            ):
                tell(took=await interrupted(run, agents))
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(stage, sys.argv[1], int(sys.argv[2]))
