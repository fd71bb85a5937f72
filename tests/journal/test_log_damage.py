"""A wrong byte in the log of a run whose owner was killed: told, and mostly mended."""

import random
import shutil
from pathlib import Path

import attrs
import pytest
import trio
from tests.support.plans import RUN, plan, task

from crew_actors.journal import (
    JournalCorrupt,
    JournalError,
    Lease,
    RunFolder,
    open_journal,
    read_events,
    repair_journal,
)
from crew_actors.journal._log import hides_commits, hides_pages, mended
from crew_actors.model import (
    Progress,
    Recorded,
    RunCreated,
    RunStarted,
    TaskId,
    attempt_id,
)

A = TaskId("a")
COUNT = 40


@pytest.fixture
async def killed(tmp_path: Path) -> RunFolder:
    """A run as a killed owner leaves it: each event was acknowledged, all in the log."""
    (tmp_path / "project").mkdir()
    folder = RunFolder.create(tmp_path / "project", RUN)
    copy = RunFolder(tmp_path / "copy" / RUN)
    dead = attrs.evolve(Lease.mine(now=1.0), pid=1 << 30)
    async with open_journal(folder, lease=dead, create=True) as journal:
        await journal.append(RunCreated(run=RUN, workspace="/p", plan=plan(task("a"))))
        await journal.append(RunStarted())
        for number in range(COUNT):
            said = Progress(task=A, attempt=attempt_id(A, 1), text=f"step {number}")
            await journal.append(said)
        shutil.copytree(folder.path, copy.path)
    return copy


def _log(folder: RunFolder) -> Path:
    return folder.path / "run.db-wal"


async def _taken_up(folder: RunFolder) -> list[Recorded]:
    async with open_journal(folder, lease=Lease.mine(now=2.0)):
        pass
    return list(read_events(folder))


async def test_a_log_that_was_only_left_hides_nothing(killed: RunFolder) -> None:
    assert _log(killed).stat().st_size > 100_000
    assert not hides_commits(killed.database)
    assert not hides_pages(killed.database)
    whole = _log(killed).read_bytes()
    assert mended(whole) == whole
    _log(killed).write_bytes(whole[:-100])  # the last page is not whole
    assert not hides_commits(killed.database)
    _log(killed).unlink()
    assert not hides_commits(killed.database)


async def test_a_wrong_byte_of_the_log_is_told_and_a_repair_keeps_what_came_after(
    killed: RunFolder, tmp_path: Path
) -> None:
    events = list(read_events(killed))
    whole = _log(killed).read_bytes()
    chance = random.Random(3)
    kept: list[int] = []
    for at in (*range(0, 56, 5), *sorted(chance.sample(range(56, len(whole)), 60))):
        shutil.rmtree(tmp_path / "spoilt", ignore_errors=True)
        spoilt = RunFolder(tmp_path / "spoilt" / RUN)
        shutil.copytree(killed.path, spoilt.path)
        content = bytearray(whole)
        content[at] ^= 0x55
        _log(spoilt).write_bytes(content)
        try:
            found = await _taken_up(spoilt)
        except JournalCorrupt:
            report = await trio.to_thread.run_sync(
                lambda: repair_journal(spoilt, now=3.0)  # noqa: B023 - of this round
            )
            assert "hides" in str(report.problems), at
            assert report.kept > len(events) // 2, at
            kept.append(report.kept)
            assert len(await _taken_up(spoilt)) == report.kept
        else:
            # In the last commit it cannot be told from one that was never acknowledged.
            assert found in (events, events[:-1]), at
    assert len(kept) > 60
    assert sum(one >= len(events) - 1 for one in kept) > 50, (
        "a page is mostly written again"
    )


async def test_a_log_whose_first_page_is_wrong_is_no_run_that_never_began(
    killed: RunFolder,
) -> None:
    content = bytearray(_log(killed).read_bytes())
    content[100] ^= 0x55
    _log(killed).write_bytes(content)
    with pytest.raises(JournalError, match="hides what was written after"):
        list(read_events(killed))


async def test_pages_of_an_older_log_are_none_of_this_one(killed: RunFolder) -> None:
    whole = bytearray(_log(killed).read_bytes())
    step = 24 + 4096
    old = bytearray(whole[-3 * step :])
    for at in range(0, len(old), step):
        old[at + 8 : at + 16] = b"otherold"
    _log(killed).write_bytes(whole + old)
    assert not hides_commits(killed.database)
    assert hides_pages(killed.database)


async def test_a_frame_of_no_page_is_left_out(killed: RunFolder) -> None:
    whole = bytearray(_log(killed).read_bytes())
    step = 24 + 4096
    whole[32 + step : 32 + step + 4] = b"\xff\xff\xff\xff"
    assert len(mended(bytes(whole))) == len(whole) - step
