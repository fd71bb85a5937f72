"""The code of the pages about actors is made of programs that run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial" / "first-actors.md"
PAGES = [
    TUTORIAL,
    DOCS / "how-to" / "test-your-actors.md",
    DOCS / "how-to" / "spread-work-over-actors.md",
]


def blocks(language: str, page: Path = TUTORIAL) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    )


def test_the_tutorial_runs_and_prints_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exec("\n".join(blocks("python")), {"__name__": "tutorial"})
    printed = capsys.readouterr().out
    assert "Add(number=-1) was not handled: ValueError(-1)" in printed
    (shown,) = blocks("text")
    assert printed.endswith(shown)


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path) -> None:
    exec("\n".join(blocks("python", page)), {"__name__": "page"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_is_typed(page: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text("\n".join(blocks("python", page)))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
