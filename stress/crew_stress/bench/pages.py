"""A page of the docs of which each benchmark writes its own part."""

import os
import platform
from pathlib import Path
from typing import Final

import trio

PAGE: Final = "docs/reference/performance.md"
"""Where `--write` puts what was measured, from the root of the repository."""

_TITLE: Final = "# Performance\n"


def where() -> str:
    """Tell on what is measured here."""
    return (
        f"CPython {platform.python_version()}, trio {trio.__version__}, "
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors"
    )


def write_part(name: str, text: str) -> None:
    """Put *text* in the place of the part *name* of the page; the others stay.

    A part that is not there yet comes last.
    """
    page = Path(PAGE)
    before = page.read_text(encoding="utf-8") if page.exists() else _TITLE
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->\n"
    part = f"{begin}\n{text.strip()}\n\n{end}"
    head, found, rest = before.partition(begin)
    if found:
        after = f"{head}{part}{rest.partition(end)[2]}"
    else:
        after = f"{before.rstrip()}\n\n{part}"
    page.write_text(after, encoding="utf-8")
    print(f"written to {PAGE}")
