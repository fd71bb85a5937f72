# What is said about a process that ended. Frozen values: they go into events,
# journals and errors.
"""Exits, stop reports and identities."""

from typing import Final, Literal

import attrs

ContainmentKind = Literal[
    "cgroup",
    "warden",
    "warden-no-subreaper",
    "group",
    "group-warden-lost",
    "job",
    "taskkill",
]
ExitReason = Literal[
    "exited",
    "stopped",
    "finished",
    "startup_timeout",
    "silence_timeout",
    "wall_timeout",
    "killed_by_system",
    "containment_lost",
]

SIGKILL: Final = 9
"""Its number. Windows does not know it; there it stands for being killed by us."""


@attrs.frozen
class ProcessIdentity:
    """A process, and not another one that got its number later."""

    pid: int
    create_time: float
    """Seconds since 1970, as psutil tells it."""


@attrs.frozen
class Survivor:
    """A process of the tree that lives although it was killed."""

    pid: int
    create_time: float
    command: str
    status: str
    """psutil's word for its state; `disk-sleep` cannot be interrupted. `unverified`:
    there was no time to look twice, so it, or what it has started, may live."""


@attrs.frozen(kw_only=True)
class StopReport:
    """How a tree ended. A claim only of what was verified."""

    name: str
    pid: int
    containment: ContainmentKind
    """What was in force at the end."""
    asked: str
    """The reason given first; `exit` when the program ended by itself."""
    escalations: tuple[str, ...]
    """What was done, in order: signals by their names, `message` for what a rung sent to
    stdin, `stdin closed`."""
    unsent: tuple[str, ...] = ()
    """Messages and signals of rungs that could not be sent, and why."""
    survivors: tuple[Survivor, ...]
    """Empty: nothing of the tree that this containment can see is alive."""
    took: float
    """Seconds from the request (or the exit) until the tree was verified."""
    graceful: bool
    """Nothing had to be killed."""


@attrs.frozen(kw_only=True)
class ProcessExit:
    """The end of a process and of its tree."""

    returncode: int | None
    """The exit status; None when a signal ended it, or when it is not known."""
    signal: str | None
    """The name of the signal that ended it, if one did."""
    reason: ExitReason
    """Why it ended. `finished`: by `ChildProcess.finish`, a success. `killed_by_system`: SIGKILL that we did not send, as the kernel
    does when memory is short. `containment_lost`: its warden died, so we ended it."""
    stderr_tail: str
    output_truncated: bool
    """Others held the output open beyond `drain`, and what they wrote is cut."""
    report: StopReport

    @property
    def succeeded(self) -> bool:
        """It exited with 0 by itself, or had given its answer (`finished`)."""
        if self.reason == "exited":
            return self.returncode == 0
        return self.reason == "finished"

    def __str__(self) -> str:
        if self.reason not in ("exited", "killed_by_system"):
            return self.reason.replace("_", " ")
        if self.signal is not None:
            by = ", not by us" if self.reason == "killed_by_system" else ""
            return f"ended by {self.signal}{by}"
        return (
            f"exit status {'unknown' if self.returncode is None else self.returncode}"
        )
