"""What can become of a request to the owner of a run."""

from crew_actors.errors import UserError
from crew_actors.model import RunStatus


class RunNotRunning(UserError):
    """The run has ended, or its owner has gone. There is nobody to be asked."""

    def __init__(self, run: str, status: str) -> None:
        super().__init__(run, status)
        self.run = run
        self.status = status

    def __str__(self) -> str:
        gone = self.status == RunStatus.INTERRUPTED.value
        way_out = f"; `crew resume {self.run}` takes it up again" if gone else ""
        return f"run {self.run} is not running: it is {self.status}{way_out}"


class OwnerUnreachable(UserError):
    """The run's owner lives, but does not answer. Nothing is known of the request."""

    exit_code = 1

    def __init__(self, run: str, pid: int, why: str) -> None:
        super().__init__(run, pid, why)
        self.run = run
        self.pid = pid
        self.why = why

    def __str__(self) -> str:
        return (
            f"run {self.run} is owned by process {self.pid}, which does not answer "
            f"({self.why}). Press Ctrl-C where it runs, or end that process"
        )


class Refused(UserError):
    """The run's owner has understood the request, and refuses. Nothing was done."""

    def __init__(self, kind: str, message: str, exit_code: int = 2) -> None:
        super().__init__(kind, message, exit_code)
        self.kind = kind
        """The name of the error where it was raised."""
        self.message = message
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.message
