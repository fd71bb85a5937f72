# `run_process` is the only thing in the project that starts processes. From the
# outside in: `_run` starts, `_process` is the handle, `_life` the rules of one
# process's life, `_host` the border to the system. Below that border: `_warden_host`
# with its program `_warden`, which `_zygote` forks, and `_cgroup`; `_group_host`;
# `_job_host`, above `_job_api` and `_windows`; and the scans of `_scan`. Output goes
# through `_pipes`, `_output` and `_overflow` to `_line_stream`, input through `_input`.
# Who is told of starts and ends: `_records`. Pure, beside them: `_spec`, `_limits`, `_framing`, `_lines`, `_report`,
# `_errors`.
"""OS processes that stop when they are stopped, with all that they started."""

from crew_supervisors.processes._errors import (
    BadProcessSpec as BadProcessSpec,
    ContainmentUnavailable as ContainmentUnavailable,
    ExecutableNotFound as ExecutableNotFound,
    ExecutableNotRunnable as ExecutableNotRunnable,
    KilledBySystem as KilledBySystem,
    ProcessError as ProcessError,
    ProcessFailed as ProcessFailed,
    SpawnError as SpawnError,
    SpawnFailed as SpawnFailed,
    StdinClosed as StdinClosed,
)
from crew_supervisors.processes._executable import (
    resolve_executable as resolve_executable,
)
from crew_supervisors.processes._line_stream import (
    BatchStream as BatchStream,
    LineStream as LineStream,
)
from crew_supervisors.processes._lines import (
    Batch as Batch,
    CutLine as CutLine,
    Line as Line,
)
from crew_supervisors.processes._output import StreamName as StreamName
from crew_supervisors.processes._process import ChildProcess as ChildProcess
from crew_supervisors.processes._records import (
    ProcessRecorder as ProcessRecorder,
    recorded_processes as recorded_processes,
)
from crew_supervisors.processes._report import (
    ProcessExit as ProcessExit,
    ProcessIdentity as ProcessIdentity,
    StopReport as StopReport,
    Survivor as Survivor,
)
from crew_supervisors.processes._run import (
    expect_processes as expect_processes,
    run_process as run_process,
)
from crew_supervisors.processes._spec import (
    ESSENTIALS as ESSENTIALS,
    MARKER as MARKER,
    EnvPolicy as EnvPolicy,
    ProcessSpec as ProcessSpec,
    Rung as Rung,
)
