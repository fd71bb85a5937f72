"""Validation finds all that is wrong; a repair keeps what can be read, and says the rest."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from crew_mailbox import (
    Letter,
    MailboxDiskFull,
    MailboxMissing,
    MailboxProblem,
    open_durable_mailbox,
    read_letters,
    repair_mailbox,
    validate_mailbox,
)
from crew_mailbox.durable import _archive, _repair
from crew_mailbox.durable._disk import MailboxFolder


async def fill(path: Path, count: int = 60, *, archive_at: int = 5000) -> None:
    """Send *count* letters; each third one stays open, the others are settled."""
    async with open_durable_mailbox(path, capacity=500, archive_at=archive_at) as box:
        for number in range(1, count + 1):
            body = b"letter %030d" % number
            await box.send(Letter(id=f"id-{number}", to="ann", body=body))
            if number % 3:
                await box.acknowledge(f"id-{number}")


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path / "letters.db", isolation_level=None)
    try:
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.close()


def seen(path: Path) -> list[int]:
    return [each.seq for each in read_letters(path, limit=10_000)]


async def adds_up(path: Path) -> None:
    """Open the mailbox, look at its figures, and use it."""
    async with open_durable_mailbox(path, capacity=500) as box:
        now = box.statistics()
        states = now.queued + now.in_hand + now.awaiting + now.acknowledged
        states += now.replied + now.expired + now.dead + now.lost
        assert states == now.accepted
        receipt = await box.send(Letter(to="ann"))
        assert receipt.seq == now.accepted + 1
    assert validate_mailbox(path) == ()


async def test_a_mailbox_that_is_well_is_left_as_it_is(path: Path) -> None:
    await fill(path)
    before = (path / "letters.db").read_bytes()
    assert validate_mailbox(path) == ()
    report = repair_mailbox(path)
    assert (report.problems, report.lost, report.quarantine) == ((), (), None)
    assert report.kept == 60
    assert (path / "letters.db").read_bytes() == before
    assert not (path / "quarantine").exists()


async def test_a_mailbox_can_be_validated_while_it_is_used(path: Path) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(Letter(to="ann"))
        assert await box.validate() == ()


def test_where_no_mailbox_is_there_is_nothing_to_repair(path: Path) -> None:
    for work in (validate_mailbox, repair_mailbox):
        with pytest.raises(MailboxMissing):
            work(path)
    assert not path.exists()


async def test_a_changed_letter_is_lost_and_the_others_are_kept(path: Path) -> None:
    await fill(path, 20, archive_at=1 << 20)
    change(path, "UPDATE letters SET body = x'00' WHERE seq = 6")
    assert validate_mailbox(path) == (
        MailboxProblem("error", "letter 6", "letter 6 is not what was sent"),
    )
    report = repair_mailbox(path)
    assert (report.lost, report.kept) == ((6,), 19)
    assert report.quarantine is not None
    assert (report.quarantine / "letters.db").exists()
    assert seen(path) == [number for number in range(1, 21) if number != 6]
    await adds_up(path)


async def test_what_was_settled_stays_settled_after_a_repair(path: Path) -> None:
    await fill(path, 30)
    change(path, "DELETE FROM letters WHERE seq = 3")
    repair_mailbox(path)
    async with open_durable_mailbox(path, capacity=100) as box:
        now = box.statistics()
        assert (now.acknowledged, now.queued, now.lost) == (20, 9, 1)
        assert (
            await box.send(Letter(id="id-1", to="ann", body=b"letter %030d" % 1))
        ).duplicate


async def test_all_problems_are_found_not_the_first_one(path: Path) -> None:
    await fill(path, 30, archive_at=1 << 20)
    change(
        path,
        "UPDATE letters SET kind = 'shout' WHERE seq = 2",
        "DELETE FROM letters WHERE seq = 5",
        "INSERT INTO records VALUES (900, 7, 'eaten', 1.0, NULL)",
        "INSERT INTO lost VALUES (9, 'a lie', 1.0)",
    )
    places = [problem.place for problem in validate_mailbox(path)]
    assert places == ["letter 2", "letter 7", "letter 5", "letter 9"]
    assert "more than one place" in str(validate_mailbox(path)[-1])
    report = repair_mailbox(path)
    assert report.lost == (2, 5)
    await adds_up(path)


async def test_a_damaged_archive_goes_to_the_quarantine(path: Path) -> None:
    await fill(path)
    archives = sorted((path / "archives").iterdir())
    content = archives[0].read_bytes()
    held = {each.seq for each in _archive.unpack(archives[0], content)}
    archives[0].write_bytes(content[:-1] + b"!")
    problems = validate_mailbox(path)
    assert problems[0].place == f"archives/{archives[0].name}"
    report = repair_mailbox(path)
    assert set(report.lost) == held
    assert report.quarantine is not None
    assert (report.quarantine / archives[0].name).read_bytes() == content[:-1] + b"!"
    assert not archives[0].exists()
    await adds_up(path)


async def test_an_archive_that_is_gone_is_told_and_its_letters_are_listed_as_lost(
    path: Path,
) -> None:
    await fill(path)
    max((path / "archives").iterdir()).unlink()
    assert any("is gone" in problem.message for problem in validate_mailbox(path))
    assert repair_mailbox(path).lost
    await adds_up(path)


async def test_a_list_of_archives_that_was_lost_is_made_again_from_the_files(
    path: Path,
) -> None:
    await fill(path)
    change(path, "DELETE FROM archives", "DELETE FROM remembered")
    assert any("does not name it" in str(p) for p in validate_mailbox(path))
    report = repair_mailbox(path)
    assert (report.lost, report.kept) == ((), 60)
    assert seen(path) == list(range(1, 61))
    await adds_up(path)


async def test_an_archive_about_which_the_database_is_wrong_is_described_again(
    path: Path,
) -> None:
    await fill(path)
    change(path, "UPDATE archives SET letters = letters + 1 WHERE number = 1")
    assert [p.message for p in validate_mailbox(path)] == [
        "the database says that it has other letters"
    ]
    assert repair_mailbox(path).lost == ()
    await adds_up(path)


async def test_a_file_that_is_no_archive_is_put_aside(path: Path) -> None:
    await fill(path, 5)
    (path / "archives" / "notes.txt").write_text("hello")
    (problem,) = validate_mailbox(path)
    assert str(problem) == "warning: archives/notes.txt: it is no archive"
    report = repair_mailbox(path)
    assert report.quarantine is not None
    assert (report.quarantine / "notes.txt").read_text() == "hello"
    await adds_up(path)


async def test_records_of_an_archived_letter_in_the_database_are_found(
    path: Path,
) -> None:
    await fill(path)
    change(path, "INSERT INTO records VALUES (900, 1, 'expired', 1.0, NULL)")
    (problem,) = validate_mailbox(path)
    assert problem.place == "letter 1"
    assert repair_mailbox(path).lost == ()
    await adds_up(path)


@pytest.mark.parametrize("part", range(0, 100, 12))
async def test_a_damaged_page_costs_its_own_letters_only(path: Path, part: int) -> None:
    """Each page but the first is overwritten in turn, somewhere in the file."""
    await fill(path, 400, archive_at=1 << 20)
    content = bytearray((path / "letters.db").read_bytes())
    pages = len(content) // 4096
    page = 1 + part * (pages - 1) // 100
    content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    (path / "letters.db").write_bytes(content)
    assert any(problem.severity == "error" for problem in validate_mailbox(path))
    report = repair_mailbox(path)
    kept = seen(path)
    assert len(kept) == report.kept
    assert not set(kept) & set(report.lost)
    await adds_up(path)


async def test_a_database_of_which_nothing_can_be_read_leaves_the_archives(
    path: Path,
) -> None:
    await fill(path)
    archived = {
        each.seq
        for file in (path / "archives").iterdir()
        for each in _archive.unpack(file, file.read_bytes())
    }
    (path / "letters.db").write_bytes(b"no database at all" * 1000)
    problems = validate_mailbox(path)
    assert problems[0] == MailboxProblem(
        "error", "letters.db", "file is not a database"
    )
    report = repair_mailbox(path)
    assert set(seen(path)) == archived
    assert set(report.lost) == set(range(1, max(archived))) - archived
    await adds_up(path)


async def test_a_log_that_a_killed_owner_left_is_read_by_the_repair(
    path: Path, tmp_path: Path
) -> None:
    async with open_durable_mailbox(path, capacity=100) as box:
        for number in range(20):
            await box.send(Letter(id=f"id-{number}", to="ann"))
        killed = tmp_path / "killed"
        shutil.copytree(path, killed)
    assert (killed / "letters.db-wal").stat().st_size
    (killed / "archives" / "notes.txt").write_text("hello")
    report = repair_mailbox(killed)
    assert report.kept == 20
    assert report.quarantine is not None
    assert (report.quarantine / "letters.db-wal").exists()
    assert seen(killed) == list(range(1, 21))
    await adds_up(killed)


async def test_a_repair_that_is_cut_short_is_finished_by_the_next_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path, 20, archive_at=1 << 20)
    change(path, "UPDATE letters SET body = x'00' WHERE seq = 6")

    def crash(folder: MailboxFolder) -> None:
        if folder.repaired.exists():
            raise MailboxDiskFull(folder.path, "as good as a crash")

    with monkeypatch.context() as broken:
        broken.setattr(_repair, "finish_repair", crash)
        with pytest.raises(MailboxDiskFull):
            repair_mailbox(path)
    assert (path / "letters.db.repaired").exists()
    (path / "letters.db-wal").write_bytes(b"of the damaged one")
    await adds_up(path)
    assert 6 not in seen(path)


async def test_each_repair_has_a_quarantine_of_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.gmtime", lambda: (2026, 1, 1, 0, 0, 0, 0, 1, 0))
    await fill(path, 3)
    asides: list[str] = []
    for _ in range(3):
        (path / "archives" / "notes.txt").write_text("hello")
        aside = repair_mailbox(path).quarantine
        assert aside is not None
        asides.append(aside.name)
    assert asides == ["20260101-000000", "20260101-000000-1", "20260101-000000-2"]
    monkeypatch.setattr(_repair, "_MOST", 3)
    (path / "archives" / "notes.txt").write_text("hello")
    with pytest.raises(Exception, match="could not read or write"):
        repair_mailbox(path)


async def test_a_letter_of_which_the_records_are_lost_is_delivered_again(
    path: Path,
) -> None:
    await fill(path, 10, archive_at=1 << 20)
    change(path, "UPDATE records SET kind = 'eaten' WHERE seq = 1")
    repair_mailbox(path)
    async with open_durable_mailbox(path, capacity=100) as box:
        with box.receive("ann") as deliveries:
            assert (await anext(deliveries)).seq == 1
