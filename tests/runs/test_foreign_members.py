"""`crew run` with an agent of Claude Code as it lies in a repository."""

import os
import shlex
import sys
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from crew_actors.journal import read_state
from crew_actors.model import TaskId, TaskStatus

_FAKE = Path(__file__).parents[1] / "support" / "programs" / "claude.py"
_AGENT = """\
---
name: db-reader
description: Looks at data.
tools: Read, Glob, Bash(psql *)
model: sonnet
permissionMode: plan
skills: indexes
---

You look at data.
"""
_SKILL = "---\nname: indexes\ndescription: x\n---\n\nLook at the plan. [[argv]]\n"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the program is a script of sh")


def test_an_agent_of_claude_code_does_a_task_with_its_own_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, programs = tmp_path / "project", tmp_path / "programs"
    for path, text in (
        (project / ".claude" / "agents" / "db-reader.md", _AGENT),
        (project / ".claude" / "skills" / "indexes" / "SKILL.md", _SKILL),
        (
            programs / "claude",
            f'#!/bin/sh\nexec {shlex.join([sys.executable, str(_FAKE)])} "$@"\n',
        ),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (programs / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    crew = CommandLine(project)
    said = crew("run", "Look", "--agent", "db-reader", "--agent-runtime", "claude")
    assert said.code == 0, said.err
    (folder,) = crew.runs()
    task = read_state(folder).tasks[TaskId("db-reader")]
    assert task.status is TaskStatus.COMPLETED
    assert not task.plan.writes
    assert task.result is not None
    # The skill has told the scripted program to say how it was called.
    argv = (folder.path / task.result.path).read_text()
    assert "--model sonnet" in argv.replace("', '", " ").replace('", "', " ")
    assert "--tools=Read,Glob" in argv
    assert "--disallowedTools=Edit,Write" in argv
