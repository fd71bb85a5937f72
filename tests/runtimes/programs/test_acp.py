"""What is particular to agents that speak ACP."""

import sys
from pathlib import Path

import pytest
from tests.support.program_bench import FAKES, ProgramBench, kind_of, text_of
from tests.support.protocol_schemas import Traffic

from crew_actors.model import FailureKind
from crew_actors.runtimes import Failed
from crew_actors.runtimes.programs import Acp


@pytest.fixture
def acp(tmp_path: Path) -> ProgramBench:
    return ProgramBench(tmp_path, "acp", Acp)


def _with(acp: ProgramBench, flag: str) -> ProgramBench:
    acp.argv = (sys.executable, str(FAKES / "acp.py"), flag)
    return acp


async def test_an_edit_in_the_workspace_needs_no_leave(acp: ProgramBench) -> None:
    await acp.run("[[tool:ask-edit notes.md]]")
    assert acp.port.asked == []
    assert "< edit: done" in acp.shown


@pytest.mark.parametrize("tool", ["ask-edit ../notes.md", "ask-edit", "ask-execute"])
async def test_whatever_else_does(acp: ProgramBench, tool: str) -> None:
    acp.port.reply = "deny"
    await acp.run(f"[[tool:{tool}]]")
    assert len(acp.port.asked) == 1
    assert any("failed" in line for line in acp.shown)


@pytest.mark.parametrize("kind", ["edit", "delete", "move"])
async def test_who_is_to_change_nothing_may_not_and_nobody_is_asked(
    acp: ProgramBench, kind: str
) -> None:
    await acp.run(f"[[tool:ask-{kind} notes.md]]", writes=False)
    assert acp.port.asked == []
    assert f"< {kind}: failed" in acp.shown


async def test_an_interrupt_voids_what_it_asks_for(acp: ProgramBench) -> None:
    acp.port.thinks = 60.0
    acp.port.say_after("run ask-execute", "[[say:something else]]", "interrupt")
    text = text_of(await acp.run("[[tool:ask-execute]]"))
    assert text == "something else"


async def test_one_that_is_signed_out_says_so(acp: ProgramBench) -> None:
    outcome = await _with(acp, "--signed-out").run("x")
    assert kind_of(outcome) is FailureKind.AUTH
    assert isinstance(outcome, Failed)
    assert "Authentication required" in outcome.failure.message


async def test_one_that_speaks_another_version_is_not_talked_to(
    acp: ProgramBench,
) -> None:
    outcome = await _with(acp, "--version-2").run("x")
    assert isinstance(outcome, Failed)
    assert "it speaks version 2 of ACP, not 1" in outcome.failure.message


async def test_a_model_that_it_does_not_offer_is_told(acp: ProgramBench) -> None:
    await acp.run("x", model="small")
    assert "(it does not offer the model small)" in acp.shown


@pytest.mark.parametrize(
    ("flag", "method"),
    [("--options", "session/set_config_option"), ("", "session/set_model")],
)
async def test_a_model_that_it_offers_is_chosen(
    acp: ProgramBench, traffic: Traffic, flag: str, method: str
) -> None:
    await _with(acp, flag).run("x", model="big")
    assert acp.shown == ["done"]
    assert any(f'"{method}"' in line and '"big"' in line for line in traffic.sent)


async def test_the_answer_is_what_follows_the_last_tool(acp: ProgramBench) -> None:
    prompt = "[[say:I look]][[tool:read]][[say:it is red]]"
    assert text_of(await acp.run(prompt)) == "it is red"
