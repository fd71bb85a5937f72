# Agent programs that are talked to in their own protocols, for as long as they work.
#
#   _run      a program's process        _program   what differs between programs
#   _converse what is said with it       _session   what is known of it meanwhile
#   _failures what went wrong            _once      programs too old for that
#   _probe    a handshake, for doctors   _claude, _pi, and their events
#   _mcp      servers that a program is given
"""Run agent programs in their own protocols."""

from ._acp import Acp as Acp
from ._claude import Claude as Claude
from ._codex import Codex as Codex
from ._pi import Pi as Pi
from ._probe import greet as greet
from ._program import Program as Program, Talk as Talk
from ._run import (
    EVENT_LIMIT as EVENT_LIMIT,
    ProgramRuntime as ProgramRuntime,
    run_program as run_program,
    run_warm as run_warm,
)
