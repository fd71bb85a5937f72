"""One wrong byte, in whichever file: it is found, it costs little, nothing is made up."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from crew_mailbox import (
    Letter,
    MailboxDamaged,
    MailboxProblem,
    MailboxReadOnly,
    NewerMailbox,
    open_durable_mailbox,
    read_letters,
    repair_mailbox,
    validate_mailbox,
)
from crew_mailbox.durable import StoredLetter, _check, _tables, standing
from crew_mailbox.durable._disk import MailboxFolder


async def fill(path: Path) -> dict[int, StoredLetter]:
    """Make a mailbox with letters in every state, and an archive."""
    async with open_durable_mailbox(path, capacity=100, archive_at=3000) as box:
        for number in range(30):
            wait = 1e6 if number % 3 == 0 else None
            letter = Letter(
                id=f"id-{number}", to="ann", sender="bob", body=b"x", reply_by=wait
            )
            await box.send(letter)
        for number in range(20):
            if number % 3 == 0:
                await box.reply(f"id-{number}", b"yes")
            elif number % 3 == 1:
                await box.acknowledge(f"id-{number}")
    return stored(path)


def stored(path: Path) -> dict[int, StoredLetter]:
    return {each.seq: each for each in read_letters(path, limit=1000)}


def change(path: Path, statement: str) -> None:
    db = sqlite3.connect(path / "letters.db", isolation_level=None)
    try:
        db.execute(statement)
    finally:
        db.close()


def spoil(file: Path, at: int, by: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= by
    file.write_bytes(content)


@pytest.mark.parametrize("seed", range(4))
async def test_a_wrong_byte_is_survived_and_nothing_is_made_up(
    path: Path, tmp_path: Path, seed: int
) -> None:
    before = await fill(path)
    chance = random.Random(seed)
    files = [path / "letters.db", *(path / "archives").iterdir()]
    for _ in range(25):
        copy = tmp_path / "copy"
        shutil.copytree(path, copy)
        file = copy / chance.choice(files).relative_to(path)
        spoil(file, chance.randrange(file.stat().st_size), chance.randrange(1, 256))
        try:
            problems = validate_mailbox(copy)
            report = repair_mailbox(copy)
        except NewerMailbox:  # it was the number of the schema
            problems, report = (), None
        if report is not None:
            assert report.problems == problems
            assert validate_mailbox(copy) == ()
            after = stored(copy)
            assert before.keys() - after.keys() <= set(report.lost)
            for seq, letter in after.items():
                assert letter.letter == before[seq].letter
                if not problems:
                    assert standing(letter) == standing(before[seq])
        shutil.rmtree(copy)


@pytest.mark.parametrize("place", [3, 20, 70, 105, 2400, 3000, 3900])
async def test_a_damaged_first_page_costs_no_letter(path: Path, place: int) -> None:
    before = await fill(path)
    spoil(path / "letters.db", place, 0xC1)
    repair_mailbox(path)
    assert stored(path) == before
    assert validate_mailbox(path) == ()


async def test_a_log_is_read_although_the_first_page_is_damaged(
    path: Path, tmp_path: Path
) -> None:
    async with open_durable_mailbox(path, capacity=100) as box:
        for number in range(20):
            await box.send(Letter(id=f"id-{number}", to="ann"))
        before = stored(path)
        killed = tmp_path / "killed"
        shutil.copytree(path, killed)
    spoil(killed / "letters.db", 3000, 0xC1)
    assert repair_mailbox(killed).lost == ()
    assert stored(killed) == before


async def test_a_mailbox_with_a_wrong_index_is_not_opened(path: Path) -> None:
    await fill(path)
    db = sqlite3.connect(path / "letters.db", isolation_level=None)
    query = "SELECT rootpage FROM sqlite_master WHERE name = 'records_by_letter'"
    (page,) = db.execute(query).fetchone()
    db.close()
    spoil(path / "letters.db", page * _tables.PAGE_SIZE - 1, 4)
    with pytest.raises(MailboxDamaged, match="index"):
        async with open_durable_mailbox(path, capacity=100):
            pass
    repair_mailbox(path)
    async with open_durable_mailbox(path, capacity=100):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE letters SET id = 'other' WHERE seq = 21",
        "UPDATE letters SET seq = 9000000000000 WHERE seq = 21",
    ],
)
async def test_a_letter_with_a_wrong_id_or_number_is_none(
    path: Path, statement: str
) -> None:
    before = await fill(path)
    change(path, statement)
    report = repair_mailbox(path)
    assert report.lost == (21,)
    assert stored(path).keys() == before.keys() - {21}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET seq = 9000000000000 WHERE number = 30",
        "UPDATE records SET answer = 9000000000000",
        "INSERT INTO lost VALUES (9000000000000, 'no reason', 1.0)",
    ],
)
async def test_a_number_that_nothing_proves_makes_no_letters(
    path: Path, statement: str
) -> None:
    before = await fill(path)
    change(path, statement)
    repair_mailbox(path)
    assert stored(path).keys() == before.keys()
    assert validate_mailbox(path) == ()
    async with open_durable_mailbox(path, capacity=100) as box:
        assert (await box.send(Letter(to="ann"))).seq == max(before) + 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archives SET sha256 = '../../owner'",
        "UPDATE archives SET last = 0",
        "UPDATE archives SET letters = 1000000000000",
    ],
)
async def test_a_wrong_line_about_an_archive_is_damage(
    path: Path, statement: str
) -> None:
    before = await fill(path)
    change(path, statement)
    with pytest.raises(MailboxDamaged, match="archive"):
        read_letters(path)
    with pytest.raises(MailboxDamaged, match="archive"):
        async with open_durable_mailbox(path, capacity=100):
            pass
    repair_mailbox(path)
    assert stored(path) == before


async def test_a_table_that_cannot_be_read_is_not_searched_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path)
    tried: list[int] = []

    class Failing:
        """A database of which no table can be read as a whole."""

        def execute(self, query: str, values: tuple[int, ...] = ()) -> "Failing":
            if "max(" in query:
                return self
            tried.extend(values)
            raise sqlite3.DatabaseError("malformed")

        def fetchone(self) -> tuple[int]:
            return (1 << 62,)

    monkeypatch.setattr(_check, "STEPS", 50)
    found = _check.Survey(MailboxFolder(path))
    rows = _check._rows(found, Failing(), "letters", "seq", "seq")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  stands in
    assert list(rows) == []
    assert tried == list(range(1, 51))


async def test_a_copy_that_cannot_be_made_leaves_what_can_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await fill(path)
    change(path, "UPDATE letters SET body = x'00' WHERE seq = 21")

    def refuse(folder: MailboxFolder, *_: object) -> None:
        raise MailboxReadOnly(folder.path, "no room for a copy")

    monkeypatch.setattr(_check, "read_copy", refuse)
    assert validate_mailbox(path) == (
        MailboxProblem("error", "letter 21", "letter 21 is not what was sent"),
    )
    repair_mailbox(path)
    assert stored(path).keys() == before.keys() - {21}


def test_every_database_has_the_same_first_page(tmp_path: Path) -> None:
    pages: set[bytes] = set()
    for name in ("one", "two"):
        db = sqlite3.connect(tmp_path / name, isolation_level=None)
        _tables.create_tables(db)
        db.close()
        pages.add((tmp_path / name).read_bytes()[100 : _tables.PAGE_SIZE])
    assert len(pages) == 1
