# What is too long for a command line comes from a file, or from the standard input.
"""Read the texts that parameters name."""

import re
from typing import Final

from crew_actors.commands._schema import BadParameters

STANDARD_INPUT: Final = "-"

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def read_text(action: str, option: str, path: str, *, limit: int) -> str:
    """Read the text that *option* of *action* names by its *path*. Waits for it.

    Raises:
      BadParameters: it cannot be read, is no UTF-8, or has more than *limit* bytes.
    """
    standard = path == STANDARD_INPUT
    named = f"{option} {path}"
    try:
        with open(0 if standard else path, "rb", closefd=not standard) as file:
            data = file.read(limit + 1)
    except OSError as error:
        message = f"{named}: {error.strerror}; name a file that can be read"
        raise BadParameters(action, (message,)) from error
    if len(data) > limit:
        message = f"{named}: it has more than {limit:,} bytes"
        raise BadParameters(action, (message,))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{named}: byte {error.start + 1} is not UTF-8; save it as UTF-8"
        raise BadParameters(action, (message,)) from error


def check_text(action: str, field: str, text: str) -> None:
    """Refuse a *text* that cannot be written down or handed to a program.

    Raises:
      BadParameters: it holds a NUL character, or bytes that are not UTF-8.
    """
    found = _NO_TEXT.search(text)
    if found is not None:
        what = "a NUL character" if found[0] == "\x00" else "a byte that is not UTF-8"
        message = f"{field}: it holds {what} at position {found.start() + 1}; remove it"
        raise BadParameters(action, (message,))
