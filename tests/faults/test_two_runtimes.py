"""Two runtimes work in one project, each a process: neither touches what is the other's."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.runs.test_resume import left
from tests.support.command_line import CommandLine
from tests.support.crews import crew_in, echo, sleep
from tests.support.damage import carry_out
from tests.support.plans import plan, started, task
from tests.support.processes import living

from crew_actors.commands import ROLES, Context, load_action
from crew_actors.errors import UserError
from crew_actors.journal import (
    LeaseHeld,
    RunFolder,
    effective_status,
    owner_state,
    read_events,
    read_state,
    runs_folder,
)
from crew_actors.model import ProcessStarted, RunResumed, RunStatus, TaskState
from crew_actors.runs import Crew

TOP = Path(__file__).parents[2]


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    with trio.fail_after(20):
        while not holds():  # noqa: ASYNC110 - nobody tells of it
            await trio.sleep(0.01)


@attrs.frozen
class Other:
    """The other runtime."""

    project: Path
    process: trio.Process

    async def __call__(self, *order: str) -> Any:
        """Have it do something, and hear what came of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        await self.process.stdin.send_all(f"{' '.join(order)}\n".encode())
        line = b""
        with trio.fail_after(20):
            while not line.endswith(b"\n"):
                more = await self.process.stdout.receive_some()
                assert more, "it has ended"
                line += more
        return json.loads(line)

    @asynccontextmanager
    async def at_rest(self) -> AsyncGenerator[None]:
        """Stop it, as a terminal does, when it has nothing more to write."""
        before: dict[str, bytes] = {}
        while (now := contents(self.project.parent)) != before:
            before = now
            await trio.sleep(0.1)
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    async def start(self, *tasks: str) -> RunFolder:
        """Have it start a run; return when the disk says that each task is at work."""
        folder = RunFolder(runs_folder(self.project) / await self("start", *tasks))
        await until(lambda: all(one.progress for one in tasks_of(folder)))
        return folder


@asynccontextmanager
async def runtime(project: Path) -> AsyncGenerator[Other]:
    """Have another process be a runtime in *project*."""
    paths = [str(TOP), *sys.path]
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "tests.faults.other_runtime", str(project)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Other(project, process)
        await process.stdin.aclose()
        with trio.fail_after(20):
            assert await process.wait() == 0
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await process.stdin.aclose()
            await process.stdout.aclose()


def contents(folder: Path) -> dict[str, bytes]:
    """Read all that lies in *folder*, but not the locks that readers share."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".db-shm"
    }


def tasks_of(folder: RunFolder) -> list[TaskState]:
    """Read where the tasks of the run stand."""
    return list(read_state(folder).tasks.values())


def processes(folder: RunFolder) -> list[int]:
    """Tell which processes the run has started."""
    events = [one.event for one in read_events(folder)]
    return [one.pid for one in events if isinstance(one, ProcessStarted)]


async def test_each_takes_the_runs_of_the_other_for_alive(project: Path) -> None:
    async with runtime(project) as other, crew_in(project, worker=sleep) as crew:
        mine = await crew.start(plan(task("a")))
        theirs = await other.start("a", "p")
        assert effective_status(theirs) is RunStatus.RUNNING
        assert owner_state(theirs) == "held"
        assert await other("status", mine.id) == ["running", "held"]
        found = {entry.run for entry in await crew.runs()}
        assert found == {mine.id, theirs.run}
        assert (await other("status", theirs.run))[1] == "held"


async def test_who_only_looks_writes_nothing(project: Path, context: Context) -> None:
    looks = [name for name, role in ROLES.items() if role == "viewer"]
    async with runtime(project) as other:
        folder = await other.start("a", "p")
        possible: dict[str, object] = {
            "run": folder.run,
            "task": "a",
            "goal": "try it",
            "kind": "agent",
            "name": "worker",
            "timeout": 0.1,
        }
        async with other.at_rest():
            before = contents(project.parent)
            for name in looks:
                known = {one.name for one in attrs.fields(load_action(name).parameters)}
                given = {one: possible[one] for one in known & possible.keys()}
                with suppress(UserError):  # there is no such agent
                    await carry_out(name, context, **given)
                assert contents(project.parent) == before, name


@pytest.mark.parametrize(
    "args", [["resume"], ["forget", "--confirm"], ["repair", "--confirm"], ["cleanup"]]
)
async def test_what_takes_an_owner_is_refused_while_the_other_is_it(
    project: Path, args: list[str]
) -> None:
    async with runtime(project) as other:
        folder = await other.start("a", "p")
        async with other.at_rest():
            before = contents(folder.path)
            said = CommandLine(project)(args[0], folder.run, *args[1:])
            assert said.code != 0
            assert f"belongs to process {other.process.pid} " in said.err
            assert contents(folder.path) == before
        assert living(processes(folder)) == processes(folder)


async def test_what_can_be_done_to_a_run_goes_to_its_owner(project: Path) -> None:
    async with runtime(project) as other:
        folder = await other.start("a", "p")
        (pid,) = processes(folder)
        assert CommandLine(project)("cancel", folder.run, "--task", "p").code == 0
        await until(lambda: not living([pid]))
        assert CommandLine(project)("retry", folder.run).code == 0
        await until(lambda: len(processes(folder)) == 2)
        assert await other("status", folder.run) == ["running", "held"]
        assert CommandLine(project)("cancel", folder.run).code == 0
        assert (await other("status", folder.run)) == ["cancelled", "released"]


async def test_neither_takes_up_what_the_other_works_on(project: Path) -> None:
    async with runtime(project) as other, crew_in(project, worker=sleep) as crew:
        mine = await crew.start(plan(task("a")))
        theirs = await other.start("a")
        with pytest.raises(LeaseHeld, match=str(other.process.pid)):
            await crew.resume(theirs)
        refused = await other("resume", mine.id)
        assert refused["error"] == "LeaseHeld"
        assert str(os.getpid()) in refused["says"]
        assert not mine.ended
        assert await other("status", theirs.run) == ["running", "held"]


async def test_a_cancellation_goes_to_the_owner(
    project: Path, context: Context
) -> None:
    async with runtime(project) as other, crew_in(project, worker=sleep) as crew:
        mine = await crew.start(plan(task("a")))
        theirs, goes_on = await other.start("a", "p"), await other.start("a")
        done, _, _ = await carry_out("cancel", context, run=theirs.run, reason="enough")
        assert done.status is RunStatus.CANCELLED
        state = read_state(theirs)
        assert (state.status, state.why) == (RunStatus.CANCELLED, "enough")
        assert living(processes(theirs)) == []
        assert await other("cancel", mine.id) == "cancelled"
        assert (await mine.wait()).why == "by the other runtime"
        assert owner_state(goes_on) == "held"


async def test_who_takes_up_a_run_ends_no_process_of_the_other(project: Path) -> None:
    folder = await left(project, plan(task("a")), started("a"))
    async with runtime(project) as other, crew_in(project, worker=echo) as crew:
        theirs = await other.start("p")
        pids = processes(theirs)
        state = await (await crew.resume(folder)).wait()
        assert state.status is RunStatus.COMPLETED
        assert living(pids) == pids
        assert owner_state(theirs) == "held"


@pytest.mark.parametrize("time", range(3))
async def test_one_of_two_takes_up_a_run_that_nobody_works_on(
    project: Path, time: int
) -> None:
    folder = await left(project, plan(task("a")), started("a"))
    taken: list[bool] = []

    async def here(crew: Crew) -> None:
        try:
            await crew.resume(folder)
        except LeaseHeld:
            taken.append(False)
        else:
            taken.append(True)

    async def there(other: Other) -> None:
        answer = await other("resume", folder.run)
        assert answer == folder.run or answer["error"] == "LeaseHeld"
        taken.append(answer == folder.run)

    async with runtime(project) as other, crew_in(project, worker=sleep) as crew:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there, other)
            nursery.start_soon(here, crew)
        assert sorted(taken) == [False, True]
    resumed = [one for one in read_events(folder) if isinstance(one.event, RunResumed)]
    assert len(resumed) == 1
