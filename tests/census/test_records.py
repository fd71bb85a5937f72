"""The records of started processes survive everything but their own end."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from tests.support.processes import agent, next_json

from crew_actors.census import Finding, ProcessJournal, recording, take_census
from crew_actors.census._reading import read_files
from crew_supervisors import (
    ProcessIdentity,
    SpawnError,
    Survivor,
    open_supervisor,
    run_process,
)

SPEC = agent("sleep")
ME = ProcessIdentity(os.getpid(), 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "processes"


def ours(folder: Path) -> list[Finding]:
    """Return who is on record; the census sees each marker on the machine."""
    return [one for one in take_census(folder).findings if one.record is not None]


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_nothing_is_written_before_the_first_process(folder: Path) -> None:
    with recording(folder) as journal:
        assert journal.path is None
    assert not folder.parent.exists()


def test_the_file_goes_with_the_end_of_the_last_process(folder: Path) -> None:
    with recording(folder) as journal:
        journal.starting(SPEC, "m")
        journal.started("m", ME)
        assert journal.path is not None
        assert journal.path.stat().st_mode & 0o777 == 0o600
        journal.ended("m", ())
    assert files(folder) == []


def test_a_survivor_stays_on_record(folder: Path) -> None:
    left = Survivor(1, 0.0, "x", "disk-sleep")
    with recording(folder) as journal:
        journal.starting(SPEC, "m")
        journal.ended("m", (left,))
    (file,) = take_census(folder).files
    assert [record.marker for record in file.records] == ["m"]


def test_a_file_in_which_nothing_lives_does_not_grow(folder: Path) -> None:
    with recording(folder) as journal:
        for number in range(2_000):
            journal.starting(SPEC, f"marker {number}")
            journal.ended(f"marker {number}", ())
        assert journal.path is not None
        assert journal.path.stat().st_size < 80 << 10
        journal.starting(SPEC, "last")
        (file,) = take_census(folder).files
        assert [record.marker for record in file.records] == ["last"]


def test_nor_does_one_in_which_something_lives_all_the_time(folder: Path) -> None:
    with recording(folder) as journal:
        journal.starting(SPEC, "first")
        journal.started("first", ME)
        for number in range(2_000):
            journal.starting(SPEC, f"marker {number}")
            journal.started(f"marker {number}", ME)
            journal.ended(f"marker {number}", ())
        assert journal.path is not None
        assert journal.path.stat().st_size < 80 << 10
        assert journal.path.stat().st_mode & 0o777 == 0o600
        journal.starting(SPEC, "last")
        (file,) = take_census(folder).files
        found = [(record.marker, record.pid) for record in file.records]
        assert found == [("first", os.getpid()), ("last", None)]
        journal.ended("first", ())
        journal.ended("last", ())
    assert files(folder) == []


def test_what_is_being_written_anew_is_never_seen_half(folder: Path) -> None:
    """A reader beside the writer finds each process that lives, each time."""
    with recording(folder) as journal:
        journal.starting(SPEC, "first")
        over = threading.Event()
        wrong: list[object] = []

        def look() -> None:
            while not over.is_set():
                found, problems = read_files(folder)
                if problems or "first" not in {
                    each.marker for each in found[0].records
                }:
                    wrong.append((found, problems))

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for number in range(3_000):
                journal.starting(SPEC, f"{number}")
                journal.ended(f"{number}", ())
        finally:
            over.set()
            reader.join()
        assert wrong == []
        journal.ended("first", ())


def test_a_disk_that_is_full_tears_the_last_line_and_no_other(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = ProcessJournal(folder)
    journal.starting(SPEC, "kept")
    write = os.write

    def write_a_part(file: int, data: bytes) -> int:
        return write(file, data[:9])

    monkeypatch.setattr(os, "write", write_a_part)
    journal.starting(SPEC, "torn")
    monkeypatch.undo()
    journal.starting(SPEC, "after")
    assert "No space left on device" in caplog.text
    (found,), problems = read_files(folder)
    assert ([each.marker for each in found.records], problems) == (["kept"], ())
    journal.close()


def test_a_huge_file_is_read_in_little_memory(folder: Path) -> None:
    journal = ProcessJournal(folder)
    journal.starting(SPEC, "m")
    assert journal.path is not None
    line = json.dumps({"ended": "x" * 1000}).encode() + b"\n"
    with journal.path.open("ab") as file:
        for _ in range(20):
            file.write(line * 1000)
    tracemalloc.start()
    try:
        (found,), _ = read_files(folder)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [each.marker for each in found.records] == ["m"]
    assert most < 1 << 20
    journal.close()


def test_what_is_no_file_is_told_and_not_waited_for(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "folder.jsonl").mkdir()
    (folder / "device.jsonl").symlink_to("/dev/zero")
    census = take_census(folder)
    assert census.files == ()
    assert len(census.problems) == 3
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("")
    (problem,) = take_census(folder).problems
    assert "cannot be looked into: Not a directory" in problem


def test_a_torn_last_line_spoils_nothing(folder: Path) -> None:
    journal = ProcessJournal(folder)
    journal.starting(SPEC, "m")
    assert journal.path is not None
    with journal.path.open("ab") as file:
        file.write(b'{"started": "m", "pi')
    (found,) = take_census(folder).files
    assert [record.pid for record in found.records] == [None]
    journal.close()


HEAD = b'{"owner": {"pid": 5, "created": 1.5, "boot_id": "b", "host": "h"}}\n'


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{}\n", b"[]\n", b"\xff\n", b"{", b"{" * (1 << 20), b"\0" * 4096),
        b"[" * 60_000 + b"\n",
        HEAD.replace(b"5", b"-5"),
        HEAD.replace(b"5,", b"5e9,"),
        HEAD.replace(b"5,", b"99999999999,"),
        HEAD.replace(b"1.5", b"NaN"),
        HEAD.replace(b'"b"', b"7"),
        HEAD + b'{"starting": "x", "name": 3, "run": "", "task": ""}\n',
        HEAD + b'{"starting": ["x"], "name": "", "run": "", "task": ""}\n',
        HEAD + b'{"started": "never begun", "pid": 1, "created": 1}\n',
        HEAD
        + b'{"starting": "x", "name": "", "run": "", "task": ""}\n'
        + b'{"started": "x", "pid": "1", "created": 1}\n',
        HEAD + b'{"something": "else"}\n',
        HEAD + b"not json\n",
    ],
    ids=range(19),
)
def test_a_damaged_file_is_told_and_the_others_are_read(
    folder: Path, content: bytes
) -> None:
    with recording(folder) as journal:
        journal.starting(SPEC, "m")
        (folder / "0-damaged.jsonl").write_bytes(content)
        census = take_census(folder)
        (problem,) = census.problems
        assert "0-damaged.jsonl cannot be read" in problem
        assert len(census.files) == 1


def test_a_record_that_cannot_be_written_stops_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.parent.mkdir()
    folder.write_text("no folder")
    with caplog.at_level(logging.WARNING), recording(folder) as journal:
        journal.starting(SPEC, "m")
        journal.started("m", ME)
        journal.ended("m", ())
    (record,) = caplog.records
    assert "the census misses processes" in record.message


async def test_each_process_of_the_block_is_recorded_while_it_lives(
    folder: Path,
) -> None:
    with recording(folder) as journal:
        async with open_supervisor() as supervisor:
            process = await supervisor.start_process(agent("ready", "sleep"))
            await next_json(process)
            assert journal.path is not None
            text = journal.path.read_text()
            lines = [json.loads(line) for line in text.splitlines()]
            assert lines[0]["owner"]["pid"] == os.getpid()
            assert lines[1]["name"] == "agent"
            assert lines[2]["pid"] == process.pid
            (found,) = ours(folder)
            assert (found.seen.pid, found.verdict) == (process.pid, "owned")
        assert ours(folder) == []
    assert files(folder) == []


async def test_a_start_that_fails_leaves_no_record(folder: Path) -> None:
    with recording(folder) as journal:
        with pytest.raises(SpawnError):
            await run_process(agent("sleep", cwd=folder / "nowhere"))
        (file,) = take_census(folder).files
        assert file.records == ()
        assert journal.path is not None


async def test_outside_of_the_block_nothing_is_recorded(folder: Path) -> None:
    with recording(folder):
        pass
    await run_process(agent("exit:0"))
    assert files(folder.parent.parent) == []


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "find-orphans.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert files(tmp_path / "state" / "processes") == []
