# Text that others wrote, made fit for a terminal.
#
# 1. What an agent or a repository wrote never reaches a terminal as it is: it could
#    move the cursor, change the title, or turn a line around.
# 2. `clean` is for reading: what controls is removed. `escaped` is for deciding: it
#    is made visible, so that nothing can hide from the person who is asked.
# 3. Widths are terminal cells, not characters.
"""Foreign text, made harmless, and cut to a width."""

import re
import unicodedata
from itertools import accumulate

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|\Z)"  # strings
    r"|\x1b[ -/]*[0-~]",  # all other escapes
    re.DOTALL,
)
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACE = re.compile(r"[\s\u2028\u2029]+")
_LONGEST = 4096
_MINUTE = 60
_HOUR = 60 * _MINUTE
_KIBI = 1024


def clean(text: str) -> str:
    """Make *text* one harmless line: its first 4,096 characters, without controls."""
    line = _SPACE.sub(" ", _SEQUENCE.sub("", text[:_LONGEST]))
    return " ".join("".join(char for char in line if not _harmful(char)).split())


def escaped(text: str) -> str:
    r"""Make what is harmful in *text* visible as `\x1b` or `\u202e`. Keeps its length."""
    return "".join(_visible(char) if _harmful(char) else char for char in text)


def _harmful(char: str) -> bool:
    return unicodedata.category(char) in _HARMFUL


def _visible(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def cells(text: str) -> int:
    """Count the terminal cells that *text*, which is clean, takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Cut *text*, which is clean, to *width* cells; an ellipsis tells of a cut."""
    if cells(text) <= width:
        return text
    used = accumulate(map(_cells_of, text))
    kept = sum(1 for cells_so_far in used if cells_so_far < width)
    return f"{text[:kept]}…" if width > 0 else ""


def padded(text: str, width: int) -> str:
    """Fill *text* with spaces up to *width* cells."""
    return text + " " * (width - cells(text))


def duration(seconds: float) -> str:
    """Say how long *seconds* are. What is negative, from a clock set back, is 0."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:  # noqa: PLR2004 - from here on, a tenth says nothing
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def size(count: int) -> str:
    """Say how much *count* bytes are."""
    if count < _KIBI:
        return "1 byte" if count == 1 else f"{count} bytes"
    amount = count / _KIBI
    for unit in ("KiB", "MiB"):
        if amount < _KIBI:
            return f"{amount:.1f} {unit}"
        amount /= _KIBI
    return f"{amount:.1f} GiB"


def counted(number: int, noun: str) -> str:
    """Put *noun* behind *number*, with an `s` unless there is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
