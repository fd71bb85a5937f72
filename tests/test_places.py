"""The folders of the user and of the project are found without guessing."""

import os
from pathlib import Path

import pytest

from crew_actors.places import UnusablePath, find_project, user_places


def test_crew_home_holds_both_of_the_users_folders(tmp_path: Path) -> None:
    places = user_places({"CREW_HOME": str(tmp_path)})
    assert places.config == tmp_path / "config"
    assert places.data == tmp_path / "data"


def test_without_crew_home_the_system_says_where() -> None:
    places = user_places({"CREW_HOME": ""})
    assert "crew-actors" in str(places.config)
    assert "crew-actors" in str(places.data)


@pytest.mark.parametrize("marker", [".git", ".crew"])
def test_a_project_is_the_nearest_folder_with_a_marker(
    tmp_path: Path, marker: str
) -> None:
    (tmp_path / marker).mkdir()
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    project = find_project(inside)
    assert project.root == tmp_path.resolve()
    assert project.is_repository == (marker == ".git")
    assert project.crew_dir == tmp_path.resolve() / ".crew"


def test_a_manifest_marks_a_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "src").mkdir()
    assert find_project(tmp_path / "src").root == tmp_path.resolve()


def test_a_git_worktree_is_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    worktree = tmp_path / "worktree"
    worktree.mkdir()
    (worktree / ".git").write_text("gitdir: elsewhere")
    project = find_project(worktree)
    assert project.root == worktree.resolve()
    assert project.is_repository


def test_a_home_folder_is_nobodys_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_project(tmp_path / "work").root == (tmp_path / "work").resolve()
    assert find_project(tmp_path).root == tmp_path.resolve()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_project(tmp_path / "gone")


def test_a_path_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    odd.mkdir()
    with pytest.raises(UnusablePath, match="is not valid UTF-8: rename the folder"):
        find_project(odd)
