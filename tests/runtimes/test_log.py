"""What the program of an attempt says is kept, masked, bounded, and read again."""

import logging
import threading
import time
from pathlib import Path

import pytest
import trio
from tests.support.command_bench import Bench
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.runtimes import _log, read_said
from crew_actors.runtimes._log import FILE_BYTES, OutputLog


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


SECRET = "sk-abcdefghijklmnopqrstuvwx123456"


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("std*"))


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


async def log_of(folder: Path, *lines: str) -> None:
    log = OutputLog(folder)
    for line in lines:
        await log.add("stdout", line)
    await log.close()


async def test_both_streams_of_an_agent_are_kept(bench: Bench) -> None:
    program = "import sys; print('one'); print('two', file=sys.stderr); print('three')"
    await bench.python(program)
    (folder,) = {path.parent for path in bench.folder.rglob("stdout.0.log")}
    said, errors = (read_said(folder, name, 100) for name in ("stdout", "stderr"))
    assert said is not None
    assert errors is not None
    assert (said.text, said.first, said.size) == ("one\nthree\n", 0, 10)
    assert errors.text == "two\n"


async def test_what_an_agent_said_is_kept_when_it_is_stopped(bench: Bench) -> None:
    program = "import time; print('one', flush=True); time.sleep(60)"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.python, program)
        await bench.port.spoke.wait()
        nursery.cancel_scope.cancel()
    (file,) = bench.folder.rglob("stdout.0.log")
    assert file.read_text() == "one\n"


async def test_an_error_line_of_any_length_costs_no_disk(bench: Bench) -> None:
    program = "import sys; sys.stderr.write('x' * 3_000_000 + '\\n'); print('done')"
    await bench.python(program)
    (file,) = bench.folder.rglob("stderr.0.log")
    assert file.stat().st_size == (1 << 20) + 1
    assert not [path for path in bench.folder.rglob("long-lines/*") if path.is_file()]


async def test_secrets_are_masked_also_where_they_take_several_lines(
    tmp_path: Path,
) -> None:
    begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
    await log_of(tmp_path, f"api_key={SECRET}", begin, body, end, "well")
    said = read_said(tmp_path, "stdout", 1000)
    assert said is not None
    assert SECRET not in said.text
    assert body not in said.text
    assert said.text.endswith("well\n")


async def test_the_end_is_kept_and_what_is_missing_is_told(tmp_path: Path) -> None:
    line = "y" * 99_999
    count = 3 * FILE_BYTES // 100_000
    await log_of(tmp_path, *[line] * count, "the last")
    assert len(kept(tmp_path)) == 2
    on_disk = bytes_in(tmp_path)
    said = read_said(tmp_path, "stdout", 10**9)
    assert said is not None
    assert said.text.endswith("the last\n")
    assert said.size == count * 100_000 + 9
    assert said.first == said.size - on_disk
    assert FILE_BYTES <= on_disk <= 2 * FILE_BYTES
    tail = read_said(tmp_path, "stdout", 9)
    assert tail is not None
    assert (tail.text, tail.first) == ("the last\n", said.size - 9)


async def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    log = OutputLog(tmp_path)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.run)
            await log.add("stderr", "so far")
            said = None
            while said is None:  # nothing but the disk tells of it
                await trio.sleep(0.01)
                said = read_said(tmp_path, "stderr", 100)
            nursery.cancel_scope.cancel()
    assert said.text == "so far\n"
    await log.close()


async def test_the_first_words_are_written_at_once_and_others_together(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async def said(text: str) -> None:
        for _ in range(1000):  # of the disk: the clock stands still
            found = read_said(tmp_path, "stdout", 100)
            if found is not None and found.text == text:
                return
            await trio.to_thread.run_sync(time.sleep, 0.005)
        raise AssertionError(text)

    log = OutputLog(tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.run)
        await log.add("stdout", "one")
        await said("one\n")
        await log.add("stdout", "two")
        await wait_all_tasks_blocked()
        await log.add("stdout", "three")
        await said("one\n")
        mock_clock.jump(_log._INTERVAL)
        await said("one\ntwo\nthree\n")
        nursery.cancel_scope.cancel()
    await log.close()


async def test_a_write_that_is_cancelled_ends_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    write = _log._Kept.write

    def slowly(self: _log._Kept, text: str) -> None:
        begun.set()
        go_on.wait(10)
        write(self, text)

    monkeypatch.setattr(_log._Kept, "write", slowly)
    log = OutputLog(tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.run)
        await log.add("stdout", "one")
        await trio.to_thread.run_sync(begun.wait)
        nursery.cancel_scope.cancel()
    await log.add("stdout", "two")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.close)
        await wait_all_tasks_blocked()
        go_on.set()
    said = read_said(tmp_path, "stdout", 100)
    assert said is not None
    assert said.text == "one\ntwo\n"


async def test_what_is_not_there_was_not_said(tmp_path: Path) -> None:
    await log_of(tmp_path)
    assert kept(tmp_path) == []
    assert read_said(tmp_path, "stdout", 100) is None
    assert read_said(tmp_path / "nowhere", "stdout", 100) is None


async def test_a_disk_that_fails_costs_the_log_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "stdout.0.log").symlink_to(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING):
        await log_of(tmp_path, "one", "two")
    assert "kept no more" in caplog.text
    assert not (tmp_path / "elsewhere").exists()
    assert read_said(tmp_path, "stdout", 100) is None


async def test_who_says_more_than_the_disk_can_take_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log, "_WAITING", 10)
    log = OutputLog(tmp_path)
    await log.add("stdout", "more than ten characters")
    said = read_said(tmp_path, "stdout", 100)
    assert said is not None
    assert said.text == "more than ten characters\n"
    await log.close()


async def test_what_comes_after_a_broken_disk_is_not_kept(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "nowhere")
    await log.add("stdout", "one")
    await log.close()
    await log.add("stdout", "two")
    assert read_said(tmp_path / "nowhere", "stdout", 100) is None
    assert log.end("stdout") == "one\ntwo\n"
