"""MCP servers are the user's own, and each field of them is judged."""

from pathlib import Path

import pytest

from crew_actors.config import BadSettings, load_config, load_settings, user_file
from crew_actors.model import McpServer
from crew_actors.places import Places, Project

GOOD = """\
[mcp.box]
command = ["/bin/box", "--all"]
env = ["KEY"]

[mcp.far]
url = "https://example.com/mcp"
token_env = "TOKEN"
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(config=tmp_path / "user", data=tmp_path / "data")


def user(places: Places, text: str) -> None:
    path = user_file(places)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_users_servers_are_read_and_told(places: Places) -> None:
    user(places, GOOD)
    assert load_settings(places).mcp == (
        McpServer(name="box", command=("/bin/box", "--all"), env=("KEY",)),
        McpServer(name="far", url="https://example.com/mcp", token_env="TOKEN"),
    )
    entry = load_config(places).entries["mcp.box.command"]
    assert (entry.value, entry.layer, entry.line) == (("/bin/box", "--all"), "user", 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mcp = 3", "mcp must be a table, [mcp.NAME], not 3"),
        ("[mcp]\nx = 3", "mcp.x must be a table, [mcp.x], not 3"),
        ("[mcp.'a b']\n", "'a b' is no name for a server"),
        ("[mcp.x]\nenv = ['A']", "mcp.x needs either a command or a url"),
        (
            "[mcp.x]\ncommand = ['a']\nurl = 'http://h'",
            "needs either a command or a url",
        ),
        ("[mcp.x]\ncmd = ['a']", "unknown field 'cmd'; there are command, env, url"),
        ("[mcp.x]\ncommand = 'a b'", "mcp.x.command must be a list of texts"),
        ("[mcp.x]\ncommand = []", "mcp.x.command must be a list of texts"),
        ("[mcp.x]\nurl = 'h'", "mcp.x.url must be an address"),
        ("[mcp.x]\nenv = ['A=1']", "mcp.x.env must be a list of names of variables"),
        (
            "[mcp.x]\ntoken_env = 'a-b'",
            "mcp.x.token_env must be the name of a variable",
        ),
    ],
)
def test_a_server_that_cannot_be_is_named(places: Places, text: str, why: str) -> None:
    user(places, text)
    with pytest.raises(BadSettings) as error:
        load_settings(places)
    assert why in str(error.value)


def test_a_project_names_no_servers(places: Places, tmp_path: Path) -> None:
    project = Project(tmp_path.resolve() / "project", is_repository=False)
    project.crew_dir.mkdir(parents=True)
    (project.crew_dir / "config.toml").write_text(GOOD)
    config = load_config(places, project=project)
    assert config.settings.mcp == ()
    assert [one.severity for one in config.problems] == ["warning", "warning"]
    assert "only your own config.toml may name it" in str(config.problems[0])
