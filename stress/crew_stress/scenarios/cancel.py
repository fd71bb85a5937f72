# 1. N polite agents are cancelled at the same moment; what counts is the time from
#    the call until each one's whole tree is verified to be gone.
# 2. The same N, started with plain trio, get SIGTERM and are reaped by hand.
# 3. N agents of all kinds are cancelled each at a random moment, many while they start.
"""Cancelled agents are gone, all of them, and soon."""

import signal
import subprocess
from typing import Final

import trio

from crew_stress.fake_agent import argv
from crew_stress.scenarios.agents import (
    MIXED,
    POLITE,
    choose,
    hear,
    hear_ready,
    spec_of,
)
from crew_stress.scenarios.round import Round
from crew_stress.scenarios.values import Load, percentile
from crew_supervisors import ChildProcess, ProcessSpec, run_process

CLAIM: Final = (
    "agents that are cancelled at any moment leave no process, and polite ones are gone "
    "within 200 ms"
)
FEW: Final = 100
"""So many polite agents are to be gone within `SOON`."""
SOON: Final = 0.2
"""Seconds."""
MANY: Final = 500
LATER: Final = 1.5
"""Seconds, for `MANY`."""
RATIO: Final = 3.0
"""Times what it takes by hand, the better of `TURNS` turns of each: what disturbs a turn
makes it slower, never faster. It counts from `ENOUGH` agents on: to end a few by hand
takes no time at all."""
TURNS: Final = 2
ENOUGH: Final = 50
HELD: Final = ("ready", "echo")
"""A polite agent that ends with its stdin, so also when we are killed."""
OWN_WARM_UP: Final = 1.0
"""Seconds for a command of the user's to be at work: it says no word that we know."""


async def play(one: Round) -> None:
    """Play one round."""
    load, book = one.load, one.book
    ours: list[float] = []
    hand: list[float] = []
    for _ in range(TURNS if load.agents >= ENOUGH else 1):
        times = await cancel_all(one)
        book.note("cancel, all at once", times)
        if load.command:
            continue
        ours.append(percentile(times, 95))
        times = await end_by_hand(load)
        book.note("SIGTERM and reap, by hand", times)
        hand.append(percentile(times, 95))
    if not load.command:
        limit = soon(load.agents) * 1e3
        book.require("p95 of a polite cancel", max(ours), limit, "ms")
    if hand and load.agents >= ENOUGH:
        ratio = min(ours) / min(hand)
        book.require("its ratio to SIGTERM and reap by hand", ratio, RATIO, "x")
    book.note("cancel, random moments", await cancel_at_random(one))


def soon(agents: int) -> float:
    """Return how long *agents* may take, in seconds."""
    beyond = max(0, agents - FEW) / (MANY - FEW)
    return SOON + beyond * (LATER - SOON)


async def cancel_all(one: Round) -> list[float]:
    """Cancel all agents when each is at work; return how long each took, in ms.

    A command of the user's that has ended by itself by then takes no time.
    """
    load = one.load
    scopes = [trio.CancelScope() for _ in range(load.agents)]
    up: list[None] = []
    all_up = trio.Event()
    gone: list[float] = []

    async def live(scope: trio.CancelScope, spec: ProcessSpec) -> None:
        with scope:
            async with trio.open_nursery() as nursery:
                process = await nursery.start(run_process, spec)
                if load.command:
                    nursery.start_soon(hear, process, one)
                    await trio.sleep(OWN_WARM_UP)
                else:
                    await hear_ready(process, one)
                up.append(None)
                if len(up) == load.agents:
                    all_up.set()
        if scope.cancelled_caught:
            gone.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        for scope in scopes:
            spec = spec_of(choose(load, one.chance, POLITE), one.token)
            nursery.start_soon(live, scope, spec)
        await all_up.wait()
        begin = trio.current_time()
        for scope in scopes:
            scope.cancel()
    return [(at - begin) * 1e3 for at in gone]


async def end_by_hand(load: Load) -> list[float]:
    """Do the same with plain trio: SIGTERM, and reap; return the times in ms."""
    processes: list[trio.Process] = []
    gone: list[float] = []

    async def start() -> None:
        process = await trio.lowlevel.open_process(
            list(argv(*HELD)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdout is not None
        await process.stdout.receive_some()

    async def reap(process: trio.Process) -> None:
        await process.wait()
        gone.append(trio.current_time())

    try:
        async with trio.open_nursery() as nursery:
            for _ in range(load.agents):
                nursery.start_soon(start)
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            for process in processes:
                process.send_signal(signal.SIGTERM)
                nursery.start_soon(reap, process)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            for process in processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
                for stream in (process.stdin, process.stdout):
                    assert stream is not None
                    await stream.aclose()
    return [(at - begin) * 1e3 for at in gone]


async def cancel_at_random(one: Round) -> list[float]:
    """Cancel each agent at a moment of its own; return how long each took, in ms."""
    load = one.load
    spread = 0.3 + 0.02 * load.agents
    took: list[float] = []

    async def live(spec: ProcessSpec, seconds: float) -> None:
        deadline = trio.current_time() + seconds
        with trio.CancelScope(deadline=deadline) as scope:
            async with trio.open_nursery() as nursery:
                process: ChildProcess = await nursery.start(run_process, spec)
                await hear(process, one)
        if scope.cancelled_caught:  # it had not ended by itself
            took.append((trio.current_time() - deadline) * 1e3)

    async with trio.open_nursery() as nursery:
        for _ in range(load.agents):
            spec = spec_of(choose(load, one.chance, MIXED), one.token)
            nursery.start_soon(live, spec, one.chance.uniform(0, spread))
    return took
