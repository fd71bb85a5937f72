"""What the agent of a task writes, while it writes it."""

import os
import sys
from pathlib import Path

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.support.crews import echo
from tests.support.feeds import feeds_in, reading
from tests.support.plans import plan, task

from crew_actors.console.feeds import NoFeed, Scope, _output
from crew_actors.console.feeds._output import Tail, whole_characters
from crew_actors.model import CommandSpec, PlannedTask, RunStatus, Selection
from crew_actors.runs import UnknownTask

TALKS = """
import sys
print("hello", flush=True)
print("oops", file=sys.stderr, flush=True)
for line in open(sys.argv[1]):
    print(line.strip(), flush=True)
"""


def program(code: str, *args: object) -> PlannedTask:
    argv = (sys.executable, "-c", code, *map(str, args))
    return attrs.evolve(task("a"), command=CommandSpec(argv=argv))


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


async def test_output_comes_while_the_agent_writes_it(folder: Path, pipe: Path) -> None:
    async with feeds_in(folder) as (crew, feeds):
        run = await crew.start(plan(program(TALKS, pipe)))
        async with reading(feeds, Scope("run", run=run.id)) as one:
            await one.see(lambda known: known["tasks"]["a"]["pid"])
        order = os.open(pipe, os.O_RDWR)  # which waits for nobody
        try:
            scope = Scope("output", run=run.id, task="a")
            async with reading(feeds, scope) as client:
                said = [client.known["text"]]
                while "hello" not in "".join(said):
                    changes = await client.step()
                    assert changes["offset"] == len("".join(said))
                    said.append(changes["text"])
                assert client.known["attempt"] == "a.1"
                await client.see(lambda known: known["errors"]["text"] == "oops\n")
                os.write(order, b"second\n")
                await client.see(lambda known: known["text"] == "second\n")
                assert client.known["offset"] == len("hello\n")
            async with reading(feeds, scope) as late:
                assert late.known["text"] == "hello\nsecond\n"
            short = attrs.evolve(scope, tail=4)
            async with reading(feeds, short) as late:
                assert (late.known["offset"], late.known["text"]) == (9, "ond\n")
        finally:
            os.close(order)
        assert (await run.wait()).status is RunStatus.COMPLETED


async def test_the_output_of_a_run_of_the_past_is_there(folder: Path) -> None:
    async with feeds_in(folder) as (crew, feeds):
        run = await crew.start(plan(program("print('it is done')")))
        await run.wait()
        async with reading(feeds, Scope("output", run=run.id, task="a")) as client:
            assert client.known["text"] == "it is done\n"


async def test_a_new_attempt_begins_anew(folder: Path) -> None:
    async with feeds_in(folder) as (crew, feeds):
        run = await crew.start(plan(program("print('no'); exit(1)")))
        assert (await run.wait()).status is RunStatus.FAILED
        async with reading(feeds, Scope("output", run=run.id, task="a")) as client:
            assert client.known["text"] == "no\n"
            rev = client.cursor.rev
            await crew.resume(run.folder, retry=Selection())
            await client.see(lambda known: known["attempt"] == "a.2")
            assert client.known["offset"] == 0
            await client.see(lambda known: known["text"] == "no\n")
            assert client.cursor.rev > rev


async def test_who_says_nothing_has_no_output(folder: Path) -> None:
    async with feeds_in(folder, worker=echo) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        await run.wait()
        async with reading(feeds, Scope("output", run=run.id, task="a")) as client:
            assert client.known == {
                "attempt": "a.1",
                "offset": 0,
                "text": "",
                "errors": {"offset": 0, "text": ""},
            }
        with pytest.raises(UnknownTask):
            await feeds.subscribe(Scope("output", run=run.id, task="b"))
        with pytest.raises(NoFeed, match="needs a task"):
            await feeds.subscribe(Scope("output", run=run.id))


def test_who_is_too_slow_finds_a_gap_and_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_output, "KEPT", 10)
    tail = Tail("stdout")
    tail.begin(100)
    assert [tail.add(100 + 4 * n, b"abcd", n + 1) for n in range(4)] == [0, 0, 1, 2]
    assert tail.newer(0) == {"offset": 108, "text": "abcdabcd"}
    assert tail.newer(3) == {"offset": 112, "text": "abcd"}
    assert tail.newer(4) is None
    assert tail.offset == 116


def test_what_is_left_out_is_not_taken_for_what_came_before_it() -> None:
    tail = Tail("stdout")
    tail.add(0, b"one", rev=1)
    assert tail.add(10, b"two", rev=2) == 1
    assert tail.newer(0) == {"offset": 10, "text": "two"}
    assert tail.newer(1) == {"offset": 10, "text": "two"}


def test_who_says_more_than_can_be_shown_is_seen_as_it_is_now(tmp_path: Path) -> None:
    tails = (Tail("stdout"), Tail("stderr"))

    def look() -> list[tuple[int, int]]:
        found = _output._read_all(tmp_path, tails)
        for tail, (first, data) in zip(tails, found, strict=True):
            tail.add(first, data, rev=1)
        return [(first, len(data)) for first, data in found]

    log = tmp_path / "stdout.0.log"
    log.write_bytes(b"x" * _output.KEPT)
    assert look() == [(0, _output.KEPT), (0, 0)]
    with log.open("ab") as file:
        file.write(b"y" * _output.BEHIND)  # can be caught up with, look by look
    assert look() == [(_output.KEPT, _output.KEPT), (0, 0)]
    with log.open("ab") as file:
        file.write("é".encode() * (_output.BEHIND // 2 + 1) + b"!")
    end = log.stat().st_size
    # The look begins in the middle of a character: that one is left out, too.
    assert look() == [(end - _output.KEPT + 1, _output.KEPT - 1), (0, 0)]


@given(st.text(max_size=8), st.integers(0, 40))
def test_a_character_is_never_cut(text: str, cut: int) -> None:
    data = text.encode("utf-8", "replace")[:cut]
    whole = whole_characters(data)
    assert len(data) - whole < 4
    data[:whole].decode()


@given(st.binary(max_size=8))
def test_what_is_no_text_is_not_held_back_for_ever(data: bytes) -> None:
    assert len(data) - whole_characters(data) < 4
