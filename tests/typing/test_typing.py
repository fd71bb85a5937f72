"""The types of the public API hold for both type checkers."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("tests/typing/actors_api.py", "tests/typing/runs_api.py")


def check(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command, *FILES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_infers_what_an_ask_returns() -> None:
    pytest.importorskip("mypy")
    check("mypy")


def test_pyright_infers_what_an_ask_returns() -> None:
    pytest.importorskip("pyright")
    check("pyright", "--pythonpath", sys.executable)
