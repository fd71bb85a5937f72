"""Changes of resources on the disk: all or nothing, and nobody's work is lost."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.resources._changing import AGENT, NOW, everything, make
from tests.resources._house import House

from crew_actors.errors import UserError
from crew_actors.resources import (
    AlreadyThere,
    ChangedMeanwhile,
    FileChange,
    Foreign,
    NotRestored,
    ResourceEditor,
    SeveralFiles,
    _write,
)
from crew_actors.resources._write import make_changes


def test_what_somebody_else_changed_is_not_written_over(
    edit: ResourceEditor, house: House
) -> None:
    change = edit.update("agent", "maker", values={"model": "m"})
    change.path.write_text("theirs")
    with pytest.raises(ChangedMeanwhile):
        make(change)
    assert change.path.read_text() == "theirs"
    change.path.unlink()
    with pytest.raises(ChangedMeanwhile):
        make(change)


def test_a_link_inside_of_its_folder_stays_one(
    edit: ResourceEditor, house: House
) -> None:
    real = house.mine("agents/real.txt", AGENT.format("linked"))
    link = real.with_name("linked.md")
    link.symlink_to(real)
    make(edit.update("agent", "linked", values={"model": "m"}))
    assert link.is_symlink()
    assert "model: m" in real.read_text()


def test_if_one_file_cannot_be_written_all_are_as_before(
    edit: ResourceEditor, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = edit.update("agent", "maker", rename="worker", update_references=True)
    before = everything(house.root)
    replace = _write._replace

    def fail(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(_write, "_replace", fail)
    with pytest.raises(OSError, match="No space"):
        make(change)
    assert everything(house.root) == before
    monkeypatch.setattr(_write, "_replace", replace)
    make(change)


def test_what_cannot_be_restored_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    a.write_text("a")
    calls = iter(range(9))
    real = _write._make

    def fail(change: FileChange) -> None:
        if next(calls) > 1:
            raise OSError(28, "No space left on device", str(change.path))
        real(change)

    monkeypatch.setattr(_write, "_make", fail)
    changes = [
        FileChange(a, b"a", b"A"),
        FileChange(b, None, b"B"),
        FileChange(c, None, b""),
    ]
    with pytest.raises(NotRestored, match="was written before") as caught:
        make_changes(changes, now=NOW)
    assert caught.value.path == b
    calls = iter(range(1, 9))
    b.unlink()
    a.write_text("a")
    with pytest.raises(NotRestored, match="it was as in") as caught:
        make_changes([FileChange(a, b"a", b"A"), changes[2]], now=NOW)
    assert caught.value.backup is not None
    assert caught.value.backup.read_bytes() == b"a"


def test_without_hard_links_nothing_is_written_over_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    make_changes([FileChange(tmp_path / "a", None, b"A")], now=NOW)
    assert (tmp_path / "a").read_bytes() == b"A"
    with pytest.raises(AlreadyThere):
        _write._create(tmp_path / "a", b"B")
    assert everything(tmp_path) == {"a": b"A"}


def test_a_failed_write_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        make_changes([FileChange(tmp_path / "a", None, b"A")], now=NOW)
    assert everything(tmp_path) == {}


def test_errors_survive_a_pickle(edit: ResourceEditor, house: House) -> None:
    caught: list[Exception] = []
    calls: list[Callable[[], object]] = [
        lambda: edit.create("agent", "maker"),
        lambda: edit.create("agent", "explorer"),
        lambda: edit.create("agent", "?"),
        lambda: edit.delete("agent", "explorer"),
        lambda: edit.delete("agent", "maker"),
    ]
    for call in calls:
        with pytest.raises(UserError) as error:
            call()
        caught.append(error.value)
    path = house.root
    caught += [
        ChangedMeanwhile(path),
        NotRestored(path, None, "x"),
        SeveralFiles("agent", "a", (path,)),
        Foreign("agent", "a", path),
    ]
    for one in caught:
        assert str(pickle.loads(pickle.dumps(one))) == str(one)
