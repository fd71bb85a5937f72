"""What a run has kept is compared with what was told of it and done."""

import hashlib
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.plans import plan, started, task

from crew_actors.journal import Lease, RunFolder, open_journal, read_events
from crew_actors.model import (
    Artifact,
    ArtifactWritten,
    Event,
    Message,
    MessageSent,
    QuestionAnswered,
    ResultStored,
    RunCompleted,
    RunCreated,
    RunStarted,
    TaskCompleted,
    TaskId,
    TaskRequeued,
    attempt_id,
    new_run_id,
)
from crew_actors.observe import json_line
from crew_actors.observe.displays import event_object
from crew_stress.scenarios.book import Book
from crew_stress.scenarios.kept import check_told, check_work, numbers_of
from crew_stress.scenarios.people import Told

A = TaskId("a")
A1 = attempt_id(A, 1)
TEXT = b"it is done"
RESULT = Artifact(
    name="result.md",
    path="artifacts/result.md",
    size=len(TEXT),
    sha256=hashlib.sha256(TEXT).hexdigest(),
)
WRITTEN = ArtifactWritten(task=A, attempt=A1, artifact=RESULT)
STORED = ResultStored(task=A, attempt=A1, result=RESULT)
COMPLETED = TaskCompleted(task=A, attempt=A1, result=RESULT)
END = RunCompleted(summary=None)
WELL: tuple[Event, ...] = (started("a"), WRITTEN, STORED, COMPLETED, END)


async def kept(project: Path, *events: Event) -> RunFolder:
    """Leave a run behind whose journal holds *events*."""
    run = new_run_id(time.time(), b"12345")
    folder = RunFolder.create(project, run)
    created = RunCreated(run=run, workspace=str(project), plan=plan(task("a")))
    lease = Lease.mine(now=time.time())
    async with open_journal(folder, lease=lease, create=True) as journal:
        for event in (created, RunStarted(), *events):
            await journal.append(event)
    path = folder.path / RESULT.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(TEXT)
    return folder


def broken(book: Book) -> dict[str, float]:
    return {one.what: one.value for one in book.checks if not one.holds}


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    path = tmp_path / "marks"
    path.write_text("a.1\n")
    return path


@pytest.mark.parametrize(
    ("events", "what"),
    [
        (WELL, {}),
        (WELL[:-1], {"runs without an end": 1}),
        ((*WELL, started("a", 2)), {"tasks done again": 1}),
        ((*WELL[:3], started("a", 2), END), {"tasks done again": 1}),
        ((*WELL, COMPLETED, COMPLETED), {"tasks done again": 2}),
        ((*WELL, WRITTEN), {"artifacts twice": 1}),
        ((*WELL[1:],), {"attempts that were not begun": 1}),
    ],
)
async def test_what_was_done_twice_is_found(
    events: tuple[Event, ...], what: dict[str, float], tmp_path: Path, marks: Path
) -> None:
    book = Book()
    check_work(book, await kept(tmp_path, *events), marks)
    assert broken(book) == what


async def test_an_attempt_that_was_made_twice_is_found(
    tmp_path: Path, marks: Path
) -> None:
    folder = await kept(tmp_path, *WELL)
    rewrite(marks, "a.1\na.1\na.1\n")
    book = Book()
    check_work(book, folder, marks)
    assert broken(book) == {"attempts made twice": 2}


@pytest.mark.parametrize("data", [b"it is gone", b"it is done.", None])
async def test_an_artifact_that_is_not_as_it_was_stored_is_found(
    data: bytes | None, tmp_path: Path, marks: Path
) -> None:
    folder = await kept(tmp_path, *WELL)
    path = folder.path / RESULT.path
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    book = Book()
    check_work(book, folder, marks)
    assert broken(book) == {"artifacts damaged": 1}


async def test_what_was_told_or_granted_and_is_not_there_is_lost(
    tmp_path: Path,
) -> None:
    answered = QuestionAnswered(task=A, attempt=A1, question="q", answer="yes", by="me")
    message = Message(id="m-1", kind="steer", text="left", by="me")
    events = (answered, MessageSent(task=A, message=message))
    folder = await kept(tmp_path, *events, TaskRequeued(task=A, why="again"))
    told = Told()
    told.answers += ["yes"]
    told.messages += ["m-1"]
    told.retries += [("a", "again")]
    book = Book()
    check_told(book, folder, told)
    assert broken(book) == {}
    told.answers += ["no"]
    told.messages += ["m-2"]
    told.retries += [("a", "once more")]
    told.events.add('{"seq": 9}')
    check_told(book, folder, told)
    assert broken(book) == {"events told and lost": 1, "wishes granted and lost": 3}


async def test_what_is_there_was_not_lost(tmp_path: Path) -> None:
    folder = await kept(tmp_path, *WELL)
    told = Told()
    told.events.update(json_line(event_object(one)) for one in read_events(folder))
    book = Book()
    check_told(book, folder, told)
    assert broken(book) == {}


async def test_a_journal_has_no_gap(tmp_path: Path) -> None:
    folder = await kept(tmp_path, *WELL)
    book = Book()
    assert numbers_of(book, folder) == list(range(1, 8))
    assert broken(book) == {}
    with closing(sqlite3.connect(folder.database)) as database, database:
        database.execute("DELETE FROM events WHERE seq = 2")
    assert numbers_of(book, folder) == [1, 3, 4, 5, 6, 7]
    assert broken(book) == {"events out of their order": 5}


def test_a_run_whose_creator_has_died_has_no_events(tmp_path: Path) -> None:
    book = Book()
    folder = RunFolder.create(tmp_path, new_run_id(time.time(), b"12345"))
    assert numbers_of(book, folder) == []
    sqlite3.connect(folder.database).close()
    assert numbers_of(book, folder) == []
    assert broken(book) == {}
