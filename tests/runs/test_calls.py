"""What other processes may ask of a run, over its real control socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import attrs
import pytest
import trio
from tests.support.crews import crew_in
from tests.support.plans import outside, plan, task

from crew_actors.control import Refused, call_owner
from crew_actors.journal import RunFolder, read_events
from crew_actors.model import (
    Event,
    MessageSettled,
    PlanRejected,
    RunPlan,
    RunStatus,
    TaskCancelled,
    TaskId,
    TaskStatus,
)
from crew_actors.runs import RESULT_BYTES, Run, _calls
from crew_actors.runtimes import Completed, Job, NoResult, Outcome, Port

A, B = TaskId("a"), TaskId("b")
Params = dict[str, object]


async def asks(job: Job, port: Port) -> Outcome:
    answer = await port.ask("Which way?", choices=("left", "right"))
    return Completed(text=f"went {answer}")


async def listens(job: Job, port: Port) -> Outcome:
    message = await port.next_message()
    await port.settle_message(message.id, "delivered", "heard")
    return Completed(text=f"{message.kind}: {message.text}")


async def fails(job: Job, port: Port) -> Outcome:
    return NoResult(why="not this time")


@asynccontextmanager
async def run_of(folder: Path, the_plan: RunPlan) -> AsyncGenerator[Run]:
    """Start a run whose roles are asker, listener and failer; stop it at the end."""
    with trio.fail_after(20):
        async with crew_in(folder, asker=asks, listener=listens, failer=fails) as crew:
            run = await crew.start(the_plan)
            yield run
            run.cancel("the test is over")


async def until(run: Run, status: TaskStatus, name: TaskId = A) -> None:
    """Wait until the task *name* has *status*."""
    async for _ in run.events():
        if run.state.tasks[name].status is status:
            return


async def refusal(folder: RunFolder, method: str, **params: object) -> str:
    """Ask for what is refused; return why."""
    with pytest.raises(Refused) as caught:
        await call_owner(folder, method, params)
    assert (caught.value.kind, caught.value.exit_code) == ("BadRequest", 2)
    return str(caught.value)


async def test_whoever_lives_answers(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        assert await call_owner(run.folder, "ping", {}) == {}


async def test_what_there_is_not_is_refused_by_name(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        with pytest.raises(Refused, match="no request 'sing'") as caught:
            await call_owner(run.folder, "sing", {})
        assert caught.value.kind == "UnknownMethod"
        for known in ("ping", "cancel", "claim", "transition", "respond"):
            assert known in str(caught.value)


async def test_a_question_is_answered(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(task("a", role="asker"))) as run:
        await until(run, TaskStatus.WAITING)
        (question,) = run.state.tasks[A].questions
        with pytest.raises(Refused, match="'up' is no choice") as caught:
            await call_owner(run.folder, "respond", {"answer": "up"})
        assert caught.value.kind == "NotAChoice"
        params: Params = {
            "answer": "left",
            "task": "a",
            "question": question.id,
            "by": "ann",
        }
        assert await call_owner(run.folder, "respond", params) == {"task": "a"}
        state = await run.wait()
        assert state.status is RunStatus.COMPLETED
        assert [(one.answer, one.by) for one in state.tasks[A].answers] == [
            ("left", "ann")
        ]


async def test_whoever_does_not_say_who_they_are_is_somebody(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(task("a", role="asker"))) as run:
        await until(run, TaskStatus.WAITING)
        await call_owner(run.folder, "respond", {"answer": "left", "by": ""})
        (answer,) = (await run.wait()).tasks[A].answers
        assert answer.by == "somebody"


@pytest.mark.parametrize("kind", [None, "steer", "follow_up", "message"])
async def test_a_message_is_delivered(tmp_path: Path, kind: str | None) -> None:
    async with run_of(tmp_path, plan(task("a", role="listener"))) as run:
        await until(run, TaskStatus.RUNNING)
        params: Params = {"task": "a", "text": "hello", "kind": kind, "by": "ann"}
        answer = await call_owner(run.folder, "send", params)
        assert (answer["outcome"], answer["why"]) == ("delivered", "heard")
        await run.wait()
        settled = [
            one.event
            for one in read_events(run.folder)
            if isinstance(one.event, MessageSettled)
        ]
        assert [one.message for one in settled] == [answer["message"]]


async def test_what_has_ended_is_queued_again(tmp_path: Path) -> None:
    the_plan = plan(task("a", role="failer"), outside("b"))
    async with run_of(tmp_path, the_plan) as run:
        await until(run, TaskStatus.NEEDS_ATTENTION)
        answer = await call_owner(run.folder, "retry", {"tasks": ["a"], "why": "again"})
        assert answer == {"tasks": ["a"]}
        await until(run, TaskStatus.NEEDS_ATTENTION)
        assert await call_owner(run.folder, "retry", {}) == {"tasks": ["a"]}
        with pytest.raises(Refused, match="'c'") as caught:
            await call_owner(run.folder, "retry", {"tasks": ["c"]})
        assert caught.value.kind == "UnknownTask"


async def test_one_task_is_stopped(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"), outside("b"))) as run:
        answer = await call_owner(run.folder, "cancel_task", {"task": "a"})
        assert answer == {"task": "a"}
        assert run.state.tasks[A].status is TaskStatus.CANCELLED
        assert run.state.tasks[B].status is TaskStatus.QUEUED
        (cancelled,) = _of(run, TaskCancelled)
        assert cancelled == TaskCancelled(task=A, attempt=None, why="asked to stop")


def _of(run: Run, kind: type[Event]) -> list[Event]:
    events = (one.event for one in read_events(run.folder))
    return [one for one in events if isinstance(one, kind)]


@pytest.mark.parametrize(
    "params", [{}, {"why": "enough"}, {"why": "enough", "now": True}]
)
async def test_the_run_is_stopped(tmp_path: Path, params: Params) -> None:
    async with run_of(tmp_path, plan(task("a", role="asker"))) as run:
        await until(run, TaskStatus.WAITING)
        assert await call_owner(run.folder, "cancel", params) == {}
        state = await run.wait()
        assert (state.status, state.why) == (
            RunStatus.CANCELLED,
            params.get("why", "asked to stop"),
        )


async def test_a_plan_is_approved(tmp_path: Path) -> None:
    gated = attrs.evolve(plan(task("a", role="listener")), approve=True)
    async with run_of(tmp_path, gated) as run:
        await _asked(run)
        assert await call_owner(run.folder, "approve", {"by": "ann"}) == {}
        with pytest.raises(Refused) as caught:
            await call_owner(run.folder, "approve", {})
        assert caught.value.kind == "NotAwaitingApproval"
        await until(run, TaskStatus.RUNNING)


async def test_a_plan_is_rejected(tmp_path: Path) -> None:
    gated = attrs.evolve(plan(task("a", role="listener")), approve=True)
    async with run_of(tmp_path, gated) as run:
        await _asked(run)
        params: Params = {"by": "ann", "why": "too much"}
        assert await call_owner(run.folder, "reject", params) == {}
        assert (await run.wait()).status is RunStatus.CANCELLED
        assert _of(run, PlanRejected) == [PlanRejected(by="ann", why="too much")]


async def _asked(run: Run) -> None:
    async for _ in run.events():
        if run.state.approval == "requested":
            return


async def test_a_task_is_claimed_held_and_ended(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        await call_owner(run.folder, "send", {"task": "a", "text": "hi", "by": "ann"})
        params: Params = {"owner": "bob", "seconds": 30}
        claim = await call_owner(run.folder, "claim", params)
        assert (claim["task"], claim["attempt"], claim["owner"]) == ("a", "a.1", "bob")
        assert run.state.tasks[A].mail == ()
        assert [one["text"] for one in _dicts(claim["messages"])] == ["hi"]
        token = claim["token"]
        params = {"task": "a", "token": token, "seconds": 1.5, "progress": "half"}
        held = await call_owner(run.folder, "extend", params)
        assert (held["token"], held["messages"]) == (token, [])
        assert run.state.tasks[A].progress == "half"
        params = {"task": "a", "token": token, "status": "completed", "result": "ok"}
        assert await call_owner(run.folder, "transition", params) == {"task": "a"}
        assert (await run.wait()).status is RunStatus.COMPLETED


def _dicts(found: object) -> list[dict[str, object]]:
    assert isinstance(found, list)
    return cast("list[dict[str, object]]", found)


async def test_a_claim_is_given_back(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        claim = await call_owner(run.folder, "claim", {"owner": "bob", "task": "a"})
        params: Params = {"task": "a", "token": "other"}
        with pytest.raises(Refused, match="the claim of bob") as caught:
            await call_owner(run.folder, "release", params)
        assert caught.value.kind == "WrongToken"
        params = {"task": "a", "token": claim["token"], "why": "no time"}
        assert await call_owner(run.folder, "release", params) == {"task": "a"}
        assert run.state.tasks[A].why == "no time"


CALLS: dict[str, Params] = {
    "cancel": {},
    "respond": {"answer": "left"},
    "send": {"task": "a", "text": "hello"},
    "retry": {},
    "cancel_task": {"task": "a"},
    "restart_task": {"task": "a"},
    "approve": {},
    "reject": {},
    "nest": {"task": "a", "attempt": "a.1", "run": "20260101-000000-0123456789"},
    "claim": {"owner": "ann"},
    "extend": {"task": "a", "token": "t"},
    "release": {"task": "a", "token": "t"},
    "transition": {"task": "a", "token": "t", "status": "failed"},
}
"""For each request what it cannot do without."""

TEXTS = {
    "cancel": ("why",),
    "respond": ("task", "question", "answer", "by"),
    "send": ("task", "text", "kind", "by"),
    "retry": ("why",),
    "cancel_task": ("task", "why"),
    "restart_task": ("task", "why"),
    "approve": ("by",),
    "reject": ("by", "why"),
    "nest": ("task", "attempt", "run"),
    "claim": ("task", "owner"),
    "extend": ("task", "token", "progress"),
    "release": ("task", "token", "why"),
    "transition": ("task", "token", "status", "result", "why"),
}
"""For each request the parameters that are texts."""


@pytest.mark.parametrize("method", CALLS)
async def test_a_parameter_of_the_wrong_kind_is_refused_by_name(
    tmp_path: Path, method: str
) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        before = run.state.seq
        for name in TEXTS[method]:
            for wrong in (7, True, ["x"], {"x": 1}):
                params = {**CALLS[method], name: wrong}
                told = await refusal(run.folder, method, **params)
                assert told.startswith(f"{name}: ")
                assert "a text" in told
        for name in CALLS[method]:
            for missing in (None, ""):
                params = {**CALLS[method], name: missing}
                told = await refusal(run.folder, method, **params)
                assert told.startswith(f"{name}: ")
        told = await refusal(run.folder, method, **CALLS[method], colour="red")
        assert f"{method}: unknown parameter 'colour'" in told
        assert run.state.seq == before


@pytest.mark.parametrize(
    ("method", "name", "wrong", "wanted"),
    [
        ("cancel", "now", 1, "true or false"),
        ("cancel", "now", "yes", "true or false"),
        ("send", "kind", "shout", "one of steer, follow_up, message"),
        ("retry", "tasks", "a", "a list of texts"),
        ("retry", "tasks", ["a", 1], "a list of texts"),
        ("claim", "seconds", "60", "a number"),
        ("claim", "seconds", True, "a number"),
        ("extend", "seconds", [60], "a number"),
        ("transition", "status", "queued", "one of completed, failed"),
        ("nest", "run", "../x", "not a run id"),
    ],
)
async def test_what_is_no_text_is_checked_as_well(
    tmp_path: Path, method: str, name: str, wrong: object, wanted: str
) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        told = await refusal(run.folder, method, **{**CALLS[method], name: wrong})
        assert told.startswith(f"{name}: ")
        assert wanted in told


@pytest.mark.parametrize("seconds", [0, -5, 86_401, 10**400, float("nan")])
async def test_a_claim_cannot_hold_for_any_time(tmp_path: Path, seconds: float) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        params: Params = {"owner": "ann", "seconds": seconds}
        with pytest.raises(Refused, match="1 to 86,400 seconds") as caught:
            await call_owner(run.folder, "claim", params)
        assert caught.value.kind == "BadClaim"


async def test_a_request_without_parameters_of_its_own_takes_none(
    tmp_path: Path,
) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        told = await refusal(run.folder, "ping", loud=True)
        assert told == "ping: unknown parameter 'loud' (there are: none)"


async def test_a_result_of_any_characters_arrives(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        claim = await call_owner(run.folder, "claim", {"owner": "ann"})
        text = "é" * (RESULT_BYTES // 2)
        params: Params = {"task": "a", "token": claim["token"], "status": "completed"}
        told = await refusal(
            run.folder, "transition", **params, result="\x01" * 200_000
        )
        assert "1,200," in told
        assert "at most 1,048,576" in told
        await call_owner(run.folder, "transition", {**params, "result": text})
        result = (await run.wait()).tasks[A].result
        assert result is not None
        assert result.size == RESULT_BYTES


async def test_all_messages_that_can_wait_reach_the_worker(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        text = "\N{GRINNING FACE}" * 4000
        for _ in range(64):
            await call_owner(run.folder, "send", {"task": "a", "text": text})
        claim = await call_owner(run.folder, "claim", {"owner": "ann"})
        assert [one["text"] for one in _dicts(claim["messages"])] == [text] * 64


async def test_a_run_that_has_ended_answers_nobody(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        run.cancel("enough")
        await run.wait()
        with pytest.raises(Refused, match="the run") as caught:
            await run.claim(owner="ann")
        assert (caught.value.kind, caught.value.exit_code) == ("RunEnding", 1)


async def never_listens(job: Job, port: Port) -> Outcome:
    await trio.sleep_forever()
    raise AssertionError


async def test_whoever_waits_is_told_that_the_run_has_ended(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with crew_in(tmp_path, worker=never_listens) as crew:
            run = await crew.start(plan(task("a")))
            await until(run, TaskStatus.RUNNING)

            async def send() -> None:
                with pytest.raises(Refused, match="before it could answer") as caught:
                    await run.send("a", "hello")
                assert (caught.value.kind, caught.value.exit_code) == ("RunEnding", 1)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                async for _ in run.events():
                    if run.state.tasks[A].mail:
                        break
                run.cancel("enough")


async def test_a_run_that_does_not_answer_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_calls, "ANSWER_SECONDS", 0.05)
    with trio.fail_after(20):
        async with crew_in(tmp_path, worker=never_listens) as crew:
            run = await crew.start(plan(task("a")))
            await until(run, TaskStatus.RUNNING)
            with pytest.raises(Refused, match="did not answer within") as caught:
                await run.send("a", "hello")
            assert (caught.value.kind, caught.value.exit_code) == ("RunBusy", 1)
            run.cancel("enough")
