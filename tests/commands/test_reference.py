"""The page of all commands is made from their table."""

from pathlib import Path

import pytest

from crew_actors.commands import SUMMARIES, load_action, parameters_of
from crew_actors.commands.reference import main, reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def test_the_page_is_as_the_table_says() -> None:
    way_out = "python -m crew_actors.commands.reference docs/reference/commands.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), f"make it again: {way_out}"


def test_each_parameter_has_its_line() -> None:
    page = reference()
    for name in SUMMARIES:
        section = page.partition(f"## `crew {name}`\n")[2].partition("\n## ")[0]
        for parameter in parameters_of(load_action(name).parameters):
            shown = parameter.name.upper() if parameter.positional else parameter.label
            assert f"| `{shown}" in section


def test_it_is_written_to_a_file_or_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == reference()
    assert main([]) == 0
    assert capsys.readouterr().out == reference()
