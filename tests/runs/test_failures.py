"""What goes wrong in one place stays there, and nobody waits for ever."""

import json
import math
import shutil
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
import trio
from tests.support.crews import crew_in, echo, finish, sleep
from tests.support.plans import plan, task

from crew_actors.control import CALLERS
from crew_actors.journal import (
    JournalError,
    JournalMissing,
    RunFolder,
    effective_status,
    read_lease,
    read_state,
)
from crew_actors.model import (
    FailureKind,
    RunStatus,
    TaskId,
    TaskStatus,
    Usage,
)
from crew_actors.runs import Run, RunNotRunning, cancel_run
from crew_actors.runtimes import BadArtifact, Completed, Job, Outcome, Port

A, B = TaskId("a"), TaskId("b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


@pytest.mark.parametrize("data", ["\udcff", object(), {1: object()}])
async def test_data_that_json_cannot_hold_fails_its_task_alone(
    folder: Path, data: object
) -> None:
    async def odd(job: Job, port: Port) -> Outcome:
        return Completed(text="x", data=data)

    tasks = (task("a", role="odd"), task("b"))
    with trio.fail_after(10):
        run = await finish(folder, plan(*tasks), odd=odd, worker=echo)
    assert run.state.tasks[B].status is TaskStatus.COMPLETED
    failure = run.state.tasks[A].failure
    assert failure is not None
    assert failure.kind is FailureKind.STORAGE


async def test_data_that_holds_itself_fails_its_task_alone(folder: Path) -> None:
    async def odd(job: Job, port: Port) -> Outcome:
        data: list[Any] = []
        data.append(data)
        return Completed(text="x", data=data)

    with trio.fail_after(10):
        run = await finish(
            folder, plan(task("a", role="odd"), task("b")), odd=odd, worker=echo
        )
    assert run.state.tasks[A].status is TaskStatus.FAILED
    assert run.state.tasks[B].status is TaskStatus.COMPLETED


async def test_words_that_cannot_be_stored_are_cleaned_and_cost_nobody_anything(
    folder: Path,
) -> None:
    async def odd(job: Job, port: Port) -> Outcome:
        await port.progress("x" * (5 << 20))
        await port.progress("\udcff")
        await port.usage(Usage(input=1, cost=math.inf))
        message = "\udcff" * 10_000
        raise ValueError(message)

    with trio.fail_after(10):
        run = await finish(
            folder, plan(task("a", role="odd"), task("b")), odd=odd, worker=echo
        )
    odd_task = run.state.tasks[A]
    assert odd_task.failure is not None
    assert odd_task.failure.message.startswith("ValueError: ???")
    assert odd_task.usage == Usage(input=1)
    assert run.state.tasks[B].status is TaskStatus.COMPLETED


async def test_a_word_that_can_not_be_stored_at_all_is_lost_and_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd(job: Job, port: Port) -> Outcome:
        await port.usage(Usage(input=cast("int", "many")))
        return Completed(text="x")

    run = await finish(folder, plan(task("a", role="odd")), odd=odd)
    assert run.state.status is RunStatus.COMPLETED
    assert "UsageReported" in caplog.text


async def test_a_function_that_returns_no_outcome_fails_its_task(folder: Path) -> None:
    async def odd(job: Job, port: Port) -> Outcome:
        return cast("Outcome", None)

    run = await finish(folder, plan(task("a", role="odd")), odd=odd)
    failure = run.state.tasks[A].failure
    assert failure is not None
    assert failure.message == "TypeError: an agent returns an Outcome, not NoneType"
    assert run.state.status is RunStatus.FAILED


async def test_a_result_that_was_damaged_fails_only_who_depends_on_it(
    folder: Path,
) -> None:
    async def spoil(job: Job, port: Port) -> Outcome:
        if job.task.id == "b":
            (result,) = (folder / ".crew" / "runs").glob("2*/artifacts/a/a.1/result.md")
            await trio.Path(result).write_text("spoilt")
        return Completed(text="x")

    tasks = (task("a"), task("b", "a"), task("c", "a", "b"), task("d"))
    run = await finish(folder, plan(*tasks, limit=1), worker=spoil)
    failure = run.state.tasks[TaskId("c")].failure
    assert failure is not None
    assert "ArtifactDamaged" in failure.message
    assert run.state.tasks[TaskId("d")].status is TaskStatus.COMPLETED


async def test_a_summary_that_cannot_be_written_does_not_keep_a_run_from_ending(
    folder: Path,
) -> None:
    async def block(job: Job, port: Port) -> Outcome:
        (run,) = (folder / ".crew" / "runs").glob("2*")
        await trio.Path(run / "summary.md").mkdir()
        return Completed(text="x")

    run = await finish(folder, plan(task("a")), worker=block)
    assert run.state.status is RunStatus.COMPLETED
    assert run.state.summary is None
    assert effective_status(run.folder) is RunStatus.COMPLETED


async def test_a_run_whose_journal_is_gone_ends_with_that_error(folder: Path) -> None:
    async def destroy(job: Job, port: Port) -> Outcome:
        if job.task.id == "a":
            (run,) = (folder / ".crew" / "runs").glob("2*")
            await trio.to_thread.run_sync(shutil.rmtree, run)
        return Completed(text="x")

    async with crew_in(folder, worker=destroy) as crew:
        run = await crew.start(plan(task("a"), task("b", "a")))
        with trio.fail_after(20), pytest.raises(JournalError):
            await run.wait()


async def test_the_end_of_a_task_is_on_disk_before_anybody_sees_it(
    folder: Path,
) -> None:
    async def work(job: Job, port: Port) -> Outcome:
        if job.task.id == "b":
            await trio.sleep_forever()
        return Completed(text="x")

    async with crew_in(folder, worker=work) as crew:
        run = await crew.start(plan(task("a"), task("b")))
        while run.state.tasks[A].status is not TaskStatus.COMPLETED:
            await trio.lowlevel.checkpoint()
        stored = await trio.to_thread.run_sync(read_state, run.folder)
        assert stored.tasks[A].status is TaskStatus.COMPLETED


@pytest.mark.parametrize("attempt", range(10))
async def test_a_cancel_while_tasks_end_is_a_cancel_and_no_failure(
    folder: Path, attempt: int
) -> None:
    async def quick(job: Job, port: Port) -> Outcome:
        for _ in range(attempt):
            await trio.lowlevel.checkpoint()
        return Completed(text="x")

    async with crew_in(folder, worker=quick) as crew:
        run = await crew.start(plan(*(task(f"t{n}") for n in range(10)), limit=10))
        for _ in range(attempt * 7):
            await trio.lowlevel.checkpoint()
        run.cancel("enough")
        state = await run.wait()
    assert state.status in {RunStatus.CANCELLED, RunStatus.COMPLETED}


async def test_a_start_that_is_cancelled_leaves_no_run_at_work(folder: Path) -> None:
    for steps in range(0, 60, 6):
        async with (
            crew_in(folder, worker=sleep) as crew,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(crew.start, plan(task("a")))
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    for run in (folder / ".crew" / "runs").glob("2*"):
        status = await trio.to_thread.run_sync(_status, run)
        assert status is not RunStatus.RUNNING


def _status(run: Path) -> RunStatus | None:
    try:
        return effective_status(RunFolder(run))
    except JournalMissing:
        return None


async def _control_port(run: Run) -> int:
    lease = await trio.to_thread.run_sync(read_lease, run.folder)
    assert lease is not None
    assert lease.control_port is not None
    return lease.control_port


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'{"token": 3}\n',
        b'{"token": "wrong", "why": "x"}\n',
        b'{"token": "\\ud800"}\n',
        b"[" * 100_000 + b"\n",
        b"x" * 100_000,
    ],
)
async def test_a_caller_without_the_token_changes_nothing(
    folder: Path, line: bytes
) -> None:
    async with crew_in(folder, worker=sleep) as crew:
        run = await crew.start(plan(task("a")))
        port = await _control_port(run)
        with trio.fail_after(10):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            async with stream:
                try:
                    await stream.send_all(line)
                    await stream.send_eof()
                    assert await stream.receive_some() == b""
                except (trio.BrokenResourceError, OSError):
                    pass  # hung up on, which is as good
        assert run.state.status is RunStatus.RUNNING
        assert run.state.cancelling is None
        assert await cancel_run(run.folder, "by the token") is RunStatus.CANCELLED


async def test_callers_that_say_nothing_do_not_keep_others_out(folder: Path) -> None:
    async with crew_in(folder, worker=sleep) as crew:
        run = await crew.start(plan(task("a")))
        port = await _control_port(run)
        silent = [
            await trio.open_tcp_stream("127.0.0.1", port) for _ in range(CALLERS * 2)
        ]
        with trio.fail_after(20):
            assert await cancel_run(run.folder, "enough") is RunStatus.CANCELLED
        for stream in silent:
            await stream.aclose()


async def test_a_run_that_has_ended_cannot_be_cancelled(folder: Path) -> None:
    run = await finish(folder, plan(task("a")), worker=echo)
    with pytest.raises(RunNotRunning, match="it is completed"):
        await cancel_run(run.folder, "too late")


async def test_a_reason_that_cannot_be_stored_is_cleaned(folder: Path) -> None:
    async with crew_in(folder, worker=sleep) as crew:
        run = await crew.start(plan(task("a")))
        status = await cancel_run(run.folder, "\udcff" + "y" * 10_000)
        assert status is RunStatus.CANCELLED
    assert run.state.why.startswith("?yyy")
    assert json.dumps(run.state.why)


@pytest.mark.parametrize("name", ["result.md", "data.json", "../x", "a\\b", ""])
async def test_an_artifact_that_cannot_be_is_refused_and_costs_nothing_else(
    folder: Path, name: str
) -> None:
    refused: list[str] = []

    async def leave(job: Job, port: Port) -> Outcome:
        source = trio.Path(job.folder / "x")
        await source.write_text("x")
        try:
            await port.artifact(name, Path(source))
        except BadArtifact as error:
            refused.append(str(error))
        return Completed(text="fine")

    run = await finish(folder, plan(task("a")), worker=leave)
    assert run.state.status is RunStatus.COMPLETED
    assert len(refused) == 1


async def test_a_summary_obeys_nobody(folder: Path) -> None:
    async def odd(job: Job, port: Port) -> Outcome:
        message = "\x1b[31mred\u202e | `x`"
        raise ValueError(message)

    the_plan = attrs.evolve(plan(task("a", role="odd")), goal="\x1b]0;title\x07 do it")
    run = await finish(folder, the_plan, odd=odd)
    text = await trio.Path(run.folder.path / "summary.md").read_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "do it" in text
