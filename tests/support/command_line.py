"""A project that is worked on from the command line, each command a process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs

from crew_actors.journal import RunFolder

LIMIT = 60.0
"""Seconds in which a command must have ended. Most take half of one."""

_ROOT = Path(__file__).parents[2]
_AGENT = """\
---
name: worker
runtime: command
command: ["/bin/sh", "{script}"]
---
"""
_WORKFLOW = """\
---
name: pair
---

## a

{goal}

## b
dependsOn: a

Go on.
"""
_TEAM = "---\nname: duo\nworkflow: pair\n---\n\n- a: agent=worker\n- b: agent=worker\n"


@attrs.frozen
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> dict[str, Any]:
        """The last of the objects that it wrote with --json."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


@attrs.frozen
class CommandLine:
    """Carries out commands in a project, with the folders that `crew_in` uses."""

    project: Path

    def team(self, script: str) -> None:
        """Write down a team of two tasks, a and then b; both are done by *script*."""
        place = self.project / "agent.sh"
        place.write_text(script)
        crew = self.project / ".crew"
        for kind, name, text in (
            ("agents", "worker.md", _AGENT.replace("{script}", str(place))),
            ("workflows", "pair.workflow.md", _WORKFLOW),
            ("teams", "duo.team.md", _TEAM),
        ):
            (crew / kind).mkdir(parents=True, exist_ok=True)
            (crew / kind / name).write_text(text)

    def begin(self, *args: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.crew", *args],
            cwd=self.project,
            env={
                **os.environ,
                "CREW_HOME": str(self.project.parent),
                "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path]),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, begun: "subprocess.Popen[str]") -> Said:
        """Wait until a command has ended."""
        with begun:
            try:
                out, err = begun.communicate(timeout=LIMIT)
            except BaseException:  # whatever it was, nothing is left running
                begun.kill()
                raise
        return Said(begun.returncode, out, err)

    def __call__(self, *args: str) -> Said:
        """Carry out a command."""
        return self.end(self.begin(*args))

    def runs(self) -> list[RunFolder]:
        """Tell which runs there are, the oldest first."""
        found = sorted(self.project.glob(".crew/runs/*/run.db"))
        return [RunFolder(each.parent) for each in found]
