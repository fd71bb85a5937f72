"""`crew init`: make a place, once."""

import errno
import os
import subprocess
from collections import Counter
from pathlib import Path

import attrs
import pytest

from crew_actors.commands import BadParameters, Context, load_action
from crew_actors.commands._init import (
    Initialised,
    InitParameters,
    NotInProject,
    initialise,
)
from crew_actors.config import load_config, project_file, user_file
from crew_actors.places import Project, user_places
from crew_actors.resources import load_catalog, validate_all


@pytest.fixture
def context(tmp_path: Path) -> Context:
    root = tmp_path.resolve() / "project"
    (root / ".git" / "info").mkdir(parents=True)
    return Context(
        project=Project(root, is_repository=True),
        places=user_places(os.environ),
        environ={},
        now=lambda: 0.0,
    )


def done(result: Initialised) -> dict[str, int]:
    return dict(Counter(step.done for step in result.steps))


def test_a_project_gets_its_place(context: Context) -> None:
    root = context.project.root
    result = initialise(InitParameters(), context)
    assert done(result) == {"made": 5}
    assert sorted(one.name for one in (root / ".crew").iterdir()) == [
        *("agents", "config.toml", "teams", "workflows")
    ]
    assert (root / ".gitignore").read_text() == ".crew/runs/\n.crew/worktrees/\n"
    assert load_config(context.places, project=context.project).problems == ()
    text = load_action("init").text(result)
    assert text.splitlines()[0] == f"made  {project_file(context.project)}"


def test_a_second_time_changes_nothing(context: Context) -> None:
    initialise(InitParameters(), context)
    path = project_file(context.project)
    path.write_text("limit = 1\n")
    files = {one: one.stat().st_mtime_ns for one in context.project.root.rglob("*")}
    result = initialise(InitParameters(), context)
    assert done(result) == {"kept": 5}
    assert {
        one: one.stat().st_mtime_ns for one in context.project.root.rglob("*")
    } == files
    result = initialise(InitParameters(overwrite=True), context)
    assert done(result) == {"kept": 4, "replaced": 1}
    assert path.with_name("config.toml.bak").read_text() == "limit = 1\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dist/\n", "dist/\n.crew/runs/\n.crew/worktrees/\n"),
        ("dist/", "dist/\n.crew/runs/\n.crew/worktrees/\n"),
        ("a\r\n", "a\r\n.crew/runs/\r\n.crew/worktrees/\r\n"),
        ("/.crew/runs\n", "/.crew/runs\n.crew/worktrees/\n"),
        (".crew/\n", ".crew/\n"),
        ("\udcff\n", "\udcff\n.crew/runs/\n.crew/worktrees/\n"),
    ],
)
def test_only_what_is_missing_is_ignored(
    before: str, after: str, context: Context
) -> None:
    path = context.project.root / ".gitignore"
    path.write_bytes(before.encode("utf-8", "surrogateescape"))
    initialise(InitParameters(), context)
    assert path.read_bytes() == after.encode("utf-8", "surrogateescape")


def test_a_folder_without_git_gets_nothing_to_ignore(context: Context) -> None:
    bare = attrs.evolve(context.project, is_repository=False)
    result = initialise(InitParameters(), attrs.evolve(context, project=bare))
    assert done(result) == {"made": 4}
    assert not (bare.root / ".gitignore").exists()


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_git_heeds_the_exclude_file_in_each_worktree(tmp_path: Path) -> None:
    main, other = tmp_path / "main", tmp_path / "other"
    main.mkdir()
    _git(main, "init", "-q")
    _git(main, "commit", "-q", "--allow-empty", "-m", "first")
    _git(main, "worktree", "add", "-q", str(other))
    context = Context(
        project=Project(other.resolve(), is_repository=True),
        places=user_places(os.environ),
        environ={},
        now=lambda: 0.0,
    )
    initialise(InitParameters(ignore="exclude"), context)
    assert not (other / ".gitignore").exists()
    for folder in (main, other):
        run = folder / ".crew" / "runs" / "x"
        run.parent.mkdir(parents=True, exist_ok=True)
        run.touch()
        assert ".crew/runs" not in _git(folder, "status", "--porcelain", "-uall")


def test_the_built_in_ones_can_be_copied_for_oneself(context: Context) -> None:
    parameters = InitParameters(scope="user", copy_builtins=True)
    result = initialise(parameters, context)
    assert set(done(result)) == {"made"}
    home = user_file(context.places).parent
    survey = home / "teams" / "survey.team.md"
    catalog = load_catalog(context.places, context.project)
    assert catalog.team("survey").source.tier == "user"
    assert [one for one in validate_all(catalog) if one.severity == "error"] == []
    survey.write_text("mine")
    assert set(done(initialise(parameters, context))) == {"kept"}
    assert survey.read_text() == "mine"
    assert done(initialise(InitParameters(scope="user"), context)) == {"kept": 1}
    again = initialise(attrs.evolve(parameters, overwrite=True), context)
    assert done(again)["replaced"] == 1
    assert survey.with_name("survey.team.md.bak").read_text() == "mine"
    assert not project_file(context.project).exists()


def test_a_project_cannot_replace_what_is_built_in(context: Context) -> None:
    with pytest.raises(BadParameters, match="--scope user"):
        initialise(InitParameters(copy_builtins=True), context)
    assert not context.project.crew_dir.exists()


@pytest.mark.parametrize("name", [".crew", ".gitignore"])
def test_nothing_is_written_through_a_link_out_of_the_project(
    name: str, context: Context, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if name == ".crew":
        elsewhere.mkdir()
    else:
        elsewhere.write_text("")
    (context.project.root / name).symlink_to(elsewhere)
    with pytest.raises(NotInProject, match="leads out of the project"):
        initialise(InitParameters(), context)
    assert (
        list(elsewhere.iterdir()) == []
        if name == ".crew"
        else not elsewhere.read_text()
    )


@pytest.mark.parametrize("before", [None, b"dist/"])
def test_a_full_disk_leaves_what_git_ignores_as_it_was(
    context: Context, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    initialise(InitParameters(ignore="exclude"), context)
    (context.project.root / ".git" / "info" / "exclude").unlink()
    path = context.project.root / ".gitignore"
    if before is not None:
        path.write_bytes(before)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as failed:
        initialise(InitParameters(), context)
    assert failed.value.filename == str(path)
    assert (path.read_bytes() if path.exists() else None) == before
