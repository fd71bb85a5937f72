"""Questions of agents, answers of people, and messages to agents."""

from pathlib import Path

import attrs
import pytest
import trio
from tests.support.crews import crew_in
from tests.support.plans import plan, task

from crew_actors.control import Refused, call_owner
from crew_actors.journal import read_events
from crew_actors.model import (
    CommandSpec,
    MessageSettled,
    QuestionAsked,
    QuestionExpired,
    RunStatus,
    TaskId,
    TaskStatus,
)
from crew_actors.model._plan import TaskInput
from crew_actors.runs import (
    NotAChoice,
    NotWaiting,
    Run,
    SeveralWaiting,
    TaskEnded,
)
from crew_actors.runtimes import Completed, Job, Outcome, Port

A, B = TaskId("a"), TaskId("b")


async def asks(job: Job, port: Port) -> Outcome:
    answer = await port.ask("Which way?", choices=("left", "right"))
    return Completed(text=f"went {answer}")


async def asked(run: Run, count: int = 1) -> None:
    """Wait until *count* questions have been asked."""
    async for one in run.events():
        count -= isinstance(one.event, QuestionAsked)
        if count == 0:
            return


async def test_a_question_parks_its_task_until_somebody_answers(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=asks) as crew:
            run = await crew.start(plan(task("a"), task("b", "a")))
            await asked(run)
            assert run.state.tasks[A].status is TaskStatus.WAITING
            assert run.state.status is RunStatus.WAITING
            assert await run.respond("left", by="ann") == "a"
            await asked(run, 2)
            assert await run.respond("right", task="b") == "b"
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    result = state.tasks[A].result
    assert result is not None
    assert (run.folder.path / result.path).read_text() == "went left"
    assert [(a.answer, a.by) for a in state.tasks[A].answers] == [("left", "ann")]


async def test_an_answer_must_fit_its_question(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=asks) as crew:
            run = await crew.start(plan(task("a"), task("b")))
            await asked(run, 2)
            with pytest.raises(SeveralWaiting, match="a, b"):
                await run.respond("left")
            with pytest.raises(NotAChoice, match="left, right"):
                await run.respond("up", task="a")
            with pytest.raises(NotWaiting, match="question a-q9"):
                await run.respond("left", task="a", question="a-q9")
            await run.respond("left", question=run.state.tasks[B].questions[0].id)
            with pytest.raises(NotWaiting, match="task b does not wait"):
                await run.respond("left", task="b")
            assert run.state.tasks[A].status is TaskStatus.WAITING
            run.cancel("done")
            await run.wait()


async def test_an_agent_whose_question_nobody_answers_goes_on(tmp_path: Path) -> None:
    async def ask(job: Job, port: Port) -> Outcome:
        answer = await port.ask("Anybody?", seconds=0.05)
        return Completed(text=f"heard {answer}")

    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=ask) as crew:
            run = await crew.start(plan(task("a")))
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    expired = [
        one for one in read_events(run.folder) if isinstance(one.event, QuestionExpired)
    ]
    assert len(expired) == 1


async def listens(job: Job, port: Port) -> Outcome:
    message = await port.next_message()
    await port.settle_message(message.id, "delivered")
    return Completed(text=f"{message.kind}: {message.text}")


async def _running(run: Run) -> None:
    async for _ in run.events():
        if any(run.state.of(TaskStatus.RUNNING)):
            return


async def test_a_message_that_the_agent_takes_is_told_as_delivered(
    tmp_path: Path,
) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=listens) as crew:
            run = await crew.start(plan(task("a")))
            await _running(run)
            sent = await run.send("a", "look at the tests first", kind="steer")
            assert sent.outcome == "delivered"
            state = await run.wait()
    result = state.tasks[A].result
    assert result is not None
    text = (run.folder.path / result.path).read_text()
    assert text == "steer: look at the tests first"


async def test_a_message_to_a_queued_task_is_found_by_its_next_attempt(
    tmp_path: Path,
) -> None:
    go = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        if job.task.id == "a":
            await go.wait()
        return Completed(text=" ".join(m.text for m in job.messages) or "nothing")

    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=work) as crew:
            run = await crew.start(plan(task("a"), task("b", "a")))
            assert (await run.send("b", "hello", kind="follow_up")).outcome == "queued"
            steered = await run.send("b", "go left", kind="steer")
            assert (steered.outcome, "nothing to steer" in steered.why) == (
                "rejected",
                True,
            )
            go.set()
            state = await run.wait()
    result = state.tasks[B].result
    assert result is not None
    assert (run.folder.path / result.path).read_text() == "hello"
    assert state.tasks[B].mail == ()
    with pytest.raises(Refused, match=r"ending|ended"):
        await run.send("b", "too late")


@pytest.mark.parametrize("how", ["none", "argument"])
async def test_a_message_is_delivered_only_to_a_program_that_is_given_its_prompt(
    tmp_path: Path, how: TaskInput
) -> None:
    go = trio.Event()

    async def wait(job: Job, port: Port) -> Outcome:
        await go.wait()
        return Completed(text="x")

    argv = ("echo", "{task}") if how == "argument" else ("echo", "done")
    command = CommandSpec(argv=argv, input=how)
    second = attrs.evolve(task("b", "a"), agent="program", command=command)
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=wait) as crew:
            run = await crew.start(plan(task("a"), second))
            assert (await run.send("b", "hello", kind="follow_up")).outcome == "queued"
            go.set()
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    left = [message.text for message in state.tasks[B].mail]
    assert left == (["hello"] if how == "none" else [])


async def test_a_message_that_the_agent_does_not_take_counts_as_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew_actors.runs._wishes.SETTLE_SECONDS", 0.05)
    done = trio.Event()

    async def busy(job: Job, port: Port) -> Outcome:
        await done.wait()
        return Completed(text="x")

    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=busy) as crew:
            run = await crew.start(plan(task("a"), task("z")))
            await _running(run)
            assert (await run.send("a", "hello")).outcome == "queued"
            await run.cancel_task("a", "not needed")
            async for _ in run.events():
                if run.state.tasks[A].status is TaskStatus.CANCELLED:
                    break
            with pytest.raises(TaskEnded, match="crew retry"):
                await run.send("a", "hello")
            done.set()
            await run.wait()
    settled = [
        one.event.outcome
        for one in read_events(run.folder)
        if isinstance(one.event, MessageSettled)
    ]
    assert settled == []


async def test_another_process_can_ask_the_same(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=asks) as crew:
            run = await crew.start(plan(task("a")))
            await asked(run)
            with pytest.raises(Refused, match="'up' is no choice"):
                await call_owner(run.folder, "respond", {"answer": "up", "by": "x"})
            told = await call_owner(run.folder, "respond", {"answer": "left"})
            assert told == {"task": "a"}
            assert (await run.wait()).status is RunStatus.COMPLETED
