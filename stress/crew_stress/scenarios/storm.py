# Each agent crashes as often as its plan says, in all the ways there are, and then
# does its work. A supervisor restarts it. Fake agents crash by themselves; a command
# of the user's is killed at a random moment.
"""Agents that crash again and again are restarted as often, and leave nothing behind."""

import os
import signal
import sys
from random import Random
from typing import Final

import attrs
import psutil
import trio

from crew_stress.fake_agent import argv
from crew_stress.scenarios.agents import spec_of
from crew_stress.scenarios.book import Book
from crew_stress.scenarios.machine import end_survivors, new_token
from crew_stress.scenarios.values import Load
from crew_supervisors import (
    Backoff,
    Child,
    ChildEnded,
    ChildProcess,
    ChildRestarting,
    ChildSpec,
    Event,
    open_supervisor,
    run_process,
)

assert sys.platform != "win32"  # fake agents fork

CLAIM: Final = (
    "agents that crash are restarted exactly as often as they crash, and no process, "
    "file, task or thread is left of any of their lives"
)
CRASHES: Final = (
    ("exit:1",),
    ("ready", "die:SIGSEGV"),
    ("ready", "die:SIGKILL"),
    ("tree:child:hold", "ready", "exit:3"),
    ("tree:daemon", "ready", "exit:1"),
    ("err-flood:200000", "exit:1"),
)
MOST: Final = 3
"""Crashes of one agent."""
QUICK: Final = Backoff(first=0.001, cap=0.01)


class AgentCrashed(Exception):
    """An agent did not end as it should. Its supervisor restarts it."""


@attrs.frozen
class Plan:
    """What one agent does in each of its lives."""

    scripts: tuple[tuple[str, ...], ...]
    """Of fake agents, the last of which ends well."""
    moments: tuple[float, ...]
    """When a command of the user's is killed, in seconds after its start."""

    @property
    def crashes(self) -> int:
        return len(self.moments)


def plan_for(chance: Random) -> Plan:
    crashes = range(chance.randint(1, MOST))
    return Plan(
        scripts=(*(chance.choice(CRASHES) for _ in crashes), ("exit:0",)),
        moments=tuple(chance.uniform(0, 0.3) for _ in crashes),
    )


@attrs.define
class Storm:
    """One round."""

    load: Load
    token: str
    restarts: int = 0
    ended: int = 0
    back: list[float] = attrs.field(factory=list[float])
    """From a crash until the agent runs again, in ms."""
    over: trio.Event = attrs.field(factory=trio.Event)

    def heed(self, event: Event) -> None:
        if isinstance(event, ChildRestarting):
            self.restarts += 1
        elif isinstance(event, ChildEnded):
            self.ended += 1
            if self.ended == self.load.agents:
                self.over.set()

    def body(self, plan: Plan) -> "Body":
        return Body(self, plan)


@attrs.define
class Body:
    """The body of one child."""

    storm: Storm
    plan: Plan
    crashed_at: float = 0.0

    async def __call__(self, *, child: Child) -> None:
        life = child.incarnation - 1
        own = self.storm.load.command
        command = own or argv(*self.plan.scripts[life])
        spec = spec_of(command, self.storm.token, stdout="tail")
        async with trio.open_nursery() as nursery:
            process: ChildProcess = await nursery.start(run_process, spec)
            if life:
                self.storm.back.append((trio.current_time() - self.crashed_at) * 1e3)
            if own:
                await self._crash_or_stop(process, life)
            ended = await process.wait()
        if life < self.plan.crashes:
            self.crashed_at = trio.current_time()
            raise AgentCrashed(str(ended.signal or ended.returncode))

    async def _crash_or_stop(self, process: ChildProcess, life: int) -> None:
        if life < self.plan.crashes:
            await trio.sleep(self.plan.moments[life])
            if await process.alive():
                os.kill(process.pid, signal.SIGKILL)  # our own, not verified as gone
        else:
            await process.stop(grace=0.2)


async def play(load: Load, chance: Random, book: Book) -> None:
    """Play one round."""
    storm = Storm(load, new_token())
    plans = [plan_for(chance) for _ in range(load.agents)]
    crashes = sum(plan.crashes for plan in plans)
    async with open_supervisor(
        strategy="dynamic", max_restarts=crashes, on_event=storm.heed
    ) as supervisor:
        for number, plan in enumerate(plans):
            spec = ChildSpec(
                f"agent {number}",
                storm.body(plan),
                restart="transient",
                backoff=QUICK,
            )
            await supervisor.start(spec)
        await storm.over.wait()
    book.note("from a crash until it runs again", storm.back)
    book.require("restarts too many or too few", abs(storm.restarts - crashes), 0)
    told: list[psutil.Process] = []
    left = await trio.to_thread.run_sync(end_survivors, storm.token, told)
    book.count_survivors(left)
