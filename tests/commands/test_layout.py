import shutil
from os import terminal_size

import pytest

from crew_actors.commands import _layout
from crew_actors.commands._layout import columns, paragraph

ROW = ("name", "word " * 60 + "end")


def seen_at(monkeypatch: pytest.MonkeyPatch, wide: int, *, terminal: bool) -> None:
    def size(_: object) -> terminal_size:
        return terminal_size((wide, 24))

    def answer(_: object) -> bool:
        return terminal

    monkeypatch.setattr(shutil, "get_terminal_size", size)
    monkeypatch.setattr(_layout, "is_terminal", answer)


@pytest.mark.parametrize("wide", [60, 100, 200])
def test_the_last_column_takes_all_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, wide: int
) -> None:
    seen_at(monkeypatch, wide, terminal=True)
    (line,) = columns([ROW])
    assert line.endswith("…")
    assert wide - 1 <= len(line) <= wide


def test_where_nobody_looks_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    seen_at(monkeypatch, 40, terminal=False)
    (line,) = columns([ROW])
    assert line.endswith(" end")


@pytest.mark.parametrize(("wide", "longest"), [(60, 60), (200, 100)])
def test_a_paragraph_stays_readable(
    monkeypatch: pytest.MonkeyPatch, wide: int, longest: int
) -> None:
    seen_at(monkeypatch, wide, terminal=True)
    lines = paragraph(ROW[1])
    assert longest - 5 <= max(map(len, lines)) <= longest
