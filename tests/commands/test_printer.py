import io
import math
import os
import threading
from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_actors.observe.printer import Printer, open_printer, writer_to


class Reader:
    """Takes what is written, one text at a time, when it is let."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.gate = threading.Semaphore(0)

    def write(self, text: str) -> None:
        self.gate.acquire()
        self.texts.append(text)


async def test_text_is_written_in_order_before_the_block_is_left() -> None:
    stream = io.StringIO()
    async with open_printer(writer_to(stream)) as printer:
        await printer.line("one")
        await printer.put("two")
        assert printer.busy
    assert stream.getvalue() == "one\ntwo"
    assert not printer.busy


async def test_a_writer_waits_for_text_without_polling() -> None:
    stream = io.StringIO()
    async with open_printer(writer_to(stream)) as printer:
        await wait_all_tasks_blocked()
        await printer.line("later")
    assert stream.getvalue() == "later\n"


async def test_whoever_writes_waits_while_1_mib_is_waiting() -> None:
    reader = Reader()
    async with open_printer(reader.write) as printer:
        await printer.put("x" * (1 << 20))
        with trio.move_on_after(0.01) as waited:
            await printer.put("y")
        assert waited.cancelled_caught
        reader.gate.release(3)
        await printer.put("z")
    assert "".join(reader.texts) == "x" * (1 << 20) + "z"


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError("no room"), ValueError()])
async def test_an_output_that_fails_ends_and_the_rest_goes_on(error: Exception) -> None:
    def fail(_: str) -> None:
        raise error

    async with open_printer(fail) as printer:
        await printer.line("lost")
        await printer._taken.wait()
        assert printer.broken
        await printer.line("lost as well")
        assert not printer.busy
    expected = None if isinstance(error, BrokenPipeError) else error
    assert printer.failure is expected


async def test_what_still_waits_when_the_reader_goes_is_dropped() -> None:
    gate = threading.Semaphore(0)

    def fail(_: str) -> None:
        gate.acquire()
        raise BrokenPipeError

    async with open_printer(fail) as printer:
        await printer.put("x" * (1 << 20))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(printer.put, "waits for room")
            await wait_all_tasks_blocked()
            gate.release()
    assert printer.broken


async def test_who_hurries_waits_no_longer_than_the_patience() -> None:
    reader = Reader()
    with trio.fail_after(5):
        async with open_printer(reader.write) as printer:
            await printer.line("stuck")
            await wait_all_tasks_blocked()
            printer.hurry(0.01)
            await printer.line("never written")
    assert printer.broken
    assert printer.failure is None
    reader.gate.release()


async def test_a_swift_reader_is_not_hurried_away() -> None:
    stream = io.StringIO()
    async with open_printer(writer_to(stream)) as printer:
        printer.hurry(5.0)
        for number in range(3):
            await printer.line(str(number))
            await printer._taken.wait()
    assert stream.getvalue() == "0\n1\n2\n"


async def test_cancelled_a_printer_leaves_a_stuck_write_behind() -> None:
    reader = Reader()
    with trio.move_on_after(0.02) as scope:
        async with open_printer(reader.write) as printer:
            await printer.line("stuck")
    assert scope.cancelled_caught
    reader.gate.release()


def test_a_stream_is_written_past_its_buffer() -> None:
    number, other = os.pipe()
    with (
        os.fdopen(other, "w", encoding="ascii") as stream,
        os.fdopen(number, "rb") as reader,
    ):
        write = writer_to(stream)
        assert write is not None
        write("plain and ä")
        assert reader.read1() == b"plain and ?"


def closed_stream() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


def dead_descriptor() -> io.TextIOWrapper:
    class Dead(io.BytesIO):
        def fileno(self) -> int:
            raise OSError

    return io.TextIOWrapper(Dead())


@pytest.mark.parametrize("make", [lambda: None, closed_stream, dead_descriptor])
async def test_a_closed_stream_swallows_what_is_written(
    make: Callable[[], io.StringIO | None],
) -> None:
    write = writer_to(make())
    assert write is None
    async with open_printer(write) as printer:
        await printer.line("nobody reads this")
        assert printer.broken


async def test_a_printer_is_patient_unless_it_is_told_otherwise() -> None:
    assert Printer(None)._patience == math.inf
