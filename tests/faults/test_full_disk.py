"""A full disk is told as what it is; nothing that was told is lost; a run goes on."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in, echo
from tests.support.plans import plan, task

from crew_actors.journal import (
    JournalFull,
    RunFolder,
    effective_status,
    owner_state,
    read_events,
    read_state,
)
from crew_actors.model import AttemptStarted, Recorded, RunStatus, TaskId, TaskStatus
from crew_actors.runs import Run
from crew_actors.runtimes import Completed, Job, Outcome, Port

A, B = TaskId("a"), TaskId("b")


@contextmanager
def filled(disk: Path) -> Generator[None]:
    """Leave no byte free on *disk*."""
    filler = disk / "filler"
    fill(filler)
    try:
        yield
    finally:
        filler.unlink()


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def _room(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)


async def _completes(project: Path, folder: RunFolder) -> list[Recorded]:
    async with crew_in(project, worker=echo) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED
    return list(read_events(folder))


async def test_a_run_does_not_begin_on_a_full_disk(
    project: Path, small_disk: Path
) -> None:
    with filled(small_disk):
        async with crew_in(project, worker=echo) as crew:
            with pytest.raises((JournalFull, OSError), match=r"(?i)no (room|space)"):
                await crew.start(plan(task("a")))
    async with crew_in(project, worker=echo) as crew:
        assert await crew.runs() == ()
        state = await (await crew.start(plan(task("a")))).wait()
    assert state.status is RunStatus.COMPLETED


async def test_a_disk_that_fills_while_events_are_written(
    project: Path, small_disk: Path
) -> None:
    seen: list[Recorded] = []

    async def talks(job: Job, port: Port) -> Outcome:
        if job.task.id == "b":
            fill(small_disk / "filler")
            for number in range(500):
                await port.progress("x" * 4000 + str(number))
                await trio.sleep(0.001)
        return Completed(text="x")

    async def watch(run: Run) -> None:
        with suppress(JournalFull):
            async for one in run.events():
                seen.append(one)  # noqa: PERF401 - what came before the error counts

    with trio.fail_after(60):
        async with (
            trio.open_nursery() as nursery,
            crew_in(project, worker=talks) as crew,
        ):
            run = await crew.start(plan(task("a"), task("b", "a")))
            nursery.start_soon(watch, run)
            with pytest.raises(JournalFull):
                await run.wait()
    _room(small_disk)
    assert list(read_events(run.folder))[: len(seen)] == seen
    disk = read_state(run.folder)
    assert disk.tasks[A].status is TaskStatus.COMPLETED
    assert effective_status(run.folder) is RunStatus.INTERRUPTED
    assert owner_state(run.folder) != "held"
    after = await _completes(project, run.folder)
    begun = [
        one.event.attempt for one in after if isinstance(one.event, AttemptStarted)
    ]
    # Whether the disk had heard of the first attempt at b, a function, is open.
    assert begun in (["a.1", "b.1"], ["a.1", "b.1", "b.2"])


async def test_a_disk_that_fills_while_an_artifact_is_written(
    project: Path, small_disk: Path
) -> None:
    async def stores(job: Job, port: Port) -> Outcome:
        source = project / "source"
        source.write_bytes(bytes(400_000))
        await port.artifact("big.bin", source)
        fill(small_disk / "filler")
        await port.artifact("more.bin", source)
        return Completed(text="x")

    with trio.fail_after(60):
        async with crew_in(project, worker=stores) as crew:
            run = await crew.start(plan(task("a")))
            try:
                state = await run.wait()
            except JournalFull:
                pass
            else:
                assert state.status is not RunStatus.COMPLETED
                assert "no room" in str(state.tasks[A].failure).lower()
    _room(small_disk)
    kept = {path.name for path in run.folder.artifacts.rglob("*") if path.is_file()}
    assert kept <= {"big.bin"}, "no half of a file"


async def test_a_disk_that_fills_at_the_end(project: Path, small_disk: Path) -> None:
    async def ends(job: Job, port: Port) -> Outcome:
        fill(small_disk / "filler")
        return Completed(text="x" * 300_000)

    with trio.fail_after(60):
        async with crew_in(project, worker=ends) as crew:
            run = await crew.start(plan(task("a")))
            with pytest.raises(JournalFull):
                await run.wait()
    _room(small_disk)
    assert not read_state(run.folder).tasks[A].status.terminal
    await _completes(project, run.folder)


async def test_a_full_disk_can_be_looked_at(project: Path, small_disk: Path) -> None:
    async with crew_in(project, worker=echo) as crew:
        run = await crew.start(plan(task("a")))
        await run.wait()
    with filled(small_disk):
        assert read_state(run.folder).status is RunStatus.COMPLETED
