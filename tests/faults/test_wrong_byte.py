"""A wrong byte anywhere on disk is told, or changes nothing; it never breaks a program."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.support.crews import finish
from tests.support.damage import carry_out, change
from tests.support.plans import plan, task

from crew_actors.commands import Context
from crew_actors.errors import UserError
from crew_actors.journal import (
    ArtifactDamaged,
    ArtifactStore,
    JournalCorrupt,
    JournalError,
    JournalLocked,
    Lease,
    Registry,
    RunFolder,
    UnknownRun,
    open_journal,
    read_events,
    read_state,
)
from crew_actors.model import TaskId
from crew_actors.resources import TrustStore
from crew_actors.runtimes import Completed, Job, Outcome, Port


async def _leaves_a_file(job: Job, port: Port) -> Outcome:
    for number in range(20):
        await port.progress(f"step {number}")
    source = job.output / "notes.txt"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(b"what was seen\n" * 40)
    await port.artifact("notes.txt", source)
    return Completed(text="done")


async def _run(project: Path) -> RunFolder:
    run = await finish(project, plan(task("a"), task("b", "a")), worker=_leaves_a_file)
    return run.folder


def _spoil(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)


def _offsets(size: int) -> list[int]:
    chance = random.Random(7)
    return [*range(100), *sorted(chance.randrange(100, size) for _ in range(250))]


async def test_a_wrong_byte_of_the_journal_is_told_or_changes_nothing(
    project: Path,
) -> None:
    folder = await _run(project)
    whole = folder.database.read_bytes()
    events = list(read_events(folder))
    told = 0
    for at in _offsets(len(whole)):
        folder.database.write_bytes(whole)
        _spoil(folder.database, at)
        try:
            assert list(read_events(folder)) == events, at
        except JournalError:
            told += 1
    assert told > 50


async def test_actions_tell_a_wrong_byte_and_a_repair_saves_the_rest(
    project: Path, context: Context
) -> None:
    folder = await _run(project)
    whole = folder.database.read_bytes()
    size = len(list(read_events(folder)))
    saved = 0
    for at in _offsets(len(whole))[::6]:
        for file in folder.path.glob("run.db*"):
            file.unlink()
        folder.database.write_bytes(whole)
        _spoil(folder.database, at)
        for name in ("status", "events", "summary", "artifacts", "task", "diagnose"):
            given: dict[str, object] = {"run": folder.run}
            if name == "task":
                given["task"] = "a"
            if name == "diagnose":
                given["to"] = str(project / f"report-{at}.json")
            try:
                await carry_out(name, context, **given)
            except UserError:
                continue  # told
        try:
            done, _, _ = await carry_out(
                "repair", context, run=folder.run, confirm=True
            )
        except JournalError:
            continue
        if done.done:
            saved += 1
            assert len(list(read_events(folder))) == done.kept
            assert done.kept > size // 2, at
    assert saved > 10


async def test_a_wrong_byte_of_an_artifact_is_told(project: Path) -> None:
    folder = await _run(project)
    artifact = read_state(folder).tasks[TaskId("a")].artifacts[0]
    store = ArtifactStore(folder)
    path = folder.path / "artifacts" / "a" / "a.1" / "notes.txt"
    for at in range(0, path.stat().st_size, 37):
        whole = path.read_bytes()
        _spoil(path, at)
        with pytest.raises(ArtifactDamaged):
            await store.read(artifact)
        path.write_bytes(whole)
    assert (await store.read(artifact)).startswith(b"what was seen")


async def test_a_wrong_byte_of_the_registry_loses_no_run(
    project: Path, context: Context
) -> None:
    folder = await _run(project)
    registry = Registry.of(context.places)
    whole = registry.path.read_bytes()
    for at in _offsets(len(whole)):
        registry.path.write_bytes(whole)
        _spoil(registry.path, at)
        found = registry.list(project=project)
        assert [one.run for one in found.runs].count(folder.run) == 1, at
        assert registry.find(folder.run, project=project).path == folder.path
        await carry_out("status", context)
        (entry,) = [one for one in found.runs if one.run == folder.run]
        try:
            registry.register(entry)
        except JournalError:
            continue  # told; the run is found from its project all the same
        assert registry.find(folder.run).path == folder.path, at


async def test_a_wrong_byte_of_the_settings_is_told_not_followed(
    project: Path, context: Context
) -> None:
    folder = await _run(project)
    config = project / ".crew" / "config.toml"
    whole = b"[limits]\nattempts = 2\n"
    for at in range(len(whole)):
        for wrong in (0x00, 0x22, 0x5B, 0xFF):
            content = bytearray(whole)
            content[at] = wrong
            config.write_bytes(content)
            try:
                await carry_out("config", context)
            except UserError:
                continue  # told
            await carry_out("status", context, run=folder.run)


TEAM = {
    "agents/worker.md": b'---\nname: worker\nruntime: command\ncommand: ["true"]\n---\nWork.\n',
    "workflows/pair.workflow.md": b"---\nname: pair\n---\n\n## a\n\n{goal}\n",
    "teams/duo.team.md": b"---\nname: duo\nworkflow: pair\n---\n\n- a: agent=worker\n",
    "skills/care/SKILL.md": b"---\nname: care\ndescription: d\n---\nTake care.\n",
}


@pytest.mark.parametrize("name", TEAM)
async def test_a_wrong_byte_of_a_team_is_told_or_means_something_else(
    project: Path, context: Context, name: str
) -> None:
    for each, text in TEAM.items():
        path = project / ".crew" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    whole = TEAM[name]
    for at in range(0, len(whole), 2):
        for wrong in (0x00, 0x3A, 0xFF):
            content = bytearray(whole)
            content[at] = wrong
            (project / ".crew" / name).write_bytes(content)
            for action in ("validate", "list"):
                await carry_out(action, context)
            try:
                await carry_out("plan", context, goal="x", team="duo")
            except UserError:
                continue  # told


async def test_a_wrong_byte_of_what_was_agreed_to_agrees_to_nothing_more(
    project: Path, context: Context
) -> None:
    for each, text in TEAM.items():
        path = project / ".crew" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    await carry_out("trust", context, yes=True)
    store = TrustStore(context.places).path
    whole = store.read_bytes()
    agent = project / ".crew" / "agents" / "worker.md"
    agent.write_bytes(TEAM["agents/worker.md"].replace(b"true", b"false"))
    for at in range(0, len(whole), 5):
        for wrong in (0x22, 0xFF):
            content = bytearray(whole)
            content[at] = wrong
            store.write_bytes(content)
            with pytest.raises(UserError):
                await carry_out("run", context, goal="x", team="duo")
    assert not (project / ".crew" / "runs").exists()


async def test_damaged_locked_and_missing_are_told_apart(
    project: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew_actors.journal._database.BUSY_SECONDS", 0.01)
    folder = await _run(project)
    other = sqlite3.connect(folder.database, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalLocked):
            async with open_journal(folder, lease=Lease.mine(now=1.0)):
                pass
    finally:
        other.close()
    change(folder, "UPDATE events SET at = at + 1 WHERE seq = 2")
    with pytest.raises(JournalCorrupt, match="event 2"):
        await carry_out("summary", context, run=folder.run)
    shutil.rmtree(folder.path)
    with pytest.raises(UnknownRun):
        await carry_out("summary", context, run=folder.run)
