# What the journal costs, against plain SQLite in the same run.
#
# The floor is what the disk and SQLite take without us: `executemany` of the same
# rows, one commit for each 256, and single rows, one commit for each. Reading is
# measured in a journal of a million events.
"""Bench: events per second, latency of a commit, reading the newest events."""

import sqlite3
import tempfile
from pathlib import Path
from time import perf_counter

import attrs
import trio

from crew_actors.journal import (
    Journal,
    Lease,
    RunFolder,
    encode,
    newest_events,
    open_journal,
)
from crew_actors.model import AttemptId, AttemptStarted, Event, Progress, RunId, TaskId
from crew_stress.bench.supervisors import Figure

GROUP = 256
NEWEST = 100


@attrs.frozen(kw_only=True)
class Sizes:
    """How much is measured."""

    events: int = 50_000
    commits: int = 1_000
    many: int = 1_000_000
    """Events of the journal that is read."""


def main() -> int:
    """Print the figures; 1 if one of them is missed."""
    figures = measure(Sizes())
    for figure in figures:
        print(figure)
    return 0 if all(figure.is_reached for figure in figures) else 1


def measure(sizes: Sizes) -> list[Figure]:
    """Measure all figures."""
    with tempfile.TemporaryDirectory(prefix="crew-bench-") as temporary:
        return _measure(Path(temporary), sizes)


def _measure(root: Path, sizes: Sizes) -> list[Figure]:
    events, commits, many = sizes.events, sizes.commits, sizes.many
    floor = events / _plain(root / "plain.db", events, GROUP)
    single = _plain(root / "single.db", commits, 1) / commits
    posted = trio.run(_posting, _folder(root, "post"), 1, events)
    crowd = trio.run(_posting, _folder(root, "crowd"), 8, events)
    alone = trio.run(_appending, _folder(root, "append"), commits)
    busy = trio.run(_compacting, _folder(root, "compact"), commits) * 1e3
    reading = _reading(root, many)
    return [
        Figure("plain SQLite, 256 rows a commit", floor, "events/s", 0, at_least=True),
        Figure(
            "plain SQLite, one row a commit", single * 1e3, "ms", 50, at_least=False
        ),
        Figure("post, one task", posted, "events/s", 20_000, at_least=True),
        Figure("  against plain", posted / floor, "x", 0.04, at_least=True),
        Figure("post, eight tasks", crowd, "events/s", 20_000, at_least=True),
        Figure("append alone, median", alone[0] * 1e3, "ms", 50, at_least=False),
        Figure("  against plain", alone[0] / single, "x", 6, at_least=False),
        Figure("append alone, 99 of 100", alone[1] * 1e3, "ms", 50, at_least=False),
        Figure("append while it compacts, 99 of 100", busy, "ms", 50, at_least=False),
        Figure(f"newest {NEWEST} of {many:,}", reading * 1e3, "ms", 5, at_least=False),
    ]


def _event(number: int) -> Event:
    text = f"step {number}: looked at another file and found nothing of interest"
    return Progress(task=TaskId("scan"), attempt=AttemptId("scan.1"), text=text)


def _folder(root: Path, name: str) -> RunFolder:
    return RunFolder.create(root, RunId(name))


def _plain(path: Path, events: int, group: int) -> float:
    """Write *events* rows, *group* in one commit; tell the seconds."""
    rows = [(n, 0.0, encode(_event(n)).decode()) for n in range(1, events + 1)]
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE events (seq INTEGER PRIMARY KEY, at REAL, body TEXT) STRICT"
        )
        begin = perf_counter()
        for start in range(0, events, group):
            connection.execute("BEGIN IMMEDIATE")
            some = rows[start : start + group]
            connection.executemany("INSERT INTO events VALUES (?, ?, ?)", some)
            connection.execute("COMMIT")
        return perf_counter() - begin
    finally:
        connection.close()


async def _posting(folder: RunFolder, tasks: int, events: int) -> float:
    async def post(journal: Journal) -> None:
        for number in range(events // tasks):
            await journal.post(_event(number))

    async with open_journal(folder, lease=Lease.mine(now=0.0), create=True) as journal:
        begin = perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(tasks):
                nursery.start_soon(post, journal)
        await journal.flush()
        return events / (perf_counter() - begin)


async def _appending(folder: RunFolder, commits: int) -> tuple[float, float]:
    took: list[float] = []
    async with open_journal(folder, lease=Lease.mine(now=0.0), create=True) as journal:
        for number in range(commits):
            begin = perf_counter()
            await journal.append(_event(number))
            took.append(perf_counter() - begin)
    took.sort()
    return took[commits // 2], took[commits * 99 // 100]


async def _compacting(folder: RunFolder, commits: int) -> float:
    """Tell what an append takes, 99 of 100, in a journal that is always too large."""
    took: list[float] = []
    task, attempt = TaskId("scan"), AttemptId("scan.1")
    async with open_journal(
        folder, lease=Lease.mine(now=0.0), create=True, compact_at=1
    ) as journal:
        await journal.post(AttemptStarted(task=task, attempt=attempt))
        for _ in range(commits):
            for number in range(31):
                await journal.post(_event(number))
            begin = perf_counter()
            await journal.append(_event(31))
            took.append(perf_counter() - begin)
        assert journal.compacted > journal.last // 2
    return sorted(took)[commits * 99 // 100]


def _reading(root: Path, many: int) -> float:
    folder = _folder(root, "many")
    trio.run(_empty, folder)
    body = encode(_event(1)).decode()
    connection = sqlite3.connect(folder.database)
    try:
        rows = ((n, 0.0, body) for n in range(1, many + 1))
        insert = "INSERT INTO events (seq, at, body) VALUES (?, ?, ?)"
        connection.executemany(insert, rows)
        connection.commit()
    finally:
        connection.close()
    took: list[float] = []
    for _ in range(20):
        begin = perf_counter()
        assert len(newest_events(folder, NEWEST)) == NEWEST
        took.append(perf_counter() - begin)
    return sorted(took)[len(took) // 2]


async def _empty(folder: RunFolder) -> None:
    async with open_journal(folder, lease=Lease.mine(now=0.0), create=True):
        pass


if __name__ == "__main__":
    raise SystemExit(main())
