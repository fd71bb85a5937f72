"""A mailbox has one owner at a time; queries need none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crew_mailbox import (
    DurableMailbox,
    Letter,
    MailboxMissing,
    MailboxOwned,
    MailboxReadOnly,
    open_durable_mailbox,
    read_letters,
    repair_mailbox,
)
from crew_mailbox.durable import _owner
from crew_mailbox.durable._disk import MailboxFolder

OPEN = """
import sys, trio
from crew_mailbox import open_durable_mailbox, MailboxOwned, read_letters
from pathlib import Path

async def main():
    try:
        async with open_durable_mailbox(sys.argv[1], capacity=5):
            print("opened")
    except MailboxOwned as error:
        print(error)
    print(len(read_letters(Path(sys.argv[1]))))

trio.run(main)
"""


def _open_elsewhere(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", OPEN, str(path)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )


async def test_a_second_process_is_refused_and_told_who_the_owner_is(
    path: Path,
) -> None:
    async with open_durable_mailbox(path, capacity=5) as box:
        await box.send(Letter(to="ann"))
        done = _open_elsewhere(path)
    said, count = done.stdout.splitlines()
    assert f"belongs to process {os.getpid()} on " in said
    assert count == "1", "a query needs no owner"


async def test_one_process_cannot_own_a_mailbox_twice(path: Path) -> None:
    async with open_durable_mailbox(path, capacity=5) as box:
        with pytest.raises(MailboxOwned):
            async with open_durable_mailbox(path, capacity=5):
                pass
        with pytest.raises(MailboxOwned):
            await box.run()
        with pytest.raises(MailboxOwned):
            repair_mailbox(path)
        await box.send(Letter(to="ann"))
    async with open_durable_mailbox(path, capacity=5):
        pass


def test_an_owner_that_wrote_no_name_is_another_process(path: Path) -> None:
    folder = MailboxFolder(path)
    folder.make()
    with _owner.owned(folder):
        folder.owner.write_text("")
        with pytest.raises(MailboxOwned, match="another process"):
            _owner.take(folder)
        folder.owner.unlink()
    assert _owner._told_by(folder.owner) == "another process"


def test_a_lock_is_given_up_when_its_file_cannot_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = MailboxFolder(path)
    folder.make()

    def refuse(_descriptor: int, _size: int) -> None:
        raise PermissionError(1, "no")

    with monkeypatch.context() as broken:
        broken.setattr(os, "ftruncate", refuse)
        with pytest.raises(MailboxReadOnly):
            _owner.take(folder)
    with _owner.owned(folder):
        pass


async def test_the_folder_is_made_but_not_the_one_above(tmp_path: Path) -> None:
    path = tmp_path / "one"
    async with open_durable_mailbox(str(path), capacity=5):
        assert path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(MailboxMissing):
        async with open_durable_mailbox(tmp_path / "two" / "three", capacity=5):
            pass


async def test_a_mailbox_may_be_moved_while_nobody_owns_it(tmp_path: Path) -> None:
    async with open_durable_mailbox(tmp_path / "here", capacity=5) as box:
        await box.send(Letter(id="x", to="ann"))
    (tmp_path / "here").rename(tmp_path / "there")
    async with open_durable_mailbox(tmp_path / "there", capacity=5) as box:
        assert (await box.send(Letter(id="x", to="ann"))).duplicate
    assert len(read_letters(tmp_path / "there")) == 1
    assert not DurableMailbox(path=tmp_path / "here", capacity=1).path.exists()
