"""Runs as a program of Python starts them: by a goal, as `crew run` does."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.support.crews import echo, sleep
from tests.support.plans import plan, task

from crew_actors.config import BadSettings
from crew_actors.journal import (
    Journal,
    NoRuns,
    RunFolder,
    UnknownRun,
    open_journal,
    read_events,
)
from crew_actors.model import Limits, RunStatus, TaskId
from crew_actors.places import Places
from crew_actors.resources import NotTrusted, UnknownResource
from crew_actors.runs import (
    BadRequest,
    Crew,
    NoAgentProgram,
    NoRuntime,
    _run,
    open_crew,
)
from crew_actors.runtimes import AgentFunction, Completed, Job, Outcome, Port

AGENT = "---\nname: one\nruntime: command\ncommand: [{program}]\n---\n"
TEAM = "---\nname: mine\n---\n\n- one: agent=one\n- two: agent=two\n"
FLOW = (
    "---\nname: mine\n---\n\n## a\nrole: one\n\nDo {goal}.\n\n"
    "## b\nrole: two\ndependsOn: a\n\nDo more.\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in {
        "agents/one.md": AGENT.format(program='"echo", "hello"'),
        "teams/mine.team.md": TEAM,
        "workflows/mine.workflow.md": FLOW,
    }.items():
        path = root / ".crew" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return root


@asynccontextmanager
async def crew_of(project: Path, **functions: AgentFunction) -> AsyncGenerator[Crew]:
    places = Places(config=project.parent / "config", data=project.parent / "data")
    environ = {"PATH": "/usr/bin:/bin"}
    with trio.fail_after(20):
        async with open_crew(
            project, places=places, functions=functions, environ=environ
        ) as crew:
            yield crew


async def test_a_team_is_run_by_functions_alone(project: Path) -> None:
    prompts: list[str] = []

    async def note(job: Job, port: Port) -> Outcome:
        prompts.append(job.task.prompt)
        return Completed(text=f"{job.task.id} did it")

    async with crew_of(project, one=note, two=note) as crew:
        run = await crew.start(team="mine", goal="the work")
        state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    assert prompts == ["Do the work.", "Do more."]
    assert [one.plan.runtime for one in state.tasks.values()] == ["function"] * 2
    assert {one.plan.command for one in state.tasks.values()} == {None}


async def test_a_command_of_the_project_needs_consent_which_trust_gives(
    project: Path,
) -> None:
    async with crew_of(project, two=echo) as crew:
        with pytest.raises(NotTrusted, match="one: echo hello"):
            await crew.start(team="mine", goal="x")
        assert await crew.runs() == ()
        run = await crew.start(team="mine", goal="x", trust=True)
        assert (await run.wait()).status is RunStatus.COMPLETED
        again = await crew.start(team="mine", goal="x")  # it was agreed to
        assert (await again.wait()).status is RunStatus.COMPLETED


async def test_an_agent_alone_is_a_team_of_one(project: Path) -> None:
    async with crew_of(project, mate=echo) as crew:
        state = await (await crew.start(agent="mate", goal="x")).wait()
        assert state.plan.team == "direct-mate"
        assert list(state.tasks) == ["mate"]
        alone = await crew.start(agent="one", goal="x", trust=True)
        assert (await alone.wait()).status is RunStatus.COMPLETED
        with pytest.raises(UnknownResource, match="mite"):
            await crew.start(agent="mite", goal="x")
        with pytest.raises(BadRequest, match="name only one"):
            await crew.start(agent="mate", team="mine", goal="x")


async def test_what_is_wrong_is_told_before_anything_is_started(project: Path) -> None:
    async with crew_of(project) as crew:
        with pytest.raises(BadRequest, match="goal: it is empty"):
            await crew.start(goal=" ")
        with pytest.raises(NoAgentProgram):
            await crew.start(goal="x", team="review")
        with pytest.raises(BadSettings, match=r"limits\.attempts"):
            await crew.start(goal="x", team="survey", attempts=0)
        with pytest.raises(NoRuntime):
            await crew.start(plan(attrs.evolve(task("a"), command=None)))
        many = Limits(tasks=1)
        with pytest.raises(BadRequest, match=r"has 5 tasks.* 1 \(limits\.tasks\)"):
            await crew.start(goal="x", team="survey", limits=many)
        with pytest.raises(TypeError, match="leave out goal"):
            await crew.start(plan(task("a")), goal="x")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]  # this is the point
        assert await crew.runs() == ()
        with pytest.raises(NoRuns):
            await crew.find("latest")
        with pytest.raises(UnknownRun):
            await crew.resume("20990101")


async def test_limits_come_from_the_settings_unless_they_are_given(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = project.parent / "config"
    config.mkdir()
    (config / "config.toml").write_text("[limits]\ntokens = 500\nattempts = 2\n")
    (project / ".crew" / "config.toml").write_text(
        'team = "other"\n[limits]\ntokens = 300\n'
    )
    async with crew_of(project, mate=echo) as crew:
        plain = await crew.start(agent="mate", goal="x")
        some = await crew.start(agent="mate", goal="x", attempts=5, time_limit=60)
        limits = Limits(attempts=1)
        whole = await crew.start(agent="mate", goal="x", limits=limits)
        both = await crew.start(agent="mate", goal="x", limits=limits, token_limit=9)
        for run in (plain, some, whole, both):
            await run.wait()
    told = plain.state.plan.limits
    assert (told.tokens, told.attempts) == (300, 2)
    told = some.state.plan.limits
    assert (told.tokens, told.attempts, told.run_seconds) == (300, 5, 60)
    assert whole.state.plan.limits == limits
    assert both.state.plan.limits == Limits(attempts=1, tokens=9)
    assert "a project may not set team" in caplog.text


async def test_settings_that_cannot_be_are_told_when_a_crew_is_opened(
    project: Path,
) -> None:
    config = project.parent / "config"
    config.mkdir()
    (config / "config.toml").write_text("[limits]\nslots = 0\n")
    with pytest.raises(BadSettings, match="slots"):
        async with crew_of(project):
            pass


async def test_slots_and_the_journal_are_as_they_are_set(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def noted(
        folder: RunFolder, **options: Any
    ) -> AbstractAsyncContextManager[Journal]:
        told.append(options["compact_at"])
        return open_journal(folder, **options)

    monkeypatch.setattr(_run, "open_journal", noted)
    config = project.parent / "config"
    config.mkdir()
    (config / "config.toml").write_text(
        "[limits]\nslots = 3\n[journal]\ncompact_at = 2097152\n"
    )
    async with crew_of(project, mate=echo) as crew:
        assert crew.slots.total == 3
        await (await crew.start(agent="mate", goal="x")).wait()
        await (await crew.start(plan(task("a")))).wait()
    assert told == [2 << 20] * 2


async def test_a_run_is_found_by_its_name_and_taken_up(project: Path) -> None:
    async with crew_of(project, mate=sleep) as crew:
        run = await crew.start(agent="mate", goal="x")
        run.cancel("not now")
        await run.wait()
    async with crew_of(project, mate=echo) as crew:
        assert [one.run for one in await crew.runs()] == [run.id]
        assert await crew.find(run.id[:-3]) == run.folder
        state = await (await crew.resume("latest", why="now")).wait()
    assert state.status is RunStatus.COMPLETED
    assert state.tasks[TaskId("mate")].attempts <= 2
    kinds = [type(one.event).__name__ for one in read_events(run.folder)]
    assert "RunResumed" in kinds
