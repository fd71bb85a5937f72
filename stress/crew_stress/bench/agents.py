# How fast real agent programs hear an interrupt, and how long they take to begin. They are
# those that `.ci/agents` installs, and ask the fake LLM.
"""Bench: interrupts of agent programs."""

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

import trio

from crew_actors.config import Settings
from crew_actors.model import CommandSpec, PlannedTask, RunPlan, TaskId
from crew_actors.places import Places, Project
from crew_actors.runs import Crew, open_crew
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
LIMIT: Final = 150.0
"""Milliseconds in which an interrupt must have ended the request to the model."""


def plan(name: str, binary: Path) -> RunPlan:
    """Make a plan of one agent that says something, and then nothing more."""
    task = PlannedTask(
        id=TaskId("a"),
        step="a",
        role="executor",
        agent=name,
        title="A",
        prompt="[[hang:so far]]",
        runtime=name,
        command=CommandSpec(argv=(str(binary),), env=VARIABLES),
        model="fake/fake" if name == "pi" else "fake",
    )
    return RunPlan(goal="work", team="bench", workflow="bench", tasks=(task,))


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


async def measured(name: str, binaries: Path, folder: Path, rounds: int) -> list[float]:
    """Measure one program, with a home of its own."""
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
            settings=Settings(),
        ) as crew:
            return await interrupts(crew, llm, plan(name, binaries / name), rounds)


_ABOUT: Final = """
## Agent programs

Written by `python -m crew_stress.bench agents --write` from one run of it:
{where}.

Each program is interrupted {rounds} times in the middle of a reply, over its own protocol. The
figure is the time from `crew interrupt` to the moment when its request to the model is gone.

{table}
"""


def main(*, write: bool = False, rounds: int = ROUNDS) -> int:
    """Print the figures, and with *write* into the docs; 1 if one of them is missed."""
    told = os.environ.get(VARIABLE)
    if not told:
        print(f"     nothing is measured: {VARIABLE} names no folder of agent programs")
        return 0
    figures: list[Figure] = []
    for name in PROGRAMS:
        with tempfile.TemporaryDirectory(prefix="crew-bench-") as folder:
            took = trio.run(measured, name, Path(told), Path(folder), rounds)
        figures.append(Figure(f"interrupt of {name}, p95", p95(took), "ms", LIMIT))
        print(figures[-1], flush=True)
    if write:
        text = _ABOUT.format(where=where(), rounds=rounds, table=table_of(figures))
        write_part("agents", text)
    return 0 if all(figure.is_reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))
