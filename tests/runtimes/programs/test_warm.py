"""Programs that are started ahead of their attempts."""

import os
import signal
import sys
from pathlib import Path

import attrs
import pytest
import trio
from tests.support.program_bench import FAKES, ProgramBench, kind_of, text_of

from crew_actors.model import FailureKind
from crew_actors.runtimes import Job
from crew_actors.runtimes.programs import Pi, _converse, _run, _session

SAYS = "[[say:it was told]]"


def told(early: Job, prompt: str = SAYS) -> Job:
    """Make the whole job of which *early* is known."""
    return attrs.evolve(early, task=attrs.evolve(early.task, prompt=prompt))


@pytest.fixture
def pi(tmp_path: Path) -> ProgramBench:
    return ProgramBench(tmp_path, "pi", Pi)


@pytest.fixture
def noisy(tmp_path: Path) -> ProgramBench:
    """A pi that says the lines of a file when it starts."""
    bench = ProgramBench(tmp_path, "pi", Pi)
    script = tmp_path / "noisy.py"
    script.write_text(
        "import runpy, sys\n"
        "sys.stdout.write(open(sys.argv.pop(1)).read())\n"
        "sys.stdout.flush()\n"
        f"runpy.run_path({str(FAKES / 'pi.py')!r}, run_name='__main__')\n"
    )
    bench.argv = (sys.executable, str(script), str(tmp_path / "lines"))
    return bench


async def test_a_warm_program_is_told_its_task_when_its_attempt_begins(
    bench: ProgramBench,
) -> None:
    async def begins(early: Job) -> Job:
        assert len(bench.port.warm) == 1
        assert (bench.port.started, bench.port.starting) == ([], 0)
        assert bench.shown == []
        assert not (early.folder / "task.md").exists()
        return told(early)

    assert text_of(await bench.run_warm(begins)) == "it was told"
    assert bench.port.started == [bench.port.warm[0].pid]
    assert [how.report.survivors for how in bench.port.ended] == [()]
    assert bench.port.discarded == []
    assert SAYS in (bench.folder / "work" / "task.md").read_text()


async def test_a_warm_program_that_is_given_up_leaves_nothing(
    bench: ProgramBench,
) -> None:
    with trio.CancelScope() as scope:

        async def begins(early: Job) -> Job:
            scope.cancel()
            await trio.sleep_forever()
            raise AssertionError

        await bench.run_warm(begins)
    (process,) = bench.port.warm
    assert not await process.alive()
    assert bench.port.started == []


async def test_what_a_warm_program_tells_by_itself_is_heard_later(
    noisy: ProgramBench,
) -> None:
    (noisy.folder / "lines").write_text("a stray line\nanother one\n")

    async def begins(early: Job) -> Job:
        await trio.sleep(0.1)
        assert noisy.port.texts == []
        return told(early)

    assert text_of(await noisy.run_warm(begins)) == "it was told"
    assert noisy.port.texts[:2] == ["a stray line", "another one"]


async def test_what_a_warm_program_asks_is_answered_when_its_attempt_begins(
    noisy: ProgramBench,
) -> None:
    (noisy.folder / "lines").write_text(
        '{"type": "extension_ui_request", "id": "x", "method": "confirm", '
        '"title": "Go on?"}\n'
    )

    async def begins(early: Job) -> Job:
        await trio.sleep(0.1)
        assert noisy.port.asked == []
        return told(early)

    assert text_of(await noisy.run_warm(begins)) == "it was told"
    assert len(noisy.port.asked) == 1


async def test_a_program_that_says_too_much_before_its_task_is_not_used(
    noisy: ProgramBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_converse, "HELD", 10)
    lines = noisy.folder / "lines"
    lines.write_text("much\n" * 11)

    async def begins(early: Job) -> Job:
        if not noisy.port.discarded:
            await trio.sleep_forever()
        lines.write_text("")
        return told(early)

    assert text_of(await noisy.run_warm(begins)) == "it was told"
    assert noisy.port.discarded == [
        (noisy.port.warm[0].pid, "it said too much before it had a task")
    ]
    assert len(noisy.port.started) == 1


async def test_a_warm_program_that_dies_costs_its_attempt_nothing(
    bench: ProgramBench,
) -> None:
    async def begins(early: Job) -> Job:
        if not bench.port.discarded:
            os.kill(bench.port.warm[0].pid, signal.SIGKILL)
            await trio.sleep_forever()
        return told(early)

    assert text_of(await bench.run_warm(begins)) == "it was told"
    ((pid, why),) = bench.port.discarded
    assert pid == bench.port.warm[0].pid
    assert why == "it is gone: ended by SIGKILL, not by us"
    assert len(bench.port.started) == 1
    assert bench.port.started != [pid]


async def test_a_program_that_cannot_be_started_fails_its_attempt_alone(
    pi: ProgramBench,
) -> None:
    pi.argv = ("no-such-program",)
    begun = 0

    async def begins(early: Job) -> Job:
        nonlocal begun
        begun += 1
        return told(early)

    assert kind_of(await pi.run_warm(begins)) is FailureKind.START
    assert (begun, pi.port.warm) == (1, [])


async def test_a_program_that_refuses_its_handshake_is_started_again_for_its_attempt(
    pi: ProgramBench,
) -> None:
    pi.argv = (sys.executable, "-c", "import time; time.sleep(60)")
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched:
        patched.setattr(_converse, "HANDSHAKE", 0.3)

        async def begins(early: Job) -> Job:
            return told(early)

        assert kind_of(await pi.run_warm(begins)) is FailureKind.TIMEOUT
    ((_, why),) = pi.port.discarded
    assert why == "it has not answered within 0 seconds"
    assert len(pi.port.ended) == 1


async def test_a_program_that_has_waited_long_makes_room_for_a_fresh_one(
    bench: ProgramBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run, "WARM", 0.3)

    async def begins(early: Job) -> Job:
        if len(bench.port.warm) < 2:
            await trio.sleep_forever()
        return told(early)

    assert text_of(await bench.run_warm(begins)) == "it was told"
    first, second = bench.port.warm
    assert bench.port.discarded == [(first.pid, "it has waited for 0.3 seconds")]
    assert bench.port.started == [second.pid]


async def test_the_silence_of_a_warm_program_is_not_held_against_it(
    pi: ProgramBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_session, "BEAT", 0.1)

    async def begins(early: Job) -> Job:
        await trio.sleep(2)
        return told(early)

    assert text_of(await pi.run_warm(begins, silence=1.0)) == "it was told"
    assert pi.port.discarded == []
