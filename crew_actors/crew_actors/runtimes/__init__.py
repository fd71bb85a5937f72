# How one agent runs. A runtime is given a job and a port and tells an outcome.
#
#   _job       the interface              _command       one process, start to end
#   _outcome   how an attempt can end     _function      an agent in this process
#   _prompt    what an agent is told      _programs      agent programs known by name
#   _messages  what its lines mean        _answer        lines and exit -> outcome
#   _conversation  what it is told         _log           what it has said, kept
#   _results   the data of a result        _memory        what it has noted
#   _process   what all processes share    programs       agent programs, natively
#   _signing_in  what they are signed in with   live     agents in this process
#   _home      what of its user one sees
#   _seen  what is seen of an agent        _screen  lines of it   _stage  where it is shown
#   _fields  reading the events of programs  _live_agents  the door to `live`
"""Runtimes: how one agent runs."""

from crew_actors.runtimes._command import (
    BadArtifact as BadArtifact,
    run_command as run_command,
)
from crew_actors.runtimes._command_line import search_path as search_path
from crew_actors.runtimes._function import function_runtime as function_runtime
from crew_actors.runtimes._home import (
    at_home as at_home,
    is_key as is_key,
)
from crew_actors.runtimes._job import (
    DEPTH_VARIABLE as DEPTH_VARIABLE,
    FOLDER_VARIABLE as FOLDER_VARIABLE,
    AgentFunction as AgentFunction,
    Begins as Begins,
    DependencyResult as DependencyResult,
    Job as Job,
    NotSent as NotSent,
    Port as Port,
    Runtime as Runtime,
    WarmRuntime as WarmRuntime,
)
from crew_actors.runtimes._live_agents import LiveAgents as LiveAgents
from crew_actors.runtimes._log import (
    Said as Said,
    Stream as Stream,
    read_on as read_on,
    read_said as read_said,
    said_so_far as said_so_far,
)
from crew_actors.runtimes._memory import Notes as Notes, read_notes as read_notes
from crew_actors.runtimes._messages import COST_LIMIT as COST_LIMIT
from crew_actors.runtimes._outcome import (
    Completed as Completed,
    Failed as Failed,
    NoResult as NoResult,
    Outcome as Outcome,
)
from crew_actors.runtimes._programs import (
    AGENT_PROGRAMS as AGENT_PROGRAMS,
    AgentRuntime as AgentRuntime,
    find_agent_program as find_agent_program,
    parse_agent_runtime as parse_agent_runtime,
    program_of as program_of,
    runner_of as runner_of,
)
from crew_actors.runtimes._prompt import (
    build_prompt as build_prompt,
    prompt_of as prompt_of,
)
from crew_actors.runtimes._results import judged as judged
from crew_actors.runtimes._signing_in import (
    signed_in_by as signed_in_by,
    ways_to_sign_in as ways_to_sign_in,
)
