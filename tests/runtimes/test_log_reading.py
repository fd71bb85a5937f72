"""Reading on in what a program has said, while it says more."""

from pathlib import Path

import pytest

from crew_actors.runtimes import read_on, said_so_far


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stdout.10.log").write_text("abcde")
    (tmp_path / "stdout.15.log").write_text("fghij")
    return tmp_path


@pytest.mark.parametrize(
    ("first", "limit", "found"),
    [
        (10, 100, (10, b"abcdefghij")),
        (12, 4, (12, b"cdef")),
        (15, 2, (15, b"fg")),
        (18, 100, (18, b"ij")),
        (20, 100, (20, b"")),
        (0, 3, (10, b"abc")),
    ],
)
def test_it_is_read_on_from_any_place_that_is_kept(
    folder: Path, first: int, limit: int, found: tuple[int, bytes]
) -> None:
    assert read_on(folder, "stdout", first, limit) == found


def test_a_gap_is_not_passed_over_unseen(folder: Path) -> None:
    (folder / "stdout.30.log").write_text("z")
    assert read_on(folder, "stdout", 18, 100) == (18, b"ij")
    assert read_on(folder, "stdout", 20, 100) == (30, b"z")


def test_it_is_known_how_much_was_said(folder: Path) -> None:
    assert said_so_far(folder, "stdout") == 20
    assert said_so_far(folder, "stderr") == 0
    assert read_on(folder, "stderr", 0, 10) == (0, b"")
