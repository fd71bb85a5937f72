"""Worktrees are removed, and nothing that they hold is lost unseen."""

from pathlib import Path

import pytest
import trio
from tests.store.conftest import branches, git, idle, in_worktrees, ran, write
from tests.support.crews import crew_in, finish, sleep
from tests.support.plans import plan, task

from crew_actors.journal import LeaseHeld, read_state
from crew_actors.store import clean_up, find_traces


async def test_a_shared_run_has_left_nothing(tmp_path: Path) -> None:
    folder = (await finish(tmp_path, plan(task("a")), worker=write)).folder
    traces = await find_traces(folder, read_state(folder))
    assert (traces.trees, traces.branches) == ((), ())
    done = await clean_up(folder, force=False)
    assert (done.removed, done.kept, done.patches) == ((), (), ())


async def test_what_is_there_is_found(project: Path) -> None:
    folder = await ran(project, "good", "bad")
    traces = await find_traces(folder, read_state(folder))
    (tree,) = traces.trees
    assert (tree.attempt, tree.dirty) == ("bad.1", True)
    found = {one.attempt: (one.holds, one.merged) for one in traces.branches}
    assert found == {"good.1": (True, False), "bad.1": (False, True)}


async def test_a_merged_branch_holds_nothing(project: Path) -> None:
    folder = await ran(project, "good")
    git(project, "merge", "-q", f"crew/{folder.run}/good.1")
    (branch,) = (await find_traces(folder, read_state(folder))).branches
    assert (branch.merged, branch.holds) == (True, False)


async def test_what_changed_nothing_leaves_nothing(project: Path) -> None:
    folder = await ran(project, "a", worker=idle)
    traces = await find_traces(folder, read_state(folder))
    assert (traces.trees, traces.branches) == ((), ())


async def test_dirty_worktrees_are_kept_and_named(project: Path) -> None:
    folder = await ran(project, "bad")
    done = await clean_up(folder, force=False)
    (kept,) = done.kept
    assert done.removed == ()
    assert kept.path.name == "bad.1"
    assert "--force" in kept.why
    assert (kept.path / "half.py").read_text() == "half\n"


async def test_with_force_what_they_hold_becomes_a_patch_that_applies(
    project: Path,
) -> None:
    folder = await ran(project, "bad")
    done = await clean_up(folder, force=True)
    (removed,) = done.removed
    (patch,) = done.patches
    assert not removed.exists()
    assert not removed.parent.exists()
    assert patch.parent == folder.path / "patches"
    git(project, "apply", str(patch))
    assert (project / "half.py").read_text() == "half\n"
    assert (project / "half.bin").read_bytes() == bytes(range(256))
    assert branches(project) == [f"crew/{folder.run}/bad.1"]


async def test_a_second_patch_does_not_replace_the_first(project: Path) -> None:
    folder = await ran(project, "bad")
    patches = folder.path / "patches"
    patches.mkdir()
    (patches / "bad.1.patch").write_text("the first")
    (patch,) = (await clean_up(folder, force=True)).patches
    assert patch.name == "bad.1-2.patch"
    assert (patches / "bad.1.patch").read_text() == "the first"


async def test_a_clean_worktree_goes_without_force(project: Path) -> None:
    folder = await ran(project, "bad")
    tree = project / ".crew" / "worktrees" / folder.run / "bad.1"
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "saved by a person")
    done = await clean_up(folder, force=False)
    assert done.removed == (tree,)
    assert done.patches == ()
    saved = git(project, "show", f"crew/{folder.run}/bad.1:half.py")
    assert saved == "half\n"


async def test_commits_on_no_branch_make_a_worktree_dirty(project: Path) -> None:
    folder = await ran(project, "bad")
    tree = project / ".crew" / "worktrees" / folder.run / "bad.1"
    git(tree, "checkout", "-q", "--detach")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "on no branch")
    (found,) = (await find_traces(folder, read_state(folder))).trees
    assert (found.branch, found.dirty) == ("", True)
    (kept,) = (await clean_up(folder, force=False)).kept
    assert kept.path == tree
    (patch,) = (await clean_up(folder, force=True)).patches
    assert "half.py" in patch.read_text(errors="replace")


async def test_a_live_run_is_not_touched(project: Path) -> None:
    with trio.fail_after(20):
        async with crew_in(project, worker=sleep) as crew:
            run = await crew.start(in_worktrees("a"))
            async for recorded in run.events():
                if "Progress" in type(recorded.event).__name__:
                    break
            with pytest.raises(LeaseHeld):
                await clean_up(run.folder, force=True)
            trees = (await find_traces(run.folder, run.state)).trees
            assert [one.attempt for one in trees] == ["a.1"]
            run.cancel("enough")
            await run.wait()
