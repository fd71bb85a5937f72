"""The runtime that `orphans` kills: starts agents, and tells their pids."""

import json
import sys
from pathlib import Path
from typing import Any

import trio

from crew_actors.census import recording
from crew_stress.scenarios.agents import spec_of
from crew_supervisors import ChildProcess, run_process


async def live(agent: dict[str, Any]) -> None:
    """Run one agent, and tell what it tells of itself."""
    spec = spec_of(
        tuple(agent["argv"]), agent["token"], containment=agent["containment"]
    )
    async with trio.open_nursery() as nursery:
        process: ChildProcess = await nursery.start(run_process, spec)
        say([process.pid])
        async for line in process.lines():
            if line.text.startswith('{"type": "ready"'):
                say(list(json.loads(line.text)["pids"].values()))


def say(pids: list[int]) -> None:
    print(json.dumps(pids), flush=True)


async def main(plan: dict[str, Any]) -> None:
    """Run all agents, and wait to be killed."""
    say([])
    with recording(Path(plan["records"])):
        async with trio.open_nursery() as nursery:
            for agent in plan["agents"]:
                nursery.start_soon(live, agent)
            await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, json.load(sys.stdin))
