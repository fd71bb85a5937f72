"""The user's settings are read whole, or every problem is named."""

import pickle
from pathlib import Path

import pytest

from crew_actors.config import BadSettings, Settings, load_settings
from crew_actors.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(config=tmp_path, data=tmp_path)


def test_without_a_file_there_are_the_defaults(places: Places) -> None:
    assert load_settings(places) == Settings()


def test_what_is_set_is_read(places: Places) -> None:
    text = 'team = "review"\nagent_runtime = "claude"\nlimit = 3\nsweep = false\n'
    (places.config / "config.toml").write_text(text)
    settings = load_settings(places)
    assert settings == Settings(
        team="review", agent_runtime="claude", limit=3, sweep=False
    )


def test_every_problem_is_named_at_once(places: Places) -> None:
    path = places.config / "config.toml"
    path.write_text('taem = "x"\nlimit = true\nagent_runtime = 3\nsweep = 1\n')
    with pytest.raises(BadSettings) as bad:
        load_settings(places)
    assert str(bad.value).splitlines() == [
        (
            f"{path}: unknown setting 'taem'; did you mean 'team'? "
            "(there are: agent_runtime, limit, sweep, team)"
        ),
        f"{path}: limit must be a whole number, not True",
        f"{path}: agent_runtime must be a text, not 3",
        f"{path}: sweep must be true or false, not 1",
    ]
    again = pickle.loads(pickle.dumps(bad.value))
    assert str(again) == str(bad.value)


def test_a_limit_is_at_least_one(places: Places) -> None:
    (places.config / "config.toml").write_text("limit = 0")
    with pytest.raises(BadSettings, match="at least 1, not 0"):
        load_settings(places)


@pytest.mark.parametrize("content", [b"= 1", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_a_clear_error(
    places: Places, content: bytes
) -> None:
    (places.config / "config.toml").write_bytes(content)
    with pytest.raises(BadSettings, match=r"config\.toml"):
        load_settings(places)
