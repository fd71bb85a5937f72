"""Agents that ask, and agents that are told something while they work."""

from pathlib import Path

import pytest
import trio
from tests.support.command_bench import Bench

from crew_actors.model import Message
from crew_actors.runtimes import Completed, Outcome

ASK = """\
import json, sys
print(json.dumps({"type": "question", "id": "q", "text": "Which?"}), flush=True)
"""
HEAR = """\
for line in sys.stdin:
    told = json.loads(line)
    if told["type"] == "answer":
        print(json.dumps({"type": "result", "text": f"heard {told['text']}"}))
        break
"""
LISTEN = """\
import json, sys
for line in sys.stdin:
    told = json.loads(line)
    print(json.dumps({"type": "received", "id": told["id"]}), flush=True)
    print(json.dumps({"type": "result", "text": f"{told['type']} {told['text']}"}))
    break
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def letter(kind: str = "steer") -> Message:
    return Message(id="m-1", kind=kind, text="left", by="ann")  # type: ignore[arg-type]  # each test names a real kind


async def _run(bench: Bench, program: str, **options: object) -> Outcome:
    with trio.fail_after(20):
        return await bench.python(program, output="jsonl", **options)


@pytest.mark.parametrize(("reply", "heard"), [("yes", "yes"), (None, "None")])
async def test_the_agent_hears_the_answer_or_that_there_is_none(
    bench: Bench, reply: str | None, heard: str
) -> None:
    bench.port.reply = reply
    outcome = await _run(bench, ASK + HEAR, control="stdin")
    assert isinstance(outcome, Completed)
    assert outcome.text == f"heard {heard}"


async def test_waiting_for_an_answer_is_no_silence(bench: Bench) -> None:
    bench.port.thinks = 2.5
    outcome = await _run(bench, ASK + HEAR, control="stdin", silence=1.5)
    assert isinstance(outcome, Completed)
    assert outcome.text == "heard yes"


async def test_an_agent_that_cannot_hear_is_not_answered(bench: Bench) -> None:
    say = 'print(json.dumps({"type": "result", "text": sys.stdin.read() or "none"}))'
    outcome = await _run(bench, ASK + say)
    assert isinstance(outcome, Completed)
    assert outcome.text == "none"
    assert bench.port.asked == []
    assert "it asks, and cannot hear an answer: Which?" in bench.port.texts


async def test_an_agent_that_ends_with_its_question_has_ended(bench: Bench) -> None:
    bench.port.thinks = 60.0
    say = 'print(json.dumps({"type": "result", "text": "no time"}))'
    outcome = await _run(bench, ASK + say, control="stdin")
    assert isinstance(outcome, Completed)
    assert outcome.text == "no time"


async def test_a_message_that_is_acknowledged_is_delivered(bench: Bench) -> None:
    bench.port.letters.append(letter())
    outcome = await _run(bench, LISTEN, control="stdin")
    assert isinstance(outcome, Completed)
    assert outcome.text == "steer left"
    assert bench.port.settled == [("m-1", "delivered", "")]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("steer", "rejected"), ("interrupt", "rejected"), ("follow_up", "queued")],
)
async def test_an_agent_without_a_channel_takes_no_message(
    bench: Bench, kind: str, outcome: str
) -> None:
    bench.port.letters.append(letter(kind))
    slow = "import time; time.sleep(0.3); print('{}')"
    await _run(bench, slow)
    ((message, told, why),) = bench.port.settled
    assert (message, told) == ("m-1", outcome)
    assert "control: stdin" in why


async def test_an_agent_that_reads_no_more_rejects_what_comes(bench: Bench) -> None:
    bench.port.letters += [letter(), letter()]
    deaf = "import os, time; os.close(0); time.sleep(0.5)"
    await _run(bench, "import time; time.sleep(0.0)\n" + deaf, control="stdin")
    outcomes = {told for _, told, _ in bench.port.settled}
    assert outcomes <= {"rejected"}


async def test_an_acknowledgement_of_nothing_means_nothing(bench: Bench) -> None:
    say = 'import json; print(json.dumps({"type": "received", "id": "m-9"}))'
    await _run(bench, say, control="stdin")
    assert bench.port.settled == []
