"""Providers of models are the user's own, and each field of them is judged."""

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest

from crew_actors.config import (
    BadSettings,
    json_schema,
    load_config,
    load_settings,
    user_file,
)
from crew_actors.model import Provider
from crew_actors.places import Places, Project

GOOD = """\
team = "review"

[providers.mine]
api = "chat"
base_url = "http://localhost:8080/v1"
models = ["small", "large"]
context = 8_192
tools = false
input_price = 0.5

[providers.dear]
api = "messages"
base_url = "https://example.com/v1"
key_env = "DEAR_KEY"
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(config=tmp_path / "user", data=tmp_path / "data")


def user(places: Places, text: str) -> Path:
    path = user_file(places)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_users_providers_are_read(places: Places) -> None:
    user(places, GOOD)
    assert load_settings(places).providers == (
        Provider(
            name="mine",
            api="chat",
            base_url="http://localhost:8080/v1",
            models=("small", "large"),
            context=8192,
            tools=False,
            input_price=0.5,
        ),
        Provider(
            name="dear",
            api="messages",
            base_url="https://example.com/v1",
            key_env="DEAR_KEY",
        ),
    )
    assert load_settings(places).team == "review"


def test_each_field_is_told_with_its_line(places: Places) -> None:
    path = user(places, GOOD)
    entry = load_config(places).entries["providers.dear.key_env"]
    assert (entry.value, entry.layer, entry.where) == ("DEAR_KEY", "user", str(path))
    assert entry.line == 11


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("providers = 3", "must be a table"),
        ("[providers]\nx = 3", "providers.x must be a table, [providers.x], not 3"),
        ("[providers.'A B']\n", "'A B' is no name for a provider"),
        ('[providers.x]\nbase_url = "http://h"', "providers.x has no api"),
        ('[providers.x]\napi = "chat"', "providers.x has no base_url"),
        ("[providers.x]\nkey = 3", "unknown field 'key'; there are api"),
    ],
)
def test_a_provider_that_cannot_be_is_named(
    places: Places, text: str, why: str
) -> None:
    user(places, text)
    with pytest.raises(BadSettings) as error:
        load_settings(places)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ('api = "soap"', "api must be one of chat, messages, responses"),
        ('base_url = "localhost"', "base_url must be an address that begins with"),
        (
            'key_env = "sk-123"',
            "key_env must be the name of a variable; the key itself",
        ),
        ("models = 3", "models must be a list"),
        ('models = [""]', "models must be a list"),
        ("tools = 1", "tools must be true or false"),
        ("context = 0", "context must be a number from 1"),
        ("context = true", "context must be a number from 1"),
        ("input_price = -1", "input_price must be a number from 0"),
        ("output_price = nan", "output_price must be a number from 0"),
    ],
)
def test_a_field_that_cannot_be_is_named_and_the_other_providers_are_kept(
    places: Places, field: str, why: str
) -> None:
    given = {"api": '"chat"', "base_url": '"http://h"'}
    name, _, value = field.partition(" = ")
    given[name] = value
    lines = "\n".join(f"{name} = {value}" for name, value in given.items())
    user(places, f"{GOOD}\n[providers.bad]\n{lines}\n")
    config = load_config(places)
    (problem,) = config.problems
    assert f"providers.bad.{why}" in problem.message
    assert problem.severity == "error"
    assert [one.name for one in config.settings.providers] == ["mine", "dear"]


def test_a_key_in_place_of_its_name_is_not_repeated(places: Places) -> None:
    key = "sk-" + "proj-" + "a1B2c3D4" * 5
    user(
        places,
        f'[providers.x]\napi = "chat"\nbase_url = "http://h"\nkey_env = "{key}"\n',
    )
    (problem,) = load_config(places).problems
    assert key not in str(problem)
    assert key not in str(problem.value)


def test_a_project_names_no_providers(places: Places, tmp_path: Path) -> None:
    project = Project(tmp_path.resolve() / "project", is_repository=False)
    project.crew_dir.mkdir(parents=True)
    (project.crew_dir / "config.toml").write_text(GOOD.partition("\n")[2])
    config = load_config(places, project=project)
    assert config.settings.providers == ()
    assert {one.severity for one in config.problems} == {"warning"}
    assert "only your own config.toml may name it" in str(config.problems[0])


def test_the_schema_knows_providers() -> None:
    validator: Any = jsonschema.Draft202012Validator(json_schema())
    mine = {"api": "chat", "base_url": "http://h"}
    assert not list(validator.iter_errors({"providers": {"mine": mine}}))
    assert list(validator.iter_errors({"providers": {"mine": {"api": "chat"}}}))
