# Agents print on both streams without end, and whoever reads them is slow. Their
# pipes make them wait: memory stays bounded, and nothing is lost or out of order.
"""Agents that print without end fill neither the memory nor the gaps between lines."""

from random import Random
from typing import Final

import trio

from crew_stress.fake_agent import argv
from crew_stress.scenarios.agents import spec_of
from crew_stress.scenarios.machine import rss
from crew_stress.scenarios.round import Round
from crew_supervisors import ChildProcess, run_process

CLAIM: Final = (
    "agents that print without end to slow readers are slowed themselves: memory stays "
    "bounded, and each line comes, in its order"
)
SECONDS: Final = 2.0
"""How long a round lasts, once all agents print."""
WARM_UP: Final = 0.3
"""Seconds until lines are counted and memory is measured for the first time."""
LOOK_EVERY: Final = 0.05
"""Seconds."""
FIXED: Final = 16.0
"""MiB by which this process may grow, whatever the number of agents."""
EACH: Final = 2.0
"""MiB for each agent. Its buffer of 64 KiB may be overshot by two reads of 64 KiB, which
are 2,000 of these short lines, of some 250 bytes as objects; measured were 1.7."""
BATCH: Final = 64
"""Lines after which a reader rests."""
REST: Final = 0.004
"""Seconds that it rests at most."""


async def play(one: Round) -> None:
    """Play one round."""
    load, book = one.load, one.book
    counts = [0] * load.agents
    wrong: list[str] = []
    grown: list[float] = []
    before = rss()

    async def read(number: int, process: ChildProcess, own: Random) -> None:
        async for line in process.lines():
            if not load.command and line.text != f"{counts[number]:063d}":
                wrong.append(line.text)
                return
            counts[number] += 1
            if counts[number] % BATCH == 0:
                await trio.sleep(own.uniform(0, REST))

    async with trio.open_nursery() as nursery:
        for number in range(load.agents):
            spec = spec_of(load.command or argv("err-pour", "pour"), one.token)
            process = await nursery.start(run_process, spec)
            nursery.start_soon(read, number, process, Random(one.chance.random()))
        await trio.sleep(WARM_UP)
        lines = sum(counts)
        with trio.move_on_after(SECONDS):
            while True:
                await trio.sleep(LOOK_EVERY)
                grown.append(rss() - before)
        rate = (sum(counts) - lines) / SECONDS
        nursery.cancel_scope.cancel()
    book.note("memory grown by", grown, unit="MiB", kind="course")
    book.note("lines read", [rate], unit="/s")
    book.require("memory grown by", max(grown), FIXED + EACH * load.agents, "MiB")
    if not load.command:
        book.require("lines lost or out of order", len(wrong), 0)
        book.require("agents of which nothing was read", counts.count(0), 0)
