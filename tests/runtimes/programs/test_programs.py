"""What holds for all agent programs, each played by a scripted one."""

from contextlib import suppress

import pytest
import trio
from tests.support.program_bench import ProgramBench, kind_of, text_of

from crew_actors.model import FailureKind, MessageKind, Usage
from crew_actors.runtimes import Completed, Failed, NoResult


async def test_a_turn_ends_with_its_result(bench: ProgramBench) -> None:
    text = text_of(await bench.run("[[tool:bash]][[say:well done]]"))
    assert text == "well done"
    tool = "shell" if bench.fake == "codex" else "bash"
    assert bench.shown == [f"> {tool}: run bash", f"< {tool}: done", "well done"]
    assert bench.port.answers == 1
    assert len(bench.port.ended) == 1


async def test_what_it_used_is_counted_once(bench: ProgramBench) -> None:
    bench.port.say_after("word 0", "[[say:more]]", "follow_up")
    await bench.run("[[slow:1:0.3]]")
    turn = Usage(input=15, output=7, cost=0.5 if bench.tells_cost else 0.0)
    assert bench.port.used == [turn, turn]


@pytest.mark.parametrize("kind", ["steer", "message", "follow_up"])
async def test_a_message_is_delivered_when_it_was_read(
    bench: ProgramBench, kind: MessageKind
) -> None:
    bench.port.say_after("word 0", "[[say:it was told]]", kind)
    assert text_of(await bench.run("[[slow:2:0.3]]")) == "it was told"
    assert bench.port.settled == [("m-1", "delivered", "")]
    assert "(it has read the message)" in bench.shown


async def test_messages_are_read_one_after_the_other(bench: ProgramBench) -> None:
    for word in ("one", "two", "three"):
        bench.port.say_after("word 0", f"[[say:{word}]]", "follow_up")
    assert text_of(await bench.run("[[slow:2:0.3]]")) == "three"
    assert [told[:2] for told in bench.port.settled] == [
        (f"m-{number}", "delivered") for number in (1, 2, 3)
    ]


async def test_an_interrupt_breaks_off_the_turn(bench: ProgramBench) -> None:
    bench.port.say_after("hanging", "[[say:something else]]", "interrupt")
    assert text_of(await bench.run("[[hang]]")) == "something else"
    assert bench.port.settled == [("m-1", "delivered", "")]
    assert any("broken off" in line for line in bench.shown)


@pytest.mark.parametrize(
    ("reply", "end"), [("allow", "done"), ("deny", "failed"), (None, "failed")]
)
async def test_what_it_may_not_do_by_itself_people_are_asked(
    bench: ProgramBench, reply: str | None, end: str
) -> None:
    bench.port.reply = reply
    text = text_of(await bench.run("[[tool:ask-bash]][[say:well]]"))
    assert text == "well"
    (asked,) = bench.port.asked
    assert "run ask-bash" in str(asked)
    assert "('allow', 'deny'), None, True)" in str(asked)
    assert any(line.startswith("< ") and end in line for line in bench.shown)


async def test_its_own_questions_are_answered_by_people(bench: ProgramBench) -> None:
    if not bench.asks_questions:
        pytest.skip(f"{bench.fake} has no questions of its own")
    bench.port.reply = "blue"
    assert "blue" in text_of(await bench.run("[[question]]"))
    assert bench.port.asked == [("Which colour?", ("red", "blue"), None, False)]


async def test_a_question_without_an_answer_is_left_to_it(bench: ProgramBench) -> None:
    if not bench.asks_questions:
        pytest.skip(f"{bench.fake} has no questions of its own")
    bench.port.reply = None
    assert "decide for yourself" in text_of(await bench.run("[[question]]"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.REPORTED),
        (401, FailureKind.AUTH),
        (429, FailureKind.RATE_LIMIT),
        (529, FailureKind.OVERLOADED),
    ],
)
async def test_an_error_of_the_provider_is_a_failure_of_its_class(
    bench: ProgramBench, status: int, kind: FailureKind
) -> None:
    outcome = await bench.run(f"[[fail:{status}]]")
    assert kind_of(outcome) is kind
    assert isinstance(outcome, Failed)
    assert f"{status} no such thing" in outcome.failure.message


async def test_its_own_retries_are_signs_of_life(bench: ProgramBench) -> None:
    if not bench.tells_retries:
        pytest.skip(f"{bench.fake} does not tell of its retries")
    outcome = await bench.run("[[retry]][[fail:529]]")
    assert any("(it tries again: 529, 1 of" in line for line in bench.shown)
    assert isinstance(outcome, Failed)
    assert outcome.failure.retried


async def test_a_failure_after_something_else_was_not_tried_before(
    bench: ProgramBench,
) -> None:
    outcome = await bench.run("[[retry]][[tool:bash]][[fail:529]]")
    assert isinstance(outcome, Failed)
    assert not outcome.failure.retried


@pytest.mark.parametrize("how", ["exit:0", "exit:3", "close"])
async def test_without_its_last_event_no_exit_is_a_success(
    bench: ProgramBench, how: str
) -> None:
    outcome = await bench.run(f"[[{how}]]")
    assert kind_of(outcome) is FailureKind.EXIT
    assert bench.port.answers == 0


async def test_an_empty_result_is_none(bench: ProgramBench) -> None:
    assert isinstance(await bench.run("[[raw: ]]"), NoResult)


async def test_what_is_no_event_is_shown_and_ends_nothing(bench: ProgramBench) -> None:
    prompt = "[[raw:a warning]][[raw:[1, 2]]][[raw:{}]][[flood:9000000]][[say:well]]"
    assert text_of(await bench.run(prompt)) == "well"
    assert "a warning" in bench.shown


async def test_a_limit_on_its_silence_ends_it(bench: ProgramBench) -> None:
    outcome = await bench.run("[[hang]]", silence=1.0)
    assert kind_of(outcome) is FailureKind.TIMEOUT


async def test_waiting_for_people_is_no_silence(bench: ProgramBench) -> None:
    bench.port.reply, bench.port.thinks = "allow", 2.5
    prompt = "[[tool:ask-bash]][[say:well]]"
    assert text_of(await bench.run(prompt, silence=1.5)) == "well"


async def test_a_cancelled_session_leaves_no_process(bench: ProgramBench) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.run, "[[hang]]")
            await bench.port.told("hanging")
            nursery.cancel_scope.cancel()
    assert len(bench.port.started) == 1  # the leak gate looks for what is left of it


async def test_a_program_that_is_not_there_is_no_start(bench: ProgramBench) -> None:
    bench.argv = ("/nowhere/at/all",)
    assert kind_of(await bench.run("x")) is FailureKind.START


async def test_a_program_that_speaks_otherwise_fails(bench: ProgramBench) -> None:
    bench.argv = ("/bin/sh", "-c", "echo hello; read line; echo what?; exit 2")
    outcome = await bench.run("x")
    assert kind_of(outcome) is FailureKind.EXIT
    assert isinstance(outcome, Failed)
    assert "exit code 2" in outcome.failure.message
    assert "hello" in bench.shown


@pytest.mark.parametrize(
    ("name", "value"), [("MY_KEY", "k"), ("OTHER_KEY", ""), ("CREW_TASK", "try")]
)
async def test_it_sees_the_key_that_is_its_own(
    bench: ProgramBench, name: str, value: str
) -> None:
    bench.environ = {"OTHER_KEY": "o"}
    text = text_of(await bench.run(f"[[echo-env:{name}]]"))
    assert text == f"{name}={value}"


async def test_a_message_after_the_last_turn_is_not_lost(bench: ProgramBench) -> None:
    """It is taken into another turn, or nobody has taken it."""
    bench.port.say_after("the end", "[[say:one more]]", "follow_up")
    outcome = await bench.run("[[say:the end]]")
    assert isinstance(outcome, Completed)
    with suppress(ValueError):
        ((_, settled, _),) = bench.port.settled
        assert (outcome.text, settled) == ("one more", "delivered")


_SCHEMA = '{"type": "object", "required": ["verdict"]}'


async def test_a_result_of_another_form_may_be_mended(bench: ProgramBench) -> None:
    # The request to mend repeats the schema, and with it only the first directive.
    schema = '{"type": "array", "minItems": 1, "title": "[[say:[1] ]]"}'
    outcome = await bench.run("[[say:[1] ]][[say:It is well.]]", output_schema=schema)
    assert text_of(outcome).strip() == "[1]"
    assert bench.port.settled == []


async def test_it_is_asked_once_to_mend_its_result(bench: ProgramBench) -> None:
    outcome = await bench.run("[[say:It is well.]]", output_schema=_SCHEMA)
    assert text_of(outcome) == "done"
    assert bench.port.settled == []


async def test_a_result_of_the_right_form_is_not_asked_for_again(
    bench: ProgramBench,
) -> None:
    outcome = await bench.run('[[say:{"verdict": 1}]]', output_schema=_SCHEMA)
    assert text_of(outcome) == '{"verdict": 1}'
