# What is in the journal of a run, and what is not. The truth about the agents is in a
# file that they write themselves: their attempts, one a line, when they begin.
"""Compare what a run has kept with what was told of it, and with what was done."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from crew_actors.journal import RunFolder, read_events, read_state
from crew_actors.model import (
    Artifact,
    ArtifactWritten,
    AttemptStarted,
    Event,
    MessageSent,
    QuestionAnswered,
    ResultStored,
    RunStatus,
    TaskCompleted,
    TaskRequeued,
)
from crew_actors.observe import json_line
from crew_actors.observe.displays import event_object
from crew_stress.scenarios.book import Book
from crew_stress.scenarios.people import Told

_ENDS = (
    RunStatus.COMPLETED,
    RunStatus.FAILED,
    RunStatus.BLOCKED,
    RunStatus.CANCELLED,
)

_IS_MADE = "SELECT 1 FROM sqlite_master WHERE name = 'events'"


def numbers_of(book: Book, folder: RunFolder) -> list[int]:
    """Return the numbers of the events in the journal, which must be whole."""
    if not folder.database.exists():
        return []
    with closing(sqlite3.connect(folder.database)) as database:
        (health,) = database.execute("PRAGMA integrity_check").fetchone()
        rows: list[tuple[int]] = []
        if database.execute(_IS_MADE).fetchone():
            rows = database.execute("SELECT seq FROM events").fetchall()
    book.require("journals damaged", int(health != "ok"), 0)
    numbers = sorted(seq for (seq,) in rows)
    gaps = sum(seq != at for at, seq in enumerate(numbers, start=1))
    book.require("events out of their order", gaps, 0)
    return numbers


def check_told(book: Book, folder: RunFolder, told: Told) -> None:
    """See to it that nothing is lost that was told or granted."""
    recorded = list(read_events(folder))
    kept = {json_line(event_object(each)) for each in recorded}
    book.note("events kept", [len(kept)], unit="")
    book.note("events told", [len(told.events)], unit="")
    book.require("events told and lost", len(told.events - kept), 0)
    events = [each.event for each in recorded]
    answers = {one.answer for one in events if isinstance(one, QuestionAnswered)}
    messages = {one.message.id for one in events if isinstance(one, MessageSent)}
    retries = {(one.task, one.why) for one in events if isinstance(one, TaskRequeued)}
    lost = len(set(told.answers) - answers) + len(set(told.messages) - messages)
    lost += len(set(told.retries) - {(str(task), why) for task, why in retries})
    granted = len(told.answers) + len(told.messages) + len(told.retries)
    book.note("wishes granted", [granted], unit="")
    book.require("wishes granted and lost", lost, 0)


def check_work(book: Book, folder: RunFolder, marks: Path) -> None:
    """See to it that the run has come to an end, and that nothing was done twice."""
    events = [each.event for each in read_events(folder)]
    status = read_state(folder).status
    book.require("runs without an end", int(status not in _ENDS), 0)
    text = marks.read_text(encoding="utf-8") if marks.exists() else ""
    made = Counter(text.splitlines())
    begun = {one.attempt for one in events if isinstance(one, AttemptStarted)}
    book.note("attempts", [made.total()], unit="")
    book.require("attempts made twice", _more_than_once(made), 0)
    book.require("attempts that were not begun", len(made.keys() - begun), 0)
    book.require("tasks done again", _done_again(events), 0)
    written = [one for one in events if isinstance(one, ArtifactWritten)]
    names = Counter((one.attempt, one.artifact.name) for one in written)
    book.require("artifacts twice", _more_than_once(names), 0)
    damaged = _damaged(folder, (one.artifact for one in written))
    book.require("artifacts damaged", damaged, 0)


def _more_than_once(found: Mapping[Any, int]) -> int:
    return sum(times - 1 for times in found.values())


def _done_again(events: Sequence[Event]) -> int:
    """Count what was done of tasks whose result was there already."""
    again = 0
    stored = set[str]()
    completed = set[str]()
    for event in events:
        match event:
            case AttemptStarted(task=task):
                again += task in stored
            case ResultStored(task=task):
                stored.add(task)
            case TaskCompleted(task=task):
                again += task in completed
                completed.add(task)
            case _:
                pass
    return again


def _damaged(folder: RunFolder, artifacts: Iterable[Artifact]) -> int:
    damaged = 0
    for one in artifacts:
        try:
            data = (folder.path / one.path).read_bytes()
        except OSError:
            damaged += 1
            continue
        digest = hashlib.sha256(data).hexdigest()
        damaged += (len(data), digest) != (one.size, one.sha256)
    return damaged
