"""A full disk, a locked file, a damaged one and a removed one are told apart."""

import errno
import os
import resource
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from crew_mailbox import (
    DurableEvent,
    DurableMailbox,
    DurableMailboxError,
    Letter,
    MailboxDamaged,
    MailboxDiskFull,
    MailboxDown,
    MailboxIO,
    MailboxLocked,
    MailboxMissing,
    MailboxReadOnly,
    MailboxStuck,
    NewerMailbox,
    open_durable_mailbox,
    read_letters,
    validate_mailbox,
)
from crew_mailbox.durable import _database, _disk, _owner, _readers, _tables, _writer

Letters = Callable[..., Letter]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    argv = [mount or "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if (
        mount is None
        or subprocess.run(argv, check=False, capture_output=True).returncode
    ):
        pytest.skip("only root can mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def _filled(path: Path, count: int = 100) -> None:
    async with (
        open_durable_mailbox(path, capacity=1000) as box,
        trio.open_nursery() as nursery,
    ):
        for number in range(count):
            letter = Letter(id=f"id-{number}", to="ann", body=b"%0100d" % number)
            nursery.start_soon(box.send, letter)


def _remove(path: Path) -> None:
    for file in path.glob("letters.db*"):
        file.unlink()


def _make_read_only(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def _change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path / "letters.db", isolation_level=None)
    try:
        connection.execute(statement)
    finally:
        connection.close()


async def test_a_full_disk_fails_each_sender_and_keeps_what_was_acknowledged(
    small_disk: Path,
) -> None:
    acknowledged: list[int] = []
    refused: list[str] = []

    async def fill(box: DurableMailbox) -> None:
        try:
            while True:
                receipt = await box.send(Letter(to="ann", body=os.urandom(5000)))
                acknowledged.append(receipt.seq)
        except MailboxDiskFull as error:
            refused.append(str(error))

    path = small_disk / "box"
    with pytest.raises(MailboxDiskFull, match="free some space"):
        async with open_durable_mailbox(path, capacity=10_000) as box:
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(fill, box)
            with pytest.raises(MailboxDown):
                await box.send(Letter(to="ann"))
    assert len(refused) == 4
    stored = [each.seq for each in read_letters(path, limit=1000)]
    assert stored == list(range(1, len(stored) + 1))
    assert set(acknowledged) <= set(stored)


async def test_a_file_size_limit_counts_as_a_full_disk(path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(MailboxDiskFull):
        async with open_durable_mailbox(path, capacity=100) as box:
            await box.send(Letter(to="ann"))
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
            try:
                for _ in range(10):
                    await box.send(Letter(to="ann", body=bytes(50_000)))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_letters(path, limit=1)[0].letter.body == b""


def _full(database: _database.Database, *_rest: object) -> None:
    raise MailboxDiskFull(database.folder.database, "no space")


async def test_a_failure_ends_the_mailbox_for_readers_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[type[Exception]] = []

    async def read(box: DurableMailbox) -> None:
        with pytest.raises(MailboxDiskFull) as caught, box.receive("bob") as bobs:
            async for _ in bobs:
                pass
        failed.append(caught.type)

    with pytest.raises(MailboxDiskFull):
        async with (
            open_durable_mailbox(path, capacity=10) as box,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(read, box)
            await trio.testing.wait_all_tasks_blocked()
            monkeypatch.setattr(_database.Database, "write", _full)
            with pytest.raises(MailboxDiskFull):
                await box.send(Letter(to="ann"))
    assert failed == [MailboxDiskFull]


async def test_a_delivery_that_cannot_be_noted_is_not_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MailboxDiskFull):
        async with open_durable_mailbox(path, capacity=10) as box:
            await box.send(Letter(to="ann"))
            monkeypatch.setattr(_database.Database, "write", _full)
            with box.receive("ann") as deliveries:
                await anext(deliveries)


async def test_the_loss_is_told_even_when_the_block_is_cancelled(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MailboxDiskFull), trio.CancelScope() as scope:
        async with open_durable_mailbox(path, capacity=10) as box:
            monkeypatch.setattr(_database.Database, "write", _full)
            scope.cancel()
            await box.send(Letter(to="ann"))


async def test_an_error_of_the_block_mentions_that_the_mailbox_failed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        async with open_durable_mailbox(path, capacity=10) as box:
            monkeypatch.setattr(_database.Database, "write", _full)
            with pytest.raises(MailboxDiskFull):
                await box.send(Letter(to="ann"))
            raise ZeroDivisionError
    assert "no room" in caught.value.__notes__[0]


async def test_an_error_of_the_block_comes_out_as_it_is(path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_durable_mailbox(path, capacity=10):
            raise ZeroDivisionError


async def test_an_event_handler_that_raises_ends_the_mailbox(
    path: Path, mock_clock: MockClock
) -> None:
    def fail(_event: DurableEvent) -> None:
        raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with open_durable_mailbox(path, capacity=10, on_event=fail) as box:
            await box.send(Letter(to="ann", sender="bob", reply_by=5))
            mock_clock.jump(5)
            await trio.sleep_forever()
    async with open_durable_mailbox(path, capacity=10) as box:
        assert box.statistics().expired == 1


async def test_a_disk_that_hangs_is_given_up_and_the_lock_is_kept(
    path: Path, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    hanging = threading.Event()
    kept: list[int] = []
    boxes: list[_writer.Writer] = []

    def hang(*_: object) -> None:
        hanging.set()
        assert released.wait(20)

    take = _owner.take

    def noted(folder: _disk.MailboxFolder) -> int:
        kept.append(take(folder))
        return kept[-1]

    monkeypatch.setattr("crew_mailbox.durable._opening.take", noted)

    async def use() -> None:
        async with open_durable_mailbox(path, capacity=10) as box:
            assert box._writer is not None
            boxes.append(box._writer)
            monkeypatch.setattr(_database.Database, "write", hang)
            with pytest.raises(MailboxStuck, match="not within 10 seconds"):
                await box.send(Letter(to="ann"))

    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            with pytest.raises(MailboxStuck):
                await use()

        nursery.start_soon(watch)
        await trio.to_thread.run_sync(hanging.wait)
        boxes[0].close()
        mock_clock.jump(10)
    with pytest.raises(DurableMailboxError, match="belongs to"):
        async with open_durable_mailbox(path, capacity=10):
            pass
    released.set()
    boxes[0].database.close()
    os.close(kept[0])


async def test_a_database_that_another_program_locks_is_locked_not_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _filled(path)
    monkeypatch.setattr(_database, "BUSY_SECONDS", 0.01)
    other = sqlite3.connect(path / "letters.db", isolation_level=None)
    try:
        with pytest.raises(MailboxLocked, match="another program"):
            async with open_durable_mailbox(path, capacity=1000) as box:
                other.execute("BEGIN IMMEDIATE")
                await box.send(Letter(to="ann"))
    finally:
        other.close()
    async with open_durable_mailbox(path, capacity=1000) as box:
        assert (await box.send(Letter(to="ann"))).seq == 101


async def test_a_database_that_is_removed_under_its_owner_is_missing(
    path: Path,
) -> None:
    with pytest.raises(MailboxMissing, match="removed"):
        async with open_durable_mailbox(path, capacity=10) as box:
            await box.send(Letter(to="ann"))
            _remove(path)
            with pytest.raises(MailboxMissing):
                await box.send(Letter(to="ann"))


async def test_a_read_only_disk_can_be_read_but_not_written(small_disk: Path) -> None:
    path = small_disk / "box"
    await _filled(path)
    _make_read_only(small_disk)
    assert len(read_letters(path)) == 100
    assert validate_mailbox(path) == ()
    with pytest.raises(MailboxReadOnly):
        async with open_durable_mailbox(path, capacity=10):
            pass
    with pytest.raises(MailboxReadOnly):
        async with open_durable_mailbox(small_disk / "other", capacity=10):
            pass


async def test_a_later_schema_is_refused_and_named(path: Path) -> None:
    await _filled(path)
    _change(path, "PRAGMA user_version = 7")
    before = (path / "letters.db").read_bytes()
    with pytest.raises(NewerMailbox, match="schema 7; this one knows 1"):
        async with open_durable_mailbox(path, capacity=10):
            pass
    with pytest.raises(NewerMailbox):
        read_letters(path)
    with pytest.raises(NewerMailbox):
        validate_mailbox(path)
    assert (path / "letters.db").read_bytes() == before


async def test_the_database_of_another_program_is_refused(path: Path) -> None:
    _disk.MailboxFolder(path).make()
    _change(path, "CREATE TABLE birds (name TEXT)")
    with pytest.raises(MailboxDamaged, match="not the database of a mailbox"):
        async with open_durable_mailbox(path, capacity=10):
            pass


async def test_a_file_that_is_no_database_is_damaged_and_stays_as_it_is(
    path: Path,
) -> None:
    _disk.MailboxFolder(path).make()
    (path / "letters.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(MailboxDamaged, match="`repair_mailbox` keeps"):
        async with open_durable_mailbox(path, capacity=10):
            pass
    assert (path / "letters.db").read_bytes() == b"no database at all" * 100


async def test_one_changed_byte_of_a_letter_is_damage(path: Path) -> None:
    await _filled(path)
    content = (path / "letters.db").read_bytes()
    (seq,) = (n.seq for n in read_letters(path) if n.letter.id == "id-50")
    body = b"%0100d" % 50
    assert content.count(body) == 1
    changed = content.replace(body, b"1" + body[1:])
    (path / "letters.db").write_bytes(changed)
    with pytest.raises(MailboxDamaged, match=f"letter {seq} is not what was sent"):
        read_letters(path)
    with pytest.raises(MailboxDamaged, match=f"letter {seq}"):
        async with open_durable_mailbox(path, capacity=1000):
            pass
    assert (path / "letters.db").read_bytes() == changed


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE letters SET kind = 'shout' WHERE seq = 3", "letter 3"),
        ("INSERT INTO records VALUES (1, 4, 'eaten', 1.0, NULL)", "record of letter 4"),
        ("DROP TABLE letters", "no such table"),
    ],
)
async def test_what_nobody_wrote_is_damage(
    path: Path, statement: str, said: str
) -> None:
    await _filled(path, 5)
    _change(path, statement)
    with pytest.raises(MailboxDamaged, match=said):
        async with open_durable_mailbox(path, capacity=10):
            pass


async def test_a_creation_that_fails_leaves_no_database(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(_tables, "SCHEMA", ("CREATE TABLE broken",))
        with pytest.raises(DurableMailboxError):
            async with open_durable_mailbox(path, capacity=10):
                pass
    async with open_durable_mailbox(path, capacity=10) as box:
        assert (await box.send(Letter(to="ann"))).seq == 1


async def test_a_connection_that_cannot_be_set_up_is_closed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _filled(path, 1)

    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    class Refusing(sqlite3.Connection):
        def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("disk I/O error")

    def refusing(path: str, *, uri: bool = False, **_: object) -> sqlite3.Connection:
        opened.append(connect(path, uri=uri, factory=Refusing, check_same_thread=False))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", refusing)
    with pytest.raises(MailboxDamaged):
        async with open_durable_mailbox(path, capacity=10):
            pass


@pytest.mark.parametrize(
    ("code", "removed", "expected"),
    [
        (sqlite3.SQLITE_IOERR_READ, False, MailboxIO),
        (sqlite3.SQLITE_CANTOPEN, False, MailboxIO),
        (sqlite3.SQLITE_NOMEM, False, MailboxIO),
        (sqlite3.SQLITE_READONLY_DBMOVED, False, MailboxMissing),
        (sqlite3.SQLITE_READONLY, False, MailboxReadOnly),
        (sqlite3.SQLITE_CORRUPT, False, MailboxDamaged),
        (sqlite3.SQLITE_FULL, False, MailboxDiskFull),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, False, MailboxLocked),
        (sqlite3.SQLITE_IOERR_WRITE, True, MailboxMissing),
    ],
)
def test_each_code_of_sqlite_has_its_meaning(
    tmp_path: Path, code: int, removed: bool, expected: type[Exception]
) -> None:
    file = tmp_path / "letters.db"
    if not removed:
        file.touch()
    error = sqlite3.OperationalError("no luck")
    error.sqlite_errorcode = code
    with pytest.raises(expected), _disk.told(file):
        raise error


def test_a_folder_that_takes_no_files_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "letters.db"
    file.touch()

    def refuse(_path: Path, _mode: int) -> bool:
        return False

    monkeypatch.setattr(os, "access", refuse)
    error = sqlite3.OperationalError("unable to open")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    assert isinstance(_disk.explained(error, file), MailboxReadOnly)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, MailboxDiskFull),
        (errno.EROFS, MailboxReadOnly),
        (errno.ENOENT, MailboxMissing),
        (errno.EIO, MailboxIO),
    ],
)
def test_each_error_of_the_system_has_its_meaning(
    path: Path, number: int, expected: type[Exception]
) -> None:
    with pytest.raises(expected), _disk.told(path):
        raise OSError(number, "no luck")


async def test_a_file_that_changes_under_a_reader_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _filled(path)
    changes = 0
    ask = _readers._ask

    def changing(file: Path, query: object, *, immutable: bool) -> object:
        nonlocal changes
        changes += 1
        if changes < 3:
            os.utime(file, ns=(changes, changes))
        if changes == 2:
            raise MailboxDamaged(file, "seen while it was being written")
        return ask(file, query, immutable=immutable)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  passed through

    monkeypatch.setattr(_readers, "_ask", changing)
    assert len(read_letters(path)) == 100
    assert changes == 3


async def test_a_file_that_never_stands_still_is_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _filled(path, 1)
    moments = iter(range(1, 1000))

    def changing(file: Path, query: object, *, immutable: bool) -> None:
        moment = next(moments)
        os.utime(file, ns=(moment, moment))

    monkeypatch.setattr(_readers, "_ask", changing)
    with pytest.raises(MailboxLocked, match="all the time"):
        read_letters(path)
