# Markdown that cannot be broken by what is put into it. Pure.
#
# 1. `plain` is text and stays text: each character with a meaning is escaped.
# 2. `code` is a code span when its content allows it, escaped text otherwise.
# 3. Both give one line, fit for a table's cell.
"""Writing markdown from words of strangers."""

import re
from collections.abc import Iterable, Sequence

from crew_actors.survey._text import printable

_SPECIAL = re.compile(
    r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w])|:(?=//)|(?<=www)\.|^[-+>#=]",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_ONLY_PLAIN = re.compile(r"[`|]|^\s|\s$|^$")


def plain(text: str) -> str:
    """Return *text* as markdown that shows exactly these characters, on one line."""
    line = _SPECIAL.sub(r"\\\g<0>", " ".join(printable(text).split()))
    return _NUMBERED.sub(r"\1\\\2", line)


def code(text: str) -> str:
    """Return *text* as a code span, or escaped when a span could not hold it."""
    shown = printable(text)
    return plain(shown) if _ONLY_PLAIN.search(shown) else f"`{shown}`"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()
) -> list[str]:
    """Return the lines of a table, with an empty line after it; none without rows.

    Cells are markdown already. The columns *right* are aligned to the right.
    """
    body = ["| " + " | ".join(row) + " |" for row in rows]
    if not body:
        return []
    rule = "|".join("---:" if column in right else "---" for column in range(len(head)))
    return ["| " + " | ".join(head) + " |", f"|{rule}|", *body, ""]


def bullets(items: Sequence[str], most: int, total: int | None = None) -> list[str]:
    """Return the lines of a list of at most *most* items, and how many more there are."""
    lines = [f"- {item}" for item in items[:most]]
    left = (len(items) if total is None else total) - len(lines)
    if left > 0:
        lines.append(f"- … and {left:,} more")
    return [*lines, ""] if lines else []


def joined(items: Sequence[str], most: int, total: int = 0) -> str:
    """Return items as one sentence part: "a, b and 3 more"."""
    shown = ", ".join(items[:most])
    left = max(len(items), total) - min(len(items), most)
    return f"{shown} and {left:,} more" if left > 0 else shown
