import contextlib
import json
import os
import shlex
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import pytest
from tests.commands.samples import (
    RUN,
    START,
    beginning,
    plan,
    planned,
    recorded,
    state_of,
    whole_run,
)

from crew_actors import cli
from crew_actors.commands import (
    BadParameters,
    Context,
    RunControl,
    Watcher,
    _crews,
    load_action,
)
from crew_actors.commands._graph import Preview, preview, preview_text, waves
from crew_actors.commands._run import RunParameters, RunReport, run_team
from crew_actors.commands._runs import BLOCKED
from crew_actors.config import Settings
from crew_actors.errors import UserError
from crew_actors.journal import RunFolder
from crew_actors.model import (
    CommandSpec,
    Event,
    Recorded,
    RunBlocked,
    RunPlan,
    RunState,
    RunStatus,
    TaskStatus,
)
from crew_actors.observe import json_line
from crew_actors.resources import NotTrusted, TrustStore

AGENT = """\
---
name: own
runtime: command
command: ["true", "two words"]
---
"""
TEAM = "---\nname: duo\nworkflow: pair\n---\n\n- map: agent=own\n- write: agent=own\n"
WORKFLOW = (
    "---\nname: pair\n---\n\n## map\n\n{goal}\n\n## write\ndependsOn: map\n\nend\n"
)


@pytest.fixture(autouse=True)
def team(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(context.project.root)
    crew_dir = context.project.crew_dir
    for kind, name, text in (
        ("agents", "own.md", AGENT),
        ("teams", "duo.team.md", TEAM),
        ("workflows", "pair.workflow.md", WORKFLOW),
    ):
        (crew_dir / kind).mkdir(parents=True)
        (crew_dir / kind / name).write_text(text, encoding="utf-8")


@attrs.define
class FakeRun:
    """A run that has happened already."""

    folder: RunFolder
    told: Sequence[Event]

    async def events(self) -> AsyncIterator[Recorded]:
        for one in recorded(self.told):
            yield one

    async def wait(self) -> RunState:
        return state_of(self.told)

    def cancel(self, why: str, *, now: bool = False) -> None:
        """Do nothing: it has ended."""


@attrs.define
class FakeCrew:
    """Starts runs that have happened already."""

    run: FakeRun
    plans: list[RunPlan] = attrs.field(factory=list[RunPlan])

    async def start(self, plan: RunPlan) -> FakeRun:
        self.plans.append(plan)
        return self.run


@pytest.fixture
def crew(context: Context, monkeypatch: pytest.MonkeyPatch) -> FakeCrew:
    folder = RunFolder(context.project.crew_dir / "runs" / RUN)
    crew = FakeCrew(FakeRun(folder, whole_run()))

    @contextlib.asynccontextmanager
    async def open_fake(
        project: object,
        *,
        places: object,
        slots: int,
        settings: object,
        environ: object,
    ) -> AsyncGenerator[FakeCrew, None]:
        assert isinstance(settings, Settings)
        assert (project, places) == (context.project, context.places)
        assert slots >= 2
        assert isinstance(environ, Mapping)
        yield crew

    monkeypatch.setattr(_crews, "open_crew", open_fake)
    return crew


class Log(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.events: list[int] = []
        self.runs: list[RunControl] = []

    async def event(self, recorded: Recorded) -> None:
        self.events.append(recorded.seq)

    async def note(self, text: str) -> None:
        self.notes.append(text)

    def started(self, run: RunControl) -> None:
        self.runs.append(run)


async def test_a_run_is_watched_from_its_first_event_to_its_end(
    context: Context, crew: FakeCrew
) -> None:
    log = Log()
    parameters = RunParameters(
        goal="look", team="duo", trust=True, on_failure="fail-fast"
    )
    report = await run_team(parameters, attrs.evolve(context, watcher=log))
    assert log.events == list(range(1, len(whole_run()) + 1))
    assert log.runs == [crew.run]
    assert log.notes == [
        f"{context.project.root} is not a git repository; working on it as it is."
    ]
    (chosen,) = crew.plans
    assert (chosen.goal, chosen.on_failure) == ("look", "fail_fast")
    assert report == RunReport(
        run=RUN,
        status=RunStatus.COMPLETED,
        why="",
        team="duo",
        tasks={"map": TaskStatus.COMPLETED, "write": TaskStatus.COMPLETED},
        took=7.0,
        input=0,
        output=0,
        cost=0.0,
        folder=crew.run.folder.path,
        summary=crew.run.folder.path / "summary.md",
    )
    action = load_action("run")
    assert action.exit_code(report) == 0
    assert action.text(report).splitlines() == [
        f"run {RUN} completed after 7.0 s: 2 tasks, 2 completed",
        f"summary: {Path('.crew', 'runs', RUN, 'summary.md')}",
    ]
    assert json.loads(json_line(report))["kind"] == "summary"


async def test_a_run_that_failed_exits_with_1_and_says_why(
    context: Context, crew: FakeCrew
) -> None:
    crew.run.told = whole_run(well=False)
    report = await run_team(RunParameters(goal="x", team="duo", trust=True), context)
    action = load_action("run")
    assert action.exit_code(report) == 1
    assert action.text(report).splitlines()[:2] == [
        f"run {RUN} failed after 7.0 s: 2 tasks, 1 completed, 1 failed",
        "failed: write",
    ]


async def test_a_blocked_run_names_the_way_out(
    context: Context, crew: FakeCrew
) -> None:
    crew.run.told = [*beginning(), RunBlocked(why="no result from map")]
    report = await run_team(RunParameters(goal="x", team="duo", trust=True), context)
    action = load_action("run")
    assert action.exit_code(report) == 1
    assert action.text(report).splitlines()[1:] == ["no result from map", BLOCKED]


async def test_a_run_without_an_end_has_no_summary(
    context: Context, crew: FakeCrew
) -> None:
    crew.run.told = beginning()
    report = await run_team(RunParameters(goal="x", team="duo", trust=True), context)
    assert isinstance(report, RunReport)
    assert (report.summary, report.took) == (None, 0.0)
    assert "summary" not in load_action("run").text(report)


async def test_what_was_decided_for_the_user_is_said(
    context: Context, crew: FakeCrew
) -> None:
    log = Log()
    quiet = attrs.evolve(context, watcher=log, environ={"PATH": "/nowhere"})
    await run_team(RunParameters(goal="x"), quiet)
    assert "'survey'" in log.notes[0]
    assert crew.plans[0].team == "survey"


async def test_a_repository_needs_no_word(context: Context, crew: FakeCrew) -> None:
    log = Log()
    project = attrs.evolve(context.project, is_repository=True)
    with pytest.raises(AssertionError):  # the fake crew knows the other project
        await run_team(
            RunParameters(goal="x", team="survey"),
            attrs.evolve(context, watcher=log, project=project),
        )
    assert log.notes == []


async def test_nothing_that_is_not_trusted_is_started(
    context: Context, crew: FakeCrew
) -> None:
    with pytest.raises(NotTrusted):
        await run_team(RunParameters(goal="x", team="duo"), context)
    with pytest.raises(NotTrusted) as refused:
        await run_team(RunParameters(goal="x", team="duo"), context)
    assert [one.agent for one in refused.value.missing] == ["own"]
    assert crew.plans == []
    await run_team(RunParameters(goal="x", team="duo", trust=True), context)
    await run_team(RunParameters(goal="x", team="duo"), context)
    assert len(crew.plans) == 2


async def test_a_dry_run_starts_and_writes_nothing(
    context: Context, crew: FakeCrew
) -> None:
    before = sorted(context.project.root.rglob("*"))
    parameters = RunParameters(goal="x", team="duo", dry_run=True)
    found = await run_team(parameters, context)
    assert isinstance(found, Preview)
    assert crew.plans == []
    assert sorted(context.project.root.rglob("*")) == before
    assert not TrustStore(context.places).path.exists()
    action = load_action("run")
    assert action.exit_code(found) == 0
    lines = action.text(found).splitlines()
    assert lines[:7] == [
        "goal: x",
        "team duo, workflow pair: 2 tasks, at most 4 at a time, on failure: drain",
        "",
        "  wave  task   after  role   agent  command",
        "  1     map    -      map    own    true 'two words'",
        "  2     write  map    write  own    true 'two words'",
        "",
    ]
    assert lines[7].startswith("This project brings 1 command")
    assert lines[-1] == "Nothing was started."
    assert json.loads(json_line(found))["steps"][1]["after"] == ["map"]


@pytest.mark.parametrize(
    ("goal", "problem"),
    [
        ("a\x00b", "run: goal: it holds a NUL character at position 2; remove it"),
        (
            "\udcff",
            "run: goal: it holds a byte that is not UTF-8 at position 1; remove it",
        ),
    ],
)
async def test_a_goal_that_is_no_text_is_refused(
    context: Context, goal: str, problem: str
) -> None:
    with pytest.raises(BadParameters) as refused:
        await run_team(RunParameters(goal=goal), context)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    "parameters",
    [
        RunParameters(goal="x", team="duo", trust=True, limit=0),
        RunParameters(goal="x", team="duo", trust=True, workflow="nope"),
        RunParameters(goal=" ", team="duo", trust=True),
    ],
)
async def test_a_request_that_cannot_be_is_refused(
    context: Context, crew: FakeCrew, parameters: RunParameters
) -> None:
    with pytest.raises(UserError):
        await run_team(parameters, context)
    assert crew.plans == []
    assert not TrustStore(context.places).path.exists()


def test_waves_follow_the_longest_way() -> None:
    tasks = (
        planned("d", after=["a", "c"]),
        planned("a"),
        planned("b"),
        planned("c", after=["b"]),
    )
    assert waves(tasks) == {"a": 1, "b": 1, "c": 2, "d": 3}


def test_a_plan_that_is_trusted_is_shown_without_a_word_on_trust() -> None:
    task = attrs.evolve(planned("map"), command=None, runtime="function")
    lines = preview_text(preview(plan(task, goal="x" * 500), ())).splitlines()
    assert lines[0] == f"goal: {'x' * 199}…"
    assert lines[4].endswith("function")
    assert lines[5:] == ["", "Nothing was started."]


def test_the_command_of_a_task_is_shown_whole_where_nobody_looks() -> None:
    argv = ("{python}", "-m", "a_module_with_a_long_name", "--depth", "3" * 90)
    task = attrs.evolve(planned("map"), command=CommandSpec(argv=argv))
    lines = preview_text(preview(plan(task), ())).splitlines()
    assert lines[4].endswith(shlex.join(argv))


def call(
    *args: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str], list[str]]:
    code = cli.main(["run", *args])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def test_the_goal_can_come_from_a_file(
    crew: FakeCrew, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "goal.md"
    path.write_bytes(b"\xef\xbb\xbfsay it " + b"x" * 1_000_000)
    args = ("--goal-file", str(path), "--team", "survey")
    code, out, _ = call(*args, capsys=capsys)
    assert code == 0
    assert out[-1].startswith("summary: ")
    assert crew.plans[0].goal == "say it " + "x" * 1_000_000


@pytest.fixture
def typed() -> Iterator[None]:
    """Put a goal into the standard input."""
    before = os.dup(0)
    reader, writer = os.pipe()
    os.write(writer, b"typed goal")
    os.close(writer)
    os.dup2(reader, 0)
    os.close(reader)
    yield
    os.dup2(before, 0)
    os.close(before)


@pytest.mark.usefixtures("typed")
def test_the_goal_can_come_from_the_standard_input(
    crew: FakeCrew, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--goal-file", "-", "--team", "survey", capsys=capsys)[0] == 0
    assert crew.plans[0].goal == "typed goal"


def test_a_goal_must_be_given_exactly_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = call("x", "--goal-file", "y", capsys=capsys)
    assert both == (
        2,
        [],
        ["crew: run: goal: it was given twice; use either GOAL or --goal-file"],
    )
    for args in ((), ("",), ("--team", "survey")):
        code, out, err = call(*args, capsys=capsys)
        assert (code, out) == (2, [])
        assert err == ["crew: run: goal is missing: what the team is to do"]


def test_a_goal_file_that_cannot_be_used_is_refused_with_its_place(
    crew: FakeCrew, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "goal"
    args = ("--goal-file", str(path), "--team", "survey")
    code, _, err = call(*args, capsys=capsys)
    assert code == 2
    hint = "No such file or directory; name a file that can be read"
    assert err == [f"crew: run: --goal-file {path}: {hint}"]
    path.write_bytes(b"\xe9t\xe9")
    code, _, err = call(*args, capsys=capsys)
    assert code == 2
    hint = "byte 1 is not UTF-8; save it as UTF-8"
    assert err == [f"crew: run: --goal-file {path}: {hint}"]
    path.write_bytes(b"x" * ((1 << 20) + 1))
    code, _, err = call(*args, capsys=capsys)
    assert code == 2
    assert "at most" in err[0]
    path.write_bytes(b"")
    assert call(*args, capsys=capsys)[0] == 2
    path.unlink()
    path.mkdir()
    assert call(*args, capsys=capsys)[2] == [
        f"crew: run: --goal-file {path}: Is a directory; name a file that can be read"
    ]
    assert crew.plans == []


def test_a_run_writes_json_lines(
    context: Context, crew: FakeCrew, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call("x", "--team", "survey", "--json", capsys=capsys)
    assert code == 0
    *events, summary = map(json.loads, out)
    assert [one["seq"] for one in events] == list(range(1, len(whole_run()) + 1))
    assert events[0]["at"] == START
    assert (summary["kind"], summary["status"]) == ("summary", "completed")
    assert err == [
        f"{context.project.root} is not a git repository; working on it as it is."
    ]
