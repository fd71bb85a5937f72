"""A command agent that lingers, says too much in a line, or is ended: what counts."""

import json
import sys
from contextlib import suppress
from pathlib import Path

import attrs
import psutil
import pytest
import trio
from tests.support.command_bench import Bench, RecordingPort

from crew_actors.model import FailureKind
from crew_actors.runtimes import Completed, Failed, NoResult, run_command
from crew_supervisors import ChildProcess


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


ANSWERS = """
import json, signal, sys, time
print(json.dumps({"type": "progress", "text": "half"}), flush=True)
print(json.dumps({"type": "result", "text": "done"}), flush=True)
"""


@pytest.mark.parametrize("stubborn", [False, True])
async def test_an_agent_that_lingers_after_its_result_has_succeeded(
    bench: Bench, stubborn: bool
) -> None:
    ignores = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if stubborn else ""
    with trio.fail_after(20):
        outcome = await bench.python(
            ANSWERS + ignores + "time.sleep(60)", output="jsonl", silence=0.5
        )
    assert outcome == Completed(text="done")
    (how,) = bench.port.ended
    assert how.reason == "finished"
    assert "SIGTERM" in how.report.escalations
    assert ("SIGKILL" in how.report.escalations) == stubborn
    assert how.report.survivors == ()


async def test_an_agent_may_say_more_after_its_first_result(bench: Bench) -> None:
    later = """
time.sleep(0.3)
print(json.dumps({"type": "result", "text": "better"}), flush=True)
"""
    outcome = await bench.python(ANSWERS + later, output="jsonl")
    assert outcome == Completed(text="better")
    assert bench.port.answers == 1
    assert bench.port.ended[0].reason == "exited"


async def test_the_exit_code_counts_when_an_agent_leaves_by_itself(
    bench: Bench,
) -> None:
    outcome = await bench.python(ANSWERS + "sys.exit(3)", output="jsonl")
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.EXIT


async def test_an_agent_that_reports_a_failure_and_lingers_has_failed(
    bench: Bench,
) -> None:
    program = """
import json, time
print(json.dumps({"type": "failure", "message": "no network"}), flush=True)
time.sleep(60)
"""
    with trio.fail_after(20):
        outcome = await bench.python(program, output="jsonl")
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.REPORTED


async def test_an_agent_without_a_result_is_waited_for(bench: Bench) -> None:
    program = """
import json, time
print(json.dumps({"type": "result", "text": ""}), flush=True)
time.sleep(1.2)
print(json.dumps({"type": "result", "text": "late"}), flush=True)
"""
    outcome = await bench.python(program, output="jsonl")
    assert outcome == Completed(text="late")
    assert bench.port.answers == 1


async def test_a_text_that_nobody_can_add_to_is_the_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew_actors.runtimes._command.OUTPUT_CLOSED", 0.2)
    program = "import os, time; os.write(1, b'all'); os.close(1); time.sleep(60)"
    with trio.fail_after(20):
        outcome = await bench.python(program)
    assert outcome == Completed(text="all")
    assert bench.port.ended[0].reason == "finished"


async def test_what_an_agent_leaves_behind_does_not_hold_its_attempt_up(
    bench: Bench,
) -> None:
    program = "import subprocess; subprocess.Popen(['sleep', '60']); print('done')"
    with trio.fail_after(20):
        outcome = await bench.python(program)
    assert outcome == Completed(text="done")
    assert bench.port.texts == [
        "done",
        "processes that it left behind held its output open, and were ended",
    ]


HUGE = "import sys; sys.stdout.write('before\\n' + 'x' * 3_000_000 + '\\nafter\\n')"
NOTE = "a line of 3,000,000 bytes was cut after 1,048,576"


async def test_a_line_too_long_for_memory_is_an_artifact(bench: Bench) -> None:
    outcome = await bench.python(HUGE)
    note = f"{NOTE}; all of it is artifact long-lines/1.txt"
    assert bench.port.files == {"long-lines/1.txt": b"x" * 3_000_000}
    assert bench.port.texts == ["before", note, "after"]
    assert isinstance(outcome, Completed)
    assert outcome.text.startswith("before\nxxx")
    assert outcome.text.endswith(f"\n\n(A{note[1:]}.)")
    assert list((bench.folder / "work" / "long-lines").iterdir()) == []


async def test_a_result_in_a_line_too_long_for_memory_is_not_lost(
    bench: Bench,
) -> None:
    program = """
import json
print(json.dumps({"type": "result", "text": "x" * 2_000_000}))
"""
    outcome = await bench.python(program, output="jsonl")
    assert isinstance(outcome, NoResult)
    assert "all of it is artifact long-lines/1.txt: leave what is large" in outcome.why
    kept = json.loads(bench.port.files["long-lines/1.txt"])
    assert kept == {"type": "result", "text": "x" * 2_000_000}


async def test_a_long_line_that_cannot_be_kept_says_why(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew_actors.runtimes._process.LONG_LINES_LIMIT", 2_000_000)
    await bench.python(HUGE)
    assert bench.port.texts[1].startswith(f"{NOTE}, and its rest was dropped: ")
    assert bench.port.files == {}


async def test_a_long_line_that_the_run_refuses_says_why(bench: Bench) -> None:
    bench.port.refuses = True
    await bench.python(HUGE)
    assert bench.port.texts[1] == f"{NOTE}, and cannot be kept: too much"
    assert list((bench.folder / "work" / "long-lines").iterdir()) == []


@attrs.define
class FailingPort(RecordingPort):
    """Is cancelled when a process has started, or fails."""

    scope: trio.CancelScope | None = None

    async def process_started(self, process: ChildProcess) -> None:
        self.started.append(process.pid)
        if self.scope is not None:
            self.scope.cancel()
            await trio.lowlevel.checkpoint()
        raise ConnectionError


@pytest.mark.parametrize("cancelled", [True, False])
async def test_whatever_ends_an_attempt_ends_its_process_first(
    bench: Bench, cancelled: bool
) -> None:
    job = bench.job(sys.executable, "-c", "import time; print(1); time.sleep(60)")
    scope = trio.CancelScope()
    port = FailingPort(scope=scope if cancelled else None)
    with trio.fail_after(20):
        with scope, suppress(ExceptionGroup):
            await run_command(job, port)
        (pid,) = port.started
        assert not psutil.pid_exists(pid)
        assert scope.cancelled_caught == cancelled


async def test_a_killed_warden_is_no_fault_of_the_agent_and_no_deadline(
    bench: Bench,
) -> None:
    program = "import os, time; os.kill(os.getppid(), 9); time.sleep(60)"
    with trio.fail_after(20):
        outcome = await bench.python(program)
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.KILLED
    assert outcome.failure.message == "its warden was killed, so it was ended"
