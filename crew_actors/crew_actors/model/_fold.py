# A run is a fold over its events.
#
# 1. `advance` is the only way from one state to the next, for the runtime that
#    works on the run and for everybody who reads it later.
# 2. Terminal absorbs: an event that would change a terminal task or run is counted
#    in `dropped` and changes nothing. So is one that belongs to an old attempt.
# 3. An event that cannot belong to the run at all is a defect, and raises.
"""The fold: from the events of a run to its state."""

from collections.abc import Iterable
from itertools import chain
from typing import TypeAlias, assert_never

import attrs

from crew_actors.model._board import Board, set_up
from crew_actors.model._changes import is_stale, transition
from crew_actors.model._events import (
    AnswerSeen,
    ApprovalRequested,
    ArtifactWritten,
    AttemptFailed,
    AttemptStarted,
    BudgetSpent,
    BudgetWarned,
    CancelRequested,
    ClaimExtended,
    ClaimReleased,
    GroupFinished,
    HeartbeatChanged,
    MessageSent,
    MessageSettled,
    PlanApproved,
    PlanRefused,
    PlanRejected,
    ProcessDiscarded,
    ProcessEnded,
    ProcessStarted,
    Progress,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    Recorded,
    ResultStored,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunEvent,
    RunFailed,
    RunNested,
    RunResumed,
    RunStarted,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskNeedsAttention,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    UsageReported,
    WorkspaceMade,
    WorkspaceReleased,
)
from crew_actors.model._ids import AttemptId, TaskId
from crew_actors.model._plan import Limits, PlannedTask
from crew_actors.model._state import RunState, TaskState
from crew_actors.model._statuses import RunStatus, TaskStatus
from crew_actors.model._table import Table
from crew_actors.model._values import (
    Answer,
    Claim,
    Question,
)


class IllegalEvent(ValueError):
    """An event does not fit the run at all. The state is as it was before."""


def begin(first: Recorded) -> RunState:
    """Make the state of a run from its first event.

    Raises:
      IllegalEvent: it is not the creation of a run, or tasks of it depend on what is
        not in it.
    """
    created = first.event
    if not isinstance(created, RunCreated):
        msg = f"a run begins with RunCreated, not with {type(created).__name__}"
        raise IllegalEvent(msg)
    tasks = Table((task.id, TaskState(plan=task)) for task in created.plan.tasks)
    return RunState(
        run=created.run,
        workspace=created.workspace,
        plan=created.plan,
        status=RunStatus.QUEUED,
        tasks=tasks,
        board=_board(tasks),
        created_at=first.at,
        seq=first.seq,
    )


def fold(events: Iterable[Recorded]) -> RunState | None:
    """Fold *events*, in their order, into a state; None if there are none.

    Raises:
      IllegalEvent: an event does not fit.
    """
    state: RunState | None = None
    for recorded in events:
        state = begin(recorded) if state is None else advance(state, recorded)
    return state


def advance(state: RunState, recorded: Recorded) -> RunState:
    """Fold one more event into *state*.

    Raises:
      IllegalEvent: it has not the next number, or names an unknown task.
    """
    if recorded.seq != state.seq + 1:
        msg = f"event {recorded.seq} cannot follow event {state.seq}"
        raise IllegalEvent(msg)
    event, at = recorded.event, recorded.at
    if not isinstance(event, RunEvent):
        return _task_event(state, event, recorded)
    state = attrs.evolve(state, seq=recorded.seq)
    match event:
        case RunCreated():
            msg = "a run is created once"
            raise IllegalEvent(msg)
        case RunStarted():
            return _settled(_run(state, RunStatus.RUNNING, started_at=at))
        case RunResumed(limits=limits):
            return _resumed(state, at, limits or state.plan.limits)
        case RunCompleted(summary=summary):
            return _run(state, RunStatus.COMPLETED, ended_at=at, summary=summary)
        case RunFailed(why=why, summary=summary):
            return _run(state, RunStatus.FAILED, ended_at=at, why=why, summary=summary)
        case RunBlocked(why=why, summary=summary):
            return _run(state, RunStatus.BLOCKED, ended_at=at, why=why, summary=summary)
        case RunCancelled(why=why, summary=summary):
            return _run(
                state, RunStatus.CANCELLED, ended_at=at, why=why, summary=summary
            )
        case (
            CancelRequested()
            | ApprovalRequested()
            | PlanApproved()
            | PlanRejected()
            | TasksAdded()
            | PlanRefused()
            | BudgetWarned()
            | BudgetSpent()
            | GroupFinished()
            | ProcessDiscarded()
        ):
            return _dropped(state) if state.status.terminal else _noted(state, event)
        case _:
            assert_never(event)


Note: TypeAlias = (
    CancelRequested
    | ApprovalRequested
    | PlanApproved
    | PlanRejected
    | TasksAdded
    | PlanRefused
    | BudgetWarned
    | BudgetSpent
    | GroupFinished
    | ProcessDiscarded
)
"""What happens to a run that goes on."""


def _noted(state: RunState, event: Note) -> RunState:
    match event:
        case CancelRequested(why=why):
            if state.cancelling is not None:
                return _dropped(state)
            return attrs.evolve(state, cancelling=why)
        case ApprovalRequested():
            return _settled(attrs.evolve(state, approval="requested"))
        case PlanApproved():
            return _settled(attrs.evolve(state, approval="granted"))
        case PlanRejected(by=by, why=why):
            reason = f"{by} rejected the plan" + (f": {why}" if why else "")
            return _settled(
                attrs.evolve(
                    state,
                    approval="rejected",
                    cancelling=state.cancelling or reason,
                )
            )
        case TasksAdded(tasks=tasks):
            unseen = state.approval == "granted" and any(one.writes for one in tasks)
            approval = "none" if unseen else state.approval  # nobody agreed to these
            grown = _grown(state, tasks)
            return _settled(attrs.evolve(grown, expanded=True, approval=approval))
        case PlanRefused(why=why):
            return attrs.evolve(state, refused=why, expanded=True)
        case BudgetWarned(budget=budget):
            return attrs.evolve(state, warned=state.warned | {budget})
        case BudgetSpent():
            return attrs.evolve(state, spent=state.spent or event)
        case GroupFinished(group=group):
            return attrs.evolve(state, finished=state.finished | {group})
        case ProcessDiscarded():
            return state  # no attempt has known it
        case _:
            assert_never(event)


def _grown(state: RunState, more: Iterable[PlannedTask]) -> RunState:
    """Add those of the tasks *more* that the run does not have."""
    added = {
        task.id: TaskState(plan=task) for task in more if task.id not in state.tasks
    }
    tasks = Table(chain(state.tasks.items(), added.items()))
    delayed = state.board.delayed  # the places of the others are what they were
    board = attrs.evolve(_board(tasks), delayed=delayed)
    groups = {task.plan.group for task in added.values()}
    finished = state.finished - groups
    return attrs.evolve(state, tasks=tasks, board=board, finished=finished)


def _board(tasks: Table[TaskId, TaskState]) -> Board:
    try:
        return set_up([(task.plan, task.status) for task in tasks.values()])
    except KeyError as error:
        msg = f"a task depends on {error.args[0]!r}, which the run does not have"
        raise IllegalEvent(msg) from None


def _resumed(state: RunState, at: float, limits: Limits) -> RunState:
    resumed = attrs.evolve(
        state,
        plan=attrs.evolve(state.plan, limits=limits),
        status=RunStatus.RUNNING,
        started_at=at,
        ended_at=None,
        cancelling=None,
        why="",
        summary=None,
        refused="",
        warned=frozenset(),
        spent=None,
        approval="none" if state.approval == "rejected" else state.approval,
    )
    return _settled(resumed)  # it may have waited for a person, and does so again


def _dropped(state: RunState) -> RunState:
    return attrs.evolve(state, dropped=state.dropped + 1)


def _run(
    state: RunState,
    status: RunStatus,
    *,
    started_at: float | None = None,
    ended_at: float | None = None,
    why: str = "",
    summary: str | None = None,
) -> RunState:
    if state.status.terminal:
        return _dropped(state)
    return attrs.evolve(
        state,
        status=status,
        started_at=state.started_at if started_at is None else started_at,
        ended_at=ended_at,
        why=why,
        summary=summary,
    )


def _task_event(state: RunState, event: TaskEvent, recorded: Recorded) -> RunState:
    task = state.tasks.get(event.task)
    if task is None:
        msg = f"the run has no task {event.task!r}"
        raise IllegalEvent(msg)
    seq = recorded.seq
    changed = advance_task(task, event, recorded.at)
    if changed is None or (state.status.terminal and changed.status is not task.status):
        return attrs.evolve(state, seq=seq, dropped=state.dropped + 1)
    tasks = state.tasks.put(event.task, changed)
    if changed.status is not task.status:
        place = tasks.place(event.task)
        board = state.board.moved(place, task.status, changed.status)
        if isinstance(event, AttemptFailed):
            board = attrs.evolve(board, delayed=board.delayed | 1 << place)
        status = _status(state, board)
        state = attrs.evolve(
            state,
            seq=seq,
            tasks=tasks,
            board=board,
            status=status,
        )
        return _undone(state, task) if isinstance(event, TaskRequeued) else state
    if isinstance(event, UsageReported):
        usage = state.usage.plus(event.usage)
        return attrs.evolve(state, seq=seq, tasks=tasks, usage=usage)
    return attrs.evolve(state, seq=seq, tasks=tasks)


def _undone(state: RunState, task: TaskState) -> RunState:
    """Forget what was concluded from the end of *task*, which is queued again."""
    return attrs.evolve(
        state,
        finished=state.finished - {task.plan.group},
        expanded=state.expanded and task.plan.id != state.plan.adaptive,
    )


def _status(state: RunState, board: Board) -> RunStatus:
    """Call a run waiting in which nothing goes on until somebody outside acts."""
    if state.status not in {RunStatus.RUNNING, RunStatus.WAITING}:
        return state.status
    asked = board.of(TaskStatus.WAITING) or state.approval == "requested"
    outside = board.graph.external
    offered = board.ready & outside and not board.ready & ~outside
    at_work = board.of(TaskStatus.RUNNING)
    waits = (asked or offered) and not at_work
    return RunStatus.WAITING if waits else RunStatus.RUNNING


def _settled(state: RunState) -> RunState:
    return attrs.evolve(state, status=_status(state, state.board))


def advance_task(task: TaskState, event: TaskEvent, at: float) -> TaskState | None:
    """Fold one event into a task; None if it changes nothing any more."""
    status = transition(task.status, event)
    if status is None or is_stale(task, event):
        return None
    if status.terminal and not task.status.terminal:
        task = attrs.evolve(
            task,
            status=status,
            ended_at=at,
            pid=None,
            questions=(),
            not_before=0.0,
            claim=None,
        )
    match event:
        case AttemptStarted(attempt=attempt):
            return _begun(task, attempt, at, None)
        case TaskClaimed(attempt=attempt, claim=claim):
            return _begun(task, attempt, at, claim)
        case ClaimExtended(until=until):
            extended = attrs.evolve(_claim(task), until=until)
            return attrs.evolve(task, claim=extended)
        case ClaimReleased(why=why):
            tries = task.tries - 1  # nobody has failed
            return attrs.evolve(_afresh(task), tries=tries, why=why)
        case TaskRequeued(why=why):
            return attrs.evolve(
                _afresh(task), tries=0, nested=(), why=why, failure=None
            )
        case AttemptFailed(failure=failure, retry_at=retry_at):
            return attrs.evolve(
                _afresh(task), not_before=retry_at, failure=failure, ended_at=at
            )
        case ProcessStarted(pid=pid):
            return attrs.evolve(task, pid=pid)
        case ProcessEnded():
            return attrs.evolve(task, pid=None)
        case Progress(text=text):
            return attrs.evolve(task, progress=text)
        case UsageReported(usage=usage):
            return attrs.evolve(task, usage=task.usage.plus(usage))
        case HeartbeatChanged(level=level):
            return attrs.evolve(task, heartbeat=level)
        case ArtifactWritten(artifact=artifact):
            return attrs.evolve(task, artifacts=(*task.artifacts, artifact))
        case AnswerSeen():
            return attrs.evolve(task, answer_seen=True)
        case ResultStored(result=result, data=data):
            return attrs.evolve(task, stored=True, result=result, data=data)
        case TaskCompleted(result=result, data=data):
            return attrs.evolve(task, result=result, data=data, why="", failure=None)
        case TaskFailed(failure=failure):
            return attrs.evolve(task, failure=failure, why="")
        case (
            TaskNeedsAttention(why=why) | TaskCancelled(why=why) | TaskSkipped(why=why)
        ):
            return attrs.evolve(task, why=why)
        case _:
            return _talked(task, event, status)


def _begun(
    task: TaskState, attempt: AttemptId, at: float, claim: Claim | None
) -> TaskState:
    """Begin an attempt, here or, with a *claim*, outside."""
    return attrs.evolve(
        task,
        status=TaskStatus.RUNNING,
        attempt=attempt,
        attempts=task.attempts + 1,
        tries=task.tries + 1,
        started_at=at,
        ended_at=None,
        claim=claim,
        answer_seen=False,
        stored=False,
        failure=None,
        heartbeat="healthy",
        released=False,
        workspace=None,
        branch=None,
    )


def _claim(task: TaskState) -> Claim:
    assert task.claim is not None
    return task.claim


Talk: TypeAlias = (
    RunNested
    | QuestionAsked
    | QuestionAnswered
    | QuestionExpired
    | MessageSent
    | MessageSettled
    | WorkspaceMade
    | WorkspaceReleased
)
"""What is said around a task, and where it works."""


def _talked(task: TaskState, event: Talk, status: TaskStatus) -> TaskState | None:
    match event:
        case QuestionAsked(question=asked):
            if _question(task, asked.id) is not None:
                return None
            questions = (*task.questions, asked)
            return attrs.evolve(task, status=status, questions=questions)
        case QuestionAnswered(question=of, answer=answer, by=by):
            question = _question(task, of)
            if question is None:
                return None
            told = Answer(question=question.text, answer=answer, by=by)
            return _heard(attrs.evolve(task, answers=(*task.answers, told)), of)
        case QuestionExpired(question=of):
            return None if _question(task, of) is None else _heard(task, of)
        case MessageSent(message=message):
            return attrs.evolve(task, mail=(*task.mail, message))
        case MessageSettled(message=settled, outcome=outcome):
            if outcome == "queued":
                return task
            mail = tuple(one for one in task.mail if one.id != settled)
            return attrs.evolve(task, mail=mail)
        case RunNested(run=run):
            return attrs.evolve(task, nested=(*task.nested, run))
        case WorkspaceMade(path=path):
            return attrs.evolve(task, workspace=path)
        case WorkspaceReleased(kept=kept, branch=branch):
            left = task.workspace if kept else None
            return attrs.evolve(task, workspace=left, branch=branch, released=True)
        case _:
            assert_never(event)


def _question(task: TaskState, wanted: str) -> Question | None:
    return next((one for one in task.questions if one.id == wanted), None)


def _heard(task: TaskState, settled: str) -> TaskState:
    """Take a question away; the agent goes on when none is left."""
    left = tuple(one for one in task.questions if one.id != settled)
    status = TaskStatus.WAITING if left else TaskStatus.RUNNING
    return attrs.evolve(task, questions=left, status=status)


def _afresh(task: TaskState) -> TaskState:
    """Queue a task for its next attempt."""
    return attrs.evolve(
        task,
        status=TaskStatus.QUEUED,
        not_before=0.0,
        ended_at=None,
        progress="",
        heartbeat="healthy",
        pid=None,
        result=None,
        data=None,
        artifacts=(),
        questions=(),
        claim=None,
        answer_seen=False,
        stored=False,
        branch=None,
    )
