"""A file is changed without losing what its user wrote."""

import stat
import tempfile
import tomllib
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from crew_actors.config import (
    BadSettings,
    SettingsNotWritten,
    _edit as edit,
    all_keys,
    edit_file,
    json_schema,
    template,
)

TEXT = """\
# mine
limit = 3  # as many as I like

[limits]   # of runs
tokens = 10
# the end
"""


def changed(path: Path, name: str, value: object) -> str:
    edit_file(path, name, value, within=None)
    return path.read_text(encoding="utf-8")


def test_comments_and_order_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert changed(path, "limit", 4) == TEXT.replace("limit = 3", "limit = 4")
    assert changed(path, "limit", 3) == TEXT
    text = changed(path, "limits.cost", 2.5)
    assert tomllib.loads(text)["limits"] == {"tokens": 10, "cost": 2.5}
    assert set(TEXT.splitlines()) <= set(text.splitlines())
    text = changed(path, "team", "default")
    assert tomllib.loads(text)["team"] == "default"
    text = changed(path, "run.approve", value=True)
    assert tomllib.loads(text)["run"] == {"approve": True}
    text = changed(path, "limits.tokens", None)
    assert tomllib.loads(text)["limits"]["tokens"] == "none"


def test_what_was_there_is_kept_beside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.toml"
    first = edit_file(path, "limit", 1, within=None)
    assert (first.changed, first.backup) == (True, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    second = edit_file(path, "limit", 2, within=None)
    assert second.backup is not None
    assert second.backup.read_text() == "limit = 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "config.toml",
        "config.toml.bak",
    ]


def test_a_change_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT, encoding="utf-8")
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert not edit_file(path, "limits.tokens", 10, within=None).changed
    assert not edit_file(path, "team", None, remove=True, within=None).changed
    assert not edit_file(path, "run.approve", None, remove=True, within=None).changed
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    nowhere = tmp_path / "none" / "config.toml"
    assert not edit_file(nowhere, "team", None, remove=True, within=None).changed
    assert not nowhere.parent.exists()


def test_a_key_is_removed_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT, encoding="utf-8")
    edit_file(path, "limits.tokens", None, remove=True, within=None)
    assert path.read_text() == TEXT.replace("tokens = 10\n", "")
    edit_file(path, "limit", None, remove=True, within=None)
    assert tomllib.loads(path.read_text()) == {"limits": {}}


@pytest.mark.parametrize(
    "text",
    ["limits.tokens = 1\n", "limits = { tokens = 1 }\n", "x = 1\n[limits]\n[run]\n"],
)
def test_each_way_of_writing_can_be_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    edit_file(path, "limits.tokens", 7, within=None)
    edit_file(path, "limits.cost", 1.0, within=None)
    edit_file(path, "limit", 2, within=None)
    found = tomllib.loads(path.read_text())
    assert found["limits"] == {"tokens": 7, "cost": 1.0}
    assert found["limit"] == 2


def test_what_is_not_toml_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("= 1")
    with pytest.raises(BadSettings, match="not TOML"):
        edit_file(path, "limit", 1, within=None)
    assert path.read_text() == "= 1"


def _gives(text: str, *_: object, **__: object) -> str:
    return text


def test_what_cannot_be_changed_safely_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("limits = 3\n")
    with pytest.raises(SettingsNotWritten, match="left as it is") as refused:
        edit_file(path, "limits.tokens", 1, within=None)
    assert refused.value.exit_code == 1
    assert path.read_text() == "limits = 3\n"
    for wrong in ("limit = 2\nteam = 'x'\n", "= 1"):
        monkeypatch.setattr(edit, "_edited", partial(_gives, wrong))
        with pytest.raises(SettingsNotWritten):
            edit_file(path, "limit", 2, within=None)
    assert path.read_text() == "limits = 3\n"


def test_a_link_of_the_users_own_is_followed(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "crew.toml"
    real.parent.mkdir()
    real.write_text("limit = 1\n")
    path = tmp_path / "config.toml"
    path.symlink_to(real)
    edit_file(path, "limit", 2, within=None)
    assert path.is_symlink()
    assert real.read_text() == "limit = 2\n"
    with pytest.raises(BadSettings, match="leads out of the project"):
        edit_file(path, "limit", 3, within=path.parent / "elsewhere")


def test_a_failed_write_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        edit_file(path, "limit", 9, within=None)
    assert path.read_text() == TEXT
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


@given(st.lists(st.tuples(st.sampled_from(sorted(all_keys())), st.integers(1, 9))))
def test_what_was_set_last_is_said(changes: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(TEXT)
        expected: dict[str, int] = {"limit": 3, "limits.tokens": 10}
        for name, value in changes:
            edit_file(path, name, value, within=None)
            expected[name] = value
        found = tomllib.loads(path.read_text())
        for name, value in expected.items():
            section, _, last = name.rpartition(".")
            assert (found[section] if section else found)[last] == value


@pytest.mark.parametrize("project", [True, False])
def test_a_template_sets_nothing_and_tells_everything(project: bool) -> None:
    text = template(project=project)
    found = tomllib.loads(text)
    assert not any(value for value in found.values())
    for name, key in all_keys().items():
        shown = f"# {name.rpartition('.')[2]} = " in text
        assert shown is (key.project != "never" or not project)
    assert max(map(len, text.splitlines())) <= 88


def test_the_schema_describes_each_key() -> None:
    properties = cast("dict[str, Any]", json_schema()["properties"])
    for name, key in all_keys().items():
        section, _, last = name.rpartition(".")
        table = properties[section]["properties"] if section else properties
        assert key.help[1:] in table[last]["description"]
    limits = properties["limits"]["properties"]
    assert limits["cost"]["anyOf"][1] == {"const": "none"}
    assert limits["question_seconds"]["maximum"] == 3600
    assert "default" not in limits["slots"]
    assert properties["run"]["properties"]["workspace"]["enum"] == [
        "shared",
        "worktree",
    ]
