"""What was settled long ago is in archives: nothing is lost, and the order is kept."""

import gzip
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from crew_mailbox import (
    DurableEvent,
    Letter,
    LettersArchived,
    MailboxDamaged,
    MailboxMissing,
    NewerMailbox,
    find_letter,
    newest_letters,
    open_durable_mailbox,
    read_letters,
    validate_mailbox,
)
from crew_mailbox.durable import Record, StoredLetter, _archive
from crew_mailbox.durable._disk import MailboxFolder

Letters = Callable[..., Letter]

MEGABYTE = 1_000_000


async def fill(path: Path, count: int, *, stay_open: int = 0) -> list[DurableEvent]:
    """Send *count* letters and acknowledge all but every *stay_open*th one."""
    events: list[DurableEvent] = []
    async with open_durable_mailbox(
        path, capacity=1000, archive_at=5000, on_event=events.append
    ) as box:
        for number in range(1, count + 1):
            body = b"letter %d" % number
            to = "even" if number % 2 == 0 else "odd"
            await box.send(Letter(id=f"id-{number}", to=to, body=body))
            if not stay_open or number % stay_open:
                await box.acknowledge(f"id-{number}")
    return events


def numbers(letters: list[StoredLetter]) -> list[int]:
    return [each.seq for each in letters]


async def test_a_box_of_eleven_megabytes_is_archived_and_nothing_is_lost(
    path: Path,
) -> None:
    chance = random.Random(3)
    bodies = [chance.randbytes(500) * 88 for _ in range(250)]
    events: list[DurableEvent] = []
    async with open_durable_mailbox(
        path, capacity=1000, capacity_bytes=12 * MEGABYTE, on_event=events.append
    ) as box:
        for number, body in enumerate(bodies):
            await box.send(Letter(id=f"id-{number}", to="ann", body=body))
        assert box.statistics().open_bytes == 11 * MEGABYTE
        kept: list[int] = []
        with box.receive("ann", batch=100) as deliveries:
            for number in range(250):
                delivery = await anext(deliveries)
                if number % 25:
                    await delivery.acknowledge()
                else:
                    kept.append(delivery.seq)
        now = box.statistics()
        assert now.archives >= 1
        assert (now.accepted, now.acknowledged, now.queued) == (250, 240, 10)
        assert now.settled_bytes < 8 << 20
        seen: list[StoredLetter] = []
        while page := await box.read(since=seen[-1].seq if seen else 0, limit=70):
            seen += page
        assert numbers(seen) == list(range(1, 251))
        assert [each.letter.body for each in seen] == bodies
        with box.receive("ann", batch=10) as deliveries:
            assert [(await anext(deliveries)).seq for _ in range(10)] == kept
    archived = [event for event in events if isinstance(event, LettersArchived)]
    assert sum(event.letters for event in archived) == now.archived
    assert all(event.size < 1 << 20 for event in archived), "they are compressed"
    assert validate_mailbox(path) == ()
    assert (path / "letters.db").stat().st_size < 11 * MEGABYTE


async def test_an_archive_is_named_by_the_hash_of_its_bytes(path: Path) -> None:
    events = await fill(path, 30)
    archived = [event for event in events if isinstance(event, LettersArchived)]
    assert archived
    for event in archived:
        content = event.archive.read_bytes()
        assert event.archive.stem == hashlib.sha256(content).hexdigest()
        assert len(content) == event.size
    on_disk = set((path / "archives").iterdir())
    assert on_disk == {event.archive for event in archived}


@pytest.mark.parametrize("stay_open", [0, 3, 7])
async def test_pages_go_through_archives_and_database_in_order(
    path: Path, stay_open: int
) -> None:
    await fill(path, 100, stay_open=stay_open)
    assert len(list((path / "archives").iterdir())) > 3
    for limit in (1, 7, 33, 1000):
        seen: list[int] = []
        while page := read_letters(path, since=seen[-1] if seen else 0, limit=limit):
            assert len(page) <= limit
            seen += numbers(page)
        assert seen == list(range(1, 101))


@pytest.mark.parametrize("stay_open", [0, 3])
@pytest.mark.parametrize("limit", [1, 5, 60, 100, 200])
async def test_the_newest_letters_come_from_archives_too(
    path: Path, stay_open: int, limit: int
) -> None:
    await fill(path, 100, stay_open=stay_open)
    assert numbers(newest_letters(path, limit)) == list(range(1, 101))[-limit:]


async def test_a_query_may_be_about_one_receiver_or_kind(path: Path) -> None:
    await fill(path, 60, stay_open=5)
    assert numbers(read_letters(path, to="even")) == list(range(2, 61, 2))
    assert numbers(newest_letters(path, 4, to="odd")) == [53, 55, 57, 59]
    assert numbers(read_letters(path, kind="steer")) == []
    assert len(read_letters(path, kind="message", to="odd", limit=10)) == 10


async def test_an_archived_letter_is_found_with_all_that_happened_to_it(
    path: Path,
) -> None:
    await fill(path, 60)
    stored = find_letter(path, "id-3")
    assert stored is not None
    assert (stored.seq, stored.letter.body) == (3, b"letter 3")
    assert [record.kind for record in stored.records] == ["acknowledged"]
    assert find_letter(path, "id-99") is None
    async with open_durable_mailbox(path, capacity=5) as box:
        assert await box.find("id-3") == stored
        assert numbers(await box.newest(2)) == [59, 60]


async def test_the_figures_count_archived_letters_after_a_restart(path: Path) -> None:
    await fill(path, 60, stay_open=10)
    async with open_durable_mailbox(path, capacity=10) as box:
        now = box.statistics()
        assert (now.accepted, now.acknowledged, now.queued) == (60, 54, 6)
        assert now.archived > 0


async def test_a_mailbox_is_archived_when_it_is_opened_with_a_lower_limit(
    path: Path,
) -> None:
    async with open_durable_mailbox(path, capacity=1000) as box:
        for number in range(50):
            await box.send(Letter(id=f"id-{number}", to="ann"))
            await box.acknowledge(f"id-{number}")
        assert box.statistics().archives == 0
    async with open_durable_mailbox(path, capacity=1000, archive_at=2000) as box:
        await box.send(Letter(to="ann"))
        assert box.statistics().archives > 3
        assert len(await box.read()) == 51


async def test_archives_are_unpacked_once_for_pages_that_follow_each_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path, 60)
    loads: list[str] = []
    load = _archive.load

    def counted(folder: MailboxFolder, sha256: str) -> list[StoredLetter]:
        loads.append(sha256)
        return load(folder, sha256)

    monkeypatch.setattr(_archive, "load", counted)
    async with open_durable_mailbox(path, capacity=10) as box:
        for since in range(60):
            await box.read(since=since, limit=1)
    assert len(loads) == len(set(loads)) == len(list((path / "archives").iterdir()))


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_has_one_letter_at_least(path: Path, limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        read_letters(path, limit=limit)
    with pytest.raises(ValueError, match="limit"):
        newest_letters(path, limit)


def test_there_is_nothing_to_read_where_no_mailbox_is(path: Path) -> None:
    with pytest.raises(MailboxMissing):
        read_letters(path)
    assert not path.exists()


def _files(path: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


async def test_reading_changes_no_file(path: Path) -> None:
    await fill(path, 60)
    before = _files(path)
    read_letters(path)
    newest_letters(path, 5)
    validate_mailbox(path)
    assert before == _files(path)


async def test_a_changed_archive_is_found_out(path: Path) -> None:
    await fill(path, 60)
    first = min((path / "archives").iterdir())
    content = bytearray(first.read_bytes())
    content[30] ^= 1
    first.write_bytes(content)
    with pytest.raises(MailboxDamaged, match="not what its name says"):
        read_letters(path)


async def test_an_archive_that_is_gone_is_found_out(path: Path) -> None:
    await fill(path, 60)
    min((path / "archives").iterdir()).unlink()
    with pytest.raises(MailboxDamaged, match="the archive is gone"):
        read_letters(path)


ONE = StoredLetter(
    seq=1, letter=Letter(to="ann", id="x"), sent_at=1.0, records=(Record("dead", 2.0),)
)
LINE = json.loads(gzip.decompress(_archive.pack([ONE])).splitlines()[1])
HEAD = {"format": 1, "letters": 1}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "no archive"),
        (["text"], "no archive"),
        ([{"format": 1}, LINE], "no archive"),
        ([{"format": 1, "letters": 2}, LINE], "1 of 2 letters"),
        ([{"format": 1, "letters": 0}], "not in order"),
        ([{"format": 1, "letters": 2}, LINE, LINE], "not in order"),
        ([HEAD, LINE[:5]], "no archive"),
        ([HEAD, [*LINE[:7], {"base64": "?"}, *LINE[8:]]], "no archive"),
        ([HEAD, [*LINE[:4], "shout", *LINE[5:]]], "kind"),
        ([HEAD, ["one", *LINE[1:]]], "a number and a time"),
        ([HEAD, [*LINE[:-1], [["eaten", 1, None]]]], "record"),
    ],
)
def test_what_is_no_archive_is_damaged(
    path: Path, lines: list[object], said: str
) -> None:
    text = "\n".join(json.dumps(line) for line in lines)
    with pytest.raises(MailboxDamaged, match=said):
        _archive.unpack(path, gzip.compress(text.encode()))


def test_what_is_not_even_compressed_is_damaged(path: Path) -> None:
    for content in (b"text", b"", gzip.compress(b"{}")[:-5]):
        with pytest.raises(MailboxDamaged):
            _archive.unpack(path, content)


def test_an_archive_of_a_later_version_is_refused_and_named(path: Path) -> None:
    with pytest.raises(NewerMailbox, match="format 2; this one knows 1"):
        _archive.unpack(path, gzip.compress(b'{"format": 2, "letters": 0}'))


def test_an_archive_that_unpacks_to_too_much_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_archive, "LARGEST", 1000)
    with pytest.raises(MailboxDamaged, match="more than 1000 bytes"):
        _archive.unpack(path, gzip.compress(bytes(2000)))
