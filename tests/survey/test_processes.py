"""The agents as processes, as the runtime starts them."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crew_actors.survey import __main__ as door
from crew_actors.survey._agents import AGENTS

Write = Callable[[Mapping[str, str | bytes]], Path]
_ROOT = str(Path(door.__file__).parents[2])


def _run(
    name: str, root: Path, environ: Mapping[str, str], *more: str
) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-P", "-m", "crew_actors.survey", name, *more]
    return subprocess.run(
        argv,
        cwd=root,
        env={**environ, "PYTHONPATH": _ROOT},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", AGENTS)
def test_each_agent_runs_by_hand_and_always_says_the_same(
    name: str, repository: Write, environ: dict[str, str]
) -> None:
    root = repository(
        {
            "a.py": "x = 1\n",
            "ü|`\n.py": "",
            "tests/test_a.py": "def test_a(): pass\n",
            "ast.py": "raise SystemExit('this file was run')\n",
        }
    )
    once = _run(name, root, environ)
    assert once.returncode == 0, once.stderr
    assert once.stderr == b""
    lines = [json.loads(line) for line in once.stdout.splitlines()]
    assert lines[-1]["type"] == "result"
    assert lines[-1]["data"]["agent"] == name
    assert lines[-1]["text"].startswith("# ")
    assert str(root).encode() not in once.stdout
    assert _run(name, root, environ | {"PYTHONHASHSEED": "7"}).stdout == once.stdout


@pytest.mark.parametrize("argv", [("gardener",), ("writer", "more")])
def test_an_agent_that_does_not_exist_is_a_usage_error(
    argv: tuple[str, ...], tmp_path: Path, environ: dict[str, str]
) -> None:
    done = _run(argv[0], tmp_path, environ, *argv[1:])
    assert done.returncode == 2
    assert b"cartographer|historian|auditor|tester|writer" in done.stderr
    assert done.stdout == b""


def test_an_agent_imports_nothing_heavy(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    text = (
        "import sys; before = set(sys.modules); import crew_actors; door = set(sys.modules)\n"
        "import crew_actors.survey.__main__\n"
        "print(sorted(name for name in set(sys.modules) - door if name.split('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", text],
        env={**environ, "PYTHONPATH": _ROOT},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.decode().replace("'", '"'))
    assert {name.split(".")[0] for name in found} <= {"attr", "attrs", "crew_actors"}
    assert {
        name.split(".")[1] for name in found if name.startswith("crew_actors.")
    } == {"survey"}


def test_a_reader_that_goes_away_is_no_crash(
    repository: Write, environ: dict[str, str]
) -> None:
    root = repository({"a.py": "x = 1\n"})
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "crew_actors.survey", "cartographer"],
        cwd=root, env={**environ, "PYTHONPATH": _ROOT}, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_an_output_folder_that_is_gone_is_a_failure_that_says_so(
    messages: Callable[..., tuple[int, list[dict[str, Any]]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = messages("writer", tmp_path, CREW_OUTPUT=str(tmp_path / "gone"))
    assert code == 1
    assert said[-1]["message"].startswith("FileNotFoundError")
    assert "Traceback" in capsys.readouterr().err


def test_the_command_line_runs_in_the_working_folder(
    repository: Write,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(repository({"a.py": "x = 1\n"}))
    monkeypatch.setattr(sys, "argv", ["survey", "cartographer"])
    monkeypatch.delenv("CREW_INPUTS", raising=False)
    assert door.run() == 0
    assert '"type": "result"' in capsys.readouterr().out


def test_a_wrong_name_is_told_the_right_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert door.main(["gardener"], {}, tmp_path, sys.stdout) == 2
    assert "cartographer" in capsys.readouterr().err


class _Gone(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError(text)

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_pipe_that_breaks_ends_the_agent_quietly(tmp_path: Path) -> None:
    assert door.main(["writer"], {}, tmp_path, _Gone()) == 1


def test_output_that_cannot_be_flushed_ends_the_process_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    stream = _Gone()
    monkeypatch.setattr(stream, "fileno", lambda: write)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["survey", "gardener"])
    monkeypatch.chdir(tmp_path)
    assert door.run() == 1
    os.close(read)
    os.close(write)
