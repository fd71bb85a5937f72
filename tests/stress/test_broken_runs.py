"""Each part of what is claimed of killed runs can break."""

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.stress.test_broken_claims import broken

from crew_actors.journal import RunFolder
from crew_actors.model import RunStatus
from crew_stress.scenarios import ground, killed_runs, lives, people

Damage = Callable[[Path, "sqlite3.Connection"], None]
"""What somebody does to a run: its folder, and its journal."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killed_runs, "PATIENCE", 2.0)
    monkeypatch.setattr(killed_runs, "KILLS", 1)
    monkeypatch.setattr(killed_runs, "EARLY", 0.0)
    monkeypatch.setattr(ground, "TASKS_EACH", 2)
    monkeypatch.setattr(ground, "TREES", ((),))
    monkeypatch.setattr(ground, "LIFE", 0.1)
    monkeypatch.setattr(ground, "NEEDS", 0.0)
    ends = (("leave:page.txt", "event:result:done", "exit:0"),)
    monkeypatch.setattr(ground, "ENDS", ends)
    monkeypatch.setattr(killed_runs, "WORK", 0.05)


def damage(monkeypatch: pytest.MonkeyPatch, harm: Damage) -> None:
    """Have each run damaged before it is looked at."""

    async def do(records: Path) -> tuple[object, ...]:
        (path,) = (records.parents[2] / "project/.crew/runs").glob("*/run.db")
        with closing(sqlite3.connect(path)) as database, database:
            harm(path.parent, database)
        return ()

    monkeypatch.setattr(killed_runs, "sweep_orphans", do)


def copied(database: sqlite3.Connection, kind: str, **changes: str) -> None:
    """Write the first event of *kind* once more, behind the others."""
    rows = database.execute("SELECT body FROM events ORDER BY seq").fetchall()
    events: list[dict[str, Any]] = [json.loads(body) for (body,) in rows]
    event = next(one for one in events if one["kind"] == kind) | changes
    database.execute(
        "INSERT INTO events (seq, at, body) VALUES (?, 1.5, ?)",
        (len(rows) + 1, json.dumps(event)),
    )


def test_a_journal_that_loses_events(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(_: Path, database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM events WHERE seq > 4")

    damage(monkeypatch, lose)
    assert "events told and lost" in broken("killed-runs")


def test_a_run_of_which_something_was_done_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def again(folder: Path, database: sqlite3.Connection) -> None:
        for kind in ("attempt.started", "task.completed", "attempt.artifact"):
            copied(database, kind)
        next(folder.glob("artifacts/**/page.txt")).unlink()
        with (folder.parents[3] / "marks").open("r+") as marks:
            first = marks.readline()
            marks.seek(0, os.SEEK_END)
            marks.write(f"{first}step-0.99\n")

    damage(monkeypatch, again)
    assert broken("killed-runs") == [
        "attempts made twice",
        "attempts that were not begun",
        "tasks done again",
        "artifacts twice",
        "artifacts damaged",
    ]


def test_wishes_that_are_granted_and_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def grant(*_: object) -> dict[str, object]:
        return {"message": "m", "tasks": ["step-0"]}

    monkeypatch.setattr(people, "call_owner", grant)
    monkeypatch.setattr(people, "SENDS", 1.0)
    monkeypatch.setattr(killed_runs, "WORK", 2.0)
    assert broken("killed-runs") == ["wishes granted and lost"]


def test_a_run_that_does_not_come_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killed_runs, "TAKE_UP", "status")
    monkeypatch.setattr(killed_runs, "DETACHED", 0.0)
    monkeypatch.setattr(ground, "LIFE", 2.0)
    assert broken("killed-runs") == ["runs without an end"]


def test_a_run_that_is_still_called_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def running(_: RunFolder) -> RunStatus:
        return RunStatus.RUNNING

    monkeypatch.setattr(killed_runs, "effective_status", running)
    monkeypatch.setattr(ground, "LIFE", 2.0)
    assert broken("killed-runs") == ["runs not called interrupted"]


def test_an_owner_that_crashes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; print('internal error', file=sys.stderr); sys.exit(70)"
    monkeypatch.setattr(lives, "CREW", ("-c", code))
    assert "failures" in broken("killed-runs")


def test_owners_are_killed_in_the_background_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A runner that nobody kills would hold its run when it is taken up."""

    def nobody(_: str) -> list[object]:
        return []

    assert sys.platform != "win32"
    monkeypatch.setattr(lives, "_runners", nobody)
    monkeypatch.setattr(killed_runs, "DETACHED", 1.0)
    monkeypatch.setattr(ground, "LIFE", 2.0)
    assert "runs not called interrupted" in broken("killed-runs")
