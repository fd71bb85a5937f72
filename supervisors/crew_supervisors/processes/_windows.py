# Windows, without a Job Object: the parent chain is all there is.
#
# 1. taskkill ends the chain below a living leader; a snapshot taken before finds
#    again what the chain has lost; the environment's marker finds the rest.
# 2. A program that is not of our console cannot be asked politely.
# 3. When the runtime is killed, the tree lives on.
"""Processes on Windows, ended by taskkill and verified by a snapshot."""

import signal
import subprocess
import sys
import time
from typing import Final, final

import trio

from crew_supervisors.processes._failures import spawn_error
from crew_supervisors.processes._host import Launch
from crew_supervisors.processes._report import ContainmentKind, ProcessIdentity
from crew_supervisors.processes._scan import (
    Sweep,
    TreeQuery,
    identity_of,
    look,
    note_who_is_there,
    sweep,
)

if sys.platform == "win32":
    REAP_LIMIT: Final = 1.0  # seconds for a killed program to be collected
    LOOK: Final = 0.05  # seconds between two looks at a tree that is ending

    @final
    class TaskkillHost:
        """A tree below one process."""

        def __init__(self, launch: Launch, process: trio.Process) -> None:
            assert process.stdout is not None
            assert process.stderr is not None
            self.kind: ContainmentKind = "taskkill"
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
        async def start(cls, launch: Launch) -> "TaskkillHost":
            """Start *launch* in a process group of its own.

            Cancelled: nothing was started, or it returns all the same, since the
            start itself cannot be interrupted.

            Raises:
              SpawnError: nothing of it is left.
            """
            try:
                process = await trio.lowlevel.open_process(
                    [str(launch.executable), *launch.argv[1:]],
                    stdin=subprocess.PIPE if launch.stdin_pipe else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=launch.cwd,
                    env=launch.environment,
                    creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
                )
            except OSError as error:
                at_cwd = launch.cwd is not None and not launch.cwd.is_dir()
                stage = "cwd" if at_cwd else "exec"
                raise spawn_error(launch, stage, error.errno or 0) from error
            return cls(launch, process)

        async def run(self) -> None:
            """Wait for the program."""
            self.status = await self._process.wait()
            self._query.gone_at = time.time()
            self.exited.set()

        async def signal(self, name: str) -> bool:
            """Note who is there, then send CTRL_BREAK, the one signal there is."""
            del name
            await note_who_is_there(self._query)
            try:
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            except (OSError, SystemError):
                return False  # no console is shared with it
            return True

        async def wait_empty(self) -> None:
            """Return when a look finds nothing."""
            await self.exited.wait()
            while await look(self._query):  # noqa: ASYNC110 - Windows tells nobody
                await trio.sleep(LOOK)

        async def kill(self, limit: float) -> Sweep:
            """Kill the chain below a living leader, then whatever is found."""
            with trio.move_on_after(limit):
                before = await look(self._query)
                if self._process.returncode is None:
                    await trio.run_process(
                        ["taskkill", "/F", "/T", "/PID", str(self.identity.pid)],
                        check=False,  # 128: gone already; the sweep verifies the rest
                        capture_stdout=True,
                        capture_stderr=True,
                    )
                swept = await sweep(self._query, limit)
                return Sweep(max(swept.killed, len(before)), swept.survivors)
            return await sweep(self._query, limit)

        async def aclose(self) -> None:
            """Collect the program, if it can be."""
            with trio.move_on_after(REAP_LIMIT):
                await self.exited.wait()
