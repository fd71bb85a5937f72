"""Columns and wrapped text for people."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TextIO

from crew_actors.observe import cells, cut, escaped, padded

_WIDEST: Final = 100
_LEAST: Final = 20


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person types what comes from *stream*, or sees what goes to it."""
    return stream is not None and not stream.closed and stream.isatty()


def _terminal_width() -> int:
    return shutil.get_terminal_size((_WIDEST, 24)).columns


def columns(
    rows: Iterable[Sequence[str]], *, indent: str = "  ", whole: bool = False
) -> list[str]:
    """Set *rows* of harmless cells in columns.

    At a terminal the last column is cut to its width, unless it is to be seen
    *whole*. Where nobody looks, nothing is cut.
    """
    table = [tuple(row) for row in rows]
    if not table:
        return []
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)][:-1]
    used = len(indent) + sum(widths) + 2 * len(widths)
    room = max(_LEAST, _terminal_width() - used)
    whole = whole or not is_terminal(sys.stdout)
    return [
        (
            indent
            + "".join(
                f"{padded(cell, size)}  "
                for cell, size in zip(row, widths, strict=False)
            )
            + (row[-1] if whole else cut(row[-1], room))
        ).rstrip()
        for row in table
    ]


def paragraph(text: str, *, indent: str = "  ") -> list[str]:
    """Set foreign *text* in lines as wide as the terminal, at most 100 columns.

    Its own lines are kept apart.
    """
    lines: list[str] = []
    width = min(_WIDEST, _terminal_width())
    for line in text.splitlines():
        wrapped = textwrap.wrap(
            escaped(line), width, initial_indent=indent, subsequent_indent=indent
        )
        lines += wrapped or [""]
    return lines


def shown_path(path: Path) -> str:
    """Show *path* as its user would name it: from here, if it lies below."""
    here = Path.cwd()
    return escaped(str(path.relative_to(here) if path.is_relative_to(here) else path))
