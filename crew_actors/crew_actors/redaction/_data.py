"""Secrets in bytes, in structured values and in the variables of this process."""

import codecs
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, cast
from urllib.parse import quote

from crew_actors.redaction._keys import KeyKind, key_kind
from crew_actors.redaction._known import KNOWN_LEAST
from crew_actors.redaction._plain import MASK, PEEK, is_plain
from crew_actors.redaction._redactor import Redactor

_LOOKED_AT: Final = 8192  # bytes that tell whether content is text
_PIECE: Final = 16 * 1024  # characters of a text of which only the start is wanted
_DEEPEST: Final = 100
_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|~?/|\./)[^\s]*\Z")


def redact(text: str) -> str:
    """Return *text* with its secrets masked, and those that this process was given.

    Takes time in proportion to the text. What has no secret is returned as it is. Can be
    called by several threads at once.
    """
    return Redactor(_secrets_of_this_process()).redact(text)


def new_redactor() -> Redactor:
    """Make a redactor of a text in pieces that also knows what `redact` does."""
    return Redactor(_secrets_of_this_process())


def redact_start(text: str, limit: int) -> str:
    """Return the first *limit* characters of what `redact` makes of *text*.

    Who cuts first may cut a secret in two, and half of one is not known any more.
    Takes time in proportion to what is kept, and to what is masked before it.
    """
    redactor = new_redactor()
    kept = ""
    for place in range(0, len(text), _PIECE):
        kept += redactor.feed(text[place : place + _PIECE])
        if len(kept) >= limit:
            return kept[:limit]
    return (kept + redactor.close())[:limit]


def redact_end(text: str, limit: int) -> str:
    """Return the last *limit* characters of what `redact` makes of *text*."""
    return redact(text)[-limit:]


def redact_bytes(data: bytes) -> bytes:
    """Return *data*, which is text in UTF-8, masked; what is no text stays as it is.

    Bytes that are not UTF-8 are kept. Content with a NUL byte among its first 8,192 is
    no text.
    """
    return b"".join(redact_chunks([data]))


def redact_chunks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Do what `redact_bytes` does, with content that comes in *chunks*.

    Keeps some KiB at a time. The chunks that it yields are others.
    """
    pieces = iter(chunks)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _LOOKED_AT:
            break
    if b"\0" in head[:_LOOKED_AT]:
        yield head
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    redactor = Redactor(_secrets_of_this_process())
    yield _encoded(redactor.feed(decoder.decode(head)))
    for piece in pieces:
        yield _encoded(redactor.feed(decoder.decode(piece)))
    last = redactor.feed(decoder.decode(b"", final=True))
    yield _encoded(last + redactor.close())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def redact_value(value: object) -> object:
    """Return *value* with the secrets of its texts masked.

    What stands in a mapping under the name of a secret is masked whole: its texts, and
    its numbers too unless the name is one of a token, for those are counts. Dicts,
    lists, tuples, texts and bytes are looked into; anything else is returned as it is.
    What is nested deeper than 100 is replaced by the mask.
    """
    return _redacted(value, None, 0)


def _redacted(value: object, kind: KeyKind | None, depth: int) -> object:
    if depth > _DEEPEST:
        return MASK
    match value:
        case Mapping():
            table = cast("Mapping[object, object]", value)
            return {
                _name(key): _redacted(item, kind or _kind_of(key), depth + 1)
                for key, item in table.items()
            }
        case list() | tuple():
            items = cast("Sequence[object]", value)
            masked = [_redacted(item, kind, depth + 1) for item in items]
            return masked if isinstance(value, list) else tuple(masked)
        case _:
            return _leaf(value, kind)


def _leaf(value: object, kind: KeyKind | None) -> object:
    match value:
        case str():
            return redact(value) if kind is None else _hidden(value, kind)
        case bytes():
            return redact_bytes(value) if kind is None else MASK.encode()
        case int() | float() if not isinstance(value, bool):
            return value if kind in {None, "token", "number"} else MASK
        case _:
            return value


def _kind_of(key: object) -> KeyKind | None:
    return key_kind(key) if isinstance(key, str) else None


def _name(key: object) -> object:
    return redact(key) if isinstance(key, str) else key


def _hidden(text: str, kind: KeyKind) -> str:
    return text if is_plain(text[: PEEK + 1], kind, quoted=True) else MASK


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the variables in *environ* whose names tell of secrets.

    Those with fewer than eight characters, and those that are paths, are none. Each is
    also given as it looks in JSON and in a URL.
    """
    found: set[str] = set()
    for name, value in environ.items():
        kind = key_kind(name)
        if kind is None or len(value) < KNOWN_LEAST or _PATH.match(value):
            continue
        if not is_plain(value[: PEEK + 1], kind, quoted=True):
            found |= {value, json.dumps(value)[1:-1], quote(value, safe="")}
    return tuple(sorted(found))


@cache
def _secrets_of_this_process() -> tuple[str, ...]:
    return secret_values(os.environ)
