"""Output from real programs: order, backpressure, limits, broken text."""

import psutil
import pytest
import trio
from tests.support.processes import agent, next_json, tree_of

from crew_supervisors.processes import ChildProcess, run_process

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
        assert output._count <= 256 + 2 * 65536 // 64
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
        process = await nursery.start(
            run_process, agent("lines:1000", "exit:0", buffer=1000)
        )
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
