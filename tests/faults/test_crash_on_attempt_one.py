"""An agent that breaks on attempt 1: attempt 2 does the task, as if nothing had been."""

from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from tests.support.crews import crew_in
from tests.support.plans import plan, task
from tests.support.processes import living

from crew_actors.journal import ArtifactStore, read_events, read_state
from crew_actors.model import (
    AttemptFailed,
    CommandSpec,
    FailureKind,
    Limits,
    PlannedTask,
    ProcessStarted,
    RetryPolicy,
    RunPlan,
    RunStatus,
    TaskId,
)
from crew_actors.runs import Run
from crew_actors.runtimes import AgentFunction, Completed, Job, Outcome, Port

A = TaskId("a")
DELAY = 3600.0
"""Seconds between the attempts, on a clock that jumps over them."""

SHELL = """
keep() {
    echo "$CREW_ATTEMPT" > "$CREW_OUTPUT/$1"
    echo '{"type": "artifact", "name": "'$1'", "path": "'$1'"}'
}
keep same.txt
if [ "$CREW_ATTEMPT" = a.1 ]; then
    keep first.txt
    echo '{"type": "result", "text": "what a.1 says"}'
    {end}
fi
keep second.txt
echo '{"type": "result", "text": "what a.2 says"}'
"""


def shell(end: str) -> CommandSpec:
    """Describe an agent whose attempt 1 does all that it should, but ends with *end*."""
    argv = ("/bin/sh", "-c", SHELL.replace("{end}", end))
    return CommandSpec(argv=argv, output="jsonl")


def twice(one: PlannedTask) -> RunPlan:
    """Plan *one*, which is tried twice, an hour apart."""
    made = plan(one, limits=Limits(attempts=2))
    return attrs.evolve(made, retry=RetryPolicy(first=DELAY, cap=DELAY, jitter=0.0))


async def failed(run: Run) -> AttemptFailed:
    """Wait until attempt 1 has failed."""
    async for one in run.events():
        if isinstance(one.event, AttemptFailed):
            return one.event
    raise AssertionError(run.state.why)


async def play(project: Path, wanted: RunPlan, **agents: AgentFunction) -> Run:
    """Run *wanted*: attempt 1 fails, an hour goes by at once, attempt 2 follows."""
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    clock.rate = 1.0
    async with crew_in(project, **agents) as crew:
        run = await crew.start(wanted)
        broken = await failed(run)
        assert broken.attempt == "a.1"
        clock.jump(DELAY - 60)
        await trio.sleep(0.05)
        assert run.state.tasks[A].attempts == 1, "it came before its time"
        clock.jump(60)
        await run.wait()
        return run


async def kept(run: Run) -> dict[str, bytes]:
    """Read what the run says that the task has left."""
    state = read_state(run.folder).tasks[A]
    assert state.result in state.artifacts
    store = ArtifactStore(run.folder)
    return {one.name: await store.read(one) for one in state.artifacts}


@pytest.mark.parametrize(
    ("end", "said"),
    [("kill -KILL $$", "SIGKILL"), ("exit 1", "1")],
)
async def test_a_process_that_breaks_is_followed_by_one_that_completes(
    project: Path, mock_clock: trio.testing.MockClock, end: str, said: str
) -> None:
    run = await play(project, twice(attrs.evolve(task("a"), command=shell(end))))
    state = read_state(run.folder)
    assert state.status is RunStatus.COMPLETED, state.why
    assert state.tasks[A].attempts == 2
    events = [one.event for one in read_events(run.folder)]
    (failure,) = [one.failure for one in events if isinstance(one, AttemptFailed)]
    assert said in failure.message
    assert await kept(run) == {
        "same.txt": b"a.2\n",
        "second.txt": b"a.2\n",
        "result.md": b"what a.2 says",
    }
    pids = [one.pid for one in events if isinstance(one, ProcessStarted)]
    assert len(pids) == 2
    assert living(pids) == []


async def test_a_function_that_raises_is_followed_by_one_that_completes(
    project: Path, mock_clock: trio.testing.MockClock
) -> None:
    async def breaks(job: Job, port: Port) -> Outcome:
        job.output.mkdir(parents=True, exist_ok=True)
        first = job.attempt == "a.1"
        for name in ("same.txt", "first.txt" if first else "second.txt"):
            (job.output / name).write_text(job.attempt)
            await port.artifact(name, job.output / name)
        await port.progress(f"{job.attempt} is at work")
        if first:
            msg = "it broke"
            raise ValueError(msg)
        return Completed(text=f"what {job.attempt} says")

    run = await play(project, twice(task("a")), worker=breaks)
    state = read_state(run.folder)
    assert state.status is RunStatus.COMPLETED, state.why
    events = [one.event for one in read_events(run.folder)]
    (failure,) = [one.failure for one in events if isinstance(one, AttemptFailed)]
    assert failure.kind is FailureKind.CRASH
    assert "it broke" in failure.message
    assert await kept(run) == {
        "same.txt": b"a.2",
        "second.txt": b"a.2",
        "result.md": b"what a.2 says",
    }
    assert state.tasks[A].failure is None


async def test_what_attempt_one_has_left_stays_where_it_was(
    project: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Whoever looks for the reason of a failure finds what there was."""
    wanted = twice(attrs.evolve(task("a"), command=shell("exit 1")))
    run = await play(project, wanted)
    left = {
        path.relative_to(run.folder.artifacts).as_posix(): path.read_bytes()
        for path in run.folder.artifacts.rglob("*.txt")
    }
    assert left == {
        "a/a.1/same.txt": b"a.1\n",
        "a/a.1/first.txt": b"a.1\n",
        "a/a.2/same.txt": b"a.2\n",
        "a/a.2/second.txt": b"a.2\n",
    }
