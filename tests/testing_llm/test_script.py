"""What directives in a prompt have the fake LLM do."""

import pytest

from crew_actors.testing.llm._calling import with_tools
from crew_actors.testing.llm._script import DONE, next_step, steps_of
from crew_actors.testing.llm._values import (
    Call,
    Entry,
    Json,
    Results,
    Tool,
    Turn,
    Usage,
    Words,
)


def test_a_prompt_without_directives_is_done_at_once() -> None:
    assert steps_of("say [it] or [[ not, or [[this") == ()
    assert steps_of("[[a link]]") == ()
    assert next_step([Words("hello")]).text == DONE
    assert next_step([]).text == DONE


def test_each_turn_does_the_next_step_of_the_last_script() -> None:
    said: list[Entry] = [
        Words("[[say:an old one]]"),
        Turn(),
        Words("[[say:a]][[say:b]]"),
    ]
    assert next_step(said).text == "a"
    said += [Turn(), Turn(), Results()]  # what it said and called is one turn
    assert next_step(said).text == "b"
    said += [Words("go on"), Turn()]
    assert next_step(said).text == DONE


def test_settings_belong_to_the_step_after_them_and_plus_joins_steps() -> None:
    (step, last) = steps_of(
        "[[delay:1.5]][[usage:7:3:2]][[say:look]] + [[run:ls]] then [[delay:2]]"
    )
    assert (step.delay, step.usage) == (1.5, Usage(7, 3, 2))
    assert step.text == "look"
    assert step.calls == (Call("run:", {"command": "ls"}),)
    assert (last.delay, last.text) == (2.0, DONE)


def test_a_script_that_a_prompt_repeats_is_done_once() -> None:
    script = "[[say:a]] and [[say:b]]"
    assert steps_of(f"goal: {script}\n> {script}\n") == steps_of(script)
    assert len(steps_of("[[say:a]] [[say:a]] [[say:b]]")) == 3


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("[[hang:so far]]", {"ends": "hangs"}),
        ("[[drop:so far]]", {"ends": "drops"}),
        ("[[length:so far]]", {"stop": "length"}),
        ("[[refuse:so far]]", {"stop": "refused"}),
        ("[[error:503]]", {"status": 503, "why": "scripted error"}),
        ("[[error:429:slow: down]]", {"status": 429, "why": "slow: down"}),
        ("[[flaky:500:2]][[say:x]]", {"flaky": (500, 2)}),
        ("[[retry-after:0.5]][[error:429]]", {"retry_after": 0.5}),
    ],
)
def test_a_directive_sets(directive: str, expected: dict[str, object]) -> None:
    (step,) = steps_of(directive)
    assert {name: getattr(step, name) for name in expected} == expected


def test_texts_come_in_pieces() -> None:
    (slow,) = steps_of("[[slow:3:0.25]]")
    assert [(one.text, one.after) for one in slow.pieces] == [
        (f"part {number} ", 0.25) for number in (1, 2, 3)
    ]
    (big,) = steps_of("[[big:10000]]")
    assert len(big.text) == 10_000
    assert [len(one.text) for one in big.pieces] == [4096, 4096, 1808]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[[sya:x]]", "[sya:x] is no directive"),
        ("[[error:soon]]", "[error:soon] is no directive"),
        ("[[slow:3]]", "[slow:3] is no directive"),
        ("[[tool:bash 1]]", "[tool:bash 1] is no directive"),
        ("[[tool:bash [1]]]", "[tool:bash [1] is no directive"),
    ],
)
def test_what_is_no_directive_is_said(written: str, shown: str) -> None:
    assert steps_of(written)[0].text == shown


def test_json_in_a_directive_may_hold_brackets() -> None:
    (step,) = steps_of('[[tool:write {"path": "a", "content": "[[x]]"}]]')
    assert step.calls == (Call("write", {"path": "a", "content": "[[x]]"}),)
    assert steps_of("[[tool:look]]")[0].calls == (Call("look", {}),)
    assert steps_of('[[tool:x {"a" ]]')[0].calls == ()
    assert steps_of('[[tool:x {"a": 1}') == ()


def test_a_call_names_a_tool_that_is_offered() -> None:
    (step,) = steps_of('[[tool:BASH {"command": "ls"}]] + [[tool:gone]] + [[run:pwd]]')
    shell, exec_ = Tool("bash"), Tool("exec_command")
    known, tools = with_tools(step, [exec_, shell])
    assert known.calls == (
        Call("bash", {"command": "ls"}),
        Call("bash", {"command": "pwd"}),
    )
    assert tools == (shell, shell)
    assert known.text == "There is no tool gone "
    (run,) = steps_of("[[run:pwd]]")
    ways: dict[str, Json] = {
        "exec_command": {"cmd": "pwd"},
        "shell": {"command": ["bash", "-c", "pwd"]},
    }
    for name, arguments in ways.items():
        assert with_tools(run, [Tool(name)])[0].calls == (Call(name, arguments),)
    assert with_tools(run, [])[0].text == "There is no tool run: "
    spaced = Tool("say", namespace="mcp")
    (call,) = steps_of("[[tool:mcp__say]]")
    assert with_tools(call, [spaced])[1] == (spaced,)
