# The border between the rules of a tree in a Job Object and the system: a dozen calls.
#
# 1. `_windows.py` makes them for real. A model in the tests makes them in memory, so the
#    rules above run anywhere. One suite of contract tests is run against both.
# 2. A program begins suspended. It starts nothing before it is in its job, so nothing
#    that it ever starts is outside of it.
# 3. Who has started a program holds it until it is collected. Until then nobody else
#    gets its number.
# 4. Each refusal is an OSError.
"""What Windows does for a process tree, as an interface."""

from typing import Protocol

import trio

from crew_supervisors.processes._host import Launch


class Program(Protocol):
    """One started program. `trio.Process` is one."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    @property
    def stdin(self) -> trio.abc.SendStream | None:
        """The pipe to it, if there is one."""
        ...

    @property
    def stdout(self) -> trio.abc.ReceiveStream | None:
        """Its output."""
        ...

    @property
    def stderr(self) -> trio.abc.ReceiveStream | None:
        """Its diagnostics."""
        ...

    async def wait(self) -> int:
        """Return its exit status when it has exited."""
        ...


class Job(Protocol):
    """A Job Object: it ends all that is in it when its last handle is closed.

    There is one handle, ours, which nobody inherits. What a member starts is a member,
    and none can leave.
    """

    def assign(self, program: Program) -> None:
        """Take *program* in."""
        ...

    def members(self) -> tuple[int, ...]:
        """Return the numbers of those in it that live."""
        ...

    def active(self) -> int:
        """Return how many in it live."""
        ...

    def terminate(self, code: int) -> None:
        """End all that is in it, with *code* as exit status. Some may take a moment."""
        ...

    def close(self) -> None:
        """Give the handle back, which ends all that is in it. Idempotent."""
        ...


class Windows(Protocol):
    """The system."""

    def create_job(self) -> Job:
        """Make a Job Object."""
        ...

    async def start_suspended(self, launch: Launch) -> Program:
        """Start a program in a group of its own, suspended, with pipes through trio.

        Cancelled: nothing was started, or it returns all the same.
        """
        ...

    def resume(self, program: Program) -> None:
        """Let a suspended program run."""
        ...

    def interrupt(self, program: Program) -> None:
        """Send CTRL_BREAK to its group. Refused when there is no common console."""
        ...

    def kill(self, program: Program) -> None:
        """End *program* alone."""
        ...

    async def kill_chain(self, program: Program) -> None:
        """End *program* and its descendants by `taskkill`. What it cannot do stays."""
        ...

    def created(self, pid: int) -> float | None:
        """Return when *pid* was started, in seconds since 1970; None: nobody has it."""
        ...

    def command(self, pid: int) -> str:
        """Return how *pid* was started; empty when that cannot be read."""
        ...
