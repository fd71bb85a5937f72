# Runs: from a request to the last event.
#
#   _prepare   request -> plan            _run       the run actor: state and decisions
#   _crew      open_crew, Crew, Run       _task      the task actor and its attempt
#   _control   stop a run from outside    _port      what an attempt says -> events
#   _summary   the page at the end        _inputs    what dependencies have left
"""Runs: their actors, from the request to the last event."""

from crew_actors.runs._control import (
    OwnerUnreachable as OwnerUnreachable,
    RunNotRunning as RunNotRunning,
    cancel_run as cancel_run,
)
from crew_actors.runs._crew import (
    Crew as Crew,
    NoRuntime as NoRuntime,
    Run as Run,
    open_crew as open_crew,
)
from crew_actors.runs._prepare import (
    BadRequest as BadRequest,
    FilesInTheWay as FilesInTheWay,
    NoAgentCli as NoAgentCli,
    Prepared as Prepared,
    ProgramsMissing as ProgramsMissing,
    RunRequest as RunRequest,
    prepare as prepare,
)
