"""Runs that agents start: counted, bounded, named after their parent, stopped with it."""

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import trio
from tests.support.crews import crew_in, echo, sleep
from tests.support.plans import RUN, after, created, plan, started, task

from crew_actors.commands import Context, load_action
from crew_actors.commands._status import StatusParameters
from crew_actors.control import Refused, call_owner
from crew_actors.journal import JournalError, RunFolder, effective_status, read_state
from crew_actors.model import (
    AttemptFailed,
    Failure,
    FailureKind,
    Limits,
    Parent,
    RunNested,
    RunStatus,
    TaskId,
    TaskRequeued,
    attempt_id,
)
from crew_actors.places import Places
from crew_actors.runs import (
    BadParent,
    Crew,
    NestedTooDeep,
    ParentGone,
    Run,
    open_crew,
)
from crew_actors.runs._nested import home_of, nested_in

A = TaskId("a")

AGENT = """\
---
name: doer
runtime: command
command: ["{python}", "{tool}"]
output: jsonl
---
"""
TEAM = "---\nname: do\n---\n\n- doer: agent=doer\n"
FLOW = "---\nname: do\n---\n\n## first\nrole: doer\n\nDo it.\n"

# The goal tells what to do: sleep, end, or run the rest of it inside.
DOER = """\
import json, os, pathlib, subprocess, sys, time

CREW = "import sys; from crew_actors.cli import main; sys.exit(main())"
goal = json.loads(pathlib.Path(os.environ["CREW_INPUTS"]).read_text())["goal"]
what, _, rest = goal.partition(" ")
text = "done"
if what == "sleep":
    print(json.dumps({"type": "progress", "text": "asleep"}), flush=True)
    time.sleep(60)
elif what == "leave":
    subprocess.run(
        [sys.executable, "-c", CREW, "run", rest, "--team", "do", "--detach"],
        check=True,
    )
elif what == "nest":
    count, _, rest = rest.partition(" ")
    lines = []
    for _ in range(int(count)):
        inner = subprocess.run(
            [sys.executable, "-c", CREW, "run", rest, "--team", "do"],
            capture_output=True, text=True, check=False,
        )
        lines.append([inner.returncode, inner.stderr.strip().splitlines()[-1:]])
    text = json.dumps(lines)
print(json.dumps({"type": "result", "text": text}))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make the resources of a user: what they bring themselves needs no consent."""
    root = tmp_path / "home" / "config"
    tool = tmp_path / "doer.py"
    tool.write_text(DOER)
    agent = AGENT.replace("{python}", sys.executable).replace("{tool}", str(tool))
    for name, text in {
        "agents/doer.md": agent,
        "teams/do.team.md": TEAM,
        "workflows/do.workflow.md": FLOW,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "project" / ".crew").mkdir(parents=True)
    return tmp_path / "home"


@asynccontextmanager
async def crew_of(home: Path) -> AsyncGenerator[Crew]:
    places = Places(config=home / "config", data=home / "data")
    environ = {**os.environ, "CREW_HOME": str(home)}
    project = home.parent / "project"
    with trio.fail_after(60):
        async with open_crew(project, places=places, environ=environ) as crew:
            yield crew


async def result_of(run: Run) -> list[tuple[int, list[str]]]:
    state = await run.wait()
    assert state.status is RunStatus.COMPLETED, state.why
    result = state.tasks[TaskId("first")].result
    assert result is not None
    text = (run.folder.path / result.path).read_text()
    found: list[tuple[int, list[str]]] = json.loads(text)
    return found


async def test_a_run_inside_of_a_run_names_its_parent(home: Path) -> None:
    async with crew_of(home) as crew:
        run = await crew.start(team="do", goal="nest 1 end")
        ((code, _),) = await result_of(run)
        assert code == 0
        (nested,) = run.state.tasks[TaskId("first")].nested
        state = read_state(RunFolder(run.folder.path.parent / nested))
        assert state.status is RunStatus.COMPLETED
        assert state.plan.depth == 1
        assert state.plan.parent == Parent(
            run=run.id,
            task=TaskId("first"),
            attempt=attempt_id(TaskId("first"), 1),
            folder=str(run.folder.path),
        )
        assert {one.run for one in await crew.runs()} == {run.id, nested}
        context = Context(
            project=crew.project, places=crew.places, environ={}, now=lambda: 0.0
        )
        status = load_action("status")
        outer = status.handler(StatusParameters(run=run.id), context)
        assert f"have started:\n  {nested}\n" in status.text(outer)
        inner = status.handler(StatusParameters(run=nested), context)
        assert f"\nstarted by an agent of run {run.id}\n" in status.text(inner)


async def test_runs_are_nested_twice_and_no_deeper(home: Path) -> None:
    async with crew_of(home) as crew:
        run = await crew.start(team="do", goal="nest 1 nest 1 nest 1 end")
        ((code, _),) = await result_of(run)
        assert code == 0
        depths: dict[int, str] = {}
        for entry in await crew.runs():
            state = read_state(entry.folder)
            result = state.tasks[TaskId("first")].result
            assert result is not None
            text = (entry.folder.path / result.path).read_text()
            depths[state.plan.depth] = text
    assert sorted(depths) == [0, 1, 2]
    ((code, (said,)),) = json.loads(depths[2])
    assert code == 2
    assert "nested in 3 runs, and 2 is the most (limits.depth)" in said


async def test_a_task_starts_only_so_many_runs(home: Path) -> None:
    async with crew_of(home) as crew:
        limits = Limits(spawns=2)
        run = await crew.start(team="do", goal="nest 3 end", limits=limits)
        first, second, (code, (said,)) = await result_of(run)
        assert (first[0], second[0], code) == (0, 0, 2)
        assert "has started 2 runs, and more are not allowed (limits.spawns)" in said
        assert len(await crew.runs()) == 3  # nothing is left of the one refused


async def asleep(run: Run) -> RunFolder:
    """Wait until the agent of a nested run sleeps; return the folder of that run."""
    async for one in run.events():
        if isinstance(one.event, RunNested):
            folder = RunFolder(run.folder.path.parent / one.event.run)
            while not _sleeps(folder):  # noqa: ASYNC110 - other processes write it
                await trio.sleep(0.05)
            return folder
    raise AssertionError


def _sleeps(folder: RunFolder) -> bool:
    try:
        task = read_state(folder).tasks[TaskId("first")]
    except JournalError:  # it is just about to begin
        return False
    return task.pid is not None and task.progress == "asleep"


async def test_a_nested_run_ends_with_its_parent(home: Path) -> None:
    async with crew_of(home) as crew:
        run = await crew.start(team="do", goal="nest 1 sleep")
        folder = await asleep(run)
        agent = read_state(folder).tasks[TaskId("first")].pid
        assert agent is not None
        run.cancel("enough")
        state = await run.wait()
        assert state.status is RunStatus.CANCELLED
        ended = {RunStatus.CANCELLED, RunStatus.INTERRUPTED}
        assert effective_status(folder) in ended
        assert not psutil.pid_exists(agent)


async def test_a_nested_run_that_was_detached_ends_with_its_agent(home: Path) -> None:
    async with crew_of(home) as crew:
        run = await crew.start(team="do", goal="leave sleep")
        state = await run.wait()
        assert state.status is RunStatus.COMPLETED
        (nested,) = state.tasks[TaskId("first")].nested
        folder = RunFolder(run.folder.path.parent / nested)
        assert effective_status(folder) in {RunStatus.CANCELLED, RunStatus.INTERRUPTED}


def variables(run: Run, name: str = "a") -> dict[str, str]:
    """Return what the agent of a task finds in its environment."""
    return {
        "CREW_DEPTH": "1",
        "CREW_RUN_FOLDER": str(run.folder.path),
        "CREW_TASK": name,
        "CREW_ATTEMPT": f"{name}.1",
    }


async def test_nested_runs_that_are_at_work_are_counted_and_fail_fast(
    tmp_path: Path,
) -> None:
    limits = Limits(nested=1)
    places = Places(config=tmp_path / "config", data=tmp_path / "data")
    with trio.fail_after(20):
        async with crew_in(tmp_path, worker=sleep) as crew:
            run = await crew.start(plan(task("a"), limits=limits))
            await at_work(run)
            async with open_crew(
                tmp_path,
                places=places,
                functions={"worker-agent": sleep},
                environ=variables(run),
            ) as inner:
                first = await inner.start(plan(task("a")))
                with pytest.raises(
                    Refused, match=r"1 runs are at work .*limits.nested"
                ):
                    await inner.start(plan(task("a")))
                first.cancel("done")
                await first.wait()
                second = await inner.start(plan(task("a")))
                assert second.state.plan.depth == 1
                assert run.state.tasks[A].nested == (first.id, second.id)
            run.cancel("done")
            await run.wait()
        runs = {path.name for path in run.folder.path.parent.iterdir()}
        assert runs == {run.id, first.id, second.id, ".gitignore"}


async def at_work(run: Run) -> None:
    async for _ in run.events():
        if run.state.tasks[A].progress == "asleep":
            return


async def test_who_is_inside_of_a_run_that_has_ended_is_told_so(tmp_path: Path) -> None:
    async with crew_in(tmp_path, worker=echo) as crew:
        run = await crew.start(plan(task("a")))
        await run.wait()
    places = Places(config=tmp_path / "config", data=tmp_path / "data")
    async with open_crew(
        tmp_path,
        places=places,
        functions={"worker-agent": echo},
        environ=variables(run),
    ) as inner:
        with pytest.raises(ParentGone, match="without the variable CREW_RUN_FOLDER"):
            await inner.start(plan(task("a")))


async def test_only_the_attempt_at_work_may_start_runs(tmp_path: Path) -> None:
    asked: dict[str, object] = {"task": "a", "attempt": "a.7", "run": str(RUN)}
    async with crew_in(tmp_path, worker=sleep) as crew:
        run = await crew.start(plan(task("a")))
        await at_work(run)
        with pytest.raises(Refused, match=r"attempt a\.7 is over"):
            await call_owner(run.folder, "nest", asked)
        bad = {**asked, "attempt": "a.1", "run": "../x"}
        with pytest.raises(Refused, match=r"run: .*is not a run id"):
            await call_owner(run.folder, "nest", bad)
        run.cancel("done")
        await run.wait()


def test_the_depth_is_told_by_the_environment() -> None:
    bare = plan(task("a"))
    assert nested_in(bare, {}, 2) == bare
    assert nested_in(bare, {"CREW_DEPTH": "2"}, 2).depth == 2
    assert nested_in(bare, {"CREW_DEPTH": "junk"}, 2).depth == 0
    with pytest.raises(NestedTooDeep):
        nested_in(bare, {"CREW_DEPTH": "3"}, 2)
    with pytest.raises(BadParent, match="CREW_RUN_FOLDER"):
        nested_in(bare, {"CREW_RUN_FOLDER": "/x/.crew/runs/../y"}, 2)
    folder = f"/p/.crew/runs/{RUN}"
    told = {"CREW_RUN_FOLDER": folder, "CREW_TASK": "a", "CREW_ATTEMPT": "a.1"}
    assert home_of(nested_in(bare, told, 2), Path("/elsewhere")) == Path("/p")
    assert home_of(bare, Path("/elsewhere")) == Path("/elsewhere")


def test_a_person_who_queues_a_task_again_lets_it_start_runs_again() -> None:
    state = created(plan(task("a")))
    state = after(state, started("a"), nesting("a"), nesting("a"))
    assert len(state.tasks[A].nested) == 2
    failed = Failure(kind=FailureKind.EXIT, message="x")
    again = AttemptFailed(
        task=A, attempt=attempt_id(A, 1), failure=failed, retry_at=0.0
    )
    assert len(after(state, again).tasks[A].nested) == 2
    assert after(state, TaskRequeued(task=A, why="y")).tasks[A].nested == ()


def nesting(name: str) -> RunNested:
    task = TaskId(name)
    return RunNested(task=task, attempt=attempt_id(task, 1), run=RUN)
