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
import trio

from crew_stress.fake_agent import argv
from crew_stress.scenarios.agents import spec_of
from crew_stress.scenarios.round import Round
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
STILL: Final = 20.0
"""Seconds without any news from the supervisor, after which none will come."""
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
    patience: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    def heed(self, event: Event) -> None:
        self.patience.deadline = trio.current_time() + STILL
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
        script = self.plan.scripts[min(life, self.plan.crashes)]
        command = own or argv(*script)
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


async def play(one: Round) -> None:
    """Play one round."""
    load, book = one.load, one.book
    storm = Storm(load, one.token)
    plans = [plan_for(one.chance) for _ in range(load.agents)]
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
        with storm.patience:
            await storm.over.wait()
    book.note("from a crash until it runs again", storm.back)
    book.require("restarts too many or too few", abs(storm.restarts - crashes), 0)
    book.require("agents that did not end well", load.agents - storm.ended, 0)
