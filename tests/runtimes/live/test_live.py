"""Live agents do their work with tools, and end with a result."""

import json
import os
from pathlib import Path

import pytest
from tests.support.live import A, Live, fake_provider, live, live_crew, result_of

from crew_actors.model import FailureKind, Provider, RunState, TaskStatus

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
    }
)


def status(state: RunState) -> TaskStatus:
    return state.tasks[A].status


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
async def test_a_live_agent_uses_a_tool_and_submits_its_result(
    api: str, tmp_path: Path
) -> None:
    async with live_crew(tmp_path, api=api, input_price=3, output_price=10) as crew:
        (crew.project / "a.txt").write_text("the answer is 42\n")
        script = (
            '[[tool:read {"path": "a.txt"}]] [[tool:submit_result {"summary": "42"}]]'
        )
        run, state = await crew.finish(live(script))
        assert status(state) is TaskStatus.COMPLETED, state.tasks[A]
        assert result_of(run, state) == "42"
        assert "the answer is 42" in crew.told()
        used = state.tasks[A].usage
        assert (used.input, used.output) == (200, 20)
        assert used.cost == pytest.approx(0.0008)


async def test_an_answer_without_calls_is_a_result(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        run, state = await crew.finish(live("[[say:It works.]]"))
        assert status(state) is TaskStatus.COMPLETED
        assert result_of(run, state) == "It works."


async def test_data_that_does_not_fit_is_refused_and_may_be_given_again(
    tmp_path: Path,
) -> None:
    bad = '[[tool:submit_result {"summary": "n", "data": {"n": "one"}}]]'
    good = '[[tool:submit_result {"summary": "n", "data": {"n": 1}}]]'
    async with live_crew(tmp_path) as crew:
        run, state = await crew.finish(live(bad + good, output_schema=SCHEMA))
        assert status(state) is TaskStatus.COMPLETED
        data = state.tasks[A].data
        assert data is not None
        assert json.loads((run.folder.path / data.path).read_text()) == {"n": 1}
        assert "do not fit" in crew.told()


async def test_a_text_in_the_wrong_form_may_be_mended_once(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        _, state = await crew.finish(
            live('[[say:one]] [[say:{"n": 1}]]', output_schema=SCHEMA)
        )
        assert status(state) is TaskStatus.COMPLETED
        failure = await crew.failure(
            live("[[say:one]] [[say:two]]", output_schema=SCHEMA)
        )
        assert failure.kind is FailureKind.INVALID


async def test_a_model_without_tools_is_asked_for_the_form(tmp_path: Path) -> None:
    async with live_crew(tmp_path, tools=False) as crew:
        await crew.finish(live('[[say:{"n": 1}]]', output_schema=SCHEMA))
        body = crew.body()
        assert "tools" not in body
        assert body["response_format"]["type"] == "json_schema"


async def test_a_model_without_tools_is_not_asked_to_go_on(tmp_path: Path) -> None:
    async with live_crew(tmp_path, tools=False) as crew:
        run, state = await crew.finish(live("[[length:half]]"))
        assert result_of(run, state) == "half\n\n(The answer was cut off here.)"
        assert "Answer from what you are told" in crew.told()


async def test_an_answer_that_is_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        run, state = await crew.finish(live("[[length:half]] [[say:whole]]"))
        assert result_of(run, state) == "whole"
        assert "its end is lost" in crew.told()


async def test_who_says_nothing_again_and_again_needs_attention(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        _, state = await crew.finish(live("".join(f"[[length:{n}]]" for n in range(9))))
        assert status(state) is TaskStatus.NEEDS_ATTENTION
        assert len(crew.llm.requests) == 4


async def test_what_a_provider_holds_back_is_a_failure(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        failure = await crew.failure(live("[[refuse:no]]"))
        assert failure.kind is FailureKind.REPORTED
        assert "held the answer back" in failure.message


async def test_at_its_limit_of_turns_an_agent_is_told_to_end(tmp_path: Path) -> None:
    look = '[[tool:find {"pattern": "a"}]] [[tool:find {"pattern": "b"}]]'
    end = '[[tool:submit_result {"summary": "as far as it goes"}]]'
    async with live_crew(tmp_path) as crew:
        run, state = await crew.finish(live(look + end, max_turns=2))
        assert result_of(run, state) == "as far as it goes"
        last = crew.llm.requests[-1]
        assert "come to the limit" in str(last.body)
        assert last.asked is not None
        assert [one.name for one in last.asked.tools] == ["submit_result"]


async def test_who_goes_on_beyond_its_limit_is_stopped(tmp_path: Path) -> None:
    look = '[[tool:find {"pattern": "a"}]] [[tool:find {"pattern": "b"}]]'
    async with live_crew(tmp_path) as crew:
        failure = await crew.failure(
            live(
                look
                + "".join(f'[[tool:submit_result {{"n": {n}}}]]' for n in range(9)),
                max_turns=2,
            )
        )
        assert "was told to end after 2 answers" in failure.message
        assert len(crew.llm.requests) == 7


async def test_near_the_limit_of_tokens_an_agent_is_told_to_end(tmp_path: Path) -> None:
    look = '[[usage:400:20]] [[tool:find {"pattern": "a"}]]'
    look += '[[usage:400:20]] [[tool:find {"pattern": "b"}]]'
    end = '[[tool:submit_result {"summary": "done"}]]'
    async with live_crew(tmp_path) as crew:
        _, state = await crew.finish(live(look + end), tokens=1100)
        assert status(state) is TaskStatus.COMPLETED
        assert "come to the limit" in crew.told()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, FailureKind.AUTH),
        (402, FailureKind.BILLING),
        (400, FailureKind.REPORTED),
    ],
)
async def test_what_does_not_pass_is_asked_once(
    status: int, kind: FailureKind, tmp_path: Path
) -> None:
    async with live_crew(tmp_path) as crew:
        failure = await crew.failure(live(f"[[error:{status}:sorry]]"))
        assert failure.kind is kind
        assert "sorry" in failure.message
        assert len(crew.llm.requests) == 1


async def test_what_passes_is_asked_again(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        run, state = await crew.finish(
            live("[[retry-after:0.05]] [[flaky:429:2]] [[say:at last]]")
        )
        assert result_of(run, state) == "at last"
        assert [one.status for one in crew.llm.requests] == [429, 429, 200]


async def test_a_reply_that_breaks_off_is_asked_again(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        run, state = await crew.finish(live("[[flaky:503:1]] [[say:whole]]"))
        assert result_of(run, state) == "whole"


async def test_who_must_wait_too_long_for_a_model_fails_and_is_not_multiplied(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        failure = await crew.failure(live("[[retry-after:600]] [[error:429:slowly]]"))
        assert failure.kind is FailureKind.RATE_LIMIT
        assert failure.retried
        assert len(crew.llm.requests) == 1


async def test_a_model_that_has_no_money_left_has_a_reserve(tmp_path: Path) -> None:
    def both(url: str) -> tuple[Provider, ...]:
        return (
            fake_provider(url, "poor", key_env="POOR"),
            fake_provider(url, "rich", key_env="RICH"),
        )

    async with live_crew(
        tmp_path, providers=both, environ={"POOR": "p", "RICH": "r"}
    ) as crew:
        task = live(
            "[[flaky:402:1]] [[say:paid]]",
            model="poor/x",
            fallback_models=("rich/y",),
        )
        run, state = await crew.finish(task)
        assert result_of(run, state) == "paid"
        assert [one.key for one in crew.llm.requests] == ["p", "r"]


async def test_a_cool_down_holds_for_all_agents_of_a_crew(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        await crew.failure(live("[[retry-after:600]] [[error:429:slowly]]"))
        failure = await crew.failure(live("[[say:hello]]"))
        assert failure.kind is FailureKind.RATE_LIMIT
        assert "left alone" in failure.message
        assert len(crew.llm.requests) == 1


async def test_a_conversation_that_no_longer_fits_is_told_shorter(
    tmp_path: Path,
) -> None:
    look = "".join(
        f'[[usage:{6000 * n}:10]] [[tool:read {{"path": "big.txt", "offset": {n}}}]]'
        for n in range(1, 5)
    )
    async with live_crew(tmp_path, context=16_000) as crew:
        (crew.project / "big.txt").write_text("many words\n" * 1500)
        _, state = await crew.finish(live(f"{look} [[say:done]]"))
        assert status(state) is TaskStatus.COMPLETED
        assert "What you have done so far" in crew.told()
        assert max(len(str(one.body)) for one in crew.llm.requests) < 16_000 * 3.5


async def test_a_model_that_holds_less_than_it_says_is_told_less(
    tmp_path: Path,
) -> None:
    look = '[[tool:read {"path": "big.txt"}]]'
    refusal = "[[flaky:413:1]]"
    async with live_crew(tmp_path) as crew:
        (crew.project / "big.txt").write_text("many words\n" * 1500)
        run, state = await crew.finish(live(f"{look} {refusal} [[say:done]]"))
        assert result_of(run, state) == "done"
        sizes = [len(str(one.body)) for one in crew.llm.requests]
        assert sizes[-1] < sizes[-2]


async def test_a_model_that_cannot_be_meant_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        with pytest.raises(Exception, match="there is no model 'nothing'"):
            await crew.start(live("x", model="nothing"))
        assert await crew.crew.runs() == ()


def _tools(crew: Live) -> set[str]:
    found = crew.llm.requests[-1].asked
    assert found is not None
    return {one.name for one in found.tools}


ALWAYS = {"ask", "send", "submit_result"}
READING = {"read", "grep", "find"}
CHANGING = {"edit", "write", "bash"}


@pytest.mark.parametrize(
    ("role", "tools", "offered"),
    [
        ("executor", None, ALWAYS | READING | CHANGING),
        ("something-new", None, ALWAYS | READING),
        ("something-new", ("read", "bash"), ALWAYS | {"read", "bash"}),
        ("executor", ("read", "ls"), ALWAYS | {"read"}),
        ("executor", (), ALWAYS),
    ],
)
async def test_a_role_has_its_tools_and_an_unknown_one_the_least(
    role: str, tools: tuple[str, ...] | None, offered: set[str], tmp_path: Path
) -> None:
    async with live_crew(tmp_path) as crew:
        await crew.finish(live("[[say:done]]", role=role, tools=tools))
        assert _tools(crew) == offered


async def test_a_task_that_looks_only_has_nothing_that_changes(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        task = live("[[say:done]]", writes=False, tools=("write", "bash", "grep"))
        await crew.finish(task)
        assert _tools(crew) == ALWAYS | {"grep"}


async def test_texts_that_are_no_unicode_reach_the_model_all_the_same(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        (crew.project / os.fsdecode(b"name-\xff.txt")).write_text("x")
        look = '[[tool:read {"path": "."}]]'
        run, state = await crew.finish(live(f"{look} [[say:done]]"))
        assert result_of(run, state) == "done"
        assert "name-?.txt" in crew.heard()
