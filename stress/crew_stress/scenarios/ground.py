# A project and user folders of their own, with a team of fake agents, so that `crew` can
# be started, killed and started again on them. Each agent writes down the attempt that
# it makes, into a file that no part of `crew` knows of.
"""Where the run of a round lives."""

import json
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from crew_actors.census import records_folder
from crew_actors.journal import RunFolder, runs_folder
from crew_actors.places import user_places
from crew_stress.fake_agent import argv
from crew_stress.scenarios.machine import TOKEN, python_path
from crew_stress.scenarios.round import Round

TREES: Final = (
    *((), ("ignore-term",), ("tree:three",), ("ignore-term", "tree:three")),
    *(("tree:session",), ("tree:daemon",), ("tree:bare-daemon",), ("storm:4",)),
)
"""What agents start before they work."""
ENDS: Final = (
    *(("event:result:done", "exit:0"), ("event:result:done", "exit:0")),
    *(("leave:page.txt", "event:result:done", "exit:0"), ("exit:0",)),
    *(("ask:which?", "event:result:done", "exit:0"), ("exit:1",), ("die:SIGSEGV",)),
)
LIFE: Final = 1.0
"""Seconds that an agent works at most: runs have tasks that begin and end all the time."""
TASKS_EACH: Final = 6
"""Tasks for each agent that may work at the same time; of the user's own command, one."""
NEEDS: Final = 0.2
"""Of the tasks need the one before."""


@attrs.frozen
class Ground:
    """Where the run of a round lives."""

    root: Path
    token: str

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def environ(self) -> dict[str, str]:
        return {
            **python_path(),
            "CREW_HOME": str(self.root / "home"),
            TOKEN: self.token,
        }

    @property
    def records(self) -> Path:
        return records_folder(user_places(self.environ))

    @property
    def marks(self) -> Path:
        """The attempts that agents have begun, one a line."""
        return self.root / "marks"

    def runs(self) -> list[RunFolder]:
        """List the runs that there are. Blocks."""
        found = runs_folder(self.project).glob("*")
        return [RunFolder(each) for each in found if each.is_dir()]

    def write(self, kind: str, name: str, text: str) -> None:
        """Write a file of resources into the user's folder."""
        path = user_places(self.environ).config / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@contextmanager
def ground_of(one: Round) -> Generator[Ground]:
    """Make a project, and user folders whose records `crew census` sees."""
    with tempfile.TemporaryDirectory(prefix="crew-stress-") as root:
        ground = Ground(Path(root), one.token)
        (ground.project / ".crew").mkdir(parents=True)
        ground.records.parent.mkdir(parents=True)
        ground.records.symlink_to(one.make_records().absolute())
        roles: list[str] = []
        steps: list[str] = []
        for number, command in enumerate(_commands(one, ground.marks)):
            name = f"agent-{number}"
            hears = "stdin" if any(word.startswith("ask:") for word in command) else ""
            line = json.dumps(command)
            text = AGENT.format(name, line, f"control: {hears or 'none'}", TOKEN)
            ground.write("agents", f"{name}.md", text)
            roles.append(f"- {name}: agent={name}")
            is_behind = number > 0 and one.chance.random() < NEEDS
            needs = f"dependsOn: step-{number - 1}\n" if is_behind else ""
            steps.append(f"## step-{number}\nrole: {name}\n{needs}\nWork.\n")
        ground.write("teams", "crowd.team.md", TEAM.format("\n".join(roles)))
        ground.write("workflows", "crowd.workflow.md", FLOW.format("\n".join(steps)))
        yield ground


def _commands(one: Round, marks: Path) -> list[tuple[str, ...]]:
    """Choose what the tasks of the run execute."""
    load, chance = one.load, one.chance
    if load.command:
        return [load.command] * load.agents
    return [
        argv(
            f"mark:{marks}",
            *chance.choice(TREES),
            *("ready", f"sleep:{chance.uniform(0, LIFE):.3f}"),
            *chance.choice(ENDS),
        )
        for _ in range(load.agents * TASKS_EACH)
    ]


AGENT: Final = """---
name: {}
description: One of the crowd
runtime: command
command: {}
input: none
output: jsonl
{}
env: [{}]
---
"""
TEAM: Final = """---
name: crowd
description: Works until it is killed
defaultWorkflow: crowd
---

{}
"""
FLOW: Final = """---
name: crowd
description: All at the same time
---

{}"""
