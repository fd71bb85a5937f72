# Runs: from a request to the last event.
#
#   _prepare    request -> plan               _crew     open_crew, Crew
#   _planning   the same, with consent        _create   the folder, the first event
#   _refused    what is wrong with a request  _nested   runs that agents start
#   _run        the run actor, start to end   _work     its state and decisions
#   _wishes     what people ask of it         _calls    the same, from other processes
#   _mail       messages to tasks             _expand   tasks that tasks have planned
#   _claims     tasks done by others          _handle   Run: a run, from outside
#   _find       tasks by their names          _briefing what a worker is told
#   _task       the task actor, one attempt   _port     what an attempt says -> events
#   _talk       questions and messages        _inputs   what dependencies have left
#   _workspace  where an attempt works        _slots    room for attempts, shared
#   _end        the last event                _summary  the page at the end
#   _late       answers when nobody works    _looks    what goes on, for who watches
#   _roster     the runs of a crew
"""Runs: their actors, from the request to the last event."""

from crew_actors.control import (
    OwnerUnreachable as OwnerUnreachable,
    Refused as Refused,
    RunNotRunning as RunNotRunning,
    cancel_run as cancel_run,
)
from crew_actors.runs._briefing import read_prompt as read_prompt
from crew_actors.runs._claims import (
    CLAIM_LIMIT as CLAIM_LIMIT,
    CLAIM_SECONDS as CLAIM_SECONDS,
    RESULT_BYTES as RESULT_BYTES,
)
from crew_actors.runs._create import (
    create_run as create_run,
)
from crew_actors.runs._crew import (
    Crew as Crew,
    NoRuntime as NoRuntime,
    open_crew as open_crew,
)
from crew_actors.runs._errors import (
    AttemptOver as AttemptOver,
    BadClaim as BadClaim,
    BadParent as BadParent,
    ClaimOver as ClaimOver,
    NestedTooDeep as NestedTooDeep,
    NotAChoice as NotAChoice,
    NotAtWork as NotAtWork,
    NotAwaitingApproval as NotAwaitingApproval,
    NotClaimable as NotClaimable,
    NothingToResume as NothingToResume,
    NothingToRetry as NothingToRetry,
    NotWaiting as NotWaiting,
    ParentGone as ParentGone,
    SeveralWaiting as SeveralWaiting,
    TaskEnded as TaskEnded,
    TooLate as TooLate,
    TooManyMessages as TooManyMessages,
    TooManyNested as TooManyNested,
    TooManySpawns as TooManySpawns,
    UnknownTask as UnknownTask,
    WrongToken as WrongToken,
)
from crew_actors.runs._find import (
    check_tasks as check_tasks,
    find_task as find_task,
)
from crew_actors.runs._handle import Run as Run
from crew_actors.runs._late import (
    keep_answer as keep_answer,
    keep_approval as keep_approval,
    keep_rejection as keep_rejection,
)
from crew_actors.runs._looks import Look as Look, look_at as look_at, look_of as look_of
from crew_actors.runs._messages import (
    Claimed as Claimed,
    ClaimEnd as ClaimEnd,
    Sent as Sent,
)
from crew_actors.runs._planning import (
    Planned as Planned,
    plan_run as plan_run,
    settle_consent as settle_consent,
)
from crew_actors.runs._prepare import (
    Prepared as Prepared,
    RunRequest as RunRequest,
    prepare as prepare,
)
from crew_actors.runs._refused import (
    BadRequest as BadRequest,
    FilesInTheWay as FilesInTheWay,
    NoAgentProgram as NoAgentProgram,
    NoModel as NoModel,
    ProgramsMissing as ProgramsMissing,
)
from crew_actors.runs._roster import Roster as Roster, Totals as Totals
