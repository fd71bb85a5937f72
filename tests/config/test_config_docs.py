"""The page about settings says what the schema says."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from crew_actors.config import Key, all_keys, load_config, variable_of
from crew_actors.config._mcp import MCP_FIELDS
from crew_actors.config._providers import ABOUT
from crew_actors.places import Places

DOCS = Path(__file__).parents[2] / "docs"
MARK = "## {}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _values(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{one}`" for one in key.choices)
    kinds = {"text": "text", "flag": "`true`, `false`", "whole": "whole number"}
    bounds = ""
    if key.least is not None and key.most is not None:
        bounds = f", {key.least:,} to {key.most:,}"
    limited = key.optional and key.kind in {"whole", "number"}
    return f"{kinds.get(key.kind, 'number')}{bounds}{', `none`' if limited else ''}"


def _row(key: Key) -> str:
    default = "cores less 2" if key.name == "limits.slots" else _shown(key.default)
    cells = (f"`{key.name}`", key.help, _values(key), default, key.project)
    return f"| {' | '.join(cells)} |"


def table() -> dict[str, list[str]]:
    """Return the lines of the table of each section."""
    found: dict[str, list[str]] = {}
    for name, key in all_keys().items():
        section = name.rpartition(".")[0]
        title = f"`[{section}]`" if section else "Without a section"
        head = [
            "| setting | meaning | values | default | project |",
            "|---|---|---|---|---|",
        ]
        found.setdefault(title, head).append(_row(key))
    return found


@pytest.mark.parametrize("section", table())
def test_the_reference_has_each_setting_as_it_is(section: str) -> None:
    page = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
    told = page.partition(f"{MARK.format(section)}\n")[2].partition("\n## ")[0]
    assert told.strip().splitlines() == table()[section]


@pytest.mark.parametrize(
    ("section", "fields"), [("providers", ABOUT), ("mcp", MCP_FIELDS)]
)
def test_the_reference_has_each_field_of_what_is_named(
    section: str, fields: Mapping[str, str]
) -> None:
    page = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
    told = page.partition(f"## `[{section}.NAME]`\n")[2].partition("\n## ")[0]
    rows = [line for line in told.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {about} |" for name, about in fields.items()]


def test_the_examples_of_the_guide_can_be_set(tmp_path: Path) -> None:
    page = (DOCS / "how-to" / "configure.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    tomllib.loads(text)
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    found = load_config(Places(config=tmp_path, data=tmp_path))
    assert found.problems == ()
    assert found.entries["limits.cost"].layer == "user"
    named = set(re.findall(r"CREW_[A-Z_]+", page))
    assert named <= {variable_of(name) for name in all_keys()}
