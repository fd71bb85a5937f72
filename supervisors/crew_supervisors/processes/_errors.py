# ProcessError
# ├── BadProcessSpec            the caller is wrong; nothing was looked up or started
# ├── SpawnError                nothing runs; which reaction helps depends on the class
# │   ├── ExecutableNotFound        install it, or give its path
# │   ├── ExecutableNotRunnable     it is there; its rights or its format are wrong
# │   ├── ContainmentUnavailable    ask for less, or run where it exists
# │   └── SpawnFailed               the system refused: folder, memory, limits
# ├── StdinClosed               the agent reads no more; it may be running still
# └── ProcessFailed             it ran, and its end is a failure of the child that it is
#     └── KilledBySystem            restarting it at once would do it again
#
# One class for each reaction of the caller. All survive pickle: they cross the
# border between a run and its journal.
"""What can go wrong with a process, and what helps."""

from typing import final

from crew_supervisors.processes._report import ProcessExit


class ProcessError(Exception):
    """The base of the errors of this package."""


@final
class BadProcessSpec(ProcessError, ValueError):
    """A `ProcessSpec` has fields that can never work. Nothing was started."""

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        super().__init__(name, problems)
        self.name = name
        self.problems = problems

    def __str__(self) -> str:
        return f"process {self.name!r} cannot be started: {'; '.join(self.problems)}"


class SpawnError(ProcessError):
    """The process did not start, and nothing of it is left."""


@final
class ExecutableNotFound(SpawnError):
    """There is no file of that name where it was looked for."""

    def __init__(self, command: str, searched: tuple[str, ...]) -> None:
        super().__init__(command, searched)
        self.command = command
        self.searched = searched

    def __str__(self) -> str:
        where = ", ".join(self.searched) or "an empty PATH"
        return (
            f"executable {self.command!r} not found in {where}: "
            "install it, add its folder to PATH, or give its absolute path"
        )


@final
class ExecutableNotRunnable(SpawnError):
    """The file is there, but the system cannot execute it."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"executable {self.path!r} cannot be run: {self.why}"


@final
class ContainmentUnavailable(SpawnError):
    """The containment that the spec requires does not exist here."""

    def __init__(self, name: str, required: str, why: str) -> None:
        super().__init__(name, required, why)
        self.name = name
        self.required = required
        self.why = why

    def __str__(self) -> str:
        return (
            f"process {self.name!r} requires containment {self.required!r}, but "
            f"{self.why}: use containment='best' to accept what there is"
        )


@final
class SpawnFailed(SpawnError):
    """The system refused to start it."""

    def __init__(self, name: str, why: str, errno: int | None = None) -> None:
        super().__init__(name, why, errno)
        self.name = name
        self.why = why
        self.errno = errno

    def __str__(self) -> str:
        return f"process {self.name!r} did not start: {self.why}"


@final
class StdinClosed(ProcessError):
    """The process takes no input (any more). It was not stopped because of it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name = name
        self.why = why

    def __str__(self) -> str:
        return f"process {self.name!r} takes no input: {self.why}"


class ProcessFailed(ProcessError):
    """A process that is restarted when it fails has failed. Its tree is gone."""

    def __init__(self, name: str, ended: ProcessExit) -> None:
        super().__init__(name, ended)
        self.name = name
        self.ended = ended

    def __str__(self) -> str:
        words = self.ended.stderr_tail.strip().rpartition("\n")[2][:200]
        said = f"; its last words: {words}" if words else ""
        return f"process {self.name!r} failed: {self.ended}{said}"


@final
class KilledBySystem(ProcessFailed):
    """SIGKILL came from somewhere else, as the kernel's when memory is short."""
