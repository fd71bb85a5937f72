# An archive holds settled letters, with all that happened to them.
#
# 1. It is a gzip file of lines of JSON, the first of which tells its format and how
#    many letters follow, in the order of their numbers. `zcat` shows it.
# 2. Its name is the hash of its bytes: what was changed is found out, and the same
#    letters make the same file.
# 3. It never changes. The oldest are removed if the mailbox was given a bound for them.
"""Settled letters as bytes, and back."""

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from crew_mailbox.durable._disk import MailboxFolder, sync_folder, told, write_file
from crew_mailbox.durable._errors import (
    BadLetter,
    MailboxDamaged,
    MailboxMissing,
    NewerMailbox,
)
from crew_mailbox.durable._letters import (
    NAME_LENGTH,
    StoredLetter,
    from_row,
    to_record,
    to_row,
)

FORMAT: Final = 1

LARGEST: Final = 1 << 30
"""The most bytes that an archive may have when it is unpacked."""

_NAMES: Final = 5 * NAME_LENGTH
"""More characters than all fields of a letter have, apart from its body. JSON takes 6
bytes for one of them at most."""

_RECORD: Final = 100
"""More bytes than JSON takes for a record."""


def pack(letters: Sequence[StoredLetter]) -> bytes:
    """Turn *letters* into the bytes of an archive; the same ones give the same bytes."""
    lines = [{"format": FORMAT, "letters": len(letters)}, *map(_to_json, letters)]
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        for line in lines
    )
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def fitting(letters: Sequence[StoredLetter]) -> list[StoredLetter]:
    """Choose the first of *letters*, one at least, that an archive surely holds."""
    chosen: list[StoredLetter] = []
    size = 0
    for each in letters:
        size += 6 * (len(each.letter.body) + _NAMES) + _RECORD * len(each.records)
        if chosen and size > LARGEST:
            break
        chosen.append(each)
    return chosen


def unpack(path: Path, content: bytes) -> list[StoredLetter]:
    """Turn the bytes of the archive at *path* into its letters.

    Raises:
      MailboxDamaged: they are no archive.
      NewerMailbox: a later version of this package wrote it.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise MailboxDamaged(path, f"it unpacks to more than {LARGEST} bytes")
        head, *lines = [json.loads(line) for line in text.splitlines()]
        if head["format"] > FORMAT:
            detail = f"archive format {head['format']}; this one knows {FORMAT}"
            raise NewerMailbox(path, detail)
        letters = [_from_json(line) for line in lines]
        if len(letters) != head["letters"]:
            raise MailboxDamaged(path, f"{len(letters)} of {head['letters']} letters")
        numbers = [each.seq for each in letters]
        if not numbers or numbers != sorted(set(numbers)):
            raise MailboxDamaged(path, "its letters are not in order")
    except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
        raise MailboxDamaged(path, f"no archive: {error}") from error
    except BadLetter as error:
        raise MailboxDamaged(path, str(error)) from error
    return letters


def store(folder: MailboxFolder, letters: Sequence[StoredLetter]) -> tuple[str, int]:
    """Put *letters* into an archive on disk; give its hash and its size in bytes.

    Raises:
      DurableMailboxError: by its class. The mailbox has the letters still.
    """
    content = pack(letters)
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder.archive(sha256)
    with told(folder.path):
        write_file(path, content)
    return sha256, len(content)


def remove(folder: MailboxFolder, hashes: Sequence[str]) -> None:
    """Remove the archives with *hashes* that are there.

    Raises:
      DurableMailboxError: by its class.
    """
    with told(folder.path):
        there = {path.name for path in folder.archives.iterdir()}
        gone = [path for path in map(folder.archive, hashes) if path.name in there]
        for path in gone:
            path.unlink(missing_ok=True)
        if gone:
            sync_folder(folder.archives)


def load(folder: MailboxFolder, sha256: str) -> list[StoredLetter]:
    """Read the letters of the archive with that hash.

    Raises:
      MailboxDamaged: it is gone, or is not what was written.
      NewerMailbox: a later version of this package wrote it.
      DurableMailboxError: by its class.
    """
    path = folder.archive(sha256)
    try:
        with told(path):
            content = path.read_bytes()
    except MailboxMissing as error:
        raise MailboxDamaged(path, "the archive is gone") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise MailboxDamaged(path, "its content is not what its name says")
    return unpack(path, content)


def _to_json(stored: StoredLetter) -> list[object]:
    seq, *middle, body, sent_at, reply_by, answers, outcome = to_row(
        stored.seq, stored.sent_at, stored.letter
    )
    records = [[r.kind, r.at, r.answer] for r in stored.records]
    return [seq, *middle, _body(body), sent_at, reply_by, answers, outcome, records]


def _body(body: bytes) -> object:
    """Write a text as it is, and all else in base 64."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


def _from_json(line: list[Any]) -> StoredLetter:
    *row, records = line
    body = row[7]
    if isinstance(body, str):
        row[7] = body.encode()
    else:
        row[7] = base64.b64decode(body["base64"], validate=True)
    happened = tuple(to_record(*record) for record in records)
    return from_row(tuple(row), happened)
