"""Files are read without following links, and written whole or not at all."""

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from crew_actors.journal import UnsafeFolder
from crew_actors.store import (
    NoFolderFor,
    NotReadable,
    TargetInTheWay,
    read_inside,
    write_outgoing,
)
from crew_actors.store._outgoing import Outgoing, target_of


@pytest.mark.parametrize("path", ["../x", "a/../x", "/x", "a//x", "./x", ""])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    (tmp_path / "x").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(NotReadable, match="leads elsewhere"):
        read_inside(root, path, 10)


def test_only_regular_files_of_bearable_size_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("12345")
    os.mkfifo(tmp_path / "a" / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "a" / "x")
    assert read_inside(tmp_path, "a/x", 5) == b"12345"
    for path in ("a", "a/pipe"):
        with pytest.raises(NotReadable, match="regular"):
            read_inside(tmp_path, path, 5)
    with pytest.raises(NotReadable, match="more than 4 bytes"):
        read_inside(tmp_path, "a/x", 4)
    for path in ("link/x", "a/link", "a/none", "none/x"):
        with pytest.raises(NotReadable):
            read_inside(tmp_path, path, 5)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        write_outgoing(tmp_path / "x", fail, replace=True)
    assert not list(tmp_path.iterdir())


def test_a_file_that_comes_up_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def meanwhile(file: BinaryIO) -> None:
        file.write(b"mine")
        (tmp_path / "x").write_text("theirs")

    with pytest.raises(TargetInTheWay, match="--to"):
        write_outgoing(tmp_path / "x", meanwhile, replace=False)
    assert [one.read_text() for one in tmp_path.iterdir()] == ["theirs"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/me", "~"),
        ("/home/me/x", "~/x"),
        ('"/home/me"', '"~"'),
        ("a:/home/me:b", "a:~:b"),
        ("/home/meister", "/home/meister"),
        ("/home/me.old", "/home/me.old"),
        ("/mnt/home/me", "/mnt/home/me"),
        ("/home/me-2", "/home/me-2"),
    ],
)
def test_the_home_folder_is_named_by_a_sign(text: str, shown: str) -> None:
    assert Outgoing(Path("/home/me")).value([text]) == [shown]


def test_a_home_that_is_the_root_says_nothing() -> None:
    assert Outgoing(Path("/")).value("/etc/x") == "/etc/x"


def test_no_folder_is_made_for_a_file_that_a_person_has_named(tmp_path: Path) -> None:
    def fill(file: BinaryIO) -> None:
        file.write(b"x")

    with pytest.raises(NoFolderFor, match="name another with --to") as caught:
        write_outgoing(tmp_path / "a" / "b" / "x", fill, replace=False)
    assert str(tmp_path / "a" / "b") in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_a_project_brings_does_not_choose_where_files_go(
    tmp_path: Path, kind: str
) -> None:
    crew = tmp_path / "project" / ".crew"
    crew.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "link":
        (crew / "exports").symlink_to(elsewhere)
    else:
        (crew / "exports").write_text("x")
    with pytest.raises(UnsafeFolder):
        target_of(None, crew / "exports", "x.zip")
    assert list(elsewhere.iterdir()) == []


def test_bytes_that_are_no_utf_8_stay() -> None:
    data = b"/home/me/\xff\xfe and \xe4"
    assert Outgoing(Path("/home/me")).data(data) == b"~/\xff\xfe and \xe4"
