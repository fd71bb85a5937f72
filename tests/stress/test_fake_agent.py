"""The fake agent does what its page says, as a program of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from crew_stress import fake_agent
from crew_stress.fake_agent import PERSONAS, argv

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "fake-agent.md"
FOREVER = ("ready", "sleep")


def said(*script: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(argv(*script), capture_output=True, timeout=20, check=False)


@pytest.mark.parametrize("name", PERSONAS)
def test_each_kind_of_agent_is_documented(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"| `{name}` |" in page


@pytest.mark.parametrize("name", [*fake_agent.actions, *fake_agent.shapes])
def test_each_word_is_documented(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.search(rf"`{re.escape(name)}(:[^`]*)?`", page), name


def test_help_names_all_words() -> None:
    text = said("help").stdout.decode()
    for name in (*fake_agent.actions, *fake_agent.shapes, *PERSONAS):
        assert name in text
    for other in ((), ("--help",), ("-h",)):
        done = said(*other)
        assert (done.returncode, done.stdout.decode()) == (0, text)


@pytest.mark.parametrize("step", ["nope", "as:nope", "tree:nope"])
def test_a_word_that_there_is_not_is_refused(step: str) -> None:
    done = said("say:hello", step)
    assert done.returncode == 2
    assert done.stdout == b""
    assert "there is no 'nope'" in done.stderr.decode()


def test_it_is_a_module_as_well() -> None:
    line = [sys.executable, "-m", "crew_stress.fake_agent", "say:hello"]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        line, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.stdout == b"hello\n"


def test_agents_that_end_say_what_they_should() -> None:
    assert "猫" in said("as:utf8").stdout.decode()
    assert len(said("as:long-line").stdout) == 10 * 2**20 + 1
    assert json.loads(said("as:environment").stdout)["env"]["PATH"]
    events = [json.loads(line) for line in said("as:events").stdout.splitlines()]
    assert [event["type"] for event in events] == ["progress", "progress", "result"]
    assert said("as:crashes").returncode < 0
    assert said("as:fails").returncode == 1


@pytest.mark.parametrize("step", ["pour", "chat:1", "as:flood", "as:chatty"])
def test_agents_that_print_without_end_do(step: str) -> None:
    with subprocess.Popen(argv(step), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.kill()
    assert all(line.endswith(b"\n") for line in lines)
