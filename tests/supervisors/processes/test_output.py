"""Output from real programs: order, backpressure, limits, broken text."""

import errno
import os
import sys
from pathlib import Path
from typing import NoReturn

import psutil
import pytest
import trio
from tests.support.processes import agent, next_json, tree_of

from crew_supervisors.processes import ChildProcess, CutLine, run_process
from crew_supervisors.processes._overflow import Overflow
from crew_supervisors.processes._pipes import MOST_WIDE, WIDE_READ, Width

MIB = 1 << 20


async def lines_of(*script: str, **options: object) -> list[str]:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*script, **options))
        return [line.text async for line in process.lines()]


async def test_lines_come_whole_and_in_order() -> None:
    assert await lines_of("lines:5000", "exit:0") == [f"line {n}" for n in range(5000)]


async def test_a_last_line_without_an_end_is_a_line() -> None:
    assert await lines_of("raw:610d0a62", "exit:0") == ["a", "b"]


async def test_utf_8_that_comes_in_pieces_is_whole() -> None:
    assert await lines_of("split:häß€🙂", "exit:0") == ["häß€🙂"]


async def test_broken_utf_8_is_replaced_and_counted() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("raw:61ff0a", "exit:0"))
        assert [line.text async for line in process.lines()] == ["a\ufffd"]
        assert process.replaced() == 1


async def test_a_huge_line_is_cut_and_says_so() -> None:
    async with trio.open_nursery() as nursery:
        script = ("huge:10485760", "say:after", "exit:0")
        process = await nursery.start(run_process, agent(*script, max_line=MIB))
        first, second = [line async for line in process.lines()]
        assert (len(first.text), first.truncated) == (MIB, True)
        assert (second.text, second.truncated) == ("after", False)
        assert process.dropped() == 9 * MIB


async def test_a_slow_reader_stops_the_program_and_loses_nothing() -> None:
    me = psutil.Process()
    count = 64 * MIB // 64
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(f"flood:{64 * MIB}", "exit:0"))
        output = process._life.outputs["stdout"]
        with trio.fail_after(10):
            while not output.waiting:
                await trio.testing.wait_all_tasks_blocked(0.01)
        assert output._waiting_bytes <= process.spec.buffer + WIDE_READ
        before = me.memory_info().rss
        grown = seen = 0
        async for line in process.lines():
            assert int(line.text) == seen
            seen += 1
            if seen % 65536 == 0:
                grown = max(grown, me.memory_info().rss - before)
        assert seen == count
        assert grown < 16 * MIB
        assert (await process.wait()).output_truncated is False


async def test_an_unread_program_that_ends_leaves_its_lines_to_be_read() -> None:
    async with trio.open_nursery() as nursery:
        script = ("lines:3000", "exit:0")
        process = await nursery.start(run_process, agent(*script, buffer=2))
        with trio.fail_after(10):
            ended = await process.wait()
        assert not ended.output_truncated
        lines = [line.text async for line in process.lines()]
    assert lines == [f"line {n}" for n in range(3000)]


async def test_a_stopped_program_with_a_slow_reader_loses_no_line() -> None:
    spec = agent("on-term:bye", "say:first", "flood:1048576", "sleep", buffer=1)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        assert (await anext(process.lines())).text == "first"
        report = await process.stop(grace=0.1)
        assert report.survivors == ()
        numbers = [line.text async for line in process.lines()]
    assert [int(text) for text in numbers[:-1]] == list(range(len(numbers) - 1))


async def test_both_streams_are_drained() -> None:
    script = (f"err-flood:{4 * MIB}", f"flood:{4 * MIB}", "err:end", "exit:0")
    ended = await run_process(agent(*script, stdout="tail", tail=1024))
    assert ended.returncode == 0
    assert ended.stderr_tail.endswith("e\nend\n")
    assert len(ended.stderr_tail) == 1024


async def test_a_tail_holds_what_was_read_as_lines_too() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("lines:3", "exit:0"))
        await process.wait()
        assert process.tail("stdout") == "line 0\nline 1\nline 2\n"


async def test_stderr_can_be_lines() -> None:
    async with trio.open_nursery() as nursery:
        spec = agent("err:oh", "exit:0", stderr="lines", stdout="tail")
        process = await nursery.start(run_process, spec)
        assert [line.text async for line in process.lines("stderr")] == ["oh"]


async def test_lines_of_a_tail_are_refused() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("exit:0"))
        with pytest.raises(ValueError, match='stderr="lines"'):
            process.lines("stderr")


async def test_leaving_the_iteration_keeps_the_place() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("lines:100", "exit:0"))
        async for line in process.lines():
            if line.text == "line 10":
                break
        assert (await anext(process.lines())).text == "line 11"


async def test_a_reader_who_closes_holds_nobody_up() -> None:
    async with trio.open_nursery() as nursery:
        spec = agent("flood:1048576", "say:end", "exit:0", buffer=1)
        process = await nursery.start(run_process, spec)
        async with process.lines() as lines:
            assert int((await anext(lines)).text) == 0
        with pytest.raises(StopAsyncIteration):
            await anext(lines)
        ended = await process.wait()
        assert (ended.returncode, process.tail("stdout")[-4:]) == (0, "end\n")
        assert process.lines() is lines


async def test_lines_have_one_reader_at_a_time() -> None:
    async def read(process: ChildProcess, scope: trio.CancelScope) -> None:
        with scope:
            await anext(process.lines())

    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("sleep"))
        scope = trio.CancelScope()
        nursery.start_soon(read, process, scope)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await anext(process.lines())
        scope.cancel()
        await process.stop()


async def test_reading_many_lines_notices_cancellation() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("lines:1000", "exit:0"))
        await process.wait()
        seen = 0
        with trio.CancelScope() as scope:
            scope.cancel()
            async for _ in process.lines():
                seen += 1
        assert scope.cancelled_caught
        assert seen <= 65


async def test_a_program_that_closes_its_output_lives_on() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("ready", "close-output", "sleep")
        )
        await tree_of(process)
        assert [line async for line in process.lines()] == []
        assert await process.alive()
        await process.stop()


async def test_a_grandchild_that_holds_stdout_costs_the_drain_and_no_more() -> None:
    async with trio.open_nursery() as nursery:
        spec = agent("tree:child:hold", "ready", "exit:0", drain=0.1)
        process = await nursery.start(run_process, spec)
        await next_json(process)
        with trio.fail_after(5):
            ended = await process.wait()
    assert ended.output_truncated
    assert ended.report.escalations == ("SIGKILL",)
    assert 0.1 <= ended.report.took < 2


async def test_batches_are_the_same_lines_and_may_follow_single_ones() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("lines:20000", "exit:0"))
        lines = process.lines()
        seen = [(await anext(lines)).text for _ in range(100)]
        first = await anext(lines.batches())
        assert first.at > 0
        seen += first.texts
        seen.append((await anext(lines)).text)
        async for batch in lines.batches():
            seen += batch.texts
    assert seen == [f"line {n}" for n in range(20000)]


async def test_batches_notice_cancellation_and_lose_nothing() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("lines:10", "exit:0"))
        await process.wait()
        lines = process.lines()
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(lines.batches())
        assert scope.cancelled_caught
        assert len(await anext(lines.batches())) == 10
        with pytest.raises(StopAsyncIteration):
            await anext(lines.batches())


async def test_a_reader_who_is_never_out_of_lines_lets_others_run() -> None:
    ran = 0

    async def others() -> None:
        nonlocal ran
        while True:
            await trio.lowlevel.checkpoint()
            ran += 1

    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("lines:20000", "exit:0"))
        await process.wait()
        before = ran
        nursery.start_soon(others)
        async for _ in process.lines():
            pass
        assert ran > before
        nursery.cancel_scope.cancel()


async def test_a_huge_line_is_in_a_file_and_a_reference(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "late"
    script = (
        "say:before",
        f"huge:{10 * MIB}",
        "say:after",
        f"huge:{2 * MIB}",
        "exit:0",
    )
    async with trio.open_nursery() as nursery:
        spec = agent(*script, max_line=1000, overflow=folder)
        process = await nursery.start(run_process, spec)
        before, huge, after, other = [line async for line in process.lines()]
    assert (before.text, after.text) == ("before", "after")
    assert isinstance(huge, CutLine)
    assert isinstance(other, CutLine)
    assert huge.text == "h" * 1000
    assert (huge.size, huge.problem) == (10 * MIB, "")
    assert huge.file is not None
    assert huge.file.read_bytes() == b"h" * (10 * MIB)
    assert other.file is not None
    assert other.file.read_bytes() == b"h" * (2 * MIB)
    assert len(list(folder.iterdir())) == 2
    assert process.dropped() == 0


async def test_a_file_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    line = CutLine("h", 5)
    (tmp_path / "out-1.line").write_text("mine")
    await Overflow(tmp_path, "out", MIB).take([(line, b"he"), (line, b"llo")])
    assert line.file == tmp_path / "out-2.line"
    assert (tmp_path / "out-2.line").read_text() == "hello"
    assert (tmp_path / "out-1.line").read_text() == "mine"


async def test_a_line_that_cannot_be_written_says_why_and_is_cut(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("not a folder")
    async with trio.open_nursery() as nursery:
        script = (f"huge:{MIB}", "say:after", "exit:0")
        spec = agent(*script, max_line=1000, overflow=tmp_path / "file")
        process = await nursery.start(run_process, spec)
        huge, after = [line async for line in process.lines()]
        assert isinstance(huge, CutLine)
        assert huge.file is None
        assert "file" in huge.problem
        assert after.text == "after"
        assert process.dropped() == MIB - 1000


async def test_half_a_line_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = CutLine("h", 2)
    overflow = Overflow(tmp_path, "out", MIB)
    await overflow.take([(line, b"he")])
    path = line.file
    assert path is not None
    monkeypatch.setattr(Path, "open", full_disk)
    line.size = 5
    await overflow.take([(line, b"llo"), (line, b"!")])
    assert (line.file, overflow.dropped) == (None, 5)
    assert "No space left" in line.problem
    assert not path.exists()


async def test_the_files_of_a_stream_have_a_limit_together(tmp_path: Path) -> None:
    """A program without line ends must not fill the disk."""
    script = (f"huge:{2 * MIB}", f"huge:{MIB}", f"huge:{MIB}", "say:after", "exit:0")
    async with trio.open_nursery() as nursery:
        spec = agent(
            *script, max_line=1000, overflow=tmp_path, overflow_limit=MIB + MIB // 2
        )
        process = await nursery.start(run_process, spec)
        lines = [line async for line in process.lines()]
    too_long, kept, no_room, after = lines
    assert isinstance(too_long, CutLine)
    assert isinstance(kept, CutLine)
    assert isinstance(no_room, CutLine)
    assert (too_long.file, too_long.size) == (None, 2 * MIB)
    assert "overflow_limit" in too_long.problem
    assert kept.file is not None
    assert kept.file.read_bytes() == b"h" * MIB
    assert no_room.file is None
    assert after.text == "after"
    assert names_in(tmp_path) == [kept.file.name]
    assert process.dropped() == 3 * MIB - 2 * 1000


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def full_disk(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_pipe_that_carries_much_is_widened_and_given_back() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent(f"flood:{4 * MIB}", "ready", "sleep")
        )
        widest = 0
        async for line in process.lines():
            widest = max(widest, Width.wide)
            if not line.text.isdigit():
                break
        assert widest == (1 if sys.platform == "linux" else 0)
        await process.stop()
    assert Width.wide == 0


async def test_a_pipe_that_cannot_be_widened_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EPERM, "no more room for pipes")

    monkeypatch.setattr("fcntl.fcntl", refuse)
    seen, tell = os.pipe()
    pipe = trio.lowlevel.FdStream(seen)
    width = Width(pipe)
    width.carried(2 * MIB)
    assert (width.size, Width.wide) == (65536, 0)
    width.give_back()
    await pipe.aclose()
    os.close(tell)


async def test_only_so_many_pipes_are_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Width, "wide", MOST_WIDE)
    stream = trio.testing.memory_stream_one_way_pair()[1]
    width = Width(stream)
    width.carried(2 * MIB)
    assert width.size == 65536
    monkeypatch.setattr(Width, "wide", 0)
    other = Width(stream)
    other.carried(2 * MIB)
    assert other.size == 65536  # it is no pipe
