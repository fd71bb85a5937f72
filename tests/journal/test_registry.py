"""Runs are found by the beginning of their id, with and without the registry."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import attrs
import pytest
import trio

from crew_actors.journal import (
    AmbiguousRun,
    JournalError,
    Lease,
    NewerJournal,
    Registry,
    RunEntry,
    RunFolder,
    UnknownRun,
    find_leftovers,
    open_journal,
)
from crew_actors.model import RunCreated, RunId, RunStarted
from crew_actors.places import user_places


@pytest.fixture
def registry(own_home: Path) -> Registry:
    return Registry.of(user_places({"CREW_HOME": str(own_home)}))


Maker = Callable[..., RunEntry]


@pytest.fixture
def make(lease: Lease, created: RunCreated, tmp_path: Path) -> Maker:
    """Makes a run with a journal in a project, and its entry."""

    def run(name: str, *, project: str = "project", at: float = 1.0) -> RunEntry:
        root = tmp_path / project
        root.mkdir(exist_ok=True)
        folder = RunFolder.create(root, RunId(name))

        async def write() -> None:
            async with open_journal(
                folder, lease=lease, create=True, clock=lambda: at
            ) as journal:
                await journal.append(created)

        trio.run(write)
        return RunEntry(
            run=RunId(name),
            folder=folder,
            project=root,
            goal="Find risks",
            team="survey",
            workflow="survey",
            created_at=at,
        )

    return run


def test_a_registered_run_is_found_from_anywhere(
    registry: Registry, make: Maker
) -> None:
    entry = make("20260101-a")
    registry.register(entry)
    assert registry.find("20260101-a") == entry.folder
    assert registry.find("2026") == entry.folder
    assert registry.list().runs == (entry,)
    assert registry.list().problem == ""


def test_the_newest_run_comes_first_and_the_limit_holds(
    registry: Registry, make: Maker
) -> None:
    entries = [make(f"r{number}", at=float(number)) for number in (2, 3, 1)]
    for entry in entries:
        registry.register(entry)
    assert [each.run for each in registry.list().runs] == ["r3", "r2", "r1"]
    assert [each.run for each in registry.list(limit=2).runs] == ["r3", "r2"]


def test_a_list_is_of_one_project_unless_all_are_asked_for(
    registry: Registry, make: Maker
) -> None:
    mine, other = make("m1", project="mine"), make("o1", project="other", at=2.0)
    registry.register(mine)
    registry.register(other)
    assert registry.list(project=mine.project).runs == (mine,)
    everything = registry.list(project=mine.project, everywhere=True)
    assert everything.runs == (other, mine)


def test_registering_again_replaces_the_entry(registry: Registry, make: Maker) -> None:
    entry = make("r1")
    registry.register(entry)
    changed = attrs.evolve(entry, goal="g" * 500)
    registry.register(changed)
    (found,) = registry.list().runs
    assert found.goal == "g" * 200


def test_an_unknown_id_names_those_that_look_like_it(
    registry: Registry, make: Maker
) -> None:
    registry.register(make("20260101-120000-aaaa"))
    with pytest.raises(UnknownRun, match="did you mean 20260101-120000-aaaa"):
        registry.find("20260101-120000-aaab")
    with pytest.raises(UnknownRun, match="crew status --all") as caught:
        registry.find("zzz")
    assert caught.value.nearest == ()
    with pytest.raises(UnknownRun):
        registry.find("")


def test_a_beginning_of_several_ids_names_them(registry: Registry, make: Maker) -> None:
    registry.register(make("r10", at=1.0))
    registry.register(make("r12", at=2.0))
    whole = make("r1", at=3.0)
    registry.register(whole)
    assert registry.find("r1") == whole.folder  # the whole id is never ambiguous
    with pytest.raises(AmbiguousRun, match="several runs") as caught:
        registry.find("r")
    assert set(caught.value.candidates) == {"r1", "r10", "r12"}


def test_a_run_whose_folder_is_gone_is_not_shown(
    registry: Registry, make: Maker
) -> None:
    entry = make("r1")
    registry.register(entry)
    shutil.rmtree(entry.folder.path)
    assert registry.list().runs == ()
    with pytest.raises(UnknownRun):
        registry.find("r1")


def test_without_a_registry_the_runs_of_the_project_are_found(
    registry: Registry, make: Maker
) -> None:
    entry = make("r1")
    assert registry.list(project=entry.project).runs == (entry,)
    assert registry.find("r", project=entry.project) == entry.folder
    assert registry.list().runs == ()
    assert not registry.path.exists()


def test_a_damaged_registry_loses_no_run_of_the_project(
    registry: Registry, make: Maker
) -> None:
    entry = make("r1")
    registry.register(entry)
    registry.path.write_bytes(b"not a database at all" * 100)
    found = registry.list(project=entry.project)
    assert found.runs == (entry,)
    assert "damaged" in found.problem
    assert registry.find("r1", project=entry.project) == entry.folder
    with pytest.raises(UnknownRun, match="damaged"):
        registry.find("r2", project=entry.project)


def test_a_damaged_registry_is_put_aside_when_a_run_is_entered(
    registry: Registry, make: Maker
) -> None:
    for number in (1, 2):
        registry.path.parent.mkdir(parents=True, exist_ok=True)
        registry.path.write_bytes(b"not a database at all" * 100)
        registry.register(make(f"r{number}"))
        aside = registry.path.with_name(f"registry.db.damaged-{number}")
        assert aside.read_bytes().startswith(b"not a database")
    assert {each.run for each in registry.list().runs} == {"r1", "r2"}


@pytest.mark.parametrize("place", range(100))
def test_one_wrong_byte_in_the_header_keeps_no_run_out(
    registry: Registry, make: Maker, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [make(name, project=name) for name in ("r1", "r2", "r3")]
    for run in runs[:2]:
        registry.register(run)
    whole = registry.path.read_bytes()
    for value in {0, 255, 1, whole[place] ^ 0xFF, (whole[place] + 1) % 256}:
        registry.path.write_bytes(
            b"".join((whole[:place], bytes([value]), whole[place + 1 :]))
        )
        is_newer = int.from_bytes(registry.path.read_bytes()[60:64], signed=True) > 1
        entered = pytest.raises(NewerJournal) if is_newer else nullcontext()
        caplog.clear()
        asides = set(registry.path.parent.glob("registry.db.damaged-*"))
        with entered:
            registry.register(runs[2])
            assert set(registry.list().runs) == set(runs)
        put_aside = set(registry.path.parent.glob("registry.db.damaged-*")) - asides
        assert all(str(aside) in caplog.text for aside in put_aside)


def test_a_registry_that_is_made_again_names_what_can_be_found(
    registry: Registry, make: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    others = [make(f"o{number}", project="other") for number in range(60)]
    never_entered = make("m1", project="mine")
    for run in others:
        registry.register(attrs.evolve(run, goal="g" * 200))
    content = bytearray(registry.path.read_bytes())
    assert len(content) > 5 * 4096
    content[:100] = bytes(100)
    content[-4096:] = bytes(4096)
    registry.path.write_bytes(content)
    registry.register(make("m2", project="mine"))
    found = {run.run for run in registry.list().runs}
    assert found >= {never_entered.run, "m2"}
    assert len(found & {run.run for run in others}) > 30
    assert "damaged" in caplog.text
    assert f"{registry.path}.damaged-1" in caplog.text


def test_what_a_damaged_registry_says_of_runs_that_are_not_is_not_believed(
    registry: Registry, make: Maker
) -> None:
    gone, odd, mine = make("g1", project="gone"), make("o1"), make("m1", project="m")
    registry.register(gone)
    registry.register(attrs.evolve(odd, run=RunId("o2")))
    shutil.rmtree(gone.folder.path)
    content = registry.path.read_bytes()
    registry.path.write_bytes(bytes(16) + content[16:])
    registry.register(mine)
    with sqlite3.connect(registry.path) as connection:
        assert connection.execute("SELECT run FROM runs").fetchall() == [("m1",)]
    connection.close()


def test_a_damaged_registry_that_cannot_be_put_aside_is_told(
    registry: Registry, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = make("r1")
    registry.path.parent.mkdir(parents=True, exist_ok=True)
    registry.path.write_bytes(b"not a database at all" * 100)

    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(1, "not permitted", str(path))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(JournalError):
        registry.register(entry)
    assert registry.path.read_bytes().startswith(b"not a database")


def test_a_registry_from_the_future_is_left_alone(
    registry: Registry, make: Maker
) -> None:
    entry = make("r1")
    registry.register(entry)
    connection = sqlite3.connect(registry.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(NewerJournal):
        registry.register(entry)
    found = registry.list(project=entry.project)
    assert found.runs == (entry,)
    assert "later version" in found.problem


def test_a_run_whose_journal_is_damaged_is_still_listed(
    registry: Registry, make: Maker
) -> None:
    entry = make("r1")
    entry.folder.database.write_bytes(b"ruined" * 1000)
    (found,) = registry.list(project=entry.project).runs
    assert (found.run, found.goal) == ("r1", "")
    assert registry.find("r1", project=entry.project) == entry.folder


async def test_a_run_that_begins_with_something_else_is_still_listed(
    registry: Registry, project: Path, lease: Lease
) -> None:
    folder = RunFolder.create(project, RunId("odd"))
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(RunStarted())
    (found,) = registry.list(project=project).runs
    assert (found.run, found.goal) == ("odd", "")


def test_what_is_no_run_is_not_listed(registry: Registry, make: Maker) -> None:
    entry = make("r1")
    runs = entry.folder.path.parent
    (runs / "notes.txt").touch()
    (runs / "empty").mkdir()
    assert registry.list(project=entry.project).runs == (entry,)
    assert registry.list(project=runs / "nowhere").runs == ()


ENTER = """
import sys
from pathlib import Path
from crew_actors.journal import *
from crew_actors.model import RunId

registry = Registry(Path(sys.argv[1]))
name, root = sys.argv[2], Path(sys.argv[3])
for number in range(20):
    run = RunId(f"{name}{number}")
    registry.register(RunEntry(run=run, folder=RunFolder(root), project=root, goal="",
                               team="", workflow="", created_at=1.0))
"""


def test_several_processes_enter_runs_at_once(
    registry: Registry, make: Maker, python: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = make("r1").folder.path
    others = [python(ENTER, registry.path, name, folder) for name in "abc"]
    for other in others:
        with other:
            output = other.communicate(timeout=60)
        assert other.returncode == 0, output
    assert len(registry.list().runs) == 60


def test_a_forgotten_run_is_in_the_list_no_more(
    registry: Registry, make: Maker
) -> None:
    one, two = make("20260101-000000-0123456789"), make("20260101-000000-0123456788")
    registry.register(one)
    registry.register(two)
    assert registry.forget(one.run)
    assert not registry.forget(one.run)
    assert [entry.run for entry in registry.list().runs] == [two.run]
    found = registry.list(project=one.project).runs
    assert {entry.run for entry in found} == {one.run, two.run}  # its folder is there


def test_without_a_registry_there_is_nothing_to_forget(registry: Registry) -> None:
    assert not registry.forget(RunId("20260101-000000-0123456789"))
    assert not registry.path.exists()


def _half(make: Maker, lease: Lease, name: str, *, until: str) -> RunFolder:
    """Make what the creator of a run leaves who was killed before its first event."""
    whole = make("20260101-000000-0123456789")
    folder = RunFolder.create(whole.project, RunId(name))
    if until == "file":
        folder.database.touch()
    elif until == "lease":
        dead = attrs.evolve(lease, create_time=lease.create_time - 100)

        async def write() -> None:
            async with open_journal(folder, lease=dead, create=True):
                pass

        trio.run(write)
    return folder


@pytest.mark.parametrize("until", ["folder", "file", "lease"])
def test_a_run_that_never_began_is_none(
    registry: Registry, make: Maker, lease: Lease, until: str
) -> None:
    name = "20260101-000000-0123456780"
    folder = _half(make, lease, name, until=until)
    project = folder.path.parents[2]
    found = registry.list(project=project)
    assert [entry.run for entry in found.runs] == ["20260101-000000-0123456789"]
    with pytest.raises(UnknownRun):
        registry.find(name, project=project)
    made = folder.path.stat().st_mtime
    assert find_leftovers(project, now=made + 59) == ()
    assert find_leftovers(project, now=made + 61) == (folder,)


async def test_a_run_whose_owner_is_about_to_begin_is_not_left_over(
    registry: Registry, lease: Lease, tmp_path: Path
) -> None:
    folder = RunFolder.create(tmp_path, RunId("20260101-000000-0123456780"))
    async with open_journal(folder, lease=lease, create=True):
        assert find_leftovers(tmp_path, now=1e12) == ()
    assert registry.list(project=tmp_path).runs == ()


def test_a_damaged_run_is_not_left_over(make: Maker) -> None:
    entry = make("20260101-000000-0123456789")
    entry.folder.database.write_bytes(b"ruined" * 1000)
    assert find_leftovers(entry.project, now=1e12) == ()
