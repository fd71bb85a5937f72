# A tree without a warden: a session of its own, and scans.
#
# 1. The group may be signalled only while its leader is not reaped; only this
#    thread reaps it, so a look right before is enough.
# 2. A program that left the session, forked twice and cleared its environment is
#    not found. When the runtime is killed, the group lives on.
# 3. It inherits the signals that the runtime blocks and ignores: Python has no safe
#    way to reset them between fork and exec in a program with threads.
"""Processes held together by their session, a snapshot and a marker."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Final, final

import trio

from crew_supervisors.processes._failures import spawn_error
from crew_supervisors.processes._host import Launch
from crew_supervisors.processes._report import ContainmentKind, ProcessIdentity
from crew_supervisors.processes._scan import (
    Sweep,
    TreeQuery,
    identity_of,
    note_who_is_there,
    sweep,
    wait_group_gone,
)

assert sys.platform != "win32"  # see _windows.py

REAP_LIMIT: Final = 1.0  # seconds for a killed program to be collected


@final
class GroupHost:
    """A tree in a session of its own."""

    def __init__(self, launch: Launch, process: trio.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.kind: ContainmentKind = "group"
        self.status: int | None = None
        self.exited = trio.Event()
        self.lost = False
        self.stdin: trio.abc.SendStream | None = process.stdin
        self.stdout: trio.abc.ReceiveStream = process.stdout
        self.stderr: trio.abc.ReceiveStream = process.stderr
        self._process = process
        self.identity = identity_of(process.pid) or ProcessIdentity(
            process.pid, time.time()
        )
        self._query = TreeQuery(root=self.identity, marker=launch.marker)

    @classmethod
    async def start(cls, launch: Launch) -> "GroupHost":
        """Start *launch* in a session of its own.

        Cancelled: nothing was started, or it returns all the same, since the start
        itself cannot be interrupted.

        Raises:
          SpawnError: nothing of it is left.
        """
        try:
            process = await trio.lowlevel.open_process(
                launch.argv,
                executable=str(launch.executable),
                stdin=subprocess.PIPE if launch.stdin_pipe else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=launch.cwd,
                env=launch.environment,
                start_new_session=True,
            )
        except OSError as error:
            at_cwd = launch.cwd is not None and error.filename == launch.cwd
            stage = "cwd" if at_cwd else "exec"
            raise spawn_error(launch, stage, error.errno or 0) from error
        except RuntimeError as error:  # there is no thread to be had
            raise spawn_error(launch, "fork", errno.EAGAIN) from error
        try:
            return cls(launch, process)
        except BaseException as error:  # nobody else knows the process
            await _give_up(process)
            if isinstance(error, OSError):  # no descriptor to look at it with
                raise spawn_error(launch, "fork", error.errno or 0) from error
            raise

    async def run(self) -> None:
        """Wait for the program."""
        self.status = await self._process.wait()
        self._query.gone_at = time.time()
        self.exited.set()

    async def signal(self, name: str) -> bool:
        """Note who is there, then signal the group."""
        await note_who_is_there(self._query)
        if self._process.returncode is not None:
            return False
        try:
            os.killpg(self.identity.pid, signal.Signals[name])
            os.killpg(self.identity.pid, signal.SIGCONT)
        except OSError:
            return False  # nobody in the group takes it: it is ending
        return True

    async def wait_empty(self) -> None:
        """Return when the group has no member."""
        await self.exited.wait()
        await wait_group_gone(self.identity.pid)

    async def kill(self, limit: float) -> Sweep:
        """Kill all that is found; at least the group, when nobody could look."""
        swept = await sweep(self._query, limit)
        if swept.survivors:
            _kill_group(self._process)
        return swept

    async def aclose(self) -> None:
        """Collect the program, if it can be."""
        with trio.move_on_after(REAP_LIMIT):
            await self.exited.wait()


def _kill_group(process: trio.Process) -> None:
    if process.returncode is None:  # not reaped, so the number is its own
        with suppress(OSError):  # nobody in the group may be signalled, or is there
            os.killpg(process.pid, signal.SIGKILL)


async def _give_up(process: trio.Process) -> None:
    _kill_group(process)
    # Bound: REAP_LIMIT.
    with trio.CancelScope(shield=True):
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                await stream.aclose()
        with trio.move_on_after(REAP_LIMIT):
            await process.wait()
