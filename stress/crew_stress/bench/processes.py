# Rates and times are compared with trio's own in the same run: machines differ, and so
# does one machine from minute to minute.
#
# 1. Ours and the bare way take turns; the fastest turn of each counts.
# 2. The rate is that of the clock on the wall: the other end of the pipe is a program
#    that runs beside us, as it would for a user.
# 3. Like is compared with like: `batch.text` with trio alone that reads the bytes, what
#    gives single lines with trio alone that cuts them into decoded lines.
# 4. Short lines: an object and a step of an iteration for each line cost more than to
#    read it, in any Python. So the figures that count are those of batches, and of
#    `lines()` from 200 bytes on; the others are floors against decay.
"""What processes cost: output, start and stop, and what a thousand leave behind."""

import gc
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal, final

import attrs
import psutil
import trio

from crew_stress import fake_agent
from crew_stress.bench.supervisors import Figure
from crew_supervisors.processes import (
    ChildProcess,
    ProcessSpec,
    StreamName,
    run_process,
)

Way = Literal["lines()", "batch.texts", "batch.text"]
Bare = Literal["bytes", "split"]
MIB: Final = 1 << 20
BARE: Final[dict[Bare, str]] = {
    "bytes": "trio alone, reading bytes",
    "split": "trio alone, cutting decoded lines",
}
FLOORS: Final[dict[tuple[Way, Bare], dict[int, float]]] = {
    ("batch.text", "bytes"): {63: 0.5, 200: 0.5, 1000: 0.5, 8192: 0.5},
    ("batch.texts", "split"): {63: 0.5, 200: 0.5, 1000: 0.5, 8192: 0.5},
    ("lines()", "split"): {63: 0.2, 200: 0.4, 1000: 0.5, 8192: 0.5},
    ("lines()", "bytes"): {63: 0.05, 200: 0.1, 1000: 0.25, 8192: 0.3},
}
"""The least share of the rate of the bare way, by the bytes of a line."""
SPAWN_LIMIT: Final = 5.0
"""Milliseconds over `trio.lowlevel.open_process`, without a warden."""
WARDEN_LIMIT: Final = 5.0
"""The same with one, from the third start of a run on. It is forked then."""
STUBBORN_LIMIT: Final = 400.0
"""Milliseconds; half of it is the time that the tree has to leave."""
STOP_LIMIT: Final = 1.0
"""Milliseconds of our processor time for one stop; 0.3 on an idle machine."""
RSS_LIMIT: Final = 16.0
"""MiB that the reader may grow by, whatever the program says."""


@final
@attrs.frozen(kw_only=True)
class Sizes:
    """How much is measured."""

    turns: int = 15
    bytes_read: int = 32 * MIB
    """For each turn; short ones find the moments in which nobody else is busy."""
    flood: int = 1024 * MIB
    """Bytes on each of stdout and stderr."""
    spawns: int = 40
    stops: int = 5
    together: int = 60
    in_sequence: int = 1000


# --- rate ---


async def read_bare(path: Path, way: Bare) -> float:
    """Read the output of `cat` with trio alone; return the seconds."""
    process = await trio.lowlevel.open_process(
        ["cat", str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    rest = b""
    begin = time.perf_counter()
    while data := await process.stdout.receive_some():
        if way == "split":
            whole, _, rest = (rest + data).rpartition(b"\n")
            for _line in whole.decode().split("\n"):
                pass
    took = time.perf_counter() - begin
    await process.wait()
    await process.stdout.aclose()
    return took


async def read_ours(path: Path, way: Way) -> float:
    """Read the output of `cat`, and look at each line; return the seconds."""
    spec = ProcessSpec(name="cat", argv=("cat", str(path)), containment="group")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        begin = time.perf_counter()
        if way == "lines()":
            async for _ in process.lines():
                pass
        else:
            async for batch in process.lines().batches():
                if way == "batch.texts":
                    for _ in batch.texts:
                        pass
        return time.perf_counter() - begin


def rates(sizes: Sizes) -> list[Figure]:
    """Compare the rates for lines of each length."""
    figures: list[Figure] = []
    for length in FLOORS["lines()", "split"]:
        best, size = _best_times(sizes, length)
        for (way, bare), floors in FLOORS.items():
            figures.append(
                Figure(
                    f"lines of {length:,} bytes: {way} / {BARE[bare]}",
                    best[bare] / best[way],
                    "x",
                    floors[length],
                    at_least=True,
                    detail=f"{size / best[way] / 1e6:,.0f} MB/s, "
                    f"bare {size / best[bare] / 1e6:,.0f}",
                )
            )
    return figures


def _best_times(sizes: Sizes, length: int) -> tuple[dict[Way | Bare, float], int]:
    """Return the seconds that each way takes at best, and the bytes that were read."""
    line = b"x" * length + b"\n"
    best: dict[Way | Bare, float] = {}
    with tempfile.NamedTemporaryFile(dir=_memory()) as file:
        for _ in range(0, sizes.bytes_read, MIB):
            file.write(line * (MIB // len(line)))
        file.flush()
        path = Path(file.name)
        ways: dict[Way | Bare, Callable[[], Awaitable[float]]] = {
            **{bare: partial(read_bare, path, bare) for bare in BARE},
            **{way: partial(read_ours, path, way) for way, _ in FLOORS},
        }
        for _ in range(sizes.turns):
            for name, way in ways.items():
                best[name] = min(best.get(name, math.inf), trio.run(way))
        return best, path.stat().st_size


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a disk would be measured


# --- memory ---


async def flood(size: int) -> tuple[float, bool]:
    """Read *size* bytes of both streams slowly. Return MiB grown, and if all came."""
    argv = (sys.executable, "-I", "-S", fake_agent.__file__)
    spec = ProcessSpec(
        name="flood",
        argv=(*argv, f"flood:{size}", f"err-flood:{size}", "exit:0"),
        stderr="lines",
    )
    me = psutil.Process()
    grown = 0.0
    seen: dict[StreamName, int] = {"stdout": 0, "stderr": 0}
    in_order = True

    async def read(process: ChildProcess, stream: StreamName) -> None:
        nonlocal grown, in_order
        async for batch in process.lines(stream).batches():
            first = seen[stream]
            seen[stream] += len(batch)
            if stream == "stdout":
                wanted = range(first, seen[stream])
                in_order = in_order and list(map(int, batch.texts)) == list(wanted)
            grown = max(grown, (me.memory_info().rss - before) / MIB)
            await trio.sleep(0.001)  # slow

    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        gc.collect()
        before = me.memory_info().rss
        nursery.start_soon(read, process, "stdout")
        await read(process, "stderr")
    whole = seen == {"stdout": size // 64, "stderr": size // 4096}
    return grown, in_order and whole


def memory(sizes: Sizes) -> list[Figure]:
    """Measure what a reader grows by."""
    grown, whole = trio.run(flood, sizes.flood)
    mib = sizes.flood // MIB
    return [
        Figure(f"2 x {mib:,} MiB, slow reader: RSS grows", grown, "MiB", RSS_LIMIT),
        Figure("  lines lost or out of order", 0 if whole else 1, "", 0),
    ]


# --- start ---


async def start_bare() -> float:
    """Start `true` with trio alone; return the seconds."""
    begin = time.perf_counter()
    process = await trio.lowlevel.open_process(
        ["true"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    took = time.perf_counter() - begin
    await process.wait()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        await stream.aclose()
    return took


async def start_ours(containment: Literal["best", "group"]) -> float:
    """Start `true`; return the seconds."""
    spec = ProcessSpec(name="true", argv=("true",), containment=containment)
    async with trio.open_nursery() as nursery:
        begin = time.perf_counter()
        await nursery.start(run_process, spec)
        return time.perf_counter() - begin


async def _starts(sizes: Sizes) -> dict[str, float]:
    ways: dict[str, Callable[[], Awaitable[float]]] = {
        "bare": start_bare,
        "group": partial(start_ours, "group"),
        "warden": partial(start_ours, "best"),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(sizes.spawns):
        for name, way in ways.items():
            took[name].append(await way())
    return {name: min(times) * 1e3 for name, times in took.items()}


def starting(sizes: Sizes) -> list[Figure]:
    """Measure what a start takes beyond trio's."""
    took = trio.run(_starts, sizes)
    bare = took["bare"]
    limits = {"group": SPAWN_LIMIT, "warden": WARDEN_LIMIT}
    return [
        Figure(
            f"start, {name}: beyond bare",
            took[name] - bare,
            "ms",
            limit,
            detail=f"ours {took[name]:.1f} ms, bare {bare:.1f} ms",
        )
        for name, limit in limits.items()
    ]


# --- stop ---


async def cancel_stubborn() -> float:
    """Cancel a tree of three levels that ignores SIGTERM; return the seconds."""
    spec = ProcessSpec(name="tree", argv=fake_agent.argv("as:stubborn-tree"))
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        await anext(process.lines())
        begin = time.perf_counter()
        nursery.cancel_scope.cancel()
    return time.perf_counter() - begin


async def cancel_many(count: int) -> float:
    """Cancel processes together; return our processor seconds for each."""
    spec = ProcessSpec(name="sleep", argv=("sleep", "600"))
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            await nursery.start(run_process, spec)
        begin = time.process_time()
        nursery.cancel_scope.cancel()
    return (time.process_time() - begin) / count


def stopping(sizes: Sizes) -> list[Figure]:
    """Measure what a stop takes. `crew stress cancel` measures many, by the clock."""
    stubborn = min(trio.run(cancel_stubborn) for _ in range(sizes.stops))
    each = min(trio.run(cancel_many, sizes.together) for _ in range(sizes.stops))
    return [
        Figure(
            "cancel, three levels that ignore SIGTERM: until gone",
            stubborn * 1e3,
            "ms",
            STUBBORN_LIMIT,
        ),
        Figure(
            f"cancel, {sizes.together} together: our processor time for each",
            each * 1e3,
            "ms",
            STOP_LIMIT,
        ),
    ]


# --- what is left ---


@attrs.frozen
class Holdings:
    """What this process holds."""

    files: int
    tasks: int
    threads: int
    children: int
    """Zombies too."""

    @classmethod
    def now(cls) -> "Holdings":
        me = psutil.Process()
        if sys.platform == "win32":
            files = me.num_handles()
        else:
            files = me.num_fds()
        tasks = trio.lowlevel.current_statistics().tasks_living
        return cls(files, tasks, threading.active_count(), len(me.children()))


async def _sequence(count: int) -> tuple[Holdings, Holdings]:
    async def one() -> None:
        ended = await run_process(ProcessSpec(name="true", argv=("true",)))
        assert ended.succeeded

    for _ in range(3):
        await one()
    before = Holdings.now()
    for _ in range(count):
        await one()
    return before, Holdings.now()


def sequence(sizes: Sizes) -> list[Figure]:
    """Run many processes one after the other, and look what is left of them."""
    before, after = trio.run(_sequence, sizes.in_sequence)
    return [
        Figure(
            f"{sizes.in_sequence:,} in sequence: {name} more",
            getattr(after, name) - getattr(before, name),
            "",
            0,
        )
        for name in ("files", "tasks", "threads", "children")
    ]


def measure(sizes: Sizes) -> list[Figure]:
    """Measure all figures."""
    return [
        *rates(sizes),
        *memory(sizes),
        *starting(sizes),
        *stopping(sizes),
        *sequence(sizes),
    ]


def main(sizes: Sizes | None = None) -> int:
    """Print a table; return 1 if a figure was missed."""
    figures = measure(sizes or Sizes())
    for figure in figures:
        print(figure)
    return 0 if all(figure.is_reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
