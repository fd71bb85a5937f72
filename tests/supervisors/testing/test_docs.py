"""The examples of the page run, and its tables are complete."""

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from crew_supervisors import testing

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "test-your-tree.md").read_text()
CODE = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
EXAMPLES: dict[str, Any] = {}
exec(compile(CODE, "test-your-tree.md", "exec"), EXAMPLES)
TESTS = [name for name in EXAMPLES if name.startswith("test_")]


@pytest.mark.parametrize("name", TESTS)
def test_each_example_runs_as_it_stands(name: str) -> None:
    EXAMPLES[name]()


def test_the_page_has_examples() -> None:
    assert len(TESTS) == 3


@pytest.mark.parametrize("field", attrs.fields_dict(testing.Script))
def test_each_field_of_a_script_is_in_the_table(field: str) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert any(line.startswith(f"| `{field}") for line in rows) or field == "value"


@pytest.mark.parametrize(
    "name",
    ["EventProbe", "ProbeTimeout", "StillWaiting", "run_virtual", "interruptible"],
)
def test_names_on_the_page_exist(name: str) -> None:
    assert f"`{name}`" in PAGE
    assert hasattr(testing, name)
