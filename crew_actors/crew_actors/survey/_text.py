# Text from a repository is data of strangers.
#
# 1. `printable` is applied to each name and line before it goes anywhere: what is
#    left has no control characters, no line breaks, no lone surrogates and no
#    characters that turn the reading direction.
# 2. `clip` bounds it. Both are linear in the length of what they are given.
"""Names and lines of strangers, made fit to be shown."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

import attrs

_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_KIB = 1024


def printable(text: str) -> str:
    r"""Return *text* with each invisible or broken character written as an escape.

    Bytes of a name that are not UTF-8 (surrogates, as `os.fsdecode` gives them) are
    written as `\xNN`.
    """
    return _ODD.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 (PEP 383: an undecodable byte)
        return f"\\x{code - 0xDC00:02x}"
    short = _SHORT.get(char)
    if short is not None:
        return short
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 (a byte)


def clip(text: str, length: int) -> str:
    """Return *text* in at most *length* characters, with an ellipsis if it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def clip_path(path: str, length: int = 160) -> str:
    """Return *path* in at most *length* characters; its middle is what goes."""
    if len(path) <= length:
        return path
    half = (length - 1) // 2
    return f"{path[:half]}…{path[len(path) - half :]}"


def plain_width(text: str) -> float:
    """Estimate the width of *text* in a sans-serif font, in units of its size."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return 0.58 * (len(text) - wide) + 1.0 * wide


def grouped(number: float) -> str:
    """Return a whole number with thousands separated: 12,345."""
    return f"{int(number):,}"


def amount(number: float, one: str, many: str = "") -> str:
    """Return a number with its word: "1 file", "1,200 files"."""
    return f"{grouped(number)} {one if number == 1 else many or one + 's'}"


def size_of(bytes_: float) -> str:
    """Return a size in bytes in the unit that suits it: "512 B", "1.5 MiB"."""
    if bytes_ < _KIB:
        return f"{int(bytes_)} B"
    value = float(bytes_)
    for unit in ("KiB", "MiB"):
        value /= _KIB
        if value < _KIB:
            return f"{value:.1f} {unit}"
    return f"{value / _KIB:.1f} GiB"


def percent(share: float) -> str:
    """Return a share of 0 to 1 in percent: "12 %", "0.4 %"."""
    if share and share < 0.0095:  # noqa: PLR2004 (what would round to 0 or 1)
        return "< 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"  # noqa: PLR2004
    if 0.995 <= share < 1:  # noqa: PLR2004 (what would round to all)
        return "> 99 %"
    return f"{100 * share:.0f} %"


def places(text: str, word: str) -> Iterator[int]:
    """Yield where *word* stands in *text*, without overlaps."""
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


@attrs.define
class LineNumbers:
    """Tells the line of a place in *text*. The first question costs one pass."""

    text: str
    _starts: list[int] = attrs.field(factory=list[int])

    def at(self, place: int) -> int:
        """Return the line, from 1, in which the character *place* stands."""
        if not self._starts:
            lengths = (len(line) + 1 for line in self.text.split("\n"))
            self._starts = [0, *accumulate(lengths)]
        return bisect_right(self._starts, place)
