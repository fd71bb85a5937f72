# It ends when its stdin does: so with the player, however that ends.
"""The runtime that `orphans` kills: starts agents, and tells their pids."""

import json
import sys
from pathlib import Path
from typing import Any

import trio

from crew_actors.census import recording
from crew_stress.scenarios.agents import pids_in, spec_of
from crew_stress.scenarios.refusal import refusal_in
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
            if agent["is_fake"] and line.text.startswith('{"type": "ready"'):
                say(pids_in(line.text))


def say(what: list[int] | str) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    """Run all agents of the plan that comes first, and wait to be killed."""
    async with trio.lowlevel.FdStream(sys.stdin.fileno()) as stdin:
        told = b""
        while not told.endswith(b"\n"):
            piece = await stdin.receive_some()
            if not piece:
                return
            told += piece
        plan: dict[str, Any] = json.loads(told)
        say([])
        with recording(Path(plan["records"])):
            async with trio.open_nursery() as nursery:
                for agent in plan["agents"]:
                    nursery.start_soon(live, agent)
                while await stdin.receive_some():
                    pass
                nursery.cancel_scope.cancel()


if __name__ == "__main__":
    try:
        trio.run(main)
    except BaseExceptionGroup as group:
        refusal = refusal_in(group)
        if refusal is None:
            raise
        say(str(refusal))
