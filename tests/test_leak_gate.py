"""The gate itself can fail: each kind of leak is found."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LEAKS = {
    "child process": 'kept.append(subprocess.Popen(["sleep", "3"]))',
    "file descriptor": 'kept.append(os.open("pyproject.toml", os.O_RDONLY))',
    "thread": "threading.Thread(target=time.sleep, args=(3,), daemon=True).start()",
}


def _run(tmp_path: Path, statement: str) -> "subprocess.CompletedProcess[str]":
    module = tmp_path / "test_it.py"
    module.write_text(
        "import os, subprocess, threading, time\n"
        f"kept = []\ndef test_it():\n    {statement}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest"]
    config = ["-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *config, str(module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("kind", LEAKS)
def test_a_test_that_leaks_is_an_error(tmp_path: Path, kind: str) -> None:
    done = _run(tmp_path, LEAKS[kind])
    assert done.returncode == 1
    assert "the test left Holdings(" in done.stdout


def test_a_test_that_leaks_nothing_passes(tmp_path: Path) -> None:
    assert _run(tmp_path, "kept.append(1)").returncode == 0
