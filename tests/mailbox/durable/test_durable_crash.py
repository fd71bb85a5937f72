"""What a killed owner leaves behind."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from crew_mailbox import (
    Letter,
    MailboxDiskFull,
    open_durable_mailbox,
    read_letters,
    validate_mailbox,
)
from crew_mailbox.durable import _database
from crew_stress.mailbox_torture import torture


@pytest.mark.parametrize("seed", [1, 2])
def test_acknowledged_means_on_disk_whenever_the_owner_is_killed(
    path: Path, seed: int
) -> None:
    seen = torture(path, kills=6, seed=seed)
    assert not seen.broken
    assert len(seen.sent) > 20
    assert len(seen.acknowledged) > 20


async def test_a_crash_between_an_archive_and_its_name_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        for number in range(8):
            await box.send(Letter(id=f"id-{number}", to="ann"))
            await box.acknowledge(f"id-{number}")

    def crash(*_: object) -> None:
        raise MailboxDiskFull(path, "as good as a crash")

    with monkeypatch.context() as broken:
        broken.setattr(_database, "insert_archive", crash)
        with pytest.raises(MailboxDiskFull):
            async with open_durable_mailbox(path, capacity=10, archive_at=999) as box:
                while True:
                    await box.send(Letter(id="id-0", to="ann"))
    assert len(list((path / "archives").iterdir())) == 1
    assert len(read_letters(path)) == 8
    (problem,) = validate_mailbox(path)
    assert problem.severity == "warning"
    assert "not needed" in problem.message
    async with open_durable_mailbox(path, capacity=10, archive_at=999) as box:
        await box.send(Letter(to="ann"))
        assert box.statistics().archives >= 1
    assert [each.seq for each in read_letters(path)] == list(range(1, 10))
    assert validate_mailbox(path) == ()


async def test_files_that_were_not_whole_are_swept_when_the_mailbox_is_opened(
    path: Path,
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(Letter(to="ann"))
    leftovers = [path / "letters.db.tmp", path / "archives" / ".abc.tmp"]
    for file in leftovers:
        file.write_bytes(b"half")
    assert validate_mailbox(path) == ()
    async with open_durable_mailbox(path, capacity=10):
        assert not any(file.exists() for file in leftovers)


HELD = """
import sys, trio
from crew_mailbox import open_durable_mailbox

async def main():
    async with open_durable_mailbox(sys.argv[1], capacity=5):
        print("ready", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def _start_owner(path: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", HELD, str(path)],
        env={"PYTHONPATH": ":".join(sys.path)},
        stdout=subprocess.PIPE,
    )


async def test_the_mailbox_of_a_killed_owner_is_free_at_once(path: Path) -> None:
    with _start_owner(path) as owner:
        assert owner.stdout is not None
        assert await trio.to_thread.run_sync(owner.stdout.readline) == b"ready\n"
        owner.kill()
        await trio.to_thread.run_sync(owner.wait)
    async with open_durable_mailbox(path, capacity=5) as box:
        await box.send(Letter(to="ann"))
