"""`crew parallel`: several runs side by side."""

import json
import shutil
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from crew_actors.commands import BadParameters, Context, RunControl, Watcher, _crews
from crew_actors.commands._goals import MOST_GOALS, read_goals
from crew_actors.commands._parallel import (
    ACTION,
    GoalReport,
    Parallel,
    ParallelParameters,
    parallel,
)
from crew_actors.journal import RunFolder, read_state
from crew_actors.model import Failure, FailureKind, RunStatus
from crew_actors.observe import json_line
from crew_actors.resources import NotTrusted
from crew_actors.runs import Crew, Run, open_crew
from crew_actors.runtimes import AgentFunction, Completed, Failed, Job, Outcome, Port
from crew_actors.worktrees import WorktreeError

AGENT = '---\nruntime: command\ncommand: ["true"]\n---\n'
TEAM = "---\nworkflow: one\n---\n\n- own: agent=own\n"
WORKFLOW = "## own\nrole: own\n\n{goal}\n"


@pytest.fixture(autouse=True)
def team(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(context.project.root)
    for name, text in (
        ("agents/own.md", AGENT),
        ("teams/solo.team.md", TEAM),
        ("workflows/one.workflow.md", WORKFLOW),
    ):
        path = context.places.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (context.places.config / "config.toml").write_text("sweep = false\n")


@attrs.define
class Agents:
    """Does what the goal says, and counts who is at work."""

    most: int = 0
    at_work: int = 0
    goals: list[str] = attrs.field(factory=list[str])
    both: trio.Event = attrs.field(factory=trio.Event)
    waiting: int = 2

    async def __call__(self, job: Job, port: Port) -> Outcome:
        goal = job.task.prompt
        self.goals.append(goal)
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        if self.at_work == self.waiting:
            self.both.set()
        try:
            if goal == "fail":
                return Failed(failure=Failure(kind=FailureKind.EXIT, message="no"))
            if goal == "hang":
                await trio.sleep_forever()
            if goal == "meet":
                await self.both.wait()
            await trio.lowlevel.checkpoint()
            return Completed(text="done")
        finally:
            self.at_work -= 1


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch) -> Agents:
    agents = Agents()
    functions: Mapping[str, AgentFunction] = {"own": agents}
    monkeypatch.setattr(_crews, "open_crew", partial(open_crew, functions=functions))
    return agents


@attrs.define
class Seen(Watcher):
    """Remembers what it was told."""

    notes: list[str] = attrs.field(factory=list[str])
    runs: list[RunControl] = attrs.field(factory=list[RunControl])

    def started(self, run: RunControl) -> None:
        self.runs.append(run)

    async def note(self, text: str) -> None:
        self.notes.append(text)


def given(goals: str, **more: Any) -> ParallelParameters:
    asked: dict[str, Any] = {"team": "solo", **more}
    return ParallelParameters(goals=goals, **asked)


def statuses(result: Parallel) -> list[str]:
    return [
        one.status.value if isinstance(one.status, RunStatus) else one.status
        for one in result.goals
    ]


async def test_each_goal_is_a_run_of_its_own_and_they_meet(
    context: Context, agents: Agents
) -> None:
    seen = Seen()
    result = await parallel(given("meet\n\nmeet"), attrs.evolve(context, watcher=seen))
    assert statuses(result) == ["completed", "completed"]
    assert ACTION.exit_code(result) == 0
    assert agents.most == 2
    runs = {one.run for one in result.goals}
    assert len(runs) == 2
    for one in result.goals:
        assert one.folder is not None
        assert read_state(RunFolder(one.folder)).plan.goal == "meet"
    assert any(note.startswith("[1] run ") for note in seen.notes)
    assert any(note.endswith("own: running (own)") for note in seen.notes)
    assert "2 of 2 goals completed" in ACTION.text(result)
    assert json.loads(json_line(result))["kind"] == "parallel"


async def test_never_more_runs_at_once_than_asked_for(
    context: Context, agents: Agents
) -> None:
    result = await parallel(given("a\nb\nc\nd\ne", concurrency=1), context)
    assert agents.most == 1
    assert agents.goals == ["a", "b", "c", "d", "e"]
    assert result.completed == 5


async def test_one_that_fails_does_not_stop_the_others(
    context: Context, agents: Agents
) -> None:
    result = await parallel(given("fail\nb\nc", concurrency=1), context)
    assert statuses(result) == ["failed", "completed", "completed"]
    assert ACTION.exit_code(result) == 1
    assert result.goals[0].why in ACTION.text(result)
    assert result.goals[0].why


@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("odd")])
async def test_one_that_cannot_start_does_not_stop_the_others(
    error: Exception, context: Context, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Crew.start

    async def start(crew: Crew, plan: Any) -> Run:
        if plan.goal == "a":
            raise error
        return await real(crew, plan)

    monkeypatch.setattr(Crew, "start", start)
    result = await parallel(given("a\nb"), context)
    assert statuses(result) == ["error", "completed"]
    assert result.goals[0].why == str(error)
    assert result.goals[0].run is None


async def test_one_that_cannot_be_followed_is_stopped(
    context: Context, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(run: Run) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Run, "wait", wait)
    result = await parallel(given("a"), context)
    (report,) = result.goals
    assert (report.status, report.folder is not None) == ("error", True)
    assert report.run


@attrs.define
class Stopping(Seen):
    """Stops everything once two runs are at work."""

    agents: Agents = attrs.field(factory=Agents)

    async def note(self, text: str) -> None:
        await super().note(text)
        if sum("running" in note for note in self.notes) == 2 and "running" in text:
            (batch,) = self.runs
            batch.cancel("enough")
            batch.cancel("again", now=True)


async def test_who_stops_it_stops_all_and_begins_none(
    context: Context, agents: Agents
) -> None:
    watcher = Stopping()
    where = attrs.evolve(context, watcher=watcher)
    result = await parallel(given("hang\nhang\nc\nd", concurrency=2), where)
    assert statuses(result) == ["cancelled", "cancelled", "not started", "not started"]
    assert {one.why for one in result.goals[:2]} == {"enough"}
    assert ACTION.exit_code(result) == 1
    assert "c" not in agents.goals
    for one in result.goals[:2]:
        assert one.folder is not None
        state = read_state(RunFolder(one.folder))
        assert state.status is RunStatus.CANCELLED


async def test_what_is_stopped_while_it_starts_is_stopped(
    context: Context, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen()
    real = Crew.start

    async def start(crew: Crew, plan: Any) -> Run:
        run = await real(crew, plan)
        seen.runs[0].cancel("too late")
        return run

    monkeypatch.setattr(Crew, "start", start)
    result = await parallel(given("hang"), attrs.evolve(context, watcher=seen))
    assert statuses(result) == ["cancelled"]


async def test_nothing_starts_before_all_goals_are_good(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(_crews, "open_crew", never)
    goals = 'a\n{"goal": "b", "team": "sol"}\n{"goal": "c", "workflow": "nope"}'
    with pytest.raises(BadParameters) as caught:
        await parallel(given(goals), context)
    first, second = caught.value.problems
    assert first.startswith("goal 2: no team is called 'sol'")
    assert second.startswith("goal 3: no workflow is called 'nope'")
    with pytest.raises(WorktreeError):
        await parallel(given("a", workspace="worktree"), context)
    for wrong in (
        given("a", concurrency=9),
        given("a", goals_file="x"),
        ParallelParameters(),
    ):
        with pytest.raises(BadParameters):
            await parallel(wrong, context)


async def test_what_the_project_brings_needs_consent(
    context: Context, agents: Agents
) -> None:
    for kind in ("agents", "teams", "workflows"):
        shutil.move(context.places.config / kind, context.project.crew_dir / kind)
    with pytest.raises(NotTrusted):
        await parallel(given("a"), context)
    assert agents.goals == []
    assert (await parallel(given("a", trust=True), context)).completed == 1
    assert (await parallel(given("a"), context)).completed == 1


async def test_goals_come_from_a_file_with_what_each_needs(
    context: Context, agents: Agents
) -> None:
    path = context.project.root / "goals"
    path.write_text('a\r\n{"goal": "b", "team": "solo", "limit": "3"}\n')
    asked = ParallelParameters(goals_file=str(path), team="solo")
    result = await parallel(asked, context)
    assert [one.goal for one in result.goals] == ["a", "b"]
    folder = result.goals[1].folder
    assert folder is not None
    assert read_state(RunFolder(folder)).plan.limit == 3


def test_lines_are_checked_all_at_once() -> None:
    with pytest.raises(BadParameters) as caught:
        read_goals(
            'ok\n{"goal": 1}\n{"goal": "x", "tem": "y"}\n{\n{"team": "x"}\na\x00'
        )
    assert [one.split(": ")[0] for one in caught.value.problems] == [
        *("line 2", "line 3", "line 4", "line 5", "line 6"),
    ]
    assert "did you mean 'team'" in caught.value.problems[1]


def test_there_is_a_least_and_a_most_of_goals() -> None:
    with pytest.raises(BadParameters, match="there are none"):
        read_goals(" \n\n")
    with pytest.raises(BadParameters, match=f"at most {MOST_GOALS}"):
        read_goals("a\n" * (MOST_GOALS + 1))
    with pytest.raises(BadParameters) as caught:
        read_goals("{\n" * 30)
    assert caught.value.problems[-1] == "and 10 more"


def test_a_goal_that_was_not_started_is_told() -> None:
    report = GoalReport(
        number=1,
        goal="look",
        team="solo",
        run=None,
        status="not started",
        why="",
        took=0,
        folder=None,
        summary=None,
    )
    text = ACTION.text(Parallel(goals=(report,), completed=0))
    assert "not started" in text
    assert "0 of 1 goal completed" in text
