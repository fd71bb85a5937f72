"""Real agent programs, as `.ci/agents` installs them, against the fake LLM."""

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import psutil
import pytest
import trio

from crew_actors.config import LimitSettings, Settings
from crew_actors.model import (
    CommandSpec,
    Limits,
    McpServer,
    PlannedTask,
    QuestionAsked,
    RunPlan,
    TaskId,
)
from crew_actors.places import Places, Project
from crew_actors.runs import Crew, Run, open_crew
from crew_actors.runtimes import AgentFunction
from crew_actors.testing.llm import (
    VARIABLES,
    FakeLlm,
    open_fake_llm,
    point_programs,
)

FOLDER: Final = os.environ.get("CREW_TEST_AGENTS", "")
"""The folder of the binaries."""
PROGRAMS: Final = ("claude", "codex", "pi")
A: Final = TaskId("a")
BEFORE: Final = TaskId("before")
_ARGUMENTS: Final = {"gemini": ("--acp", "-m", "fake-1"), "opencode": ("acp",)}
_MODELS: Final = {"pi": "fake/fake", "gemini": None, "opencode": None}
LIMIT: Final = 60.0
"""Seconds in which a turn must have ended. It takes about one."""


def _installed() -> bool:
    return bool(FOLDER) and all(Path(FOLDER, name).exists() for name in PROGRAMS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = "the agent programs are not installed: `.ci/agents FOLDER` does it, and then set "
    why += "CREW_TEST_AGENTS to FOLDER/bin"
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent and not _installed():
            item.add_marker(pytest.mark.skip(reason=why))


@attrs.frozen(eq=False)
class Real:
    """A crew whose one agent is a real program."""

    name: str
    crew: Crew
    llm: FakeLlm
    project: Path
    is_warm: bool = False

    def plan(self, prompt: str) -> RunPlan:
        command = CommandSpec(
            argv=(str(Path(FOLDER, self.name)), *_ARGUMENTS.get(self.name, ())),
            env=VARIABLES,
        )
        task = PlannedTask(
            id=A,
            step="a",
            role="worker",
            agent="real",
            title="A",
            prompt=prompt,
            runtime=self.name,
            command=command,
            model=_MODELS.get(self.name, "fake"),
            writes=True,
        )
        tasks: tuple[PlannedTask, ...] = (task,)
        if self.is_warm:
            before = attrs.evolve(task, id=BEFORE, agent=str(BEFORE), step="before")
            tasks = (before, attrs.evolve(task, depends_on=(BEFORE,)))
        return RunPlan(
            goal="work",
            team="real",
            workflow="real",
            tasks=tasks,
            limits=Limits(attempts=1),
        )

    async def start(self, prompt: str) -> Run:
        return await self.crew.start(self.plan(prompt))

    def left_of(self, run: Run) -> list[str]:
        """Tell which processes of *run* live."""
        return [one.name() for one in processes_of(run)]


def processes_of(run: Run) -> list[psutil.Process]:
    """Find what carries the mark of *run* in its environment."""
    found: list[psutil.Process] = []
    for one in psutil.process_iter():
        try:
            if one.environ().get("CREW_RUN") == run.id and one.status() != "zombie":
                found.append(one)
        except psutil.Error:
            continue  # it has ended, or is not ours
    return found


async def answer_all(run: Run, answer: str) -> None:
    """Answer each question of *run* as it comes, until cancelled."""
    async for one in run.events():
        if isinstance(one.event, QuestionAsked):
            await run.respond(answer, question=one.event.question.id)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true of the world outside, which tells nobody."""
    while not true():  # noqa: ASYNC110 - as it says
        await trio.sleep(0.02)


@asynccontextmanager
async def real(
    name: str,
    folder: Path,
    *,
    mcp: tuple[McpServer, ...] = (),
    before: AgentFunction | None = None,
    **more: str,
) -> AsyncGenerator[Real]:
    """Open a crew of a program, with a home of its own, and *more* variables.

    *before* does a task that the program's own waits for; it has a process ready then.
    """
    project, home = folder / "project", folder / "home"
    project.mkdir()
    home.mkdir()
    places = Places(config=folder / "config", data=folder / "data")
    async with open_fake_llm() as llm:
        variables = point_programs(home, llm.url)
        environ = {
            "LANG": "C.UTF-8",
            "TMPDIR": str(home),
            "PATH": f"{FOLDER}:{os.environ['PATH']}",
            "HOME": str(home),
            **variables,
            **more,
        }
        async with open_crew(
            Project(project, is_repository=False),
            places=places,
            environ=environ,
            settings=Settings(
                mcp=mcp, limits=LimitSettings(warm=int(before is not None))
            ),
            functions={} if before is None else {"before": before},
        ) as crew:
            yield Real(name, crew, llm, project, is_warm=before is not None)
