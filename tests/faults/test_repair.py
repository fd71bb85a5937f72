"""`crew repair`: what can be read of a damaged run goes on."""

from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in, echo, finish, sleep
from tests.support.damage import carry_out, change
from tests.support.plans import plan, task

from crew_actors.commands import Context
from crew_actors.journal import (
    JournalCorrupt,
    LeaseHeld,
    RunFolder,
    UnknownRun,
    read_events,
    read_state,
)
from crew_actors.model import (
    AttemptStarted,
    RunCompleted,
    RunStatus,
    TaskCompleted,
)


async def _finished(project: Path) -> RunFolder:
    run = await finish(project, plan(task("a"), task("b", "a")), worker=echo)
    return run.folder


def _numbers(folder: RunFolder, kind: type[object]) -> list[int]:
    return [one.seq for one in read_events(folder) if isinstance(one.event, kind)]


def _hurt(folder: RunFolder, numbers: list[int]) -> None:
    for number in numbers:
        change(folder, f"UPDATE events SET at = at + 1 WHERE seq = {number}")


async def test_a_run_without_a_damage_is_left_as_it_is(
    project: Path, context: Context
) -> None:
    folder = await _finished(project)
    before = folder.database.read_bytes()
    done, text, code = await carry_out("repair", context, run=folder.run, confirm=True)
    assert (done.done, done.problems, code) == (False, (), 0)
    assert text.startswith("Nothing is wrong")
    assert folder.database.read_bytes() == before


@pytest.mark.parametrize(("dry_run", "exits"), [(True, 0), (False, 2)])
async def test_without_a_confirmation_nothing_is_changed(
    project: Path, context: Context, dry_run: bool, exits: int
) -> None:
    folder = await _finished(project)
    _hurt(folder, [2])
    before = folder.database.read_bytes()
    done, text, code = await carry_out(
        "repair", context, run=folder.run, dry_run=dry_run, confirm=dry_run
    )
    assert (done.done, done.aside, code) == (False, None, exits)
    assert "lost: event 2" in text
    assert "Nothing was changed" in text
    assert folder.database.read_bytes() == before
    assert not list(folder.path.glob("run.db.*"))


async def test_what_was_kept_and_lost_is_told_and_the_run_is_shown(
    project: Path, context: Context
) -> None:
    folder = await _finished(project)
    ends = _numbers(folder, RunCompleted)
    _hurt(folder, ends)
    before = folder.database.read_bytes()
    with pytest.raises(JournalCorrupt, match="crew repair"):
        read_state(folder)
    done, text, code = await carry_out("repair", context, run=folder.run, confirm=True)
    assert (done.done, code) == (True, 0)
    assert done.kept == ends[0] - 1
    assert done.aside.read_bytes() == before
    assert done.aside.name in text
    shown, _, _ = await carry_out("status", context, run=folder.run)
    assert shown is not None
    again, _, _ = await carry_out("repair", context, run=folder.run, confirm=True)
    assert again.problems == ()


@pytest.mark.parametrize("kind", [AttemptStarted, TaskCompleted])
async def test_a_run_goes_on_after_each_loss(
    project: Path, context: Context, kind: type[object]
) -> None:
    """A task whose end is lost is done again; what has no place is lost as well."""
    folder = await _finished(project)
    for number in (_numbers(folder, kind)[-1], *_numbers(folder, RunCompleted)):
        _hurt(folder, [number])
    done, text, _ = await carry_out("repair", context, run=folder.run, confirm=True)
    assert done.done, text
    assert read_state(folder).status is RunStatus.RUNNING
    async with crew_in(project, worker=echo) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED
    assert read_state(folder) == state


async def test_each_single_loss_but_the_plan_leaves_a_run_that_goes_on(
    project: Path, context: Context
) -> None:
    folder = await _finished(project)
    whole = folder.database.read_bytes()
    number = len(list(read_events(folder)))
    for lost in range(2, number + 1):
        for file in folder.path.glob("run.db*"):
            file.unlink()
        folder.database.write_bytes(whole)
        _hurt(folder, [lost])
        await carry_out("repair", context, run=folder.run, confirm=True)
        if read_state(folder).status.ended:
            continue
        async with crew_in(project, worker=echo) as crew:
            state = await (await crew.resume(folder)).wait()
        assert state.status is RunStatus.COMPLETED, lost


async def test_a_run_without_its_plan_says_so(project: Path, context: Context) -> None:
    folder = await _finished(project)
    _hurt(folder, [1])
    done, _, _ = await carry_out("repair", context, run=folder.run, confirm=True)
    assert done.lost == ((1, 1),)
    assert any("plan of the run is lost" in one for one in done.problems)
    with pytest.raises(JournalCorrupt):
        read_state(folder)


async def test_a_run_at_work_is_not_repaired(project: Path, context: Context) -> None:
    with trio.fail_after(10):
        async with crew_in(project, worker=sleep) as crew:
            run = await crew.start(plan(task("a")))
            before = run.folder.database.read_bytes()
            with pytest.raises(LeaseHeld):
                await carry_out("repair", context, run=run.folder.run, confirm=True)
            assert run.folder.database.read_bytes() == before
            run.cancel("enough")
            await run.wait()


async def test_a_file_of_something_else_is_left_as_it_is(
    project: Path, context: Context
) -> None:
    folder = await _finished(project)
    folder.database.write_bytes(b"not a database " * 1000)
    with pytest.raises(JournalCorrupt, match="nothing can be read"):
        await carry_out("repair", context, run=folder.run, confirm=True)
    assert folder.database.read_bytes() == b"not a database " * 1000
    folder.database.unlink()
    with pytest.raises(UnknownRun):
        await carry_out("repair", context, run=folder.run, confirm=True)


async def test_a_report_about_a_damaged_run_points_to_the_repair(
    project: Path, context: Context
) -> None:
    folder = await _finished(project)
    done, text, _ = await carry_out("diagnose", context, run=folder.run)
    assert not done.damaged
    _hurt(folder, [2])
    done, text, _ = await carry_out("diagnose", context, run=folder.run)
    assert done.damaged
    assert f"crew repair {folder.run}" in text
