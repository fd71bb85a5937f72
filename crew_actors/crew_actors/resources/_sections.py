# The body of a workflow is cut into sections, one for each step.
#
# 1. A heading of level 2 begins a step if a key that steps have follows it. So does
#    one that is a name in small letters with an empty line before it. All other
#    headings are text of the prompt they stand in.
# 2. If no heading is followed by a key, each heading of level 2 begins a step.
# 3. What is inside a code fence begins nothing.
# 4. What is above the first step is for people, and is not read.
"""The sections of a workflow file, with their lines."""

import re
from collections.abc import Collection, Sequence

import attrs

from crew_actors.resources._frontmatter import continues, key_of
from crew_actors.resources._problems import nearest

_HEADING = re.compile(r"##[ \t]+(\S.*)")
_CLOSING = re.compile(r"[ \t]#+$")
_SLUG = re.compile(r"[a-z][a-z0-9-]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_TYPO = 0.75  # how near a word must be to a key to be taken for one


@attrs.frozen
class Section:
    """One step, not yet read. Its rows are those of the body."""

    title: str
    heading: int
    """Index of the heading's row."""

    keys: tuple[int, int]
    """The rows of its keys: from, up to but without."""

    prompt: str


@attrs.frozen
class Sections:
    """The body of a workflow, taken apart."""

    steps: tuple[Section, ...]
    ignored: tuple[int, ...]
    """Rows of headings above the first step."""

    open_fence: int | None
    """The row of a code fence that nothing closes."""


def fenced(rows: Sequence[str]) -> tuple[list[bool], int | None]:
    """Tell for each row whether it is inside a code fence, and which one stays open.

    The rows of the fence itself count as inside.
    """
    inside: list[bool] = []
    fence: str | None = None
    start = 0
    for index, row in enumerate(rows):
        match = _FENCE.fullmatch(row)
        if fence is None:
            if match and not (match[1][0] == "`" and "`" in match[2]):
                fence, start = match[1], index
            inside.append(fence is not None)
        else:
            inside.append(True)
            if match and match[1].startswith(fence) and not match[2].strip():
                fence = None
    return inside, (start if fence is not None else None)


def split_sections(rows: Sequence[str], known: Collection[str]) -> Sections:
    """Cut *rows*, a workflow's body, at the headings of its steps.

    *known* holds the keys that a step can have.
    """
    inside, open_fence = fenced(rows)
    titles = {
        index: _CLOSING.sub("", match[1].rstrip()).rstrip()
        for index, row in enumerate(rows)
        if not inside[index] and (match := _HEADING.fullmatch(row))
    }
    followed = _followed_by_keys(rows, known)
    explicit = {index for index in titles if followed[index]}
    begins = [
        index
        for index, title in titles.items()
        if not explicit or index in explicit or _is_bare(rows, index, title)
    ]
    ends = [*begins[1:], len(rows)]
    steps = tuple(
        _section(rows, start, end, titles[start], known)
        for start, end in zip(begins, ends, strict=False)
    )
    ignored = tuple(index for index in titles if begins and index < begins[0])
    return Sections(steps, ignored, open_fence)


def _followed_by_keys(rows: Sequence[str], known: Collection[str]) -> list[bool]:
    """Tell for each row whether the next row with text sets a key of steps."""
    found: list[bool] = []
    sets_key = False
    for row in reversed(rows):
        found.append(sets_key)
        if row.strip():
            sets_key = key_of(row) in known
    found.reverse()
    return found


def _is_bare(rows: Sequence[str], heading: int, title: str) -> bool:
    above = heading == 0 or not rows[heading - 1].strip()
    return above and _SLUG.fullmatch(title) is not None


def _section(
    rows: Sequence[str], start: int, end: int, title: str, known: Collection[str]
) -> Section:
    first = start + 1
    while first < end and not rows[first].strip():
        first += 1
    last = first
    if first < end and _begins_keys(rows[first], known):
        last = _end_of_keys(rows, first, end)
    prompt = "\n".join(rows[last:end]).strip()
    return Section(title, start, (first, last), prompt)


def _begins_keys(row: str, known: Collection[str]) -> bool:
    key = key_of(row)
    return key is not None and (
        key in known or nearest(key, known, cutoff=_TYPO) is not None
    )


def _end_of_keys(rows: Sequence[str], first: int, end: int) -> int:
    """Keys end at the first empty row, or at one that belongs to no key."""
    value = ""
    for index in range(first, end):
        row = rows[index]
        if not row.strip():
            return index
        if key_of(row) is not None:
            value = row.partition(":")[2].strip()
        elif not _goes_on(value, row):
            return index
    return end


def _goes_on(value: str, row: str) -> bool:
    return value[:1] in ("", "[", "|", ">") and continues(value, row)
