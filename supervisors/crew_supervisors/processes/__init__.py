# `run_process` is the only thing in the project that starts processes. From the
# outside in: `_run` starts, `_process` is the handle, `_life` the rules of one
# process's life, `_host` the border to the system. Below that border: `_warden_host`
# with its program `_warden`, `_group_host`, `_windows`, and the scans of `_scan`.
# Pure, beside them: `_spec`, `_limits`, `_framing`, `_report`, `_errors`.
"""OS processes that stop when they are stopped, with all that they started."""

from crew_supervisors.processes._errors import (
    BadProcessSpec as BadProcessSpec,
    ContainmentUnavailable as ContainmentUnavailable,
    ExecutableNotFound as ExecutableNotFound,
    ExecutableNotRunnable as ExecutableNotRunnable,
    ProcessError as ProcessError,
    SpawnError as SpawnError,
    SpawnFailed as SpawnFailed,
    StdinClosed as StdinClosed,
)
from crew_supervisors.processes._executable import (
    resolve_executable as resolve_executable,
)
from crew_supervisors.processes._framing import Line as Line
from crew_supervisors.processes._output import LineStream as LineStream
from crew_supervisors.processes._process import ChildProcess as ChildProcess
from crew_supervisors.processes._report import (
    ProcessExit as ProcessExit,
    ProcessIdentity as ProcessIdentity,
    StopReport as StopReport,
    Survivor as Survivor,
)
from crew_supervisors.processes._run import run_process as run_process
from crew_supervisors.processes._spec import (
    ESSENTIALS as ESSENTIALS,
    MARKER as MARKER,
    EnvPolicy as EnvPolicy,
    ProcessSpec as ProcessSpec,
    Rung as Rung,
)
