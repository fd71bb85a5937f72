from pathlib import Path

from crew_actors.commands import ROLES
from crew_actors.console._scopes import SCOPES
from crew_actors.console.reference import made, main

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "protocol.md"


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert made(text) == text, "make it again, as its beginning says"
    assert all(f"| `{name}` |" in text for name in (*ROLES, *SCOPES))


def test_a_page_is_made_in_its_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- made: closes -->\nold\n<!-- end -->\nb\n")

    assert main([str(page)]) == 0
    text = page.read_text()
    assert text.startswith("a\n<!-- made: closes -->\n| code | meaning |\n")
    assert "| 4401 | the token is not one of this server |" in text
    assert "old" not in text
    assert text.endswith("<!-- end -->\nb\n")
