"""Attempts that are made ready before they begin."""

import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import psutil
import pytest
import trio
from tests.support.plans import plan, task
from tests.support.program_bench import FAKES

from crew_actors.config import LimitSettings, Settings
from crew_actors.journal import read_events
from crew_actors.model import (
    CommandSpec,
    Limits,
    PlannedTask,
    ProcessDiscarded,
    ProcessEnded,
    ProcessStarted,
    RunStatus,
    TaskId,
    TaskStatus,
)
from crew_actors.places import Places, Project
from crew_actors.runs import Crew, Run, open_crew
from crew_actors.runtimes import (
    AgentFunction,
    Completed,
    Job,
    Outcome,
    Port,
)

B = TaskId("b")


@attrs.define
class Starts:
    """Tells which programs have started."""

    path: Path

    @property
    def lines(self) -> list[tuple[str, int]]:
        """The attempts and pids of those that have, in their order."""
        if not self.path.exists():
            return []
        pairs = (line.split() for line in self.path.read_text().splitlines())
        return [(attempt, int(pid)) for attempt, pid in pairs]

    async def of(self, *attempts: str) -> list[int]:
        """Wait until the programs of *attempts* have started; return their pids."""
        while True:
            found = dict(self.lines)
            if all(attempt in found for attempt in attempts):
                return [found[attempt] for attempt in attempts]
            await trio.sleep(0.01)


def gate() -> tuple[trio.Event, AgentFunction]:
    """Make an agent that is done when the event is set."""
    go = trio.Event()

    async def waits(job: Job, port: Port) -> Outcome:
        await go.wait()
        return Completed(text="done")

    return go, waits


@pytest.fixture
def starts(tmp_path: Path) -> Starts:
    return Starts(tmp_path / "starts")


@pytest.fixture
def pi(tmp_path: Path, starts: Starts) -> Callable[..., PlannedTask]:
    """Make tasks of a scripted pi that notes when it starts."""
    script = tmp_path / "noted_pi.py"
    script.write_text(
        "import os, runpy\n"
        f"with open({str(starts.path)!r}, 'a') as file:\n"
        "    file.write(f\"{os.environ['CREW_ATTEMPT']} {os.getpid()}\\n\")\n"
        f"runpy.run_path({str(FAKES / 'pi.py')!r}, run_name='__main__')\n"
    )

    def make(
        name: str, *needs: str, prompt: str = "[[say:well]]", **more: Any
    ) -> PlannedTask:
        return attrs.evolve(
            task(name, *needs, role="pi"),
            runtime="pi",
            command=CommandSpec(argv=(sys.executable, str(script)), **more),
            prompt=prompt,
        )

    return make


@asynccontextmanager
async def crew_with(
    folder: Path, warm: int = 1, /, **functions: AgentFunction
) -> AsyncGenerator[Crew]:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    async with open_crew(
        Project(project, is_repository=False),
        places=Places(config=folder / "config", data=folder / "data"),
        functions={f"{role}-agent": made for role, made in functions.items()},
        settings=Settings(limits=LimitSettings(warm=warm, slots=8)),
    ) as crew:
        yield crew


def until(starts: Starts, *attempts: str) -> AgentFunction:
    """Make an agent that is done when the programs of *attempts* have started."""

    async def agent(job: Job, port: Port) -> Outcome:
        await starts.of(*attempts)
        return Completed(text=f"{job.task.id} has waited")

    return agent


async def never(job: Job, port: Port) -> Outcome:
    await trio.sleep_forever()
    raise AssertionError


def told(run: Run, *kinds: type) -> list[Any]:
    """List the events of *kinds* of *run*, in their order."""
    found: Sequence[Any] = [one.event for one in read_events(run.folder)]
    return [event for event in found if isinstance(event, kinds)]


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"


async def test_a_task_that_comes_next_has_its_process_ready(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    async with crew_with(tmp_path, worker=until(starts, "b.1")) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a")))
        state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    ((_, pid),) = starts.lines
    assert [event.pid for event in told(run, ProcessStarted, ProcessEnded)] == [pid] * 2
    assert told(run, ProcessDiscarded) == []
    asked = (run.folder.path / "work" / "b.1" / "task.md").read_text()
    assert "a has waited" in asked
    assert state.dropped == 0


async def test_nothing_is_made_ready_where_nobody_wants_it(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    async def waits(job: Job, port: Port) -> Outcome:
        await trio.sleep(0.3)
        return Completed(text=f"{len(starts.lines)} started")

    async with crew_with(tmp_path, 0, worker=waits) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a")))
        await run.wait()
    asked = (run.folder.path / "work" / "b.1" / "task.md").read_text()
    assert "0 started" in asked


async def test_a_warm_process_of_a_task_that_is_skipped_is_discarded(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    async def fails(job: Job, port: Port) -> Outcome:
        await starts.of("b.1")
        raise RuntimeError

    async with crew_with(tmp_path, worker=fails) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a")))
        state = await run.wait()
    assert state.tasks[B].status is TaskStatus.SKIPPED
    ((_, pid),) = starts.lines
    (event,) = told(run, ProcessDiscarded)
    assert (event.task, event.attempt, event.pid) == ("b", "b.1", pid)
    assert event.survivors == ()
    assert not lives(pid)
    assert not (run.folder.path / "work" / "b.1").exists()


@pytest.mark.parametrize("now", [False, True])
async def test_a_cancelled_run_leaves_no_warm_process(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask], *, now: bool
) -> None:
    async with crew_with(tmp_path, 2, worker=never) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a"), pi("c", "a")))
        pids = await starts.of("b.1", "c.1")
        run.cancel("enough", now=now)
        state = await run.wait()
    assert state.status is RunStatus.CANCELLED
    assert sorted(event.pid for event in told(run, ProcessDiscarded)) == sorted(pids)
    assert not any(map(lives, pids))


async def test_a_crew_that_is_closed_leaves_no_warm_process(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    async with crew_with(tmp_path, worker=never) as crew:
        await crew.start(plan(task("a"), pi("b", "a")))
        (pid,) = await starts.of("b.1")
    assert not lives(pid)


async def test_no_more_are_made_ready_than_there_is_room_for(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    seen: list[list[str]] = []

    async def looks(job: Job, port: Port) -> Outcome:
        await starts.of("b.1", "c.1")
        await trio.sleep(0.2)
        seen.append([attempt for attempt, _ in starts.lines])
        return Completed(text="done")

    tasks = (task("a"), pi("b", "a"), pi("c", "a"), pi("d", "a"))
    async with crew_with(tmp_path, 2, worker=looks) as crew:
        run = await crew.start(plan(*tasks))
        state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    assert sorted(*seen) == ["b.1", "c.1"]
    assert len(starts.lines) == 3


async def test_two_runs_share_the_room(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    """A place that is given back goes to the run that has waited for it."""
    first_done = trio.Event()

    async def waits(job: Job, port: Port) -> Outcome:
        if job.goal == "first":
            await first_done.wait()
        else:
            await starts.of("c.1")
        return Completed(text="done")

    async with crew_with(tmp_path, worker=waits) as crew:
        one = attrs.evolve(plan(task("a"), pi("b", "a")), goal="first")
        other = attrs.evolve(plan(task("a"), pi("c", "a")), goal="second")
        first = await crew.start(one)
        await starts.of("b.1")
        second = await crew.start(other)
        first_done.set()
        assert (await second.wait()).status is RunStatus.COMPLETED
        assert (await first.wait()).status is RunStatus.COMPLETED
    assert [attempt for attempt, _ in starts.lines] == ["b.1", "c.1"]


async def test_a_warm_process_that_dies_costs_its_attempt_nothing(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    async def kills(job: Job, port: Port) -> Outcome:
        (pid,) = await starts.of("b.1")
        process = psutil.Process(pid)
        os.kill(pid, signal.SIGKILL)
        await trio.to_thread.run_sync(process.wait, 5)
        return Completed(text="killed")

    async with crew_with(tmp_path, worker=kills) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a")))
        state = await run.wait()
    assert state.tasks[B].status is TaskStatus.COMPLETED
    assert state.tasks[B].attempts == 1
    (lost, used) = (pid for _, pid in starts.lines)
    assert [event.pid for event in told(run, ProcessDiscarded)] == [lost]
    assert [event.pid for event in told(run, ProcessStarted)] == [used]


async def test_the_next_attempt_is_made_ready_while_its_moment_is_waited_for(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    failing = plan(pi("b", prompt="[[exit:3]]"), limits=Limits(attempts=2))
    async with crew_with(tmp_path) as crew:
        run = await crew.start(failing)
        (pid,) = await starts.of("b.2")
        assert run.state.tasks[B].status is TaskStatus.QUEUED
        state = await run.wait()
    assert state.tasks[B].status is TaskStatus.FAILED
    assert state.tasks[B].attempts == 2
    assert told(run, ProcessStarted)[-1].pid == pid


async def test_a_warm_process_is_told_what_people_have_said_meanwhile(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    go, waits = gate()
    async with crew_with(tmp_path, worker=waits) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a")))
        await starts.of("b.1")
        sent = await run.send("b", "look at the tests first")
        assert sent.outcome == "queued"
        go.set()
        await run.wait()
    asked = (run.folder.path / "work" / "b.1" / "task.md").read_text()
    assert "look at the tests first" in asked


async def test_a_task_that_is_stopped_and_done_again_does_not_use_what_is_discarded(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    go, waits = gate()
    async with crew_with(tmp_path, worker=waits) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a")))
        (pid,) = await starts.of("b.1")
        await run.cancel_task("b", "not now")
        await run.retry("b")
        go.set()
        state = await run.wait()
    assert state.tasks[B].status is TaskStatus.COMPLETED
    assert [event.pid for event in told(run, ProcessDiscarded)] == [pid]
    assert pid not in [event.pid for event in told(run, ProcessStarted)]


async def test_a_process_with_little_time_is_not_made_to_wait(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    async with crew_with(tmp_path, worker=until(starts, "c.1")) as crew:
        tasks = (task("a"), pi("b", "a", timeout=60.0), pi("c", "a"))
        run = await crew.start(plan(*tasks))
        await run.wait()
    assert starts.lines[0][0] == "c.1"


async def test_a_folder_that_cannot_be_made_fails_nothing_before_its_time(
    tmp_path: Path, starts: Starts, pi: Callable[..., PlannedTask]
) -> None:
    """The folder of the work is a file for as long as the first task runs."""
    spoilt = trio.Event()

    async def spoils(job: Job, port: Port) -> Outcome:
        kept = job.folder.parent.with_name("kept")
        job.folder.parent.rename(kept)
        job.folder.parent.write_text("no folder")
        spoilt.set()
        await trio.sleep(0.3)
        job.folder.parent.unlink()
        kept.rename(job.folder.parent)
        return Completed(text="done")

    async with crew_with(tmp_path, worker=spoils) as crew:
        run = await crew.start(plan(task("a"), pi("b", "a")))
        state = await run.wait()
    assert state.tasks[B].status is TaskStatus.COMPLETED
    shutil.rmtree(run.folder.path / "work")
