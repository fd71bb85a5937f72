"""A forgotten run is gone for everybody, and no other one is touched."""

import shutil
from pathlib import Path

import pytest
import trio
from tests.store.conftest import branches, git, idle, ran
from tests.support.crews import crew_in, finish, sleep
from tests.support.plans import plan, task

from crew_actors.journal import (
    JournalCorrupt,
    Lease,
    LeaseHeld,
    Registry,
    RunFolder,
    UnknownRun,
)
from crew_actors.model import RunId
from crew_actors.store import (
    NotARunFolder,
    _forget,
    doom,
    finish_forgotten,
    forget_run,
)
from crew_actors.worktrees import WorktreeDirty


def listed(registry: Registry, project: Path) -> list[str]:
    return [one.run for one in registry.list(project=project).runs]


async def test_all_of_it_goes_but_branches_that_hold_changes(
    project: Path, registry: Registry
) -> None:
    folder = await ran(project, "good", "bad")
    with pytest.raises(WorktreeDirty):
        await doom(folder, force=False)
    doomed = await doom(folder, force=True)
    assert folder.path.exists()
    done = await forget_run(doomed, registry)
    good, bad = (f"crew/{folder.run}/{name}" for name in ("good.1", "bad.1"))
    assert done.branches == (bad,)
    assert done.kept == (good,)
    assert branches(project) == list(done.kept)
    assert not done.worktrees[0].exists()
    assert listed(registry, project) == []
    assert [one.name for one in folder.path.parent.iterdir()] == [".gitignore"]
    with pytest.raises(UnknownRun):
        registry.find(folder.run, project=project)


async def test_empty_branches_go(project: Path, registry: Registry) -> None:
    folder = await ran(project, "a", worker=idle)
    git(project, "branch", f"crew/{folder.run}/a.7")
    git(project, "branch", "crew/another-run/a.1")
    done = await forget_run(await doom(folder, force=False), registry)
    assert done.branches == (f"crew/{folder.run}/a.7",)
    assert branches(project) == ["crew/another-run/a.1"]


async def test_a_live_run_is_refused_whatever_is_said(
    project: Path, registry: Registry
) -> None:
    with trio.fail_after(20):
        async with crew_in(project, worker=sleep) as crew:
            run = await crew.start(plan(task("a")))
            with pytest.raises(LeaseHeld):
                await doom(run.folder, force=True)
            run.cancel("enough")
            await run.wait()
    await forget_run(await doom(run.folder, force=False), registry)
    assert not run.folder.path.exists()


async def test_a_run_that_is_taken_up_meanwhile_gets_its_name_back(
    project: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await ran(project, "bad")
    doomed = await doom(folder, force=True)

    def held(moved: RunFolder) -> str:
        assert moved.path.name == f".forgotten-{folder.run}"
        return "held"

    def owner(_: RunFolder) -> Lease:
        return Lease.mine(now=1.0)

    monkeypatch.setattr(_forget, "owner_state", held)
    monkeypatch.setattr(_forget, "read_lease", owner)
    with pytest.raises(LeaseHeld):
        await forget_run(doomed, registry)
    assert folder.database.is_file()
    assert doomed.traces.trees[0].path.is_dir()
    assert listed(registry, project) == [folder.run]


async def test_what_was_cut_short_is_finished_later(
    project: Path, registry: Registry
) -> None:
    folder = await ran(project, "bad", "good")
    tree = project / ".crew" / "worktrees" / folder.run / "bad.1"
    git(tree, "clean", "-qfd")
    aside = folder.path.with_name(f".forgotten-{folder.run}")
    folder.path.rename(aside)
    now = aside.stat().st_mtime
    assert await finish_forgotten(project, registry, now=now + 1) == ()
    assert aside.is_dir()
    finished = await finish_forgotten(project, registry, now=now + 3600)
    assert finished == (folder.run,)
    assert not aside.exists()
    assert not tree.exists()
    assert branches(project) == [f"crew/{folder.run}/good.1"]


async def test_what_was_cut_short_keeps_what_holds_something(
    project: Path, registry: Registry
) -> None:
    folder = await ran(project, "bad")
    tree = project / ".crew" / "worktrees" / folder.run / "bad.1"
    aside = folder.path.with_name(f".forgotten-{folder.run}")
    folder.path.rename(aside)
    await finish_forgotten(project, registry, now=aside.stat().st_mtime + 3600)
    assert not aside.exists()
    assert (tree / "half.py").is_file()


async def test_what_is_left_of_runs_that_never_began_goes_as_well(
    project: Path, registry: Registry
) -> None:
    whole = await ran(project, "good")
    half = RunFolder.create(project, RunId("20260101-000000-0123456789"))
    half.database.touch()
    other = half.path.with_name("20260101-000000-0123456788")
    other.symlink_to(whole.path.parent)
    now = half.path.stat().st_mtime
    assert await finish_forgotten(project, registry, now=now + 59) == ()
    assert half.path.is_dir()
    done = await finish_forgotten(project, registry, now=now + 3600)
    assert done == (half.run,)
    assert not half.path.exists()
    assert other.is_symlink()
    assert listed(registry, project) == [whole.run]


async def test_a_project_without_git_can_finish_too(
    tmp_path: Path, registry: Registry
) -> None:
    runs = tmp_path / "plain" / ".crew" / "runs"
    (runs / ".forgotten-x").mkdir(parents=True)
    (runs / ".forgotten-y").symlink_to(tmp_path)
    (tmp_path / "keep").write_text("x")
    root = tmp_path / "plain"
    assert await finish_forgotten(root, registry, now=4e9) == ("x",)
    assert (tmp_path / "keep").exists()


async def test_a_damaged_run_needs_force(project: Path, registry: Registry) -> None:
    folder = await ran(project, "good")
    folder.database.write_bytes(b"x" * 8192)
    with pytest.raises(JournalCorrupt):
        await doom(folder, force=False)
    await forget_run(await doom(folder, force=True), registry)
    assert not folder.path.exists()
    assert branches(project) == [f"crew/{folder.run}/good.1"]


async def test_a_damaged_run_of_a_project_without_git_can_go(
    tmp_path: Path, registry: Registry
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    folder = (await finish(plain, plan(task("a")), worker=idle)).folder
    folder.database.write_bytes(b"x" * 8192)
    aside = folder.path.with_name(f".forgotten-{folder.run}")
    aside.mkdir()
    await forget_run(await doom(folder, force=True), registry)
    assert [one.name for one in folder.path.parent.iterdir()] == [".gitignore"]


async def test_nothing_outside_of_the_runs_is_removed(tmp_path: Path) -> None:
    for path in (tmp_path / "a-folder", tmp_path / ".crew" / "runs" / "bad id"):
        path.mkdir(parents=True)
        with pytest.raises(NotARunFolder, match="not touched"):
            await doom(RunFolder(path), force=True)


@pytest.mark.parametrize("part", ["run", "runs", ".crew"])
async def test_no_link_is_followed_to_what_is_removed(project: Path, part: str) -> None:
    folder = await ran(project, "good")
    path = {
        "run": folder.path,
        "runs": folder.path.parent,
        ".crew": folder.path.parent.parent,
    }[part]
    elsewhere = project.parent / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(NotARunFolder, match="link"):
        await doom(folder, force=True)
    assert folder.database.is_file()
