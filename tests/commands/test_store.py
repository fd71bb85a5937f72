"""The actions on whole runs: what they ask for, tell, and exit with."""

import inspect
import json
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from tests.commands.conftest import Record
from tests.commands.samples import RUN, START, beginning, started, whole_run
from tests.store.conftest import break_off, git, in_worktrees, write
from tests.support.crews import finish
from tests.support.plans import plan, task

from crew_actors.commands import Context, _summary, build, load_action
from crew_actors.journal import Registry, RunFolder
from crew_actors.model import (
    Question,
    QuestionAsked,
    RunId,
    RunStatus,
    TaskId,
    attempt_id,
)
from crew_actors.places import find_project


async def carried_out(
    name: str, context: Context, **given: object
) -> tuple[Any, str, int]:
    """Carry out an action; return its result, its text and its exit code."""
    action = load_action(name)
    parameters: object = build(name, action.parameters, given)
    if inspect.iscoroutinefunction(action.handler):
        result = await action.handler(parameters, context)
    else:
        result = action.handler(parameters, context)
    return cast("Any", result), action.text(result), action.exit_code(result)


@pytest.fixture
async def in_repository(context: Context) -> Context:
    root = context.project.root
    git(root, "init", "-q", "-b", "main")
    (root / ".gitignore").write_text("/.crew/\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    await finish(root, in_worktrees("good", "bad"), worker=write, bad=break_off)
    return attrs.evolve(context, project=find_project(root))


async def test_worktrees_are_listed_with_what_merges_them(
    in_repository: Context, tmp_path: Path
) -> None:
    found, text, code = await carried_out("worktrees", in_repository, run="latest")
    assert code == 0
    assert [one.attempt for one in found.worktrees] == ["bad.1"]
    (branch,) = found.branches
    assert branch.merge == f"git merge crew/{found.run}/good.1"
    assert "bad.1  dirty" in text
    assert branch.merge in text
    root = in_repository.project.root
    git(root, *branch.merge.split()[1:])
    assert (root / "good.py").read_text() == "made\n"
    _, text, _ = await carried_out("worktrees", in_repository, run="latest")
    assert "good.1  merged" in text


async def test_worktrees_of_another_project_are_merged_there(
    in_repository: Context, tmp_path: Path
) -> None:
    project = find_project(tmp_path)
    away = attrs.evolve(in_repository, project=project)
    (entry,) = (
        Registry.of(in_repository.places).list(project=in_repository.project.root).runs
    )
    found_by_id = Registry.of(in_repository.places)
    found_by_id.register(entry)
    found, _, _ = await carried_out("worktrees", away, run=entry.run)
    (branch,) = found.branches
    assert branch.merge.startswith(f"git -C {in_repository.project.root} merge ")


async def test_a_run_without_worktrees_says_so(
    context: Context, record: Record
) -> None:
    await record(whole_run())
    _, text, code = await carried_out("worktrees", context, run="latest")
    assert code == 0
    assert text == "The run has no worktrees, and no branches with changes."


async def test_a_cleanup_that_keeps_something_says_so(in_repository: Context) -> None:
    done, text, code = await carried_out("cleanup", in_repository, run="latest")
    assert (code, len(done.kept)) == (1, 1)
    assert text.startswith("kept: ")
    _, text, code = await carried_out(
        "cleanup", in_repository, run="latest", force=True
    )
    assert code == 0
    assert [line.partition(":")[0] for line in text.splitlines()] == [
        "removed",
        "patch",
    ]
    _, text, code = await carried_out("cleanup", in_repository, run="latest")
    assert (text, code) == ("The run has no worktrees.", 0)
    _, text, _ = await carried_out("worktrees", in_repository, run="latest")
    assert text.startswith("branches with changes:")


async def test_nothing_is_forgotten_without_a_word(in_repository: Context) -> None:
    (entry,) = (
        Registry.of(in_repository.places).list(project=in_repository.project.root).runs
    )
    given = {"run": "latest", "force": True}
    report, text, code = await carried_out("forget", in_repository, **given)
    assert (code, report.done) == (2, False)
    assert "--confirm" in text
    assert "(its changes are lost)" in text
    assert entry.folder.database.is_file()
    assert report.worktrees[0].is_dir()
    done, text, code = await carried_out("forget", in_repository, **given, confirm=True)
    assert (code, done) == (0, attrs.evolve(report, done=True))
    assert "kept: branch" in text
    assert "which holds nothing" in text
    assert not entry.folder.path.exists()
    assert not report.worktrees[0].exists()


def run_id(number: int) -> RunId:
    return RunId(f"20260102-0304{number:02}-0123456789")


async def test_the_oldest_runs_that_have_ended_are_pruned(
    context: Context, record: Record
) -> None:
    folders = [await record(whole_run(), run=run_id(n)) for n in range(4)]
    registry = Registry.of(context.places)
    ids = [one.run for one in registry.list(project=context.project.root).runs]
    stays, goes = ids[:2], ids[:1:-1]
    result, text, code = await carried_out("prune", context, keep=2)
    assert (list(result.runs), code) == (goes, 2)
    assert "--confirm" in text
    assert all(one.path.exists() for one in folders)
    result, text, code = await carried_out("prune", context, keep="2", confirm=True)
    assert (list(result.runs), result.spared, code) == (goes, (), 0)
    assert "removed: run" in text
    left = registry.list(project=context.project.root).runs
    assert [one.run for one in left] == stays
    result, text, code = await carried_out("prune", context, keep=2)
    assert (result.runs, code) == ((), 0)
    assert text == "There is nothing to remove beside the newest 2 runs."


async def test_what_has_not_ended_is_kept_and_named(
    context: Context, record: Record
) -> None:
    await record(beginning(), run=run_id(1))
    broken = await record(whole_run(), run=run_id(2))
    broken.database.write_bytes(b"x" * 8192)
    result, text, _ = await carried_out("prune", context, keep=0, confirm=True)
    why = {one.run: one.why for one in result.spared}
    assert why[run_id(1)] == "it is interrupted"
    assert "damaged" in why[run_id(2)]
    assert f"kept: run {run_id(1)}: it is interrupted" in text
    assert result.runs == ()


async def test_dirty_runs_are_kept_and_named(in_repository: Context) -> None:
    result, _, _ = await carried_out("prune", in_repository, keep=0, confirm=True)
    assert result.runs == ()
    (spared,) = result.spared
    assert "in no commit" in spared.why


async def test_a_run_is_exported_and_imported(context: Context, tmp_path: Path) -> None:
    root = context.project.root
    run = await finish(root, plan(task("a")), worker=write)
    context = attrs.evolve(context, project=find_project(root))
    report, text, _ = await carried_out("export", context, run=run.id)
    assert report.path == root / ".crew" / "exports" / f"{run.id}.zip"
    assert report.left_out == ()
    assert f"{report.files} files" in text
    _, text, _ = await carried_out("imports", context)
    assert text == "Nothing was imported into this project."
    taken, text, _ = await carried_out("import", context, path=str(report.path))
    assert (taken.run, taken.status, taken.goal) == (run.id, "completed", "try it")
    assert f"run {run.id} completed" in text
    assert "a: completed" in text
    found, listed, _ = await carried_out("imports", context)
    assert (found.imports, listed) == ((taken,), text)
    (taken.path / "manifest.json").unlink()
    _, text, _ = await carried_out("imports", context)
    assert "cannot be read" in text


async def test_what_is_left_out_of_an_export_is_named(
    context: Context, record: Record, tmp_path: Path
) -> None:
    await record(whole_run())
    report, text, _ = await carried_out(
        "export", context, run="latest", to=str(tmp_path)
    )
    assert report.path == tmp_path / f"{RUN}.zip"
    assert "left out: artifacts/map/1/result.md" in text


async def test_the_summary_on_disk_is_told(context: Context, record: Record) -> None:
    folder = await record(whole_run())
    path = folder.path / "summary.md"
    path.write_text("# What was found\n\x1b[31mred\n")
    found, text, _ = await carried_out("summary", context, run="latest")
    assert found.path == path
    assert text.splitlines()[0] == "# What was found"
    assert "\x1b" not in text


@pytest.mark.parametrize("link", [True, False])
async def test_without_one_it_is_made_from_the_state(
    context: Context, record: Record, *, link: bool
) -> None:
    folder = await record(whole_run())
    if link:
        (folder.path / "summary.md").symlink_to("/etc/hostname")
    found, text, _ = await carried_out("summary", context, run="latest")
    assert found.path is None
    assert text.startswith(f"# Run {RUN}")
    assert "completed" in text


async def test_a_run_that_goes_on_has_a_summary_too(
    context: Context, record: Record
) -> None:
    await record([*beginning(), started("map")])
    found, text, _ = await carried_out("summary", context, run="latest")
    assert found.status.value == "interrupted"
    assert "**interrupted**" in text


async def test_a_run_that_waits_says_so(
    context: Context, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = QuestionAsked(
        task=TaskId("map"),
        attempt=attempt_id(TaskId("map"), 1),
        question=Question(id="q1", text="Which?", asked_at=START, deadline=START + 600),
    )
    await record([*beginning(), started("map"), question])

    def running(_: RunFolder) -> RunStatus:
        return RunStatus.RUNNING

    monkeypatch.setattr(_summary, "effective_status", running)
    found, text, _ = await carried_out("summary", context, run="latest")
    assert found.status is RunStatus.WAITING
    assert "**waiting**" in text


async def test_a_report_is_written(
    context: Context, record: Record, tmp_path: Path
) -> None:
    folder = await record(whole_run())
    done, text, code = await carried_out(
        "diagnose", context, run="latest", to=str(tmp_path / "r.json")
    )
    assert (done.problems, code) == ((), 0)
    assert json.loads(done.path.read_text())["run"] == RUN
    assert text.startswith("report: ")
    with (folder.path / "run.db").open("r+b") as file:
        file.write(b"x" * 100)
    _, text, _ = await carried_out("diagnose", context, run="latest")
    assert "not known: " in text
