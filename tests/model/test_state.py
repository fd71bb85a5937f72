"""A run is a fold over its events, and terminal is terminal."""

import pytest
from hypothesis import given, strategies as st
from tests.support.plans import (
    RUN,
    after,
    artifact,
    completed,
    created,
    failed,
    plan,
    started,
    task,
    unproven,
)

from crew_actors.model import (
    ArtifactWritten,
    CancelRequested,
    Event,
    HeartbeatChanged,
    IllegalEvent,
    ProcessEnded,
    ProcessStarted,
    Progress,
    Recorded,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunStarted,
    RunStatus,
    TaskCancelled,
    TaskId,
    TaskSkipped,
    TaskStatus,
    Usage,
    UsageReported,
    advance,
    attempt_id,
    begin,
    fold,
    transition,
)

A = TaskId("a")
A1 = attempt_id(A, 1)
A2 = attempt_id(A, 2)


def test_a_run_begins_with_its_creation() -> None:
    state = created(plan(task("a")))
    assert (state.status, state.run, state.created_at) == (
        RunStatus.QUEUED,
        RUN,
        1000.0,
    )
    with pytest.raises(IllegalEvent, match="not with RunStarted"):
        begin(Recorded(1, 0.0, RunStarted()))
    with pytest.raises(IllegalEvent, match="once"):
        after(state, RunCreated(run=RUN, workspace="/", plan=plan()))


def test_events_are_folded_in_the_order_of_their_numbers() -> None:
    state = created(plan(task("a")))
    with pytest.raises(IllegalEvent, match="3 cannot follow event 1"):
        advance(state, Recorded(3, 0.0, RunStarted()))


def test_an_event_of_an_unknown_task_is_a_defect() -> None:
    with pytest.raises(IllegalEvent, match="no task 'ghost'"):
        after(created(plan(task("a"))), started("ghost"))


def test_no_events_make_no_run() -> None:
    assert fold([]) is None


def test_a_task_remembers_what_its_attempt_told() -> None:
    state = after(
        created(plan(task("a"))),
        RunStarted(),
        started("a"),
        ProcessStarted(
            task=A, attempt=A1, pid=7, create_time=1.0, containment="warden"
        ),
        Progress(task=A, attempt=A1, text="reading"),
        UsageReported(task=A, attempt=A1, usage=Usage(input=1, output=2, cost=0.5)),
        UsageReported(task=A, attempt=A1, usage=Usage(input=10, output=20, cost=0.5)),
        HeartbeatChanged(task=A, attempt=A1, level="warn", silent_for=31.0),
        ArtifactWritten(task=A, attempt=A1, artifact=artifact("x.txt")),
    )
    told = state.tasks[A]
    assert (told.pid, told.progress, told.heartbeat) == (7, "reading", "warn")
    assert told.usage == state.usage == Usage(input=11, output=22, cost=1.0)
    assert told.artifacts == (artifact("x.txt"),)
    ended = ProcessEnded(
        task=A, attempt=A1, pid=7, outcome="exit 0", containment="warden"
    )
    state = after(state, ended)
    assert state.tasks[A].pid is None
    state = after(state, completed("a"), at=1009.0)
    done = state.tasks[A]
    assert (done.status, done.ended_at) == (TaskStatus.COMPLETED, 1009.0)
    assert done.result == artifact()


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (completed("a"), TaskStatus.COMPLETED),
        (failed("a"), TaskStatus.FAILED),
        (unproven("a"), TaskStatus.NEEDS_ATTENTION),
        (TaskCancelled(task=A, attempt=A1, why="x"), TaskStatus.CANCELLED),
    ],
)
def test_a_task_that_has_ended_never_changes_again(
    event: Event, status: TaskStatus
) -> None:
    state = after(created(plan(task("a"))), started("a"), event)
    before = state.tasks[A]
    assert before.status is status
    late = (
        completed("a"),
        failed("a"),
        unproven("a"),
        started("a", 2),
        TaskSkipped(task=A, why="late"),
        TaskCancelled(task=A, attempt=A1, why="late"),
        Progress(task=A, attempt=A1, text="late"),
    )
    state = after(state, *late)
    assert state.tasks[A] == before
    assert state.dropped == len(late)


def test_messages_of_another_attempt_are_counted_and_dropped() -> None:
    state = after(created(plan(task("a"))), started("a"))
    changed = after(state, Progress(task=A, attempt=A2, text="old"), completed("a", 2))
    assert changed.tasks == state.tasks
    assert changed.dropped == 2


def test_a_queued_task_can_only_start_be_skipped_or_be_cancelled() -> None:
    queued = TaskStatus.QUEUED
    assert transition(queued, started("a")) is TaskStatus.RUNNING
    assert transition(queued, TaskSkipped(task=A, why="")) is TaskStatus.SKIPPED
    cancelled = TaskCancelled(task=A, attempt=None, why="")
    assert transition(queued, cancelled) is TaskStatus.CANCELLED
    for early in (completed("a"), failed("a"), unproven("a")):
        assert transition(queued, early) is None


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (RunCompleted(summary="s"), RunStatus.COMPLETED),
        (RunFailed(why="w", summary="s"), RunStatus.FAILED),
        (RunCancelled(why="w", summary="s"), RunStatus.CANCELLED),
    ],
)
def test_a_run_that_has_ended_never_changes_again(
    event: Event, status: RunStatus
) -> None:
    state = after(created(plan(task("a"))), RunStarted(), event)
    assert (state.status, state.summary, state.ended_at) == (status, "s", 1001.0)
    late = (RunStarted(), RunFailed(why="late"), CancelRequested(why="late"))
    changed = after(state, *late)
    assert (changed.status, changed.why) == (status, state.why)
    assert changed.cancelling is None
    assert changed.dropped == len(late)


def test_a_blocked_run_has_ended_but_may_go_on() -> None:
    state = after(created(plan(task("a"))), RunBlocked(why="w"))
    assert state.status.ended
    assert not state.status.terminal
    assert after(state, RunStarted()).status is RunStatus.RUNNING


def test_the_first_reason_to_cancel_wins() -> None:
    state = after(created(plan(task("a"))), CancelRequested(why="first"))
    state = after(state, CancelRequested(why="second"))
    assert state.cancelling == "first"
    assert state.dropped == 1


_EVENTS = st.sampled_from(
    [
        RunStarted(),
        CancelRequested(why="c"),
        RunCompleted(summary="s"),
        RunFailed(why="f"),
        RunBlocked(why="b"),
        RunCancelled(why="c"),
        started("a"),
        started("a", 2),
        started("b"),
        completed("a"),
        completed("a", 2),
        failed("b"),
        unproven("a"),
        TaskSkipped(task=TaskId("b"), why="s"),
        TaskCancelled(task=A, attempt=None, why="c"),
        Progress(task=A, attempt=A1, text="p"),
    ]
)


@given(st.lists(_EVENTS, max_size=30))
def test_in_any_order_terminal_absorbs(events: list[Event]) -> None:
    state = created(plan(task("a"), task("b")))
    for event in events:
        changed = after(state, event)
        for name, before in state.tasks.items():
            if before.status.terminal:
                assert changed.tasks[name] == before
        if state.status.terminal:
            assert changed.status is state.status
        assert changed.dropped - state.dropped in {0, 1}
        state = changed


@given(st.lists(_EVENTS, max_size=30))
def test_folding_at_once_and_one_by_one_is_the_same(events: list[Event]) -> None:
    first = RunCreated(run=RUN, workspace="/p", plan=plan(task("a"), task("b")))
    recorded = [Recorded(n, float(n), e) for n, e in enumerate((first, *events), 1)]
    state = begin(recorded[0])
    for one in recorded[1:]:
        state = advance(state, one)
    assert fold(recorded) == state
