# Runs: from a request to the last event.
#
#   _prepare    request -> plan               _crew     open_crew, Crew, Run
#   _run        the run actor, start to end   _work     its state and decisions
#   _wishes     what people ask of it         _calls    the same, from other processes
#   _mail       messages to tasks             _expand   tasks that tasks have planned
#   _task       the task actor, one attempt   _port     what an attempt says -> events
#   _talk       questions and messages        _inputs   what dependencies have left
#   _workspace  where an attempt works        _slots    room for attempts, shared
#   _end        the last event                _summary  the page at the end
#   _late       answers when nobody works on the run
"""Runs: their actors, from the request to the last event."""

from crew_actors.control import (
    OwnerUnreachable as OwnerUnreachable,
    Refused as Refused,
    RunNotRunning as RunNotRunning,
    cancel_run as cancel_run,
)
from crew_actors.runs._crew import (
    Crew as Crew,
    NoRuntime as NoRuntime,
    Run as Run,
    create_run as create_run,
    default_slots as default_slots,
    open_crew as open_crew,
)
from crew_actors.runs._errors import (
    NotAChoice as NotAChoice,
    NotAwaitingApproval as NotAwaitingApproval,
    NothingToResume as NothingToResume,
    NothingToRetry as NothingToRetry,
    NotWaiting as NotWaiting,
    SeveralWaiting as SeveralWaiting,
    TaskEnded as TaskEnded,
    TooLate as TooLate,
    TooManyMessages as TooManyMessages,
    UnknownTask as UnknownTask,
)
from crew_actors.runs._late import keep_answer as keep_answer
from crew_actors.runs._messages import Sent as Sent
from crew_actors.runs._prepare import (
    BadRequest as BadRequest,
    FilesInTheWay as FilesInTheWay,
    NestedTooDeep as NestedTooDeep,
    NoAgentCli as NoAgentCli,
    Prepared as Prepared,
    ProgramsMissing as ProgramsMissing,
    RunRequest as RunRequest,
    prepare as prepare,
)
from crew_actors.runs._wishes import check_tasks as check_tasks
