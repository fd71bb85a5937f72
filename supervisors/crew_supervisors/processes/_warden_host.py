# The runtime's side of a warden (see _warden.py).
#
# 1. The socket is the only bond. Its closing kills the tree, so its descriptor is
#    never inherited by anything else that the runtime starts.
# 2. "started" comes before the program is waited for, so that its create time can
#    be read while its number is certainly its own. "seen" lets the warden go on.
# 3. When the warden ends before it has said "empty", containment is lost. What is in
#    its cgroup, or can be found by group, snapshot and marker, is killed then.
# 4. A start that fails or is cancelled ends by `_give_up`: nothing of it is left.
"""Processes that live below a warden."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Final, final

import trio

from crew_supervisors.processes._errors import SpawnFailed
from crew_supervisors.processes._failures import REFUSED, spawn_error
from crew_supervisors.processes._host import Launch
from crew_supervisors.processes._report import ContainmentKind, ProcessIdentity
from crew_supervisors.processes._scan import (
    Sweep,
    TreeQuery,
    identity_of,
    sweep,
    wait_group_gone,
)

assert sys.platform != "win32"  # see _windows.py

from crew_supervisors.processes._zygote import (  # noqa: E402 - it is nothing on Windows
    LOADER,
    PROGRAM,
    ForkedWarden,
    Zygote,
    make_bond,
)

SPAWN_LIMIT: Final = 30.0  # seconds for a start; it takes 20 ms on an idle machine
FALLBACK_LIMIT: Final = 2.0  # seconds for a sweep when the warden does not answer
GIVE_UP_LIMIT: Final = 5.0  # seconds for a warden to clean up after a failed start
LONGEST_JOB: Final = 99_999_999  # bytes: eight digits
WARDEN_EXIT: Final = 2.0  # seconds for the warden to end when its work is done


def why_no_warden() -> str | None:
    """Return why wardens cannot be started here; None when they can."""
    if not sys.executable or getattr(sys, "frozen", False):
        return "this program does not know a Python interpreter to run it with"
    if not PROGRAM.is_file():
        return f"its program {PROGRAM} is not a file (is the package in an archive?)"
    return None


def has_subreaper() -> bool:
    """Tell whether the system lets a warden adopt orphans."""
    return sys.platform == "linux"


def encode_job(launch: Launch) -> bytes:
    """Return the warden's orders: eight digits of length, fields parted by NUL.

    Raises:
      SpawnFailed: the length needs more digits.
    """
    cwd = b"" if launch.cwd is None else os.fsencode(launch.cwd.absolute())
    fields = [
        cwd,
        os.fsencode(launch.executable),
        b"" if launch.cgroup is None else os.fsencode(launch.cgroup.path),
        b"%d" % len(launch.argv),
        *map(os.fsencode, launch.argv),
        *(os.fsencode(f"{key}={value}") for key, value in launch.environment.items()),
    ]
    job = b"\0".join(fields)
    if len(job) > LONGEST_JOB:
        raise SpawnFailed(launch.name, REFUSED[errno.E2BIG], errno.E2BIG)
    return b"%08d" % len(job) + job


@final
class WardenHost:
    """A tree below a warden."""

    def __init__(
        self,
        launch: Launch,
        process: trio.Process | ForkedWarden,
        link: trio.socket.SocketType,
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.kind: ContainmentKind = "warden"
        self.status: int | None = None
        self.exited = trio.Event()
        self.lost = False
        self.stdin: trio.abc.SendStream | None = process.stdin
        self.stdout: trio.abc.ReceiveStream = process.stdout
        self.stderr: trio.abc.ReceiveStream = process.stderr
        self.identity = ProcessIdentity(0, 0.0)  # known when the warden has told
        self._launch = launch
        self._process = process
        self._link = link
        self._heard = b""
        self._empty = trio.Event()
        self._closed = trio.Event()
        self._killed = 0
        self._gone_at: float | None = None
        """From then on its number may be a stranger's, in seconds since 1970."""

    @classmethod
    async def start(cls, launch: Launch) -> "WardenHost":
        """Start *launch* below a warden of its own.

        Cancelled: nothing was started, or nothing of it is left.

        Raises:
          SpawnError: nothing of it is left.
        """
        job = encode_job(launch)
        try:
            process, link = await _open_warden(launch)
        except (OSError, RuntimeError) as error:
            raise _refused(launch, error) from error
        host = cls(launch, process, link)
        try:
            with trio.fail_after(SPAWN_LIMIT):
                await host._greet(job)
        except BaseException as error:  # whatever it is, nobody else knows the warden
            await host._give_up()
            if isinstance(error, OSError | trio.TooSlowError):
                raise _refused(launch, error) from error
            raise
        return host

    async def _greet(self, job: bytes) -> None:
        while job:
            job = job[await self._link.send(job) :]
        words = (await self._read_line()).split()
        if len(words) != 3:  # noqa: PLR2004 - started, pid, adopts
            raise SpawnFailed(self._launch.name, "its warden ended before it had begun")
        if words[0] == b"failed":
            raise spawn_error(self._launch, words[1].decode(), int(words[2]))
        pid = int(words[1])
        self.identity = identity_of(pid) or ProcessIdentity(pid, time.time())
        if words[2] == b"0":
            self.kind = "warden-no-subreaper"
        elif self._launch.cgroup is not None:
            self.kind = "cgroup"
        await self._link.send(b"seen\n")

    async def _read_line(self) -> bytes:
        """Return the next line the warden says, empty when it is gone."""
        while b"\n" not in self._heard:
            try:
                piece = await self._link.recv(4096)
            except (OSError, trio.ClosedResourceError):
                piece = b""  # it is gone, or we have given it up
            if not piece:
                return b""
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    async def _give_up(self) -> None:
        self._link.close()  # whatever it had started, it ends now
        # Bound: GIVE_UP_LIMIT, FALLBACK_LIMIT and WARDEN_EXIT.
        with trio.CancelScope(shield=True):
            for stream in (self.stdin, self.stdout, self.stderr):
                if stream is not None:
                    await stream.aclose()
            with trio.move_on_after(GIVE_UP_LIMIT):
                await self._process.wait()
            if self._process.returncode is None:
                await self._sweep_warden()
            await self._reap_warden()

    async def _sweep_warden(self) -> None:
        """Kill a warden that does not clean up, with all that is below it."""
        warden = self._keeper()
        if warden is not None:
            query = TreeQuery(root=warden, marker=self._launch.marker)
            await sweep(query, FALLBACK_LIMIT)

    def _keeper(self) -> ProcessIdentity | None:
        """Return who the warden is: it has not ended, so its number is its own."""
        with suppress(OSError):  # there are no descriptors to look with
            return identity_of(self._process.pid)
        return None

    async def run(self) -> None:
        """Hear the warden until it ends."""
        while line := await self._read_line():
            word, number = line.split()
            if word == b"exit":
                self.status = os.waitstatus_to_exitcode(int(number))
                self._gone_at = time.time()
                self.exited.set()
            else:
                self._killed = int(number)
                self._empty.set()
        if not self._empty.is_set():
            self._lose()
        self._closed.set()

    def _lose(self) -> None:
        self.lost = True
        if self.kind != "cgroup":  # that holds without a warden
            self.kind = "group-warden-lost"
        if self._gone_at is None:
            self._gone_at = time.time()
        self.exited.set()

    async def signal(self, name: str) -> bool:
        """Let the warden signal the group: it knows whether the leader is reaped."""
        return await self._order(b"%d\n" % signal.Signals[name])

    async def wait_empty(self) -> None:
        """Return when the warden has no child left, or when the group is gone."""
        await self._empty.wait()
        if self.kind == "warden-no-subreaper":
            await wait_group_gone(self.identity.pid)

    async def kill(self, limit: float) -> Sweep:
        """Let the warden kill the tree; do it from here when it cannot."""
        if not self.lost:
            if not self._empty.is_set():
                await self._order(b"kill\n")
            with trio.move_on_after(limit):
                await self._closed.wait()
        if self._empty.is_set() and self.kind in ("warden", "cgroup"):
            return Sweep(self._killed)
        keeper = None
        if not self._closed.is_set():
            keeper = self._keeper()  # whatever is below it is of the tree
            self._lose()
        query = TreeQuery(
            root=self.identity,
            marker=self._launch.marker,
            gone_at=self._gone_at,
            keeper=keeper,
        )
        if self._launch.cgroup is not None:
            await self._launch.cgroup.kill(
                FALLBACK_LIMIT
            )  # the sweep sees what it left
        swept = await sweep(query, FALLBACK_LIMIT)
        return Sweep(swept.killed + self._killed, swept.survivors)

    async def _order(self, order: bytes) -> bool:
        try:
            await self._link.send(order)
        except OSError:
            return False  # it is gone, which run() sees too
        return True

    async def aclose(self) -> None:
        """Close the bond and collect the warden."""
        self._link.close()
        await self._reap_warden()

    async def _reap_warden(self) -> None:
        with trio.move_on_after(WARDEN_EXIT):
            await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()  # our own child, not reaped: nobody else's number
            with trio.move_on_after(WARDEN_EXIT):
                await self._process.wait()
        if self._launch.cgroup is not None:
            self._launch.cgroup.remove()  # the warden has done it, if it could


def _refused(launch: Launch, error: Exception) -> SpawnFailed:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, RuntimeError):  # a thread is a process to the system
        number = errno.EAGAIN
    words = repr(error) if number is None else os.strerror(number)
    why = REFUSED.get(number or 0, words)
    return SpawnFailed(launch.name, f"its warden: {why}", number)


async def _open_warden(
    launch: Launch,
) -> tuple[trio.Process | ForkedWarden, trio.socket.SocketType]:
    """Fork or start a warden. Return it with our end of the bond."""
    forked = await Zygote.of_this_run().fork(stdin_pipe=launch.stdin_pipe)
    if forked is not None:
        return forked[0], trio.socket.from_stdlib_socket(forked[1])
    ours, theirs = make_bond()
    with theirs:
        try:
            process = await trio.lowlevel.open_process(
                [
                    *(sys.executable, "-I", "-S", str(PROGRAM)),
                    *(str(theirs.fileno()), "adopt" if has_subreaper() else "alone"),
                ],
                stdin=subprocess.PIPE if launch.stdin_pipe else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env={key: os.environ[key] for key in LOADER if key in os.environ},
            )
        except BaseException:  # a cancellation too: there is no warden then
            ours.close()
            raise
    return process, trio.socket.from_stdlib_socket(ours)
