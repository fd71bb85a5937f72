# What a reader gets. What is a batch on its way is cut into lines when somebody asks
# for them: one copy and one `decode` for all are cheap, an object for each line is not.
"""Lines of output, one by one and in batches."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, final

import attrs


@attrs.define(unsafe_hash=True)  # frozen would cost twice the time, for each line
class Line:
    """One line of output, without its line end. Treat it as a constant."""

    text: str
    truncated: ClassVar[bool] = False
    """It was longer than `max_line`: then it is a `CutLine`."""


@final
@attrs.define(unsafe_hash=True)
class CutLine(Line):
    """The beginning of a line that was longer than `max_line`."""

    truncated: ClassVar[bool] = True
    size: int = attrs.field(default=0, eq=False)
    """Bytes of it that have come. It grows while the rest of it comes and is dropped."""
    file: Path | None = None
    """Where all of it is, without its LF, if the spec has an `overflow` folder."""
    problem: str = ""
    """Why it is in no file although the spec has a folder; the rest was dropped."""


NOTHING_CUT: Final[Mapping[int, CutLine]] = MappingProxyType({})


@final
class Batch:
    """Some lines that came together, in order. Treat it as a constant.

    Iterating gives each `Line`; `texts` is several times faster, and `text` costs
    nothing.
    """

    __slots__ = ("_texts", "at", "cut", "text")

    def __init__(
        self,
        text: str,
        at: float = 0.0,
        texts: list[str] | None = None,
        cut: Mapping[int, CutLine] = NOTHING_CUT,
    ) -> None:
        self.text: Final = text
        """All of the lines, with an LF between one and the next."""
        self.at = at
        """When the last of them came, on trio's clock."""
        self.cut: Final = cut
        """Those that were longer than `max_line`, by their place in `texts`."""
        self._texts = texts

    @classmethod
    def of(cls, lines: Iterable[Line], at: float) -> "Batch | None":
        """Return *lines* as a batch, None when there are none."""
        found = list(lines)
        texts = [line.text for line in found]
        cut = {n: line for n, line in enumerate(found) if isinstance(line, CutLine)}
        return cls("\n".join(texts), at, texts, cut) if texts else None

    @property
    def texts(self) -> list[str]:
        """The text of each line, without its line end."""
        if self._texts is None:
            self._texts = self.text.split("\n")
        return self._texts

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Line]:
        return self.lines(0, len(self.texts))

    def lines(self, first: int, end: int) -> Iterator[Line]:
        """Iterate over the lines from the place *first* to before *end*."""
        texts = self.texts[first:end]
        if self.cut:
            return map(self._line_at, range(first, first + len(texts)))
        return map(Line, texts)

    def _line_at(self, place: int) -> Line:
        return self.cut.get(place) or Line(self.texts[place])
