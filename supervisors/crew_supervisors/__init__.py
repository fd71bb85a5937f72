# crew_supervisors, from the ground up:
#
#   _specs _reasons _reports _events   values
#   _checks _restart _rules _levels    pure rules about them
#   _agenda _replies                   one task, its requests and its timers
#   _child _incarnation _lives         the life of children
#   _group _stops _tally _engine       what is done with several of them
#   _recorder                          where events go
#   _supervisor                        what users hold
#   _vigil _suspension _heartbeat      heartbeats
#   _watched _cpu                      children that are watched
#   processes                          operating-system processes
#
# The names of heartbeats and of `processes` are imported when they are first used:
# whoever supervises tasks only need not wait for them.
#
# It stands on trio, attrs and psutil, and knows nothing of actors or agents.
"""Supervision for trio: children that are started, restarted and really stopped."""

import importlib
from typing import TYPE_CHECKING

from ._checks import SpecProblem as SpecProblem, check_specs as check_specs
from ._child import Child as Child, Stopping as Stopping
from ._errors import (
    BadSpec as BadSpec,
    ChildExists as ChildExists,
    ChildRunning as ChildRunning,
    ChildStartFailed as ChildStartFailed,
    DeclineStart as DeclineStart,
    FailureEscalated as FailureEscalated,
    NoSuchChild as NoSuchChild,
    RestartLimitReached as RestartLimitReached,
    StopErrors as StopErrors,
    SupervisorError as SupervisorError,
    SupervisorsTooDeep as SupervisorsTooDeep,
    SupervisorStopped as SupervisorStopped,
    TooManyChildren as TooManyChildren,
    WrongThread as WrongThread,
)
from ._events import (
    ChildDeclined as ChildDeclined,
    ChildEnded as ChildEnded,
    ChildFailed as ChildFailed,
    ChildRestarting as ChildRestarting,
    ChildStarted as ChildStarted,
    ChildStopped as ChildStopped,
    ChildStopping as ChildStopping,
    ChildStuck as ChildStuck,
    Event as Event,
    SupervisorEnded as SupervisorEnded,
    SupervisorEscalated as SupervisorEscalated,
    SupervisorRestartingGroup as SupervisorRestartingGroup,
    SupervisorStopping as SupervisorStopping,
)
from ._reasons import CancelCode as CancelCode, CancelReason as CancelReason
from ._recorder import log_event as log_event
from ._reports import (
    ChildCounts as ChildCounts,
    ChildInfo as ChildInfo,
    ChildReport as ChildReport,
    State as State,
    StopEnd as StopEnd,
    StuckChild as StuckChild,
    SupervisorReport as SupervisorReport,
    TreeNode as TreeNode,
)
from ._specs import (
    FOREVER as FOREVER,
    KILL as KILL,
    AutoShutdown as AutoShutdown,
    Backoff as Backoff,
    ChildSpec as ChildSpec,
    ForeverType as ForeverType,
    Grace as Grace,
    KillType as KillType,
    OnFailure as OnFailure,
    OptionFields as OptionFields,
    RestartType as RestartType,
    StopPolicy as StopPolicy,
    Strategy as Strategy,
    SupervisorOptions as SupervisorOptions,
)
from ._supervisor import (
    Supervisor as Supervisor,
    open_supervisor as open_supervisor,
    supervise as supervise,
)

if TYPE_CHECKING:
    from ._cpu import CpuActivity as CpuActivity
    from ._heartbeat import (
        HeartbeatDeadLetter as HeartbeatDeadLetter,
        HeartbeatWatcher as HeartbeatWatcher,
        LevelChange as LevelChange,
    )
    from ._levels import (
        Level as Level,
        Thresholds as Thresholds,
        level_at as level_at,
    )
    from ._process_child import process_spec as process_spec
    from ._vigil import DeadLetterRule as DeadLetterRule
    from ._watched import HeartbeatLost as HeartbeatLost, watched as watched
    from .processes import (
        ESSENTIALS as ESSENTIALS,
        BadProcessSpec as BadProcessSpec,
        Batch as Batch,
        BatchStream as BatchStream,
        ChildProcess as ChildProcess,
        ContainmentUnavailable as ContainmentUnavailable,
        CutLine as CutLine,
        EnvPolicy as EnvPolicy,
        ExecutableNotFound as ExecutableNotFound,
        ExecutableNotRunnable as ExecutableNotRunnable,
        KilledBySystem as KilledBySystem,
        Line as Line,
        LineStream as LineStream,
        ProcessError as ProcessError,
        ProcessExit as ProcessExit,
        ProcessFailed as ProcessFailed,
        ProcessIdentity as ProcessIdentity,
        ProcessRecorder as ProcessRecorder,
        ProcessSpec as ProcessSpec,
        Rung as Rung,
        SpawnError as SpawnError,
        SpawnFailed as SpawnFailed,
        StdinClosed as StdinClosed,
        StopReport as StopReport,
        StreamName as StreamName,
        Survivor as Survivor,
        expect_processes as expect_processes,
        recorded_processes as recorded_processes,
        resolve_executable as resolve_executable,
        run_process as run_process,
    )

__all__ = [
    "ESSENTIALS",
    "FOREVER",
    "KILL",
    "AutoShutdown",
    "Backoff",
    "BadProcessSpec",
    "BadSpec",
    "Batch",
    "BatchStream",
    "CancelCode",
    "CancelReason",
    "Child",
    "ChildCounts",
    "ChildDeclined",
    "ChildEnded",
    "ChildExists",
    "ChildFailed",
    "ChildInfo",
    "ChildProcess",
    "ChildReport",
    "ChildRestarting",
    "ChildRunning",
    "ChildSpec",
    "ChildStartFailed",
    "ChildStarted",
    "ChildStopped",
    "ChildStopping",
    "ChildStuck",
    "ContainmentUnavailable",
    "CpuActivity",
    "CutLine",
    "DeadLetterRule",
    "DeclineStart",
    "EnvPolicy",
    "Event",
    "ExecutableNotFound",
    "ExecutableNotRunnable",
    "FailureEscalated",
    "ForeverType",
    "Grace",
    "HeartbeatDeadLetter",
    "HeartbeatLost",
    "HeartbeatWatcher",
    "KillType",
    "KilledBySystem",
    "Level",
    "LevelChange",
    "Line",
    "LineStream",
    "NoSuchChild",
    "OnFailure",
    "OptionFields",
    "ProcessError",
    "ProcessExit",
    "ProcessFailed",
    "ProcessIdentity",
    "ProcessRecorder",
    "ProcessSpec",
    "RestartLimitReached",
    "RestartType",
    "Rung",
    "SpawnError",
    "SpawnFailed",
    "SpecProblem",
    "State",
    "StdinClosed",
    "StopEnd",
    "StopErrors",
    "StopPolicy",
    "StopReport",
    "Stopping",
    "Strategy",
    "StreamName",
    "StuckChild",
    "Supervisor",
    "SupervisorEnded",
    "SupervisorError",
    "SupervisorEscalated",
    "SupervisorOptions",
    "SupervisorReport",
    "SupervisorRestartingGroup",
    "SupervisorStopped",
    "SupervisorStopping",
    "SupervisorsTooDeep",
    "Survivor",
    "Thresholds",
    "TooManyChildren",
    "TreeNode",
    "WrongThread",
    "check_specs",
    "expect_processes",
    "level_at",
    "log_event",
    "open_supervisor",
    "process_spec",
    "recorded_processes",
    "resolve_executable",
    "run_process",
    "supervise",
    "watched",
]

_HOMES = {
    "CpuActivity": "_cpu",
    "DeadLetterRule": "_vigil",
    "HeartbeatDeadLetter": "_heartbeat",
    "HeartbeatLost": "_watched",
    "HeartbeatWatcher": "_heartbeat",
    "Level": "_levels",
    "LevelChange": "_heartbeat",
    "Thresholds": "_levels",
    "level_at": "_levels",
    "process_spec": "_process_child",
    "watched": "_watched",
}
"""Where late names are that do not come from `processes`."""

if not TYPE_CHECKING:  # checkers would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name not in __all__:  # what is not late has been found before
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        home = importlib.import_module(f".{_HOMES.get(name, 'processes')}", __name__)
        value: object = getattr(home, name)
        globals()[name] = value
        return value
