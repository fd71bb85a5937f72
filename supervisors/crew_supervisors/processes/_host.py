# The border between the rules of a process's life and the system that runs it.
#
# Everything above speaks to a Host: the warden's, the group's, Windows'. A host
# starts one program, tells when it has exited, passes signals on, and kills the
# whole tree with proof. It knows nothing of lines, deadlines and ladders.
"""What holds a process tree together, as an interface."""

from pathlib import Path
from typing import Protocol

import attrs
import trio

from crew_supervisors.processes._cgroup import Cgroup
from crew_supervisors.processes._report import ContainmentKind, ProcessIdentity
from crew_supervisors.processes._scan import Sweep


@attrs.frozen(kw_only=True)
class Launch:
    """What to start, with everything resolved."""

    name: str
    executable: Path
    argv: tuple[str, ...]
    cwd: Path | None
    environment: dict[str, str]
    marker: str
    stdin_pipe: bool
    cgroup: Cgroup | None = None


class CannotSignal(Exception):
    """No signal can reach the program. The text says why."""


class Host(Protocol):
    """One started program and the tree below it."""

    @property
    def kind(self) -> ContainmentKind:
        """What holds the tree now."""
        ...

    @property
    def identity(self) -> ProcessIdentity:
        """Who the program is."""
        ...

    @property
    def status(self) -> int | None:
        """How it exited: the status, or minus the signal's number, or unknown."""
        ...

    @property
    def exited(self) -> trio.Event:
        """Set when the program has exited, or when nothing can be known of it."""
        ...

    @property
    def lost(self) -> bool:
        """The containment broke. What is left of the tree must be killed."""
        ...

    @property
    def stdin(self) -> trio.abc.SendStream | None:
        """The pipe to the program, if there is one."""
        ...

    @property
    def stdout(self) -> trio.abc.ReceiveStream:
        """The program's output."""
        ...

    @property
    def stderr(self) -> trio.abc.ReceiveStream:
        """The program's diagnostics."""
        ...

    async def run(self) -> None:
        """Watch the program. Runs in a task of its own, from start to end."""
        ...

    async def signal(self, name: str) -> bool:
        """Send a polite signal to the program's group. Tell whether it went out.

        Raises:
          CannotSignal: it never will, so it is no use to wait for what it does.
        """
        ...

    async def wait_empty(self) -> None:
        """Return when nothing is left of the tree."""
        ...

    async def kill(self, limit: float) -> Sweep:
        """Kill what is left, and verify it, within *limit* seconds or little more."""
        ...

    async def aclose(self) -> None:
        """Give back what the host itself holds. The pipes are not its business."""
        ...
