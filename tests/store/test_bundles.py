"""What is exported can be taken in elsewhere, says no secret, and is the same twice."""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.store.conftest import break_off, ran
from tests.support.crews import crew_in, echo, finish, sleep
from tests.support.plans import plan, task

from crew_actors.journal import (
    AfterGap,
    JournalMissing,
    RunFolder,
    read_events,
    read_state,
)
from crew_actors.model import Recorded
from crew_actors.runtimes import Completed, Job, Outcome, Port
from crew_actors.store import (
    LIMITS,
    BundleTooLarge,
    ImportExists,
    TargetInTheWay,
    _export,
    export_run,
    import_bundle,
    list_imports,
)

SECRET = "ghp_" + "a1B2" * 9
HOME = Path("/home/somebody")


async def leave(job: Job, port: Port) -> Outcome:
    """Leave artifacts with a secret, with a home folder, and with bytes."""
    text = f"token={SECRET}\nsee {HOME}/notes and /mnt{HOME}/x\n"
    for name, content in (
        ("log.txt", text.encode()),
        ("raw.bin", b"\0" + text.encode()),
    ):
        source = job.folder / name
        source.write_bytes(content)
        await port.artifact(name, source)
    await port.progress(f"export TOKEN={SECRET} in {HOME}")
    return Completed(text="done")


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def manifest_of(content: Mapping[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content["manifest.json"])
    return found


def files_in(folder: Path) -> set[str]:
    found = (one for one in folder.rglob("*") if one.is_file())
    return {str(one.relative_to(folder)) for one in found}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


async def left(tmp_path: Path) -> RunFolder:
    project = tmp_path / "project"
    project.mkdir()
    return (await finish(project, plan(task("a"), task("b")), worker=leave)).folder


async def test_a_run_goes_there_and_back(tmp_path: Path, elsewhere: Path) -> None:
    folder = await left(tmp_path)
    done = export_run(folder, elsewhere, home=HOME)
    assert done.path == elsewhere / f"{folder.run}.zip"
    assert done.path.stat().st_mode & 0o777 == 0o600
    assert done.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()
    taken = import_bundle(done.path, elsewhere)
    assert taken.manifest == done.manifest
    assert list_imports(elsewhere) == (taken,)
    state = read_state(folder)
    assert taken.manifest is not None
    assert taken.manifest.status == "completed"
    assert taken.manifest.goal == state.plan.goal
    assert [one.id for one in taken.manifest.tasks] == ["a", "b"]
    told = {one.path for one in done.manifest.files}
    assert files_in(taken.path) == told | {"manifest.json"}
    ignored = elsewhere / ".crew" / "imports" / ".gitignore"
    assert ignored.read_text() == "*\n"


async def test_no_secret_and_no_home_leaves_the_machine(tmp_path: Path) -> None:
    folder = await left(tmp_path)
    content = members(export_run(folder, None, home=HOME).path)
    text = content["artifacts/a/a.1/log.txt"].decode()
    assert SECRET not in text
    assert "see ~/notes" in text
    assert f"/mnt{HOME}/x" in text
    assert content["artifacts/a/a.1/raw.bin"].endswith(b"/x\n")
    events = content["journal.jsonl"].decode()
    assert "attempt.progress" in events
    assert SECRET not in events
    assert str(HOME) not in events
    stored = {one["path"]: one for one in manifest_of(content)["files"]}
    masked = stored["artifacts/a/a.1/log.txt"]
    assert masked["sha256"] != masked["stored"]
    plain = stored["artifacts/a/a.1/raw.bin"]
    assert plain["sha256"] == plain["stored"]


async def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = await left(tmp_path)
    first = export_run(folder, None, home=HOME)
    second = export_run(folder, tmp_path / "again.zip", home=HOME)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert export_run(folder, None, home=HOME) == first


async def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    folder = await left(tmp_path)
    target = tmp_path / "mine.zip"
    target.write_text("mine")
    with pytest.raises(TargetInTheWay):
        export_run(folder, target, home=HOME)
    assert target.read_text() == "mine"
    assert {one for one in files_in(tmp_path) if "mine" in one} == {"mine.zip"}


async def test_what_is_gone_or_changed_or_a_link_is_left_out(tmp_path: Path) -> None:
    folder = await left(tmp_path)
    (tmp_path / "secret").write_text("other people's")
    place = folder.artifacts / "a" / "a.1"
    (place / "raw.bin").unlink()
    (place / "log.txt").unlink()
    (place / "log.txt").symlink_to(tmp_path / "secret")
    other = folder.artifacts / "b" / "b.1"
    (other / "log.txt").write_text("changed")
    done = export_run(folder, None, home=HOME)
    why = {one.path.partition("/")[2]: one.why for one in done.manifest.left_out}
    assert set(why) == {"a/a.1/raw.bin", "a/a.1/log.txt", "b/b.1/log.txt"}
    assert why["b/b.1/log.txt"] == "it is not what was written"
    assert b"other people's" not in b"".join(members(done.path).values())


async def test_no_folder_that_is_a_link_is_followed(tmp_path: Path) -> None:
    folder = await left(tmp_path)
    place = folder.artifacts / "a"
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    done = export_run(folder, None, home=HOME)
    assert not [one for one in members(done.path) if one.startswith("artifacts/a/")]


async def test_gaps_of_a_journal_are_told(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await left(tmp_path)

    def with_gap(given: RunFolder) -> Iterator[Recorded]:
        for one in read_events(given):
            if one.seq < 3:
                yield one
            elif one.seq == 3:
                yield AfterGap(one.seq + 2, one.at, one.event, compacted=2)
            else:
                yield attrs.evolve(one, seq=one.seq + 2)

    monkeypatch.setattr(_export, "read_events", with_gap)
    done = export_run(folder, None, home=HOME)
    line = json.loads(members(done.path)["journal.jsonl"].splitlines()[2])
    assert (line["seq"], line["compacted"], line["lost"]) == (5, 2, 0)
    assert import_bundle(done.path, elsewhere).manifest == done.manifest


async def test_a_run_that_never_began_cannot_be_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await left(tmp_path)

    def nothing(_: RunFolder) -> Iterator[Recorded]:
        return iter(())

    monkeypatch.setattr(_export, "read_events", nothing)
    with pytest.raises(JournalMissing):
        export_run(folder, tmp_path / "x.zip", home=HOME)
    assert not (tmp_path / "x.zip").exists()


async def test_patches_of_attempts_that_failed_are_in_it(project: Path) -> None:
    folder = await ran(project, "bad", worker=break_off)
    content = members(export_run(folder, None, home=HOME).path)
    assert "artifacts/bad/bad.1/changes.patch" in content


async def test_a_run_that_goes_on_can_be_exported(
    tmp_path: Path, elsewhere: Path
) -> None:
    with trio.fail_after(20):
        async with crew_in(tmp_path, worker=sleep) as crew:
            run = await crew.start(plan(task("a")))
            done = export_run(run.folder, elsewhere, home=HOME)
            run.cancel("enough")
            await run.wait()
    assert done.manifest.status in {"running", "queued"}
    assert import_bundle(done.path, elsewhere).run == run.id


@pytest.mark.parametrize(
    "small", [{"members": 4}, {"unpacked": 3000}, {"journal": 100}], ids=str
)
async def test_what_could_not_be_taken_in_is_not_written(
    tmp_path: Path, small: dict[str, int]
) -> None:
    folder = await left(tmp_path)
    with pytest.raises(BundleTooLarge, match="copy the folder"):
        export_run(folder, None, home=HOME, limits=attrs.evolve(LIMITS, **small))
    exports = tmp_path / "project" / ".crew" / "exports"
    assert [one.name for one in exports.iterdir()] == [".gitignore"]


async def test_an_import_is_never_replaced(tmp_path: Path, elsewhere: Path) -> None:
    folder = await left(tmp_path)
    done = export_run(folder, None, home=HOME)
    taken = import_bundle(done.path, elsewhere)
    (taken.path / "plan.json").write_text("mine")
    with pytest.raises(ImportExists, match="imported before"):
        import_bundle(done.path, elsewhere)
    assert (taken.path / "plan.json").read_text() == "mine"


async def test_a_damaged_import_is_listed_with_its_problem(
    tmp_path: Path, elsewhere: Path
) -> None:
    assert list_imports(elsewhere) == ()
    run = await finish(tmp_path, plan(task("a")), worker=echo)
    taken = import_bundle(export_run(run.folder, None, home=HOME).path, elsewhere)
    (taken.path / "manifest.json").write_text("{}")
    (elsewhere / ".crew" / "imports" / "other").mkdir()
    one, other = list_imports(elsewhere)
    assert (one.manifest, other.manifest) == (None, None)
    assert "kind" in one.problem
    assert "manifest.json" in other.problem
