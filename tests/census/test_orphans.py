"""Real orphans of a runtime that was killed are ended, and nobody else."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.commands.test_cli import run
from tests.support.processes import AGENT, SHAPES, SOURCES, living

from crew_actors.census import (
    Ended,
    Finding,
    ProcessJournal,
    _end,
    end_orphans,
    records_folder,
    sweep_orphans,
    take_census,
)
from crew_actors.places import user_places

RUNTIME = """
import json, sys, trio
from pathlib import Path
from crew_actors.census import recording
from crew_supervisors import EnvPolicy, ProcessSpec, run_process

async def one(argv):
    async with trio.open_nursery() as nursery:
        env = EnvPolicy(extra={"CREW_RUN": "run-1", "CREW_TASK": "map"})
        spec = ProcessSpec(name="a", argv=tuple(argv), env=env, containment="group")
        process = await nursery.start(run_process, spec)
        print((await anext(process.lines())).text, flush=True)
        await trio.sleep_forever()

async def main():
    with recording(Path(sys.argv[1])):
        async with trio.open_nursery() as nursery:
            for argv in json.loads(sys.argv[2]):
                nursery.start_soon(one, argv)

trio.run(main)
"""

SCRIPTS = [
    [*AGENT, "tree:daemon", "ready", "sleep"],
    [*AGENT, "ignore-term", "tree:session", "ready", "sleep"],
]


@attrs.define
class Runtime:
    """A runtime without wardens, whose agents outlive it."""

    process: "subprocess.Popen[str]"
    pids: set[int] = attrs.field(factory=set[int])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def folder() -> Path:
    return records_folder(user_places(os.environ))


@contextmanager
def run_runtime(
    folder: Path, scripts: Sequence[Sequence[str]] = SCRIPTS
) -> Generator[Runtime]:
    paths = [str(SOURCES / name) for name in ("supervisors", "mailbox", "crew_actors")]
    with subprocess.Popen(
        [sys.executable, "-c", RUNTIME, str(folder), json.dumps(scripts)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        assert process.stdout is not None
        started = Runtime(process)
        for _ in scripts:
            ready: dict[str, Any] = json.loads(process.stdout.readline())
            started.pids |= {ready["pid"], *ready["pids"].values()}
        yield started
        process.kill()
    for pid in living(started.pids):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def runtime(folder: Path) -> Iterator[Runtime]:
    with run_runtime(folder) as started:
        yield started


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """Start somebody who carries a marker that nobody has recorded."""
    with subprocess.Popen(
        [*AGENT, "sleep"], env={**os.environ, "CREW_MARKER": "1-unrecorded"}
    ) as process:
        yield process
        process.kill()


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_orphans_are_ended_and_nobody_else(
    folder: Path, runtime: Runtime, stranger: "subprocess.Popen[bytes]"
) -> None:
    assert len(runtime.pids) == 5
    verdicts = {one.seen.pid: one.verdict for one in take_census(folder).findings}
    assert {verdicts[pid] for pid in runtime.pids} == {"owned"}
    assert verdicts[stranger.pid] == "unknown"
    assert await end_orphans(folder) == ()
    assert set(living(runtime.pids)) == runtime.pids
    runtime.kill()
    assert set(living(runtime.pids)) == runtime.pids
    census = take_census(folder)
    assert {one.seen.pid for one in census.orphans} == runtime.pids
    assert {one.record.run for one in census.orphans if one.record} == {"run-1"}
    ended = await end_orphans(folder, grace=0.3)
    how = {one.finding.seen.pid: one.how for one in ended}
    assert set(how) == runtime.pids
    assert sorted(how.values()) == ["ended"] * 2 + ["killed"] * 3
    assert living(runtime.pids) == []
    assert stranger.poll() is None
    assert files(folder) == []


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_recycled_pid_is_never_signalled(
    folder: Path,
    runtime: Runtime,
    stranger: "subprocess.Popen[bytes]",
    is_known: bool,
) -> None:
    """The record says that the stranger's pid was an agent's, as after a wrap."""
    (path,) = files(folder)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = next(line for line in lines if "started" in line)
    told["pid"] = stranger.pid
    if not is_known:
        told["created"] = None
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    runtime.kill()
    ended = await end_orphans(folder, grace=0.3)
    assert stranger.pid not in {one.finding.seen.pid for one in ended}
    assert stranger.poll() is None
    assert living(runtime.pids) == []


async def test_a_process_that_hides_its_marker_is_left_alone(
    folder: Path, stranger: "subprocess.Popen[bytes]", runtime: Runtime
) -> None:
    (path,) = files(folder)
    head = path.read_text().splitlines()[0]
    runtime.kill()
    created = next(
        one.seen.created
        for one in take_census(folder).findings
        if one.seen.pid == stranger.pid
    )
    record = {"starting": "m", "name": "x", "run": "", "task": ""}
    told = {"started": "m", "pid": stranger.pid, "created": created}
    extra = folder / "extra.jsonl"
    extra.write_text("\n".join([head, json.dumps(record), json.dumps(told), ""]))
    await end_orphans(folder, grace=0.3)
    assert stranger.poll() is None
    assert extra.exists(), "something of it lives"


def test_a_survivor_is_told_and_stays_on_record(
    runtime: Runtime, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def reach_nobody(_: Finding, number: int) -> bool:
        return number > 0

    with monkeypatch.context() as patch:
        patch.setattr(_end, "strike", reach_nobody)
        patch.setattr(_end, "KILL_LIMIT", 0.1)
        runtime.kill()
        code, out, _ = run("census", "--kill", "--json")
        assert code == 1
        rows = json.loads(out[0])["processes"]
        how = {one["pid"]: one["ended"] for one in rows if one["run"] == "run-1"}
        assert how == dict.fromkeys(runtime.pids, "survived")
        assert len(files(folder)) == 1
        monkeypatch.chdir(tmp_path)
        _, _, err = run("run", "look", "--team", "survey")
        (line,) = [line for line in err if line.startswith("Ended")]
        assert line.startswith("Ended 0 processes of runtimes that died (pid ")
        assert "; alive, though killed: " in line


async def test_an_orphan_that_ends_before_its_signal_is_gone(
    runtime: Runtime, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def come_too_late(finding: Finding, _: int) -> bool:
        os.kill(finding.seen.pid, signal.SIGKILL)
        return strike(finding, 0)

    runtime.kill()
    strike = _end.strike
    monkeypatch.setattr(_end, "strike", come_too_late)
    ended = await end_orphans(folder)
    assert {one.how for one in ended} <= {"gone", "ended"}
    assert living(runtime.pids) == []


async def test_a_runtime_that_lives_loses_nobody_when_another_one_dies(
    folder: Path, runtime: Runtime
) -> None:
    with run_runtime(folder) as other:
        runtime.kill()
        ended = await end_orphans(folder, grace=0.3)
        assert {one.finding.seen.pid for one in ended} == runtime.pids
        assert set(living(other.pids)) == other.pids
        verdicts = {one.seen.pid: one.verdict for one in take_census(folder).findings}
        assert {verdicts[pid] for pid in other.pids} == {"owned"}
        assert len(files(folder)) == 1


async def test_whoever_of_the_nine_shapes_outlives_its_runtime_is_named(
    folder: Path,
) -> None:
    """Without a warden they live on; the census tells each, and ends it."""
    scripts = [[*AGENT, *before, "ready", after] for before, after in SHAPES.values()]
    with run_runtime(folder, scripts) as started:
        started.kill()
        living_on = set(living(started.pids))
        assert len(living_on) >= 2 * len(SHAPES) - 4
        named = {one.seen.pid for one in take_census(folder).orphans}
        assert named >= living_on
        ended = await end_orphans(folder, grace=0.2)
        assert {one.finding.seen.pid for one in ended} >= living_on
        assert {one.finding.record.run for one in ended if one.finding.record} == {
            "run-1"
        }
        assert living(started.pids) == []


async def test_several_may_end_the_same_orphans_at_the_same_time(
    folder: Path, runtime: Runtime
) -> None:
    runtime.kill()
    ended: list[Ended] = []

    async def end() -> None:
        ended.extend(await end_orphans(folder, grace=0.3))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(end)
    assert {one.finding.seen.pid for one in ended} == runtime.pids
    assert "survived" not in {one.how for one in ended}
    assert living(runtime.pids) == []
    assert files(folder) == []


async def test_records_in_a_folder_of_their_own_are_found_and_removed(
    folder: Path,
) -> None:
    with run_runtime(folder / "own") as started:
        started.kill()
        swept = await sweep_orphans(folder)
        assert {one.finding.seen.pid for one in swept} == started.pids
    assert files(folder) == []


async def test_a_sweep_looks_at_nobody_while_all_runtimes_live(folder: Path) -> None:
    journal = ProcessJournal(folder)
    assert await sweep_orphans(folder) == ()
    journal.close()


async def test_a_sweep_removes_the_records_of_a_dead_runtime(
    folder: Path, runtime: Runtime
) -> None:
    runtime.kill()
    swept = await sweep_orphans(folder)
    assert {one.finding.seen.pid for one in swept} == runtime.pids
    assert files(folder) == []
    assert await sweep_orphans(folder) == ()


def test_the_command_lists_and_ends_them(runtime: Runtime) -> None:
    code, out, _ = run("census")
    assert code == 0
    assert f"{runtime.process.pid} (alive)" in "\n".join(out)
    runtime.kill()
    code, out, _ = run("census")
    assert out[-1] == "crew census --kill ends the orphans."
    code, out, err = run("census", "--kill", "--json")
    assert (code, err) == (0, [])
    found = [one for one in json.loads(out[0])["processes"] if one["run"] == "run-1"]
    assert {one["pid"] for one in found} == runtime.pids
    assert {one["verdict"] for one in found} == {"orphan"}
    assert {one["ended"] for one in found} == {"ended", "killed"}
    assert {one["runtime_alive"] for one in found} == {False}
    assert living(runtime.pids) == []
    code, out, _ = run("census", "--json")
    assert not [one for one in json.loads(out[0])["processes"] if one["run"]]


def test_a_run_sweeps_before_it_begins_unless_it_is_told_not_to(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    runtime.kill()
    (own_home / "config").mkdir()
    settings = own_home / "config" / "config.toml"
    settings.write_text("sweep = false\n")
    assert run("run", "look", "--team", "survey")[0] == 0
    assert set(living(runtime.pids)) == runtime.pids
    settings.unlink()
    code, _, err = run("run", "look", "--team", "survey")
    assert code == 0
    (line,) = [line for line in err if line.startswith("Ended")]
    assert line.startswith("Ended 5 processes of runtimes that died (pid ")
    assert living(runtime.pids) == []
