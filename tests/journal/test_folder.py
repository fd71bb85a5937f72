"""The layout of a run on disk."""

from pathlib import Path

import pytest

from crew_actors.journal import JournalExists, RunFolder, UnsafeFolder, runs_folder
from crew_actors.model import AttemptId, BadId, RunId


def test_a_run_lies_in_its_project_and_git_ignores_it(project: Path) -> None:
    folder = RunFolder.create(project, RunId("r1"))
    assert folder.path == project / ".crew" / "runs" / "r1"
    assert (runs_folder(project) / ".gitignore").read_text() == "*\n"
    assert folder.run == "r1"
    assert folder.database == folder.path / "run.db"
    assert folder.artifacts == folder.path / "artifacts"
    assert folder.log == folder.path / "log"
    assert folder.work(AttemptId("scan.2")) == folder.path / "work" / "scan.2"


def test_only_the_user_may_look_into_a_run(project: Path) -> None:
    folder = RunFolder.create(project, RunId("r1"))
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_what_the_user_wrote_for_git_stays(project: Path) -> None:
    runs_folder(project).mkdir(parents=True)
    (runs_folder(project) / ".gitignore").write_text("!keep\n")
    RunFolder.create(project, RunId("r1"))
    assert (runs_folder(project) / ".gitignore").read_text() == "!keep\n"


def test_a_run_id_is_used_once(project: Path) -> None:
    RunFolder.create(project, RunId("r1"))
    with pytest.raises(JournalExists):
        RunFolder.create(project, RunId("r1"))


@pytest.mark.parametrize("run", ["..", "a/b", "", "-x"])
def test_an_id_that_could_lead_elsewhere_is_refused(project: Path, run: str) -> None:
    with pytest.raises(BadId):
        RunFolder.create(project, RunId(run))
    with pytest.raises(BadId):
        RunFolder(project / "r1").work(AttemptId(run))


@pytest.mark.parametrize("place", [".crew", ".crew/runs"])
def test_a_repository_cannot_send_runs_elsewhere_by_a_link(
    project: Path, tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = project / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(UnsafeFolder, match="symbolic link"):
        RunFolder.create(project, RunId("r1"))
    assert list(elsewhere.iterdir()) == []
