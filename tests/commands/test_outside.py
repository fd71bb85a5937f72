"""Commands around one task of a run that goes on, over its real control socket."""

import os
import pickle
import re
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.support.plans import outside, plan, task

from crew_actors.commands import BadParameters, Context, _diff, build, load_action
from crew_actors.commands._output import OutputUnreadable
from crew_actors.commands._task import RESULT_SHOWN
from crew_actors.control import Refused
from crew_actors.model import (
    CommandSpec,
    PlannedTask,
    RunPlan,
    RunStatus,
    TaskId,
    TaskStatus as Status,
    attempt_id,
)
from crew_actors.observe import json_line
from crew_actors.places import Project, user_places
from crew_actors.runs import RESULT_BYTES, Run, UnknownTask, open_crew
from crew_actors.runtimes import Completed, Job, Outcome, Port

A, B = TaskId("a"), TaskId("b")


async def works(job: Job, port: Port) -> Outcome:
    """Ask, then do as it was told by the first message."""
    await port.progress("thinking")
    answer = await port.ask("Which way?")
    return Completed(text=f"went {answer}")


async def listens(job: Job, port: Port) -> Outcome:
    while True:
        message = await port.next_message()
        await port.settle_message(message.id, "delivered")
        if message.text == "done":
            return Completed(text="done")


async def writes(job: Job, port: Port) -> Outcome:
    """Change the workspace, and wait."""
    await trio.Path(job.workspace / "new.txt").write_text("new\x1b[2J\n")
    await port.ask("May I go on?")
    return Completed(text="written")


FUNCTIONS = {
    "worker-agent": works,
    "listener-agent": listens,
    "writer-agent": writes,
}


@asynccontextmanager
async def run_of(context: Context, the_plan: RunPlan) -> AsyncGenerator[Run]:
    with trio.fail_after(30):
        async with open_crew(
            context.project, places=context.places, functions=FUNCTIONS
        ) as crew:
            run = await crew.start(the_plan)
            yield run
            run.cancel("the test is over")


async def do(name: str, context: Context, *texts: str, **options: object) -> Any:
    """Carry out an action as the command line does, on the latest run."""
    action = load_action(name)
    given: dict[str, object] = dict(options)
    given["run"] = "latest"
    if texts:
        given["task"] = texts[0]
    if len(texts) > 1:
        given["text"] = texts[1]
    return await action.handler(build(name, action.parameters, given), context)


def text(name: str, result: object) -> str:
    json_line(result)  # it has a form in JSON
    return load_action(name).text(result)


async def until(run: Run, status: Status, name: TaskId = A) -> None:
    async for _ in run.events():
        if run.state.tasks[name].status is status:
            return


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """Note what could change when something is written."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("run.db")
    }


async def test_a_worker_claims_extends_and_completes(context: Context) -> None:
    async with run_of(
        context, plan(task("a", role="worker"), outside("b", "a"))
    ) as run:
        with pytest.raises(Refused, match="it waits for what it depends on: a"):
            await do("claim", context, "b", owner="ann")
        await until(run, Status.WAITING)
        await run.respond("left")
        await until(run, Status.COMPLETED)
        held = await do("claim", context, owner="ann", lease="30")
        told = text("claim", held)
        assert (held.task, held.attempt, held.extended) == ("b", "b.1", False)
        assert f"token: {held.token}" in told
        assert "went left" in held.prompt
        assert "went left" in told
        await run.send("b", "look below", by="pat")
        with_token = attrs.evolve(context, environ={"CREW_TOKEN": held.token})
        again = await do("claim", with_token, "b", progress="half of it")
        assert (again.extended, again.prompt) == (True, "")
        assert "pat: look below" in text("claim", again)
        assert run.state.tasks[B].progress == "half of it"
        done = await do(
            "transition", with_token, "b", status="completed", result="it works"
        )
        assert text("transition", done) == f"run {run.id}: task b is completed"
        assert (await run.wait()).status is RunStatus.COMPLETED


async def test_a_worker_gives_back_and_another_fails(context: Context) -> None:
    async with run_of(context, plan(outside("a"))) as run:
        first = await do("claim", context, "a", owner="ann")
        back = await do("release", context, "a", token=first.token, why="no time")
        assert "waits for another worker" in text("release", back)
        second = await do("claim", context, owner="bob")
        await do(
            "transition",
            context,
            "a",
            token=second.token,
            status="failed",
            why="broken",
        )
        state = await run.wait()
        failure = state.tasks[A].failure
        assert failure is not None
        assert failure.message == "broken"
        found = await do("task", context, "a")
        told = text("task", found)
        assert [(one.owner, one.outcome) for one in found.attempts] == [
            ("ann", "given back"),
            ("bob", "failed"),
        ]
        assert "no time" in told
        assert "by bob" in told
        assert found.unclaimable == "it has ended: it is failed"
        assert first.token not in json_line(found)


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("claim", {}, "--owner: needed to claim a task"),
        ("claim", {"token": "t"}, "task: needed, to go on with its claim"),
        (
            "claim",
            {"task": "a", "token": "t", "owner": "x"},
            "--owner: a claim that is",
        ),
        ("claim", {"owner": "x", "progress": "y"}, "--progress: nothing has been done"),
        ("claim", {"owner": "x", "lease": "0"}, "--lease must be a number, at least 1"),
        ("release", {"task": "a"}, "--token is missing"),
        ("transition", {"task": "a", "status": "completed"}, "--token is missing"),
        ("transition", {"task": "a", "status": "done"}, "one of completed, failed"),
        (
            "transition",
            {"task": "a", "token": "t", "status": "completed"},
            "--result is missing",
        ),
        (
            "transition",
            {
                "task": "a",
                "token": "t",
                "status": "completed",
                "result": "x",
                "why": "y",
            },
            "--why: goes with `--status failed` only",
        ),
        (
            "transition",
            {"task": "a", "token": "t", "status": "failed"},
            "--why is missing",
        ),
        (
            "transition",
            {
                "task": "a",
                "token": "t",
                "status": "completed",
                "result": "x",
                "result_file": "y",
            },
            "give only one",
        ),
        (
            "transition",
            {"task": "a", "token": "t", "status": "completed", "result": "x\x00"},
            "a NUL character",
        ),
        ("output", {"task": "a"}, "nobody was at it yet"),
    ],
)
async def test_what_does_not_fit_is_told_before_anything_is_done(
    context: Context, name: str, options: dict[str, object], problem: str
) -> None:
    bare = attrs.evolve(context, environ={})
    async with run_of(context, plan(outside("a"))) as run:
        before = run.state.seq
        with pytest.raises(BadParameters, match=re.escape(problem)):
            await do(name, bare, **options)
        assert run.state.seq == before


async def test_a_result_comes_from_a_file(context: Context, tmp_path: Path) -> None:
    file = tmp_path / "result.md"
    async with run_of(context, plan(outside("a"))) as run:
        held = await do("claim", context, owner="ann")
        options = {"token": held.token, "status": "completed", "result_file": str(file)}
        file.write_bytes(b"x" * (RESULT_BYTES + 1))
        with pytest.raises(BadParameters, match="more than 524,288 bytes"):
            await do("transition", context, "a", **options)
        file.write_text("all is well")
        await do("transition", context, "a", **options)
        await run.wait()
        found = await do("task", context, "a")
        assert found.result.text == "all is well"
        assert "all is well" in text("task", found)


async def test_a_claim_is_told_also_where_its_prompt_cannot_be_read(
    context: Context,
) -> None:
    async with run_of(context, plan(task("a"), outside("b", "a"))) as run:
        await until(run, Status.WAITING)
        await run.respond("left")
        await until(run, Status.COMPLETED)
        result = run.state.tasks[A].result
        assert result is not None
        (run.folder.path / result.path).write_text("something else")
        held = await do("claim", context, owner="ann")
        assert held.token
        assert "its prompt cannot be read" in text("claim", held)
        assert "it cannot be written" in (await do("task", context, "b")).prompt
        found = await do("task", context, "a")
        assert (found.result.text, found.result.left_out) == ("", 0)
        assert "changed" in found.result.problem


async def test_a_task_that_waits_for_a_worker_says_how_to_take_it(
    context: Context,
) -> None:
    async with run_of(context, plan(outside("a"))) as run:
        told = text("task", await do("task", context, "a"))
        assert f"It waits for a worker: crew claim {run.id} a --owner NAME" in told
        status = await _status(context)
        assert "waits for a worker" in status
        assert "status: waiting" in status


async def _status(context: Context) -> str:
    action = load_action("status")
    parameters = build("status", action.parameters, {"run": "latest"})
    return action.text(action.handler(parameters, context))


async def test_messages_are_sent_nudged_and_listed(context: Context) -> None:
    async with run_of(context, plan(task("a", role="listener"), outside("b"))) as run:
        await until(run, Status.RUNNING)
        nudged = await do("nudge", context, "a")
        assert text("nudge", nudged) == "delivered"
        queued = await do("send", context, "b", "for later")
        assert (queued.outcome, load_action("send").exit_code(queued)) == ("queued", 0)
        rejected = await do("nudge", context, "b")
        assert load_action("nudge").exit_code(rejected) == 1
        found = await do("messages", context)
        assert [(m.task, m.message.kind, m.outcome) for m in found.messages] == [
            ("a", "steer", "delivered"),
            ("b", "message", "queued"),
            ("b", "steer", "rejected"),
        ]
        only = await do("messages", context, "b")
        assert len(only.messages) == 2
        assert "for later" in text("messages", only)
        with pytest.raises(UnknownTask):
            await do("messages", context, "c")


async def test_questions_are_listed_with_their_answers(context: Context) -> None:
    async with run_of(context, plan(task("a"), outside("b"))) as run:
        await until(run, Status.WAITING)
        found = await do("messages", context, "b")
        assert text("messages", found) == "Nothing was said yet."
        assert "open" in text("messages", await do("messages", context))
        await run.respond("left", by="ann")
        await until(run, Status.COMPLETED)
        told = text("messages", await do("messages", context))
        assert "Which way? ann: left" in told


async def test_asking_writes_nothing(context: Context) -> None:
    async with run_of(context, plan(task("a"), outside("b"))) as run:
        await until(run, Status.WAITING)
        before, files = run.state.seq, seen(context.project.root)
        for name in ("task", "messages", "output", "diff"):
            text(name, await do(name, context, "a"))
        assert (run.state.seq, seen(context.project.root)) == (before, files)


async def test_an_agent_in_this_process_has_no_output(context: Context) -> None:
    async with run_of(context, plan(task("a"))) as run:
        await until(run, Status.WAITING)
        told = text("output", await do("output", context, "a"))
        assert told == "a.1 has written nothing to stdout."
        with pytest.raises(BadParameters, match="--attempt must be at most 1, not 2"):
            await do("output", context, "a", attempt="2")


def _shell(name: str, script: str) -> PlannedTask:
    argv = ("/bin/sh", "-c", script)
    return attrs.evolve(
        task(name, role="shell"), command=CommandSpec(argv=argv), runtime="command"
    )


async def test_the_output_of_a_program_is_shown(context: Context) -> None:
    script = "printf 'one\\033[2J\\ntwo\\n'; echo three >&2"
    async with run_of(context, plan(_shell("a", script))) as run:
        await run.wait()
        found = await do("output", context, "a")
        assert text("output", found) == "one\\x1b[2J\ntwo"
        assert (found.first, found.size) == (0, 12)
        tail = await do("output", context, "a", bytes="4", attempt="1")
        assert text("output", tail) == "(8 bytes before this are left out.)\ntwo"
        errors = await do("output", context, "a", stream="stderr")
        assert errors.text == "three\n"


@pytest.fixture
def repository(project: Project) -> Project:
    for args in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-q", "--allow-empty", "-m", "first"],
    ):
        who = ["-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", *who, *args], cwd=project.root, check=True)
    return attrs.evolve(project, is_repository=True)


async def test_changes_are_shown_while_they_are_made_and_afterwards(
    repository: Project, context: Context
) -> None:
    here = attrs.evolve(context, project=repository, places=user_places(os.environ))
    the_plan = attrs.evolve(plan(task("a", role="writer")), workspace="worktree")
    async with run_of(here, the_plan) as run:
        await until(run, Status.WAITING)
        files = seen(repository.root)
        live = await do("diff", here)
        assert seen(repository.root) == files
        (one,) = live.changes
        assert (one.task, one.attempt, one.live, one.path) == ("a", "a.1", True, None)
        assert "+new\x1b[2J" in one.patch
        told = text("diff", live)
        assert "a.1 has changed so far:" in told
        assert "+new\\x1b[2J" in told
        await run.respond("yes")
        await run.wait()
        kept = await do("diff", here, "a")
        (one,) = kept.changes
        assert (one.live, one.worktree) == (False, None)
        assert one.path is not None
        assert one.path.read_text() == one.patch
        assert "git apply" in text("diff", kept)


async def test_a_run_without_worktrees_has_no_diff(context: Context) -> None:
    async with run_of(context, plan(outside("a"))):
        told = text("diff", await do("diff", context))
        assert "`git diff` tells" in told
        with pytest.raises(UnknownTask):
            await do("diff", context, "c")


async def test_what_cannot_be_told_of_changes_is_said(
    repository: Project, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = attrs.evolve(context, project=repository)
    two = plan(task("a", role="writer"), outside("b"))
    async with run_of(here, attrs.evolve(two, workspace="worktree")) as run:
        assert (
            text("diff", await do("diff", here, "b")) == "No task has a worktree yet."
        )
        await until(run, Status.WAITING)
        monkeypatch.setattr(_diff, "SHOWN", 10)
        (one,) = (await do("diff", here)).changes
        assert (len(one.patch), one.left_out > 0) == (10, True)
        assert "more bytes are left out" in text("diff", await do("diff", here))
        (one.worktree / "new.txt").unlink()
        assert text("diff", await do("diff", here)).splitlines()[1:] == ["nothing"]
        one.worktree.rename(one.worktree.with_name("moved"))
        told = text("diff", await do("diff", here))
        assert "It cannot be told: its worktree is gone" in told


async def test_output_that_cannot_be_read_is_an_error(context: Context) -> None:
    async with run_of(context, plan(_shell("a", "echo one"))) as run:
        await run.wait()
        work = run.folder.work(attempt_id(A, 1))
        (work / "stdout.4.log").mkdir()
        with pytest.raises(OutputUnreadable, match=r"what a\.1 has said") as caught:
            await do("output", context, "a")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_the_rest_of_a_long_result_is_in_its_file(context: Context) -> None:
    async with run_of(context, plan(outside("a"))) as run:
        held = await do("claim", context, owner="ann")
        long = "x" * (RESULT_SHOWN + 5)
        options = {"token": held.token, "status": "completed", "result": long}
        await do("transition", context, "a", **options)
        await run.wait()
        told = text("task", await do("task", context, "a"))
        assert "(5 more bytes are in the file.)" in told
