"""`crew config`: look at settings, and change them."""

import json
import os
import tomllib
from pathlib import Path

import attrs
import pytest

from crew_actors.commands import BadParameters, Context, build, load_action
from crew_actors.commands._config import (
    Changed,
    ConfigParameters,
    Paths,
    Schema,
    Settled,
    configure,
)
from crew_actors.config import (
    BadSetting,
    BadSettings,
    Setting,
    all_keys,
    json_schema,
    project_file,
    user_file,
)
from crew_actors.observe import json_line
from crew_actors.places import Project, user_places


@pytest.fixture
def context(tmp_path: Path) -> Context:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    return Context(
        project=Project(root, is_repository=False),
        places=user_places(os.environ),
        environ={},
        now=lambda: 0.0,
    )


def call(context: Context, *words: str, **options: str) -> object:
    names = ("operation", "key", "value")
    given = {**dict(zip(names, words, strict=False)), **options}
    return configure(build("config", ConfigParameters, given), context)


def text_of(result: object) -> str:
    return load_action("config").text(result)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_each_setting_is_listed_with_its_layer(context: Context) -> None:
    mine = write(user_file(context.places), "limit = 3\n")
    own = write(project_file(context.project), "[limits]\ncost = 2\n")
    context = attrs.evolve(context, environ={"CREW_TEAM": "review"})
    result = call(context)
    assert isinstance(result, Settled)
    lines = {line.split()[0]: line.split()[1:] for line in text_of(result).splitlines()}
    assert set(lines) == set(all_keys())
    assert lines["limit"] == ["3", "user", f"{mine}:1"]
    assert lines["limits.cost"] == ["2.0", "project", f"{own}:2"]
    assert lines["team"] == ["'review'", "environment", "CREW_TEAM"]
    assert lines["limits.tokens"] == ["none", "built-in"]
    assert load_action("config").exit_code(result) == 0
    listed = json.loads(json_line(result))["settings"]
    assert {one["key"]: one["layer"] for one in listed}["limit"] == "user"


def test_what_is_wrong_is_listed_too(context: Context) -> None:
    own = write(project_file(context.project), 'team = "evil\\u001b[2J"\n')
    result = call(context, "list")
    assert text_of(result).splitlines()[-1].startswith(f"warning: {own}:1: team = ")
    assert "\x1b" not in text_of(result)
    assert load_action("config").exit_code(result) == 0
    write(user_file(context.places), "limit = 0\n")
    result = call(context, "list")
    assert "error: " in text_of(result)
    assert load_action("config").exit_code(result) == 1
    json.loads(json_line(result))


def test_one_setting_is_told_alone(context: Context) -> None:
    result = call(context, "get", "limits.attempts")
    assert result == Setting(key="limits.attempts", value=3, layer="built-in")
    assert text_of(result) == "3"


def test_a_setting_is_set_and_unset(context: Context) -> None:
    path = user_file(context.places)
    first = call(context, "set", "limits.tokens", "5000")
    assert isinstance(first, Changed)
    assert text_of(first) == f"limits.tokens = 5000 (user); changed {path}"
    assert tomllib.loads(path.read_text()) == {"limits": {"tokens": 5000}}
    again = call(context, "set", "limits.tokens", "5000")
    assert "nothing was written" in text_of(again)
    more = call(context, "set", "run.on_failure", "fail-fast")
    assert f"what it was is in {path}.bak" in text_of(more)
    call(context, "set", "limits.tokens", "none")
    assert tomllib.loads(path.read_text())["limits"] == {"tokens": "none"}
    gone = call(context, "unset", "limits.tokens")
    assert "limits.tokens = none (built-in); changed" in text_of(gone)
    assert tomllib.loads(path.read_text())["run"] == {"on_failure": "fail_fast"}


def test_what_stands_above_the_file_is_told(context: Context) -> None:
    context = attrs.evolve(context, environ={"CREW_LIMIT": "7"})
    result = call(context, "set", "limit", "3")
    assert text_of(result).splitlines()[-1] == "CREW_LIMIT stands above the file."


def test_a_project_can_only_be_told_to_tighten(context: Context) -> None:
    path = project_file(context.project)
    with pytest.raises(BadSetting, match="may not set team"):
        call(context, "set", "team", "x", scope="project")
    with pytest.raises(
        BadSetting,
        match=r"attempts: a project may only lower it, and it is 3 \(built-in\)",
    ):
        call(context, "set", "limits.attempts", "4", scope="project")
    assert not path.exists()
    call(context, "set", "limits.attempts", "2", scope="project")
    assert tomllib.loads(path.read_text()) == {"limits": {"attempts": 2}}
    assert path.stat().st_mode & 0o777 == 0o644
    call(context, "unset", "limits.attempts", scope="project")
    path.write_text('team = "x"\n')
    call(context, "unset", "team", scope="project")
    assert path.read_text() == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("get",), "key is missing"),
        (("set",), "key is missing"),
        (("set", "limit"), "value is missing"),
        (("set", "limit", ""), "crew config unset"),
        (("unset", "limit", "3"), "unset takes no value"),
        (("list", "limit"), "list takes no key"),
        (("schema", "limit", "3"), "schema takes no value"),
        (("lsit",), "did you mean 'list'"),
    ],
)
def test_too_little_or_too_much_is_refused(
    words: tuple[str, ...], message: str, context: Context
) -> None:
    with pytest.raises(BadParameters, match=message):
        call(context, *words)
    assert not user_file(context.places).exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("get", "limits.tokns"), "did you mean 'limits.tokens'"),
        (("set", "limit", "0"), "at least 1"),
        (("set", "limit", "many"), "must be a whole number"),
        (("set", "run.workspace", "worktre"), "did you mean 'worktree'"),
        (("set", "sweep", "perhaps"), "must be true or false"),
        (("set", "team", "a\nb"), "must be a text"),
    ],
)
def test_a_wrong_setting_is_refused(
    words: tuple[str, ...], message: str, context: Context
) -> None:
    with pytest.raises(BadSetting, match=message):
        call(context, *words)
    assert not user_file(context.places).exists()


def test_a_file_that_is_not_toml_is_not_changed(context: Context) -> None:
    path = write(user_file(context.places), "= 1\n")
    with pytest.raises(BadSettings):
        call(context, "set", "limit", "3")
    assert path.read_text() == "= 1\n"


def test_the_schema_and_the_files_are_told(context: Context) -> None:
    schema = call(context, "schema")
    assert schema == Schema(schema=json_schema())
    assert json.loads(text_of(schema)) == json_schema()
    paths = call(context, "paths")
    mine, own = user_file(context.places), project_file(context.project)
    assert paths == Paths(user=mine, project=own)
    assert text_of(paths).splitlines()[0].split(maxsplit=1) == [
        "user",
        f"{mine} (none yet)",
    ]
    write(mine, "")
    assert "none yet" not in text_of(paths).splitlines()[0]
