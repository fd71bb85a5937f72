# crew_supervisors, from the ground up:
#
#   _specs _reasons _reports _events   values
#   _checks _restart _levels           pure rules about them
#   _agenda _replies                   one task, its requests and its timers
#   _child _incarnation _engine        the life of children
#   _recorder                          where events go
#   _supervisor _heartbeat             what users hold
#   processes                          operating-system processes
#
# The names of `processes` are imported when they are first used: whoever supervises
# tasks only need not wait for them.
#
# It stands on trio, attrs and psutil, and knows nothing of actors or agents.
"""Supervision for trio: children that are started, restarted and really stopped."""

from typing import TYPE_CHECKING

from ._checks import SpecProblem as SpecProblem, check_specs as check_specs
from ._child import Child as Child, Stopping as Stopping
from ._errors import (
    BadSpec as BadSpec,
    ChildExists as ChildExists,
    ChildRunning as ChildRunning,
    ChildStartFailed as ChildStartFailed,
    NoSuchChild as NoSuchChild,
    RestartLimitReached as RestartLimitReached,
    SupervisorError as SupervisorError,
    SupervisorsTooDeep as SupervisorsTooDeep,
    SupervisorStopped as SupervisorStopped,
)
from ._events import (
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
    SupervisorStopping as SupervisorStopping,
)
from ._heartbeat import (
    HeartbeatWatcher as HeartbeatWatcher,
    LevelChange as LevelChange,
)
from ._levels import (
    Level as Level,
    Thresholds as Thresholds,
    level_at as level_at,
)
from ._reasons import CancelCode as CancelCode, CancelReason as CancelReason
from ._reports import (
    ChildCounts as ChildCounts,
    ChildInfo as ChildInfo,
    ChildReport as ChildReport,
    State as State,
    StopEnd as StopEnd,
    TreeNode as TreeNode,
)
from ._specs import (
    FOREVER as FOREVER,
    KILL as KILL,
    Backoff as Backoff,
    ChildSpec as ChildSpec,
    ForeverType as ForeverType,
    Grace as Grace,
    KillType as KillType,
    RestartType as RestartType,
    StopPolicy as StopPolicy,
    Strategy as Strategy,
)
from ._supervisor import (
    Supervisor as Supervisor,
    open_supervisor as open_supervisor,
    supervise as supervise,
)

if TYPE_CHECKING:
    from .processes import (
        ESSENTIALS as ESSENTIALS,
        BadProcessSpec as BadProcessSpec,
        ChildProcess as ChildProcess,
        ContainmentUnavailable as ContainmentUnavailable,
        EnvPolicy as EnvPolicy,
        ExecutableNotFound as ExecutableNotFound,
        ExecutableNotRunnable as ExecutableNotRunnable,
        Line as Line,
        ProcessError as ProcessError,
        ProcessExit as ProcessExit,
        ProcessIdentity as ProcessIdentity,
        ProcessSpec as ProcessSpec,
        Rung as Rung,
        SpawnError as SpawnError,
        SpawnFailed as SpawnFailed,
        StdinClosed as StdinClosed,
        StopReport as StopReport,
        Survivor as Survivor,
        resolve_executable as resolve_executable,
        run_process as run_process,
    )

__all__ = [
    "ESSENTIALS",
    "FOREVER",
    "KILL",
    "Backoff",
    "BadProcessSpec",
    "BadSpec",
    "CancelCode",
    "CancelReason",
    "Child",
    "ChildCounts",
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
    "EnvPolicy",
    "Event",
    "ExecutableNotFound",
    "ExecutableNotRunnable",
    "ForeverType",
    "Grace",
    "HeartbeatWatcher",
    "KillType",
    "Level",
    "LevelChange",
    "Line",
    "NoSuchChild",
    "ProcessError",
    "ProcessExit",
    "ProcessIdentity",
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
    "StopPolicy",
    "StopReport",
    "Stopping",
    "Strategy",
    "Supervisor",
    "SupervisorEnded",
    "SupervisorError",
    "SupervisorEscalated",
    "SupervisorStopped",
    "SupervisorStopping",
    "SupervisorsTooDeep",
    "Survivor",
    "Thresholds",
    "TreeNode",
    "check_specs",
    "level_at",
    "open_supervisor",
    "resolve_executable",
    "run_process",
    "supervise",
]

if not TYPE_CHECKING:  # checkers would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name not in __all__:  # what is not of processes has been found before
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        from . import processes  # noqa: PLC0415  # late on purpose

        value: object = getattr(processes, name)
        globals()[name] = value
        return value
