# `crew run` in a process of its own, with a project and user folders of its own, is
# killed at a random moment: while it starts, or while its agents work. What it had
# printed by then was acknowledged. Who looks at the run is another process, as in life.
"""A run that is killed loses nothing that it has told."""

import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from crew_actors.census import records_folder, sweep_orphans
from crew_actors.journal import (
    JournalError,
    Lease,
    RunFolder,
    effective_status,
    open_journal,
    read_events,
    read_state,
    runs_folder,
)
from crew_actors.model import RunStatus
from crew_actors.observe import json_line
from crew_actors.observe.displays import event_object
from crew_actors.places import user_places
from crew_stress.fake_agent import argv
from crew_stress.scenarios.agents import pids_in
from crew_stress.scenarios.machine import TOKEN, handles, python_path, wait_gone
from crew_stress.scenarios.orphans import PATIENCE
from crew_stress.scenarios.refusal import Refused
from crew_stress.scenarios.round import Round

CLAIM: Final = (
    "a run that is killed at any moment keeps each event that it has told, in a journal "
    "without a gap that opens again; it is called interrupted, and no agent lives on"
)
TREES: Final = (
    *((), ("ignore-term",), ("tree:three",), ("ignore-term", "tree:three")),
    *(("tree:session",), ("tree:daemon",), ("tree:bare-daemon",), ("storm:4",)),
)
"""What agents start before they work."""
ENDS: Final = (
    *(("event:result:done", "exit:0"), ("event:result:done", "exit:0")),
    *(("exit:1",), ("die:SIGSEGV",), ("exit:0",)),
)
LIFE: Final = 1.2
"""Seconds that an agent works at most: runs have tasks that begin and end all the time."""
TASKS_EACH: Final = 10
"""Tasks for each agent that may work at the same time; of the user's own command, one."""
EARLY: Final = 0.25
"""Of the runs are killed while they start;"""
START: Final = 0.8
"""within so many seconds. The others are killed"""
WORK: Final = 2.0
"""seconds after their first event, or earlier."""
USAGE: Final = 2
"""What `crew run` exits with if something is wrong with what it is to do."""
CREW: Final = ("-m", "crew_stress.scenarios.killed_child")
"""What Python is to execute."""
AS_EXPECTED: Final = (0, 1, -signal.SIGKILL)
"""Of `crew run`: all well, a task has failed, killed."""
ENDED: Final = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.BLOCKED)


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
        for number, command in enumerate(map(json.dumps, commands_for(one))):
            name = f"agent-{number}"
            ground.write("agents", f"{name}.md", AGENT.format(name, command, TOKEN))
            roles.append(f"- {name}: agent={name}")
            steps.append(f"## step-{number}\nrole: {name}\n\nWork.\n")
        ground.write("teams", "crowd.team.md", TEAM.format("\n".join(roles)))
        ground.write("workflows", "crowd.workflow.md", FLOW.format("\n".join(steps)))
        yield ground


def commands_for(one: Round) -> list[tuple[str, ...]]:
    """Choose what the tasks of the run execute."""
    load, chance = one.load, one.chance
    if load.command:
        return [load.command] * load.agents
    return [
        argv(
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


async def play(one: Round) -> None:
    """Play one round."""
    is_early = one.chance.random() < EARLY
    moment = one.chance.uniform(0, START if is_early else WORK)
    with ground_of(one) as ground:
        told = await _run_and_kill(one, ground, moment, is_early=is_early)
        one.book.note("events told", [len(told)], unit="")
        took, left = await wait_gone(one.token, PATIENCE)
        one.book.note("until the wardens were done", [took])
        one.book.require("processes that a warden has left", left, 0)
        await sweep_orphans(ground.records)
        await _examine(one, ground, told)


async def _run_and_kill(
    one: Round, ground: Ground, moment: float, *, is_early: bool
) -> list[str]:
    """Start a run, kill it, and return the events that it has told."""
    run = await trio.lowlevel.open_process(
        [
            *(sys.executable, *CREW),
            *("run", "Live.", "--team", "crowd", "--json"),
            *("--limit", str(one.load.agents)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ground.project,
        env=ground.environ,
    )
    assert run.stdin is not None
    assert run.stdout is not None
    assert run.stderr is not None
    heard = bytearray()
    errors = bytearray()

    async def read(stream: trio.abc.ReceiveStream, into: bytearray) -> None:
        async for piece in stream:
            into += piece

    try:
        async with trio.open_nursery() as nursery:
            if not is_early:
                with trio.move_on_after(PATIENCE):
                    heard += await run.stdout.receive_some()
            nursery.start_soon(read, run.stdout, heard)
            nursery.start_soon(read, run.stderr, errors)
            with trio.move_on_after(moment):
                await run.wait()
            run.kill()
            nursery.cancel_scope.deadline = trio.current_time() + PATIENCE
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            run.kill()
            await run.wait()
            for stream in (run.stdin, run.stdout, run.stderr):
                await stream.aclose()
    said = errors.decode(errors="replace").strip()
    if run.returncode == USAGE:
        raise Refused(said)
    if run.returncode not in AS_EXPECTED:
        one.book.fail(f"crew run exited with {run.returncode}: {said[-200:]}")
    lines = heard.decode().split("\n")[:-1]  # the last one may be torn
    return [line for line in lines if '"seq": ' in line]


async def _examine(one: Round, ground: Ground, told: list[str]) -> None:
    """Compare what the journal holds with what was told."""
    found = runs_folder(ground.project)
    folders = [RunFolder(each) for each in found.glob("*") if each.is_dir()]
    one.book.require("runs too many", len(folders), 1)
    kept: list[str] = []
    if folders and folders[0].database.exists():
        kept = await _kept(one, folders[0])
    believed = {line: json.loads(line) for line in told}
    lost = [line for line in told if line not in set(kept)]
    one.book.note("events kept", [len(kept)], unit="")
    one.book.require("events told and lost", len(lost), 0)
    if not one.load.command:
        for event in believed.values():
            text = str(event.get("text", ""))
            if text.startswith('{"type": "ready"'):
                one.told += handles(pids_in(text))


async def _kept(one: Round, folder: RunFolder) -> list[str]:
    """Return the events in the journal of *folder* as `crew run` tells them."""
    book = one.book
    with closing(sqlite3.connect(folder.database)) as database:
        (health,) = database.execute("PRAGMA integrity_check").fetchone()
        numbers = [seq for (seq,) in database.execute("SELECT seq FROM events")]
    book.require("journals damaged", int(health != "ok"), 0)
    gaps = sum(seq != at for at, seq in enumerate(sorted(numbers), start=1))
    book.require("events out of their order", gaps, 0)
    if not numbers:
        return []
    kept = [json_line(event_object(each)) for each in read_events(folder)]
    book.require("runs not called interrupted", int(not _status_is_right(folder)), 0)
    book.require("journals that do not open again", int(not await _opens(folder)), 0)
    return kept


def _status_is_right(folder: RunFolder) -> bool:
    """Tell whether the run is called interrupted, or has ended before it was killed."""
    if read_state(folder).status in ENDED:
        return True
    return effective_status(folder) is RunStatus.INTERRUPTED


async def _opens(folder: RunFolder) -> bool:
    """Tell whether another runtime can take the run over."""
    try:
        async with open_journal(folder, lease=Lease.mine(now=time.time())):
            return True
    except JournalError:
        return False
