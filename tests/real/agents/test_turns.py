"""Turns of real agent programs: tools, steering, interrupts, leave, errors, ends."""

import json
import signal
import sys
from pathlib import Path

import psutil
import pytest
import trio
from tests.real.agents.conftest import (
    LIMIT,
    PROGRAMS,
    A,
    answer_all,
    processes_of,
    real,
    until,
)

from crew_actors.model import (
    FailureKind,
    MessageSettled,
    Progress,
    QuestionAsked,
    RunState,
    RunStatus,
    TaskFailed,
)
from crew_actors.runs import Run

WRITES = "[[run:echo made > made.txt]] then [[say:well done]]"


def result_of(run: Run, state: RunState) -> str:
    result = state.tasks[A].result
    assert result is not None, state
    return (run.folder.path / result.path).read_text()


async def said(run: Run, text: str) -> None:
    """Wait until the agent has said *text*."""
    async for one in run.events():
        if isinstance(one.event, Progress) and one.event.text == text:
            return


async def failure_of(run: Run) -> FailureKind:
    async for one in run.events():
        if isinstance(one.event, TaskFailed):
            return one.event.failure.kind
    raise AssertionError


def _is(process: psutil.Process, name: str) -> bool:
    return any(Path(word).name == name for word in process.cmdline()[:2])


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_turn_with_a_tool_has_its_result_and_its_usage(
    name: str, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent, trio.open_nursery() as nursery:
            run = await agent.start(WRITES)
            nursery.start_soon(answer_all, run, "allow")
            state = await run.wait()
            nursery.cancel_scope.cancel()
    assert state.status is RunStatus.COMPLETED, state
    assert result_of(run, state).strip() == "well done"
    assert (agent.project / "made.txt").read_text() == "made\n"
    used = state.tasks[A].usage
    asked = sum(
        one.asked is not None and bool(one.asked.tools) for one in agent.llm.requests
    )
    assert (used.input, used.output) == (100 * asked, 10 * asked)
    assert agent.left_of(run) == []


ESCAPES = {
    "cmd": "touch made.txt",
    "sandbox_permissions": "require_escalated",
    "justification": "to see whether it may",
}


@pytest.mark.parametrize(
    ("name", "call"),
    [  # what each asks leave for, though it may write
        ("claude", f"[[run:{sys.executable} -c \"open('made.txt', 'w')\"]]"),
        ("codex", f"[[tool:exec_command {json.dumps(ESCAPES)}]]"),
    ],
)
async def test_what_is_denied_is_not_done(name: str, call: str, tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent, trio.open_nursery() as nursery:
            run = await agent.start(f"{call} then [[say:well]]")
            async for one in run.events():
                if isinstance(one.event, QuestionAsked):
                    assert one.event.question.permission
                    break
            nursery.start_soon(answer_all, run, "deny")
            await run.wait()
            nursery.cancel_scope.cancel()
    assert not (agent.project / "made.txt").exists()
    assert agent.left_of(run) == []


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_steer_in_the_middle_of_a_turn_is_read(
    name: str, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent:
            run = await agent.start("[[slow:10:0.2]]")
            await agent.llm.until(lambda llm: any(o.status for o in llm.generations))
            sent = await run.send("a", "[[say:it was told]]", kind="steer")
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED, state
    assert result_of(run, state).strip() == "it was told"
    settled = [
        one.event.outcome
        async for one in run.events()
        if isinstance(one.event, MessageSettled)
    ]
    assert (sent.outcome, settled[-1]) == (sent.outcome, "delivered")
    assert agent.left_of(run) == []


@pytest.mark.parametrize("name", PROGRAMS)
async def test_an_interrupt_ends_the_request_and_the_agent_goes_on(
    name: str, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent:
            run = await agent.start("[[hang:so far\n]]")
            await said(run, "so far")  # else it would tell both prompts in one
            sent = await run.send("a", "[[say:something else]]", kind="interrupt")
            assert sent.outcome == "delivered"
            await agent.llm.until_left()
            state = await run.wait()
    assert result_of(run, state).strip() == "something else"
    assert agent.left_of(run) == []


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        *((name, 400, FailureKind.REPORTED) for name in PROGRAMS),
        ("codex", 401, FailureKind.AUTH),
        ("pi", 401, FailureKind.AUTH),  # claude tries ten times, for minutes
    ],
)
async def test_an_error_of_the_provider_fails_the_attempt(
    name: str, status: int, kind: FailureKind, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent:
            run = await agent.start(f"[[error:{status}:no such thing]]")
            state = await run.wait()
            assert state.status is RunStatus.FAILED
            assert await failure_of(run) is kind
    assert agent.left_of(run) == []


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_program_that_somebody_ends_is_no_success_and_leaves_nobody(
    name: str, number: signal.Signals, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent:
            run = await agent.start("[[hang:so far]]")
            await agent.llm.until_asked()
            program = next(one for one in processes_of(run) if _is(one, name))
            program.send_signal(number)
            state = await run.wait()
            assert state.status is RunStatus.FAILED
            assert agent.left_of(run) == []


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_cancel_leaves_nobody_of_the_tools_either(
    name: str, tmp_path: Path
) -> None:
    stays = "sh -c 'trap : TERM; touch up.txt; while :; do sleep 1; done' & wait"
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent, trio.open_nursery() as nursery:
            run = await agent.start(f"[[run:{stays}]]")
            nursery.start_soon(answer_all, run, "allow")
            await until((agent.project / "up.txt").exists)
            assert len(processes_of(run)) >= 2
            run.cancel("enough")
            state = await run.wait()
            nursery.cancel_scope.cancel()
            assert state.status is RunStatus.CANCELLED
            assert agent.left_of(run) == []
