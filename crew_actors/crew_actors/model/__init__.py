# The pure core of a run: values and functions over them. Nothing in here waits,
# reads a clock or touches a disk; import-linter keeps it so.
#
#   _ids        identities            _events    what can happen
#   _plan       what is to be done    _state     the fold over events
#   _statuses   where things stand    _schedule  what to do next
"""Pure values and rules of runs: plans, events, states, decisions."""

from crew_actors.model._events import (
    Artifact as Artifact,
    ArtifactWritten as ArtifactWritten,
    AttemptStarted as AttemptStarted,
    CancelRequested as CancelRequested,
    Event as Event,
    Failure as Failure,
    FailureKind as FailureKind,
    HeartbeatChanged as HeartbeatChanged,
    ProcessEnded as ProcessEnded,
    ProcessStarted as ProcessStarted,
    Progress as Progress,
    Recorded as Recorded,
    RunBlocked as RunBlocked,
    RunCancelled as RunCancelled,
    RunCompleted as RunCompleted,
    RunCreated as RunCreated,
    RunEvent as RunEvent,
    RunFailed as RunFailed,
    RunStarted as RunStarted,
    TaskCancelled as TaskCancelled,
    TaskCompleted as TaskCompleted,
    TaskEnding as TaskEnding,
    TaskEvent as TaskEvent,
    TaskFailed as TaskFailed,
    TaskNeedsAttention as TaskNeedsAttention,
    TaskSkipped as TaskSkipped,
    Usage as Usage,
    UsageReported as UsageReported,
)
from crew_actors.model._ids import (
    AttemptId as AttemptId,
    BadId as BadId,
    RunId as RunId,
    TaskId as TaskId,
    attempt_id as attempt_id,
    attempt_number as attempt_number,
    new_run_id as new_run_id,
    parse_run_id as parse_run_id,
    parse_task_id as parse_task_id,
)
from crew_actors.model._plan import (
    GOAL_LIMIT as GOAL_LIMIT,
    CommandSpec as CommandSpec,
    Consent as Consent,
    OnFailure as OnFailure,
    PlannedTask as PlannedTask,
    RunPlan as RunPlan,
    TaskInput as TaskInput,
    TaskOutput as TaskOutput,
)
from crew_actors.model._schedule import (
    Decision as Decision,
    End as End,
    Skip as Skip,
    decide as decide,
    ready_tasks as ready_tasks,
)
from crew_actors.model._state import (
    IllegalEvent as IllegalEvent,
    RunState as RunState,
    TaskState as TaskState,
    advance as advance,
    begin as begin,
    fold as fold,
    transition as transition,
)
from crew_actors.model._statuses import RunStatus as RunStatus, TaskStatus as TaskStatus
