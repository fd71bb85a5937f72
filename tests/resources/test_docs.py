"""The reference of resource files says what is so."""

import re
from pathlib import Path

import pytest
from tests.resources._house import House, told

from crew_actors.resources import PLACEHOLDERS, validate_all
from crew_actors.resources._agents import COMMAND_KEYS, IDLE_KEYS as AGENT_KEYS
from crew_actors.resources._teams import IDLE_KEYS as TEAM_KEYS
from crew_actors.resources._workflows import KNOWN_KEYS as STEP_KEYS

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs/reference/resource-files.md").read_text(encoding="utf-8")
_EXAMPLES = re.findall(r"^```markdown\n(.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)

FILES = (
    "agents/api-reviewer.md",
    "agents/link-checker.md",
    "teams/docs.team.md",
    "workflows/docs.workflow.md",
)


def test_the_examples_work_together_without_a_problem(house: House) -> None:
    for name, text in zip(FILES, _EXAMPLES, strict=True):
        house.mine(name, text)
    catalog = house.load()
    assert told(validate_all(catalog)) == []
    assert {"api-reviewer", "link-checker"} <= catalog.agents.keys()
    assert len(catalog.team("docs").roles) == 3
    assert len(catalog.workflow("docs").steps) == 3


@pytest.mark.parametrize(
    "word",
    sorted(
        {
            *AGENT_KEYS,
            *TEAM_KEYS,
            *STEP_KEYS,
            *COMMAND_KEYS,
            *("name", "description", "model", "fallbackModels", "tools", "skills"),
            *("skill", "maxTurns", "disabled", "enabled", "runtime"),
            *("defaultWorkflow", "workflow", "maxConcurrency"),
            *(f"{{{name}}}" for name in PLACEHOLDERS),
        }
    ),
)
def test_each_key_and_placeholder_is_in_the_reference(word: str) -> None:
    assert f"`{word}`" in _PAGE
