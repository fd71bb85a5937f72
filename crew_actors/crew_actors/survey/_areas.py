# A repository cut into a few parts of comparable size. Pure.
#
# The parts are disjoint and cover every file. The largest part is opened first, so
# that a deep tree with one fat branch is shown where it is fat.
"""The map of folders."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable

import attrs

_FEW = 3


@attrs.frozen
class Piece:
    """What one file adds to the map."""

    path: str
    lines: int
    bytes: int
    language: str
    """Empty when it is not known."""

    shares: bool = True
    """Whether its language is one that the project is written in."""


@attrs.define
class Area:
    """A folder, or the files directly in it when its folders are parts of their own."""

    path: str
    """With a trailing `/*` when only the files directly in the folder are meant."""

    files: int = 0
    lines: int = 0
    bytes: int = 0
    languages: Counter[str] = attrs.field(factory=Counter[str])
    others: Counter[str] = attrs.field(factory=Counter[str])
    rest: bool = False
    """Whether it is several folders, too small to be parts of their own."""

    def add(self, piece: Piece) -> None:
        """Count *piece* in."""
        self.files += 1
        self.lines += piece.lines
        self.bytes += piece.bytes
        if piece.language:
            counted = self.languages if piece.shares else self.others
            counted[piece.language] += piece.bytes + 1

    @property
    def language(self) -> str:
        """The language with the most bytes: of code if there is any, else of all."""
        counts = self.languages or self.others
        return min(counts, key=lambda name: (-counts[name], name), default="")


@attrs.frozen
class AreaTree:
    """All folders of a repository, each with what is in it and below it."""

    whole: dict[str, Area]
    direct: dict[str, Area]
    below: dict[str, list[str]]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> "AreaTree":
        """Add up *pieces* by folder. Linear in the total length of their paths."""
        whole: dict[str, Area] = {"": Area("")}
        direct: dict[str, Area] = {}
        below: dict[str, list[str]] = defaultdict(list)
        for piece in pieces:
            parts = piece.path.split("/")[:-1][:40]
            whole[""].add(piece)
            folder = ""
            for part in parts:
                parent, folder = folder, f"{folder}/{part}" if folder else part
                if folder not in whole:
                    whole[folder] = Area(folder)
                    below[parent].append(folder)
                whole[folder].add(piece)
            direct.setdefault(folder, Area(f"{folder}/*" if folder else "*")).add(piece)
        return cls(whole, direct, below)

    def parts(self, most: int) -> list[Area]:
        """Cut the repository into at most *most* areas (4 or more), sorted by path.

        What is left of a folder comes after its parts.

        The largest folder is opened first. Of a folder with too many folders inside,
        the largest ones are parts of their own and the others are one part.
        """
        heap = [self._rank("")]
        closed: list[Area] = []
        while heap:
            name = heapq.heappop(heap)[-1]
            inner = sorted(map(self._rank, self.below.get(name, [])))
            room = most - len(heap) - len(closed) - (name in self.direct)
            if not inner or room < min(len(inner), _FEW):
                closed.append(self.whole[name])
                continue
            kept = len(inner) if len(inner) <= room else max(_FEW, room // 2) - 1
            for rank in inner[:kept]:
                heapq.heappush(heap, rank)
            if inner[kept:]:
                closed.append(self._others(name, [rank[-1] for rank in inner[kept:]]))
            if name in self.direct:
                closed.append(self.direct[name])
        parts = (area for area in closed if area.files)
        return sorted(parts, key=_order)

    def _others(self, name: str, folders: list[str]) -> Area:
        """Return one area for several folders in *name*."""
        label = f"({len(folders)} other folders)"
        others = Area(f"{name}/{label}" if name else label, rest=True)
        for folder in folders:
            area = self.whole[folder]
            others.files += area.files
            others.lines += area.lines
            others.bytes += area.bytes
            others.languages.update(area.languages)
            others.others.update(area.others)
        return others

    def _rank(self, name: str) -> tuple[int, int, str]:
        area = self.whole[name]
        return -area.lines, -area.bytes, name


def _order(area: Area) -> list[tuple[bool, str]]:
    *above, name = area.path.split("/")
    return [*((False, folder) for folder in above), (area.rest, name)]
