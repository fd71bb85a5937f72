# A resource file is a block of keys between two lines `---`, then a body.
#
# 1. A key begins at the left edge: `key: value`. What is indented below it, items
#    `- x` and closing brackets belong to it. Lines with '#' at the left edge are
#    comments; a '#' inside a line is text.
# 2. Nothing is decoded here. Each key is looked at alone, so that one value which
#    is no YAML (a colon in a description) spoils none of the others.
# 3. A key that stands twice is an error that names both lines.
# 4. Nothing raises, whatever the text.
"""The keys of a resource file, with their lines."""

import re
from collections.abc import Sequence

import attrs

from crew_actors.resources._problems import Findings, bad_character

MARKER = "---"
_MAX_BLOCK = 64 * 1024  # characters; YAML is read at about 100 KB/s
_MAX_KEYS = 200

_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]*:(.*)")


@attrs.frozen
class Field:
    """One key with what is written after and below it."""

    key: str
    line: int
    """Counted from 1."""

    first: str
    """What follows the colon on the same line, without blanks around it."""

    rest: tuple[str, ...] = ()
    """The lines below that belong to it, as they stand."""

    @property
    def text(self) -> str:
        """All that is written for this key."""
        return "\n".join((self.first, *self.rest))


@attrs.frozen
class Document:
    """A file, taken apart."""

    fields: dict[str, Field]
    body: tuple[str, ...]
    body_line: int
    """The line of the body's first line, counted from 1."""


def key_of(line: str) -> str | None:
    """Return the key that *line* sets, if it is of the form `key: value`."""
    match = _KEY.fullmatch(line)
    return match[1] if match else None


def split_document(text: str, findings: Findings) -> Document:
    """Take a resource file apart. A file without frontmatter is all body."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    rows = plain.split("\n")
    bad = bad_character(plain)
    if bad:
        index, name = bad
        message = f"holds the character {name}, which has no place in a text"
        findings.error(plain.count("\n", 0, index) + 1, "", message)
    if rows[0].rstrip() != MARKER:
        findings.warning(1, "", "no frontmatter; the name is taken from the file")
        return Document({}, tuple(rows), 1)
    for end in range(1, len(rows)):
        if rows[end].rstrip() == MARKER:
            fields = read_fields(rows[1:end], 2, findings)
            return Document(fields, tuple(rows[end + 1 :]), end + 2)
    findings.error(1, "", "the frontmatter has no end; add a line '---' below it")
    return Document({}, (), len(rows) + 1)


def read_fields(rows: Sequence[str], line: int, findings: Findings) -> dict[str, Field]:
    """Read a block of keys whose first row is at *line*."""
    if sum(map(len, rows)) + len(rows) > _MAX_BLOCK:
        findings.error(line, "", f"more than {_MAX_BLOCK} characters of keys")
        return {}
    fields: dict[str, Field] = {}
    current: Field | None = None
    below: list[str] = []
    for number, row in enumerate(rows, start=line):
        match = _KEY.fullmatch(row)
        if match:
            _keep(fields, current, below, findings)
            current, below = Field(match[1], number, match[2].strip()), []
        elif not row.strip() or row.startswith("#"):
            below.append("")
        elif current is not None and continues(current.first, row):
            below.append(row)
        else:
            message = "this line is ignored; it is not of the form 'key: value'"
            findings.warning(number, "", message)
    _keep(fields, current, below, findings)
    if len(fields) > _MAX_KEYS:
        findings.error(line, "", f"more than {_MAX_KEYS} keys")
        return {}
    return fields


def continues(first: str, row: str) -> bool:
    """Tell whether *row*, which sets no key, belongs to a key with value *first*."""
    return row[0] in " \t]}" or (row.startswith("- ") and not first)


def _keep(
    fields: dict[str, Field],
    field: Field | None,
    below: list[str],
    findings: Findings,
) -> None:
    if field is None:
        return
    earlier = fields.get(field.key)
    if earlier is not None:
        message = f"stands twice, in line {earlier.line} and in line {field.line}"
        findings.error(field.line, field.key, message)
        return
    comments = all(row.lstrip()[:1] in ("", "#") for row in below)
    if comments and field.first[:1] not in ("|", ">"):
        below = []
    fields[field.key] = attrs.evolve(field, rest=tuple(below))
