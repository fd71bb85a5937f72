"""Lines and an exit make an outcome; success needs evidence."""

import json

import attrs
import pytest

from crew_actors.model import Failure, FailureKind
from crew_actors.runtimes import Completed, Failed, NoResult, Outcome
from crew_actors.runtimes._answer import DETAIL_LIMIT, TEXT_LIMIT, Answer, Ending
from crew_actors.runtimes._messages import Says

WELL = Ending(code=0)
RESULT = {"type": "result", "text": "done"}


def _json(**message: object) -> str:
    return json.dumps(message)


def _failed(kind: FailureKind, message: str, detail: str = "") -> Failed:
    return Failed(failure=Failure(kind=kind, message=message, detail=detail))


def test_plain_text_is_the_result_as_a_whole() -> None:
    answer = Answer(output="text")
    assert answer.take("  one ") == Says("one")
    answer.take("two")
    assert answer.outcome(WELL) == Completed(text="  one \ntwo")


def test_plain_text_beyond_the_limit_is_cut_and_says_so() -> None:
    answer = Answer(output="text")
    for _ in range(3):
        answer.take("x" * (TEXT_LIMIT // 2 - 1))
    outcome = answer.outcome(WELL)
    assert isinstance(outcome, Completed)
    assert outcome.text.endswith("(524,288 more characters were left out.)")


def test_a_line_that_has_only_partly_room_is_cut() -> None:
    answer = Answer(output="text")
    answer.take("x" * (TEXT_LIMIT + 5))
    outcome = answer.outcome(WELL)
    assert isinstance(outcome, Completed)
    assert outcome.text == "x" * TEXT_LIMIT + "\n\n(5 more characters were left out.)"


@pytest.mark.parametrize("name", ["SIGTERM", None])
def test_an_agent_that_had_to_be_ended_after_its_answer_has_succeeded(
    name: str | None,
) -> None:
    ended = Ending(code=None if name else 1, signal=name)
    answer = Answer(output="jsonl")
    given: list[bool] = []
    for words in ({"type": "progress", "text": "half"}, RESULT | {"text": " "}, RESULT):
        answer.take(json.dumps(words))
        given.append(answer.is_given)
    assert given == [False, False, True]
    outcome = answer.outcome(attrs.evolve(ended, answered=True))
    assert outcome == Completed(text="done")
    assert isinstance(answer.outcome(ended), Failed)


def test_only_some_of_many_cut_lines_are_told() -> None:
    answer = Answer(output="text")
    for _ in range(30):
        answer.take_cut("x", "a line was cut")
    outcome = answer.outcome(WELL)
    assert isinstance(outcome, Completed)
    assert outcome.text.count("A line was cut") == 20


def test_the_last_result_counts() -> None:
    answer = Answer(output="jsonl")
    answer.take(_json(type="result", text="draft"))
    answer.take(_json(type="progress", text="better"))
    answer.take(_json(type="result", text="final", data={"n": 1}))
    assert answer.outcome(WELL) == Completed(text="final", data={"n": 1})


@pytest.mark.parametrize("output", ["text", "jsonl"])
def test_an_empty_result_never_yields_completed(output: str) -> None:
    answer = Answer(output="text" if output == "text" else "jsonl")
    answer.take(" " if output == "text" else _json(type="result", text=" "))
    outcome = answer.outcome(Ending(code=0, stderr="a\nlast words\n"))
    assert isinstance(outcome, NoResult)
    assert outcome.why.endswith("; it last said: last words")


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (
            Ending(code=3, stderr="boom"),
            _failed(FailureKind.EXIT, "exit code 3; it last said: boom", "boom"),
        ),
        (
            Ending(code=None, signal="SIGKILL"),
            _failed(FailureKind.KILLED, "ended by SIGKILL"),
        ),
        (
            Ending(code=None, signal="SIGTERM", deadline="too slow"),
            _failed(FailureKind.TIMEOUT, "too slow"),
        ),
    ],
)
def test_a_result_does_not_excuse_a_bad_end(ending: Ending, outcome: Outcome) -> None:
    answer = Answer(output="jsonl")
    answer.take(_json(type="result", text="all good"))
    assert answer.outcome(ending) == outcome


def test_an_agent_that_says_it_failed_has_failed() -> None:
    answer = Answer(output="jsonl")
    answer.take(_json(type="result", text="well"))
    answer.take(_json(type="failure", message="no network"))
    assert answer.outcome(WELL) == _failed(FailureKind.REPORTED, "no network")


def test_a_failure_quotes_the_end_of_the_error_stream() -> None:
    ending = Ending(code=1, stderr="x" * 10_000 + "end")
    outcome = Answer(output="text").outcome(ending)
    assert isinstance(outcome, Failed)
    assert outcome.failure.detail.endswith("end")
    assert len(outcome.failure.detail) == DETAIL_LIMIT


def test_a_result_whose_line_was_cut_is_missed_with_the_reason() -> None:
    answer = Answer(output="jsonl")
    answer.take_cut('{"type": "result", "text": "xxxx', "a line is an artifact")
    outcome = answer.outcome(WELL)
    assert isinstance(outcome, NoResult)
    assert outcome.why.endswith(
        "; a line is an artifact: leave what is large as an artifact"
    )


def test_a_text_with_a_line_that_was_cut_says_so() -> None:
    answer = Answer(output="text")
    answer.take_cut("x", "a line was cut")
    expected = "x\n\n(A line was cut.)"
    assert answer.outcome(WELL) == Completed(text=expected)


def test_a_failure_of_a_program_that_says_all_in_its_output_quotes_that() -> None:
    answer = Answer(output="text")
    answer.take("bad.py: syntax error")
    expected = _failed(
        FailureKind.EXIT,
        "exit code 1; it last said: bad.py: syntax error",
        "bad.py: syntax error",
    )
    assert answer.outcome(Ending(code=1)) == expected
