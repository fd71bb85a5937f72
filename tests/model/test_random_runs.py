"""Whatever happens to a run, in whatever order, its rules hold, and it ends."""

from collections.abc import Sequence

import attrs
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.support.random_plans import plans
from tests.support.random_runs import Played, replay

from crew_actors.journal import kind_of
from crew_actors.journal._compaction import Needless
from crew_actors.model import (
    Recorded,
    RunPlan,
    RunState,
    RunStatus,
    Selection,
    TaskStatus,
    advance,
    begin,
    claimable_tasks,
)

MOVES = 40


def play(run: Played) -> None:
    """Let chance move until the run has ended."""
    for _ in range(run.number(0, MOVES)):
        if run.state.status.ended:
            return
        move = run.number(0, 9)
        if move <= 4 and run.working:
            run.speak(run.pick(sorted(run.working)))
        elif move == 5:
            run.wish()
        elif move == 6:
            run.now += run.number(0, 20)
        elif move == 7:
            run.report_late()
        elif move == 8:
            run.die()
            run.take_up(run.pick([None, None, Selection()]))
        if not run.state.status.ended:
            run.step()


def finish(run: Played) -> None:
    """Let everybody do their best until the run has ended."""
    for _ in range(300):
        if run.state.status.ended:
            return
        decision = run.step()
        if decision.end is not None:
            return
        free = next(claimable_tasks(run.state, run.now), None)
        waiting = next(run.state.of(TaskStatus.WAITING), None)
        tasks = run.state.tasks.values()
        claimed = next((one for one in tasks if one.claim is not None), None)
        if run.state.approval == "requested":
            run.approve()
        elif waiting is not None and waiting.questions:
            run.answer(waiting)
        elif run.working:
            run.complete(min(run.working))
        elif claimed is not None:
            run.deliver(claimed)
        elif free is not None:
            run.claim(free)
        else:
            assert decision.wake_at is not None, "nothing can happen any more"
            assert decision.wake_at > run.now
            run.now = decision.wake_at
    msg = f"the run does not end: {run.state}"
    raise AssertionError(msg)


@given(plan=plans(), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_run_keeps_its_rules_and_ends_whatever_happens(
    plan: RunPlan, data: st.DataObject
) -> None:
    run = Played(data, plan)
    run.step()
    for _ in range(2):
        play(run)
        finish(run)
        assert replay(run.events) == run.state
        assert_compacted_is_the_same(run.events, run.state)
        if run.state.status.terminal:
            run.report_to_nobody()
        if not run.take_up(run.pick([None, Selection()])):
            assert run.state.status.ended
            return


@given(plan=plans(), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_taking_a_run_up_again_and_again_does_nothing_twice(
    plan: RunPlan, data: st.DataObject
) -> None:
    """Each owner dies before it has done anything, and loses a part of what it wrote."""
    run = Played(data, plan)
    run.step()
    play(run)
    run.die()
    retry = run.pick([None, Selection()])
    before, kept = run.state, len(run.events)
    if not run.take_up(retry):
        return
    once = run.state
    for _ in range(3):
        run.on_disk = run.number(kept, len(run.events))
        run.die()
        run.take_up(retry)
        assert run.state.tasks == once.tasks
        assert run.state.status is once.status
    assert not any(
        one.status.active and one.claim is None for one in run.state.tasks.values()
    )
    for name, was in before.tasks.items():
        now = run.state.tasks[name]
        assert now.attempts == was.attempts
        if was.status is TaskStatus.COMPLETED and name != plan.adaptive:
            assert now == was
    finish(run)


def assert_compacted_is_the_same(events: Sequence[Recorded], state: RunState) -> None:
    """Fold what is left of *events* when needless ones are removed."""
    needless = Needless()
    gone = set[int]()
    for each in events:
        task: str | None = getattr(each.event, "task", None)
        attempt: str | None = getattr(each.event, "attempt", None)
        found = needless.take(each.seq, kind_of(each.event), task, attempt)
        if found is not None:
            gone.add(found)
    left = [each for each in events if each.seq not in gone]
    shorter = begin(left[0])
    for each in left[1:]:
        shorter = advance(attrs.evolve(shorter, seq=each.seq - 1), each)
    assert attrs.evolve(shorter, dropped=state.dropped) == state
    assert shorter.status is not RunStatus.QUEUED
