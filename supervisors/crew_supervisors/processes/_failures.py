"""What the system's refusals to start a program mean."""

import errno
import os

from crew_supervisors.processes._errors import (
    ContainmentUnavailable,
    ExecutableNotFound,
    ExecutableNotRunnable,
    SpawnError,
    SpawnFailed,
)
from crew_supervisors.processes._host import Launch

NOT_RUNNABLE = {
    errno.ENOENT: "the interpreter that its first line names does not exist",
    errno.EACCES: "permission denied; look at its rights, or a `noexec` mount",
    errno.EPERM: "permission denied; look at its rights, or a `noexec` mount",
    errno.ENOEXEC: "it is no program; a script needs a first line like `#!/bin/sh`",
}
ENTER = {
    errno.ENOENT: "create it first",
    errno.ENOTDIR: "name a folder",
    errno.EACCES: "it, or one above it, needs the right to be entered (`chmod +x`)",
}
REFUSED = {
    errno.E2BIG: "its arguments and environment are too long; use stdin or a file",
    errno.EAGAIN: "no more processes are allowed; raise `ulimit -u` or start fewer",
    errno.EMFILE: "no more open files are allowed; raise `ulimit -n` or start fewer",
    errno.ENOMEM: "there is not enough memory",
}


def spawn_error(launch: Launch, stage: str, number: int) -> SpawnError:
    """Return the error for *number* (an errno).

    *stage*: `cgroup`, `cwd`, `exec` or `fork`.
    """
    words = os.strerror(number)
    if stage == "cgroup":
        return ContainmentUnavailable(
            launch.name, "cgroup", f"its cgroup cannot be entered ({words})"
        )
    if stage == "cwd":
        help_ = ENTER.get(number, "look at its file system")
        why = f"its folder {launch.cwd} cannot be entered ({words}); {help_}"
        return SpawnFailed(launch.name, why, number)
    if stage == "exec" and number in NOT_RUNNABLE:
        if not launch.executable.exists():
            return ExecutableNotFound(
                str(launch.executable), (str(launch.executable.parent),)
            )
        return ExecutableNotRunnable(str(launch.executable), NOT_RUNNABLE[number])
    return SpawnFailed(launch.name, REFUSED.get(number, words), number)
