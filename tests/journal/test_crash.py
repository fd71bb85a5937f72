"""What a killed runtime leaves behind."""

import random
import subprocess
import time
from collections.abc import Callable

import pytest
import trio

from crew_actors.journal import (
    AfterGap,
    JournalError,
    JournalMissing,
    Lease,
    LeaseHeld,
    RunFolder,
    effective_status,
    find_leftovers,
    open_journal,
    owner_state,
    read_events,
    read_lease,
    read_state,
)
from crew_actors.journal._compaction import KEPT_EVENTS, SLICE_EVENTS
from crew_actors.model import RunStarted, RunStatus

WRITER = """
import sys, trio
from pathlib import Path
from crew_actors.journal import *
from crew_actors.model import *

async def main():
    folder = RunFolder(Path(sys.argv[1]))
    async with open_journal(
        folder, lease=Lease.mine(now=1.0), create=True, compact_at=int(sys.argv[2])
    ) as journal:
        task = PlannedTask(id=TaskId("a"), step="a", role="r", agent="x", title="t")
        plan = RunPlan(goal="g", team="t", workflow="w", tasks=(task,))
        await journal.append(RunCreated(run=RunId("r"), workspace="/", plan=plan))
        await journal.append(RunStarted())
        await journal.append(AttemptStarted(task=TaskId("a"), attempt=AttemptId("a.1")))
        print("ready", flush=True)
        async def produce(name):
            for number in range(10**6):
                event = Progress(task=TaskId("a"), attempt=AttemptId("a.1"), text=name)
                await journal.post(event)
                recorded = await journal.append(event)
                sys.stdout.write(f"{recorded.seq}\\n")
                sys.stdout.flush()
        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(produce, name)

trio.run(main)
"""


NEVER = 1 << 40


@pytest.mark.parametrize("seed", range(8))
def test_a_killed_owner_loses_nothing_that_it_acknowledged(
    folder: RunFolder, python: Callable[..., subprocess.Popen[str]], seed: int
) -> None:
    with python(WRITER, folder.path, NEVER) as owner:
        assert owner.stdout is not None
        assert owner.stderr is not None
        assert owner.stdout.readline() == "ready\n", owner.stderr.read()
        assert effective_status(folder) is RunStatus.RUNNING
        assert owner_state(folder) == "held"
        lines = [
            owner.stdout.readline() for _ in range(random.Random(seed).randint(1, 60))
        ]
        owner.kill()
        lines += owner.stdout.readlines()
        owner.wait()
    whole = [line for line in lines if line.endswith("\n")]
    acknowledged = {int(line) for line in whole}
    stored = [recorded.seq for recorded in read_events(folder)]
    assert stored == list(range(1, len(stored) + 1))
    assert acknowledged <= set(stored)
    assert owner_state(folder) == "gone"
    assert effective_status(folder) is RunStatus.INTERRUPTED
    assert read_state(folder).status is RunStatus.RUNNING


@pytest.mark.parametrize("seed", range(4))
def test_an_owner_that_is_killed_while_it_compacts_leaves_no_hole(
    folder: RunFolder, python: Callable[..., subprocess.Popen[str]], seed: int
) -> None:
    acknowledged: list[int] = []
    with python(WRITER, folder.path, 1) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        first = KEPT_EVENTS + SLICE_EVENTS + random.Random(seed).randint(1, 900)
        while not acknowledged or acknowledged[-1] < first:
            acknowledged.append(int(owner.stdout.readline()))
        owner.kill()
        owner.stdout.read()
        owner.wait()
    events = list(read_events(folder))
    expected = 1
    for each in events:
        missing = each.compacted if isinstance(each, AfterGap) else 0
        assert each.seq == expected + missing
        expected = each.seq + 1
    assert len(events) < events[-1].seq
    assert max(acknowledged) <= events[-1].seq
    assert read_state(folder).seq == events[-1].seq


async def test_a_run_is_owned_by_one_runtime_and_taken_over_when_that_died(
    folder: RunFolder,
    lease: Lease,
    python: Callable[..., subprocess.Popen[str]],
) -> None:
    with python(WRITER, folder.path, NEVER) as owner:
        assert owner.stdout is not None
        await trio.to_thread.run_sync(owner.stdout.readline)
        with pytest.raises(LeaseHeld, match=str(owner.pid)) as caught:
            async with open_journal(folder, lease=lease):
                pass
        assert caught.value.owner.pid == owner.pid
        found = read_lease(folder)
        assert found is not None
        assert found.pid == owner.pid
        owner.kill()
        await trio.to_thread.run_sync(owner.wait)
    before = len(list(read_events(folder)))
    async with open_journal(folder, lease=lease) as journal:
        assert (await journal.append(RunStarted())).seq == before + 1
        assert effective_status(folder) is RunStatus.RUNNING


async def test_one_process_cannot_own_a_run_twice(
    folder: RunFolder, lease: Lease
) -> None:
    async with open_journal(folder, lease=lease, create=True):
        with pytest.raises(LeaseHeld):
            async with open_journal(folder, lease=lease):
                pass


BORN_AND_KILLED = """
import os, signal, sys, trio
from pathlib import Path
from crew_actors.journal import *

async def main():
    folder = RunFolder(Path(sys.argv[1]))
    async with open_journal(folder, lease=Lease.mine(now=1.0), create=True):
        os.kill(os.getpid(), signal.SIGKILL)

trio.run(main)
"""


def test_a_run_that_died_before_its_first_event_never_began(
    folder: RunFolder, python: Callable[..., subprocess.Popen[str]]
) -> None:
    with python(BORN_AND_KILLED, folder.path) as owner:
        owner.communicate(timeout=20)
    assert owner_state(folder) == "gone"
    with pytest.raises(JournalMissing, match="never began"):
        effective_status(folder)


def test_a_run_whose_log_is_damaged_is_not_taken_for_one_that_never_began(
    folder: RunFolder, python: Callable[..., subprocess.Popen[str]]
) -> None:
    with python(WRITER, folder.path, NEVER) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        owner.kill()
        owner.communicate(timeout=20)
    log = folder.path / "run.db-wal"
    whole = log.read_bytes()
    hidden = 0
    for at in (*range(0, 60, 3), *range(60, len(whole) - 8192, 1999)):
        spoilt = bytearray(whole)
        spoilt[at] ^= 0x55
        log.write_bytes(spoilt)
        try:
            hidden += not list(read_events(folder))
        except JournalError:
            hidden += 1
        assert find_leftovers(folder.path.parents[2], now=1e12) == (), at
    assert hidden > 10
    log.write_bytes(whole)
    folder.database.unlink()
    assert find_leftovers(folder.path.parents[2], now=1e12) == ()


def test_a_run_that_was_killed_before_its_first_event_is_left_over(
    folder: RunFolder, python: Callable[..., subprocess.Popen[str]]
) -> None:
    with python(BORN_AND_KILLED, folder.path) as owner:
        owner.communicate(timeout=20)
    log = folder.path / "run.db-wal"
    assert log.stat().st_size > 4096  # the schema
    with log.open("ab") as file:
        file.write(b"a page that was not written to its end")
    assert find_leftovers(folder.path.parents[2], now=1e12) == (folder,)


def test_a_zombie_owns_nothing(
    folder: RunFolder, python: Callable[..., subprocess.Popen[str]]
) -> None:
    with python(WRITER, folder.path, NEVER) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        owner.kill()
        for _ in owner.stdout:
            pass  # ends when the process has closed it, dead but not waited for
        deadline = time.monotonic() + 10
        while owner_state(folder) == "held":
            assert time.monotonic() < deadline
        assert owner_state(folder) == "gone"
