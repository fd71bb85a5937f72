"""Whose pid is whose may change at any moment: a scripted table of processes."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, final

import attrs
import psutil
import pytest

from crew_actors.census import Ended, _end, _scan, end_orphans, take_census
from crew_actors.census._end import strike
from crew_actors.journal import boot_id

ORPHAN = 50
OWNER = 10


@attrs.frozen
class Someone:
    """A process of the table."""

    pid: int
    created: float
    marker: str | None = None
    uid: int = attrs.field(factory=os.getuid)
    is_stubborn: bool = True


@final
@attrs.define
class Table:
    """The processes of a machine; *then* happens right before look number *at*."""

    living: dict[int, Someone]
    at: int = -1
    then: Callable[["Table"], None] | None = None
    looks: int = 0
    signalled: list[tuple[Someone, int]] = attrs.field(
        factory=list[tuple[Someone, int]]
    )
    handles: dict[int, Someone] = attrs.field(factory=dict[int, Someone])

    def look(self, pid: int) -> Someone | None:
        if self.looks == self.at and self.then is not None:
            self.then(self)
        self.looks += 1
        return self.living.get(pid)

    def created(self, pid: int) -> float | None:
        found = self.look(pid)
        return None if found is None else found.created

    def pids(self) -> list[int]:
        return list(self.living)

    def open(self, pid: int) -> int:
        found = self.look(pid)
        if found is None:
            raise ProcessLookupError
        handle = os.open(os.devnull, os.O_RDONLY)
        self.handles[handle] = found
        return handle

    def signal(self, handle: int, number: int) -> None:
        meant = self.handles[handle]
        if self.look(meant.pid) is not meant:
            raise ProcessLookupError  # a pidfd names one process, not a number
        self.signalled.append((meant, number))
        if number == signal.SIGKILL or not meant.is_stubborn:
            del self.living[meant.pid]

    def process(self, pid: int) -> "Handle":
        return Handle(self, pid)


@attrs.frozen
class Uids:
    real: int


@final
@attrs.frozen
class Handle:
    """What psutil would give."""

    table: Table
    pid: int

    def _found(self) -> Someone:
        found = self.table.look(self.pid)
        if found is None:
            raise psutil.NoSuchProcess(self.pid)
        return found

    def environ(self) -> dict[str, str]:
        found = self._found()
        if found.uid != os.getuid():
            raise psutil.AccessDenied(self.pid)
        return {} if found.marker is None else {"CREW_MARKER": found.marker}

    def uids(self) -> "Uids":
        return Uids(self._found().uid)

    def create_time(self) -> float:
        return self._found().created + 1e9

    def name(self) -> str:
        return str(self._found().pid)

    def cmdline(self) -> list[str]:
        return [self.name()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record an agent of a runtime that is dead."""
    owner = {"pid": OWNER, "created": 100.0, "boot_id": boot_id(), "host": "h"}
    lines: list[object] = [
        {"owner": owner},
        {"starting": "m", "name": "a", "run": "", "task": ""},
        {"started": "m", "pid": ORPHAN, "created": 200.0},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "10-x.jsonl").write_text(text)
    return tmp_path


def use(table: Table, patch: pytest.MonkeyPatch) -> None:
    for module in (_scan, _end):
        patch.setattr(module, "process_created", table.created)
    patch.setattr(psutil, "pids", table.pids)
    patch.setattr(psutil, "Process", table.process)
    patch.setattr(os, "pidfd_open", table.open)
    patch.setattr(signal, "pidfd_send_signal", table.signal)
    patch.setattr(_end, "_FIRST_PAUSE", 0.0)
    patch.setattr(_end, "_LONGEST_PAUSE", 0.0)


async def end(
    folder: Path, table: Table, patch: pytest.MonkeyPatch
) -> tuple[Ended, ...]:
    with patch.context() as own:
        use(table, own)
        return await end_orphans(folder, grace=0.0)


def table(at: int = -1, newcomer: Someone | None = None) -> Table:
    """Make a table in which *newcomer* takes the orphan's pid at a look."""

    def replace(it: Table) -> None:
        del it.living[ORPHAN]
        if newcomer is not None:
            it.living[ORPHAN] = newcomer

    return Table({ORPHAN: Someone(ORPHAN, 200.0, "m")}, at, replace)


async def test_an_orphan_of_the_table_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = table()
    (ended,) = await end(folder, here, monkeypatch)
    assert ended.how == "killed"
    numbers = [number for _, number in here.signalled]
    assert numbers == [signal.SIGTERM, signal.SIGCONT, signal.SIGKILL]
    assert here.living == {}
    assert not (folder / "10-x.jsonl").exists()


@pytest.mark.parametrize(
    "newcomer",
    [
        Someone(ORPHAN, 300.0),
        Someone(ORPHAN, 300.0, "of another runtime"),
        Someone(ORPHAN, 300.0, uid=os.getuid() + 1),
    ],
    ids=["no marker", "other marker", "other user"],
)
async def test_whoever_gets_the_pid_at_whatever_moment_is_not_signalled(
    folder: Path, monkeypatch: pytest.MonkeyPatch, newcomer: Someone
) -> None:
    text = (folder / "10-x.jsonl").read_text()
    whole = table()
    await end(folder, whole, monkeypatch)
    kills = whole.looks
    assert kills > 20
    replaced = 0
    for at in range(kills):
        (folder / "10-x.jsonl").write_text(text)
        here = table(at, newcomer)
        try:
            await end(folder, here, monkeypatch)
        except KeyError:
            continue  # it was dead by then: there is nobody to be replaced
        assert newcomer not in [who for who, _ in here.signalled], at
        assert here.living.get(ORPHAN) is newcomer
        replaced += 1
    assert replaced > 15


async def test_the_same_marker_is_one_of_ours_whatever_its_pid(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orphan's own child may get its pid: it is an orphan as well."""
    child = Someone(ORPHAN, 300.0, "m")
    here = table(12, child)
    await end(folder, here, monkeypatch)
    assert here.living == {}


async def test_without_pidfds_it_is_looked_at_right_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = table()
    with monkeypatch.context() as patch:
        use(here, patch)
        (orphan,) = take_census(folder).orphans
        patch.setattr("sys.platform", "darwin")
        sent: list[int] = []

        def kill(_: int, number: int) -> None:
            sent.append(number)

        patch.setattr(os, "kill", kill)
        assert strike(orphan, signal.SIGTERM)
        here.living[ORPHAN] = Someone(ORPHAN, 300.0, "m")
        assert not strike(orphan, signal.SIGTERM)
        assert sent == [signal.SIGTERM]


async def test_processes_of_others_are_not_looked_at_and_cost_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = table()
    for pid in range(60, 70):
        here.living[pid] = Someone(pid, 300.0, "m", uid=os.getuid() + 1)
    ended = await end(folder, here, monkeypatch)
    assert [one.finding.seen.pid for one in ended] == [ORPHAN]
    assert len(here.living) == 10


async def test_a_table_that_cannot_be_read_at_all_ends_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(pid: int) -> NoReturn:
        raise psutil.AccessDenied(pid)

    here = table()
    with monkeypatch.context() as patch:
        use(here, patch)
        patch.setattr(psutil, "Process", deny)
        assert take_census(folder).findings == ()
        assert await end_orphans(folder, grace=0.0) == ()
    assert here.signalled == []
