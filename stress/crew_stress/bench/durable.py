# What a durable mailbox costs, against plain SQLite in the same run.
#
# The two baselines are what the disk and SQLite take without us: `executemany` of the
# same rows, 512 in one commit, and one commit for each row. Between them lies what
# group commit can win; many concurrent senders shall come near the first.
"""Bench: sends and deliveries per second of a durable mailbox."""

import sqlite3
import tempfile
from pathlib import Path
from time import perf_counter

import attrs
import trio

from crew_mailbox import DurableMailbox, Letter, open_durable_mailbox

GROUP = 512
LETTERS = 40_000
COMMITS = 1_000
SENDERS = 256
TURNS = 3  # the best one counts: others may use the machine
BODY = b"looked at another file and found nothing of interest" * 2


@attrs.frozen
class Figure:
    """One measured number, and the one it must not miss."""

    name: str
    value: float
    unit: str
    at_least: float

    @property
    def reached(self) -> bool:
        return self.value >= self.at_least

    def __str__(self) -> str:
        mark = "ok  " if self.reached else "MISS"
        goal = f"(goal >= {self.at_least:g})" if self.at_least else ""
        return f"{mark} {self.name:<44}{self.value:>12,.2f} {self.unit:<10}{goal}"


def main() -> int:
    """Print the figures; 1 if one of them is missed."""
    with tempfile.TemporaryDirectory(prefix="crew-bench-") as temporary:
        figures = _measure(Path(temporary))
    for figure in figures:
        print(figure)
    return 0 if all(figure.reached for figure in figures) else 1


def _measure(root: Path) -> list[Figure]:
    batch = crowd = 0.0
    for turn in range(TURNS):
        rows = LETTERS / _plain(root / f"batch-{turn}.db", LETTERS, GROUP)
        batch = max(batch, rows)
        sent = trio.run(_sending, root / f"crowd-{turn}", SENDERS, LETTERS)
        crowd = max(crowd, sent)
    single = COMMITS / _plain(root / "single.db", COMMITS, 1)
    alone = trio.run(_sending, root / "alone", 1, COMMITS)
    read = trio.run(_reading, root / "crowd-0")
    return [
        Figure(f"plain SQLite, {GROUP} rows a commit", batch, "rows/s", 0),
        Figure("plain SQLite, one row a commit", single, "rows/s", 0),
        Figure(f"send, {SENDERS} tasks", crowd, "letters/s", 10_000),
        Figure("  against one commit for each", crowd / single, "x", 2),
        Figure("  against one commit for all", crowd / batch, "x", 0.08),
        Figure("send, one task", alone, "letters/s", 0),
        Figure("  against one commit for each", alone / single, "x", 0.1),
        Figure("receive and acknowledge, 256 fetched at once", read, "letters/s", 2000),
    ]


def send_rates(root: Path, letters: int) -> tuple[float, float]:
    """Measure sends a second of many tasks, and rows a second with a commit for each.

    *letters* is how many are sent; a tenth as many rows are written.
    """
    alone = max(letters // 10, 1)
    rows = alone / _plain(root / "single.db", alone, 1)
    best = max(
        trio.run(_sending, root / f"crowd-{turn}", SENDERS, letters)
        for turn in range(TURNS)
    )
    return best, rows


def _plain(path: Path, letters: int, group: int) -> float:
    """Write *letters* rows, *group* in one commit; tell the seconds."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE letters (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, body BLOB)"
        )
        rows = [(number, Letter(to="ann").id, BODY) for number in range(1, letters + 1)]
        begin = perf_counter()
        for start in range(0, letters, group):
            connection.execute("BEGIN IMMEDIATE")
            some = rows[start : start + group]
            connection.executemany("INSERT INTO letters VALUES (?, ?, ?)", some)
            connection.execute("COMMIT")
        return perf_counter() - begin
    finally:
        connection.close()


async def _sending(path: Path, senders: int, letters: int) -> float:
    async def send(box: DurableMailbox) -> None:
        for _ in range(letters // senders):
            await box.send(Letter(to="ann", body=BODY))

    async with open_durable_mailbox(path, capacity=letters) as box:
        begin = perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(senders):
                nursery.start_soon(send, box)
        took = perf_counter() - begin
        return box.statistics().accepted / took


async def _reading(path: Path) -> float:
    """Take and acknowledge what is queued in the mailbox at *path*."""
    async with open_durable_mailbox(path, capacity=LETTERS) as box:
        left = count = box.statistics().queued
        begin = perf_counter()
        async with trio.open_nursery() as nursery:
            with box.receive("ann", batch=256) as deliveries:
                while left:
                    delivery = await anext(deliveries)
                    nursery.start_soon(delivery.acknowledge)
                    left -= 1
        return count / (perf_counter() - begin)


if __name__ == "__main__":
    raise SystemExit(main())
