"""Worktrees: each attempt has its own, and nothing that it wrote is lost."""

import os
import subprocess
from pathlib import Path

import pytest
import trio

from crew_actors.worktrees import (
    GitFailed,
    GitMissing,
    NoCommit,
    NotARepository,
    Worktree,
    WorktreeConflict,
    WorktreeDirty,
    WorktreeInTheWay,
    Worktrees,
)


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *args],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "code.py").write_text("one\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


@pytest.fixture
def worktrees(repository: Path) -> Worktrees:
    return Worktrees(repository)


async def made(worktrees: Worktrees, name: str, *merge: str) -> Worktree:
    path = worktrees.root.parent / "trees" / name
    base = await worktrees.head()
    return await worktrees.make(path, f"crew/r1/{name}", base=base, merge=merge)


async def test_a_worktree_has_a_folder_and_a_branch_of_its_own(
    worktrees: Worktrees,
) -> None:
    tree = await made(worktrees, "write.1")

    assert (tree.path / "code.py").read_text() == "one\n"
    assert git(tree.path, "branch", "--show-current").strip() == "crew/r1/write.1"
    assert tree.base == await worktrees.head()


async def test_the_main_checkout_stays_as_it_is(worktrees: Worktrees) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "code.py").write_text("two\n")
    await worktrees.commit(tree, "work")

    assert (worktrees.root / "code.py").read_text() == "one\n"
    assert git(worktrees.root, "status", "--porcelain") == ""


async def test_what_completed_is_committed_on_its_branch(worktrees: Worktrees) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "new.py").write_text("new\n")

    assert await worktrees.commit(tree, "work")
    await worktrees.remove(tree.path)

    assert not tree.path.exists()
    assert git(worktrees.root, "show", "crew/r1/write.1:new.py") == "new\n"


async def test_a_worktree_without_changes_makes_no_commit(worktrees: Worktrees) -> None:
    tree = await made(worktrees, "write.1")

    assert not await worktrees.commit(tree, "work")
    await worktrees.remove(tree.path)
    assert await worktrees.drop_branch(tree)
    assert git(worktrees.root, "branch", "--list", "crew/*") == ""


async def test_a_branch_with_commits_is_not_dropped(worktrees: Worktrees) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "new.py").write_text("new\n")
    await worktrees.commit(tree, "work")
    await worktrees.remove(tree.path)

    assert not await worktrees.drop_branch(tree)
    assert "write.1" in git(worktrees.root, "branch", "--list", "crew/*")


async def test_a_patch_holds_new_changed_removed_and_binary_files(
    worktrees: Worktrees, tmp_path: Path
) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "code.py").unlink()
    (tree.path / "text.txt").write_text("text\n")
    (tree.path / "image.bin").write_bytes(bytes(range(256)))
    before = git(tree.path, "status", "--porcelain")

    assert await worktrees.patch(tree, tmp_path / "changes.patch")

    assert git(tree.path, "status", "--porcelain") == before  # nothing was staged
    other = await made(worktrees, "other.1")
    git(other.path, "apply", "--binary", str(tmp_path / "changes.patch"))
    assert (other.path / "image.bin").read_bytes() == bytes(range(256))
    assert (other.path / "text.txt").read_text() == "text\n"
    assert not (other.path / "code.py").exists()


async def test_a_patch_of_nothing_is_no_file(
    worktrees: Worktrees, tmp_path: Path
) -> None:
    tree = await made(worktrees, "write.1")

    assert not await worktrees.patch(tree, tmp_path / "changes.patch")
    assert not [name for name in names(tmp_path) if name.startswith("changes")]


async def test_a_patch_also_holds_what_the_agent_has_committed_itself(
    worktrees: Worktrees, tmp_path: Path
) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "mine.py").write_text("mine\n")
    git(tree.path, "add", ".")
    git(tree.path, "commit", "-q", "-m", "by the agent")

    assert await worktrees.patch(tree, tmp_path / "changes.patch")
    assert "mine.py" in (tmp_path / "changes.patch").read_text()


async def test_a_patch_has_its_name_only_when_it_is_on_disk(
    worktrees: Worktrees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "new.py").write_text("new\n")
    folder, target = tmp_path / "patches", tmp_path / "patches" / "changes.patch"
    folder.mkdir()
    synced: list[tuple[int, bool]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, target.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    assert await worktrees.patch(tree, target)

    # First what is in it, then its name.
    assert synced == [(target.stat().st_ino, False), (folder.stat().st_ino, True)]
    assert names(folder) == {"changes.patch"}


async def test_a_patch_can_be_made_after_one_that_was_killed(
    worktrees: Worktrees, tmp_path: Path
) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "new.py").write_text("new\n")
    (tmp_path / "changes.index").write_text("half of an index")
    (tmp_path / "changes.index.lock").touch()  # as git leaves it

    assert await worktrees.patch(tree, tmp_path / "changes.patch")
    assert "new.py" in (tmp_path / "changes.patch").read_text()


async def test_a_dirty_worktree_is_kept_unless_forced(worktrees: Worktrees) -> None:
    tree = await made(worktrees, "write.1")
    (tree.path / "new.py").write_text("new\n")

    with pytest.raises(WorktreeDirty, match="--force"):
        await worktrees.remove(tree.path)
    assert (tree.path / "new.py").exists()

    await worktrees.remove(tree.path, force=True)
    assert not tree.path.exists()


async def test_a_task_begins_with_what_its_dependencies_left(
    worktrees: Worktrees,
) -> None:
    one, two = await made(worktrees, "one.1"), await made(worktrees, "two.1")
    (one.path / "one.txt").write_text("1\n")
    (two.path / "two.txt").write_text("2\n")
    await worktrees.commit(one, "one")
    await worktrees.commit(two, "two")

    joined = await made(worktrees, "join.1", one.branch, two.branch)

    assert {"one.txt", "two.txt", "code.py"} <= names(joined.path)
    (joined.path / "three.txt").write_text("3\n")
    patch = worktrees.root.parent / "changes.patch"
    assert await worktrees.patch(joined, patch)
    assert "two.txt" not in patch.read_text()  # only its own changes


async def test_changes_that_conflict_are_named_and_leave_nothing(
    worktrees: Worktrees,
) -> None:
    one, two = await made(worktrees, "one.1"), await made(worktrees, "two.1")
    (one.path / "code.py").write_text("1\n")
    (two.path / "code.py").write_text("2\n")
    await worktrees.commit(one, "one")
    await worktrees.commit(two, "two")

    with pytest.raises(WorktreeConflict, match=r"crew/r1/one\.1 and crew/r1/two\.1"):
        await made(worktrees, "join.1", one.branch, two.branch)

    assert not (worktrees.root.parent / "trees" / "join.1").exists()
    assert "join.1" not in git(worktrees.root, "branch", "--list")


async def test_a_branch_or_folder_in_the_way_is_not_touched(
    worktrees: Worktrees,
) -> None:
    tree = await made(worktrees, "write.1")
    with pytest.raises(WorktreeInTheWay, match=r"write\.1 exists"):
        await made(worktrees, "write.1")
    elsewhere = worktrees.root.parent / "elsewhere"
    with pytest.raises(WorktreeInTheWay, match="branch"):
        await worktrees.make(elsewhere, tree.branch, base=tree.base)
    assert tree.path.is_dir()
    assert not elsewhere.exists()


async def test_a_cancelled_making_leaves_neither_folder_nor_branch(
    worktrees: Worktrees,
) -> None:
    base = await worktrees.head()
    path = worktrees.root.parent / "trees" / "late"
    with trio.move_on_after(0.01):
        await worktrees.make(path, "crew/r1/late", base=base)

    assert not path.exists()
    assert git(worktrees.root, "branch", "--list", "crew/*") == ""


async def test_hooks_of_the_repository_are_not_run(worktrees: Worktrees) -> None:
    for name in ("post-checkout", "pre-commit", "post-commit"):
        hook = worktrees.root / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {worktrees.root.parent}/ran\n")
        hook.chmod(0o755)
    tree = await made(worktrees, "write.1")
    (tree.path / "new.py").write_text("new\n")
    await worktrees.commit(tree, "work")

    assert not (worktrees.root.parent / "ran").exists()


async def test_many_worktrees_at_once_do_not_meet_at_the_locks_of_git(
    worktrees: Worktrees,
) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(made, worktrees, f"task{number}.1")

    branches = git(worktrees.root, "branch", "--list", "crew/*").split()
    assert len([name for name in branches if name.startswith("crew/")]) == 4


async def test_a_folder_that_is_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="git init"):
        await Worktrees(tmp_path).head()


async def test_a_repository_without_a_commit_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(NoCommit):
        await Worktrees(tmp_path).head()


async def test_a_machine_without_git_is_told(
    worktrees: Worktrees, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing, match="install it"):
        await worktrees.head()


async def test_a_lock_that_another_process_holds_is_waited_for(
    worktrees: Worktrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew_actors.worktrees._worktrees._PAUSE", 0.05)
    lock = worktrees.root / ".git" / "refs" / "heads" / "crew" / "r1" / "write.1.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(GitFailed, match="lock"):
        await made(worktrees, "write.1")
    lock.unlink()
    assert (await made(worktrees, "write.1")).path.is_dir()
