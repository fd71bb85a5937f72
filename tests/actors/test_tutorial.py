"""The code of the tutorial is a program that runs and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first-actors.md"


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )


def test_the_tutorial_runs_and_prints_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exec("\n".join(blocks("python")), {"__name__": "tutorial"})
    printed = capsys.readouterr().out
    assert "Add(number=-1) was not handled: ValueError(-1)" in printed
    (shown,) = blocks("text")
    assert printed.endswith(shown)


def test_the_tutorial_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "tutorial.py"
    program.write_text("\n".join(blocks("python")))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
