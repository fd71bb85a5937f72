# How one agent runs. A runtime is given a job and a port and tells an outcome.
#
#   _job       the interface              _command       one process, start to end
#   _outcome   how an attempt can end     _function      an agent in this process
#   _prompt    what an agent is told      _clis          agent CLIs known by name
#   _messages  what its lines mean        _answer        lines and exit -> outcome
#   _conversation  what it is told while it works
"""Runtimes: how one agent runs."""

from crew_actors.runtimes._clis import (
    AGENT_CLIS as AGENT_CLIS,
    find_agent_cli as find_agent_cli,
)
from crew_actors.runtimes._command import (
    BadArtifact as BadArtifact,
    run_command as run_command,
)
from crew_actors.runtimes._command_line import search_path as search_path
from crew_actors.runtimes._function import function_runtime as function_runtime
from crew_actors.runtimes._job import (
    DEPTH_VARIABLE as DEPTH_VARIABLE,
    AgentFunction as AgentFunction,
    DependencyResult as DependencyResult,
    Job as Job,
    Port as Port,
    Runtime as Runtime,
)
from crew_actors.runtimes._messages import COST_LIMIT as COST_LIMIT
from crew_actors.runtimes._outcome import (
    Completed as Completed,
    Failed as Failed,
    NoResult as NoResult,
    Outcome as Outcome,
)
