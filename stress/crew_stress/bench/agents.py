# How fast real agent programs hear an interrupt, and how long they take to say their first
# word: started for their attempt, and started ahead of it. They are those that `.ci/agents`
# installs, and ask the fake LLM.
"""Bench: interrupts and first words of agent programs."""

import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import attrs
import trio

from crew_actors.config import LimitSettings, Settings
from crew_actors.model import (
    AttemptStarted,
    CommandSpec,
    Event,
    PlannedTask,
    Progress,
    RunPlan,
    TaskId,
)
from crew_actors.places import Places, Project
from crew_actors.runs import Crew, open_crew
from crew_actors.runtimes import Completed, Job, Outcome, Port
from crew_actors.testing.llm import (
    VARIABLES,
    FakeLlm,
    open_fake_llm,
    point_programs,
)
from crew_stress.bench.console import p95, table_of
from crew_stress.bench.pages import where, write_part
from crew_stress.bench.supervisors import Figure

VARIABLE: Final = "CREW_TEST_AGENTS"
"""Names the folder of their binaries."""
PROGRAMS: Final = ("pi", "claude", "codex")
ROUNDS: Final = 20
STARTS: Final = 10
A: Final = TaskId("a")
BEFORE: Final = TaskId("before")
"""The task that a program's own depends on."""
WORD: Final = "hello"
READY: Final = 4.0
"""Seconds in which any of the programs is ready."""
GAIN: Final = 3.0
"""How many times sooner a warm program must say its first words than a cold one."""
GAINS: Final = ("pi", "claude")
"""The programs of which that is asked: those that take long to begin."""
LIMIT: Final = 150.0
"""Milliseconds in which an interrupt must have ended the request to the model."""


def task_of(name: str, binary: Path, prompt: str, *needs: TaskId) -> PlannedTask:
    """Plan a task of the agent program *name*."""
    return PlannedTask(
        id=A,
        step="a",
        role="executor",
        agent=name,
        title="A",
        prompt=prompt,
        depends_on=needs,
        runtime=name,
        command=CommandSpec(argv=(str(binary),), env=VARIABLES),
        model="fake/fake" if name == "pi" else "fake",
    )


def plan(*tasks: PlannedTask) -> RunPlan:
    """Make a plan of *tasks*."""
    return RunPlan(goal="work", team="bench", workflow="bench", tasks=tasks)


async def interrupts(
    crew: Crew, llm: FakeLlm, made: RunPlan, rounds: int
) -> list[float]:
    """Interrupt one agent again and again; tell how long each took, in milliseconds."""
    took: list[float] = []
    run = await crew.start(made)
    for number in range(1, rounds + 1):
        await llm.until(partial(_is_ready, number - 1))
        await trio.sleep(0.2)  # what it has said so far is read
        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            message = f"[[hang:{number}]]"
            nursery.start_soon(partial(run.send, "a", message, kind="interrupt"))
            await llm.until_left(number)
            took.append((time.perf_counter() - began) * 1000)
    run.cancel("measured")
    await run.wait()
    return took


def _is_ready(left: int, llm: FakeLlm) -> bool:
    """Tell whether so many requests were left, and another one hangs."""
    hangs = any(one.status and one.outcome == "at work" for one in llm.generations)
    return hangs and sum(one.outcome == "left" for one in llm.requests) == left


async def first_words(crew: Crew, program: PlannedTask, rounds: int) -> list[float]:
    """Run *program* behind another task; tell when its first words came.

    In milliseconds from the beginning of its attempt.
    """
    before = attrs.evolve(
        program, id=BEFORE, agent=str(BEFORE), depends_on=(), runtime="function"
    )
    took: list[float] = []
    for _ in range(rounds):
        run = await crew.start(plan(before, program))
        await run.wait()
        events = [one async for one in run.events()]
        (begun,) = (e.at for e in events if _begins(e.event))
        spoke = next(e.at for e in events if _speaks(e.event))
        took.append((spoke - begun) * 1000)
    return took


def _begins(event: Event) -> bool:
    return isinstance(event, AttemptStarted) and event.task == A


def _speaks(event: Event) -> bool:
    return isinstance(event, Progress) and event.task == A and WORD in event.text


async def _waits(_job: Job, _port: Port) -> Outcome:
    """Be the task before: take as long as any program needs to be ready."""
    await trio.sleep(READY)
    return Completed(text="done")


@asynccontextmanager
async def crew_for(
    binaries: Path, folder: Path, *, warm: int = 0
) -> AsyncGenerator[tuple[Crew, FakeLlm]]:
    """Open a crew with a home of its own in *folder*, and a fake LLM."""
    project, home = folder / "project", folder / "home"
    project.mkdir(parents=True)
    home.mkdir()
    async with open_fake_llm() as llm:
        environ = {
            "LANG": "C.UTF-8",
            "TMPDIR": str(home),
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            **point_programs(home, llm.url),
        }
        async with open_crew(
            Project(project, is_repository=False),
            places=Places(config=folder / "config", data=folder / "data"),
            environ=environ,
            settings=Settings(limits=LimitSettings(warm=warm)),
            functions={str(BEFORE): _waits},
        ) as crew:
            yield crew, llm


async def interrupted(
    name: str, binaries: Path, folder: Path, rounds: int
) -> list[float]:
    """Measure the interrupts of one program."""
    async with crew_for(binaries, folder) as (crew, llm):
        hangs = task_of(name, binaries / name, "[[hang:so far]]")
        return await interrupts(crew, llm, plan(hangs), rounds)


async def begun(
    name: str, binaries: Path, folder: Path, rounds: int, warm: int
) -> list[float]:
    """Measure the first words of one program."""
    async with crew_for(binaries, folder, warm=warm) as (crew, _):
        speaks = task_of(name, binaries / name, f"[[say:{WORD}]]", BEFORE)
        return await first_words(crew, speaks, rounds)


_ABOUT: Final = """
## Agent programs

Written by `python -m crew_stress.bench agents --write` from one run of it:
{where}.

Each program is interrupted {rounds} times in the middle of a reply, over its own protocol. The
figure is the time from `crew interrupt` to the moment when its request to the model is gone.

The first words of `pi` and `claude` are timed {starts} times from the beginning of its attempt to the event that
shows them: cold, which is with a process that is started then, and warm, with one that was started
ahead of it. The figure is how many times the median of the one is that of the other.

{table}
"""


def figures_of(name: str, binaries: Path, rounds: int, starts: int) -> Iterator[Figure]:
    """Measure one program."""
    with tempfile.TemporaryDirectory(prefix="crew-bench-") as folder:
        took = trio.run(interrupted, name, binaries, Path(folder), rounds)
    yield Figure(f"interrupt of {name}, p95", p95(took), "ms", LIMIT)
    if name not in GAINS:
        return
    middles: list[float] = []
    for warm in (0, 1):
        with tempfile.TemporaryDirectory(prefix="crew-bench-") as folder:
            took = trio.run(begun, name, binaries, Path(folder), starts, warm)
        middles.append(median(took))
    cold, ready = middles
    what = f"first words of {name}: {cold:.0f} ms cold, {ready:.0f} warm"
    yield Figure(what, cold / ready, "x", GAIN, at_least=True)


def main(*, write: bool = False, rounds: int = ROUNDS, starts: int = STARTS) -> int:
    """Print the figures, and with *write* into the docs; 1 if one of them is missed."""
    told = os.environ.get(VARIABLE)
    if not told:
        print(f"     nothing is measured: {VARIABLE} names no folder of agent programs")
        return 0
    figures: list[Figure] = []
    for name in PROGRAMS:
        for figure in figures_of(name, Path(told), rounds, starts):
            print(figure, flush=True)
            figures.append(figure)
    if write:
        text = _ABOUT.format(
            where=where(), rounds=rounds, starts=starts, table=table_of(figures)
        )
        write_part("agents", text)
    return 0 if all(figure.is_reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))
