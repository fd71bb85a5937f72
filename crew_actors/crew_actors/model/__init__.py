# The pure core of a run: values and functions over them. Nothing in here waits,
# reads a clock or touches a disk; import-linter keeps it so.
#
#   _ids        identities               _fold      from events to the state
#   _plan       what is to be done       _schedule  what to do next
#   _statuses   where things stand       _budgets   what may be used, and what is
#   _values     what events hold         _retry     whether to try again, and when
#   _events     what can happen          _due       what the moment brings about
#   _state      what they are folded to  _resume    taking up a run again
#   _board      where all tasks stand    _adaptive  plans that agents write
#   _changes    the table of changes     _claims    tasks done by others
#   _table      mappings that share what is the same
"""Pure values and rules of runs: plans, events, states, decisions."""

from crew_actors.model._adaptive import (
    MOST_TASKS as MOST_TASKS,
    AdaptivePlan as AdaptivePlan,
    AdaptiveTask as AdaptiveTask,
    PlanUnreadable as PlanUnreadable,
    adaptive_tasks as adaptive_tasks,
    parse_adaptive_plan as parse_adaptive_plan,
)
from crew_actors.model._budgets import tokens_left as tokens_left
from crew_actors.model._changes import (
    transition as transition,
)
from crew_actors.model._claims import (
    claimable_tasks as claimable_tasks,
    holds_claim as holds_claim,
    new_claim as new_claim,
    why_unclaimable as why_unclaimable,
)
from crew_actors.model._due import (
    due as due,
)
from crew_actors.model._events import (
    AnswerSeen as AnswerSeen,
    ApprovalRequested as ApprovalRequested,
    ArtifactWritten as ArtifactWritten,
    AttemptFailed as AttemptFailed,
    AttemptStarted as AttemptStarted,
    BudgetSpent as BudgetSpent,
    BudgetWarned as BudgetWarned,
    CancelRequested as CancelRequested,
    ClaimExtended as ClaimExtended,
    ClaimReleased as ClaimReleased,
    Event as Event,
    GroupFinished as GroupFinished,
    HeartbeatChanged as HeartbeatChanged,
    MessageSent as MessageSent,
    MessageSettled as MessageSettled,
    PlanApproved as PlanApproved,
    PlanRefused as PlanRefused,
    PlanRejected as PlanRejected,
    ProcessDiscarded as ProcessDiscarded,
    ProcessEnded as ProcessEnded,
    ProcessStarted as ProcessStarted,
    Progress as Progress,
    QuestionAnswered as QuestionAnswered,
    QuestionAsked as QuestionAsked,
    QuestionExpired as QuestionExpired,
    Recorded as Recorded,
    ResultStored as ResultStored,
    RunBlocked as RunBlocked,
    RunCancelled as RunCancelled,
    RunCompleted as RunCompleted,
    RunCreated as RunCreated,
    RunEvent as RunEvent,
    RunFailed as RunFailed,
    RunNested as RunNested,
    RunResumed as RunResumed,
    RunStarted as RunStarted,
    TaskCancelled as TaskCancelled,
    TaskClaimed as TaskClaimed,
    TaskCompleted as TaskCompleted,
    TaskEnding as TaskEnding,
    TaskEvent as TaskEvent,
    TaskFailed as TaskFailed,
    TaskNeedsAttention as TaskNeedsAttention,
    TaskRequeued as TaskRequeued,
    TasksAdded as TasksAdded,
    TaskSkipped as TaskSkipped,
    UsageReported as UsageReported,
    WorkspaceMade as WorkspaceMade,
    WorkspaceReleased as WorkspaceReleased,
)
from crew_actors.model._fold import (
    IllegalEvent as IllegalEvent,
    advance as advance,
    begin as begin,
    fold as fold,
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
from crew_actors.model._mcp import McpServer as McpServer
from crew_actors.model._plan import (
    EXTERNAL as EXTERNAL,
    GOAL_LIMIT as GOAL_LIMIT,
    LIVE as LIVE,
    QUESTION_SECONDS as QUESTION_SECONDS,
    AgentMemory as AgentMemory,
    CommandSpec as CommandSpec,
    Consent as Consent,
    Control as Control,
    Limits as Limits,
    OnFailure as OnFailure,
    Parent as Parent,
    PlannedTask as PlannedTask,
    RetryPolicy as RetryPolicy,
    RunPlan as RunPlan,
    SkillText as SkillText,
    TaskInput as TaskInput,
    TaskOutput as TaskOutput,
    Workspace as Workspace,
)
from crew_actors.model._providers import Api as Api, Provider as Provider
from crew_actors.model._resume import (
    Selection as Selection,
    requeue as requeue,
    resume_plan as resume_plan,
)
from crew_actors.model._retry import (
    GiveUp as GiveUp,
    RetryAt as RetryAt,
    plan_retry as plan_retry,
)
from crew_actors.model._schedule import (
    Decision as Decision,
    End as End,
    Skip as Skip,
    decide as decide,
    overlap as overlap,
    upcoming as upcoming,
)
from crew_actors.model._schema import (
    SCHEMA_LIMIT as SCHEMA_LIMIT,
    BadSchema as BadSchema,
    mismatches as mismatches,
    read_schema as read_schema,
)
from crew_actors.model._state import (
    Phase as Phase,
    RunState as RunState,
    TaskState as TaskState,
)
from crew_actors.model._statuses import (
    RunStatus as RunStatus,
    TaskStatus as TaskStatus,
)
from crew_actors.model._values import (
    Answer as Answer,
    Artifact as Artifact,
    BudgetKind as BudgetKind,
    Claim as Claim,
    Failure as Failure,
    FailureKind as FailureKind,
    Message as Message,
    MessageKind as MessageKind,
    MessageOutcome as MessageOutcome,
    Question as Question,
    Usage as Usage,
)
