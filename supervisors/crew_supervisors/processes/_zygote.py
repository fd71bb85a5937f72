# A warden is an interpreter, and to start one takes 20 ms. A zygote is one that has been
# started already, and forks wardens: that takes 1 ms.
#
# 1. It is a help and never needed: where there is none (yet), where it has died or does
#    not answer, a warden is started afresh.
# 2. A warden that it has forked depends on it no more: it has a session and a bond to
#    the runtime of its own. The zygote keeps nothing of it.
# 3. There is one for each trio run, from its second warden on or when somebody says that
#    there will be several, and it ends with the run, or with the runtime, in whatever way
#    that ends.
# 4. Linux only: who is not its parent waits for a warden by a pidfd.
"""Wardens that are forked instead of started."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final, final

import trio

PROGRAM: Final = Path(__file__).with_name("_warden.py")
LOADER: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH")
FIRST_USE: Final = 2  # starts in a run from which on a zygote pays
ANSWER_LIMIT: Final = 5.0  # seconds for a fork; it takes 1 ms
EXIT_LIMIT: Final = 2.0  # seconds for a zygote whose link is closed
PID_DIGITS: Final = 10
FIRST_FREE: Final = 3  # the number after those of stdin, stdout and stderr

assert sys.platform != "win32"  # there is nothing like it on Windows

import fcntl  # noqa: E402 - there is none on Windows


@final
class ForkedWarden:
    """A warden that is not our child; used as a `trio.Process`."""

    def __init__(self, pid: int, ends: list[int]) -> None:
        """Take over the pipe *ends*: stdout, stderr, and stdin if there is one."""
        self.pid = pid
        self.returncode: int | None = None
        """0 when it has ended, however: only its parent could know."""
        # It waits for its job, so the number is its own; killed by somebody just now,
        # its link tells.
        self._handle = -1
        if sys.platform == "linux":  # else there is no zygote
            self._handle = os.pidfd_open(pid)
        self.stdout = trio.lowlevel.FdStream(ends[0])
        self.stderr = trio.lowlevel.FdStream(ends[1])
        self.stdin = trio.lowlevel.FdStream(ends[2]) if ends[2:] else None

    async def wait(self) -> int:
        """Wait for its end. A checkpoint."""
        if self.returncode is None:
            await trio.lowlevel.wait_readable(self._handle)
            self.returncode = 0
            os.close(self._handle)
        else:
            await trio.lowlevel.checkpoint()
        return 0

    def kill(self) -> None:
        """Kill it, and not another one that got its number later."""
        if self.returncode is None and sys.platform == "linux":
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)


@final
class Zygote:
    """The zygote of one trio run."""

    def __init__(self) -> None:
        self.pid: int | None = None
        """Its number while it can be used."""
        self._link: socket.socket | None = None
        self._starts = 0
        self._was_started = False

    @classmethod
    def of_this_run(cls) -> "Zygote":
        """Return the one of this trio run, made if need be; it starts nothing yet."""
        try:
            return _zygote.get()
        except LookupError:
            zygote = cls()
            _zygote.set(zygote)
            return zygote

    def start(self) -> None:
        """Start it in the background, unless it was; for the wardens from then on."""
        if sys.platform == "linux" and not self._was_started:
            self._was_started = True
            trio.lowlevel.spawn_system_task(self._live, name="crew zygote")

    async def fork(
        self, *, stdin_pipe: bool
    ) -> tuple[ForkedWarden, socket.socket] | None:
        """Return a new warden and our end of its link; None when it cannot be had so.

        Cancelled: the warden ends, as its link is closed.
        """
        self._starts += 1
        if self._starts == FIRST_USE:
            self.start()
        if self._link is None:
            return None
        ours, theirs = make_bond()
        kept: list[int] = []
        given: list[int] = [theirs.detach()]
        forked = False
        try:
            _make_pipes(kept, given, stdin_pipe=stdin_pipe)
            socket.send_fds(self._link, [b"w"], given)
            _close(given)  # else we would not see that the other side has closed them
            with trio.move_on_after(ANSWER_LIMIT) as answer:
                pid = await _hear_pid(ours)
                warden = ForkedWarden(pid, kept)
                forked = True
                return warden, ours
            if answer.cancelled_caught:
                self._link = self.pid = (
                    None  # it hangs: nobody has to wait for it again
                )
        except OSError:
            return None  # it is gone, or there are no descriptors to be had
        finally:
            _close(given)
            if not forked:
                _close(kept)
                ours.close()
        return None

    async def _live(self) -> None:
        try:
            ours, theirs = make_bond()
        except OSError:
            return  # wardens are started afresh then, and tell what is wrong
        try:
            with theirs:
                process = await _open(theirs.fileno())
        except (OSError, RuntimeError):  # RuntimeError: there is no thread to be had
            ours.close()
            return  # as above
        except BaseException:
            ours.close()
            raise
        self._link, self.pid = ours, process.pid
        try:
            await process.wait()
        finally:
            self._link = self.pid = None
            ours.close()
            with trio.CancelScope(shield=True):  # EXIT_LIMIT, and the kill
                with trio.move_on_after(EXIT_LIMIT):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
                    await process.wait()


def make_bond() -> tuple[socket.socket, socket.socket]:
    """Return our end and the other one. The number of neither is a standard stream's.

    A runtime that has closed its own would give those away: then the pipes of a child
    would take the place of its link, and what somebody prints would go to a warden.

    Raises:
      OSError: there are no descriptors to be had.
    """
    ends = list(socket.socketpair())
    try:
        for place, end in enumerate(ends):
            if end.fileno() < FIRST_FREE:
                number = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE)
                ends[place] = socket.socket(fileno=number)
                end.close()
    except OSError:
        for end in ends:
            end.close()
        raise
    ours, theirs = ends
    ours.setblocking(False)  # noqa: FBT003 - the standard library's own shape
    return ours, theirs


def _close(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())


_zygote: Final = trio.lowlevel.RunVar[Zygote]("crew_zygote")


async def _open(link: int) -> trio.Process:
    return await trio.lowlevel.open_process(
        [sys.executable, "-I", "-S", str(PROGRAM), str(link), "zygote"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(link,),
        start_new_session=True,
        env={key: os.environ[key] for key in LOADER if key in os.environ},
    )


def _make_pipes(kept: list[int], given: list[int], *, stdin_pipe: bool) -> None:
    """Add our ends to *kept* (stdout, stderr, stdin) and the others to *given*."""
    ours_of_stdin: list[int] = []
    if stdin_pipe:
        reading, writing = os.pipe()
        given.append(reading)
        ours_of_stdin.append(writing)
    else:
        given.append(os.open(os.devnull, os.O_RDONLY))
    try:
        for _ in ("stdout", "stderr"):
            seen, tell = os.pipe()
            kept.append(seen)
            given.append(tell)
    finally:
        kept += ours_of_stdin


async def _hear_pid(link: socket.socket) -> int:
    """Return the number that a new warden tells. Raises OSError when there is none."""
    heard = b""
    while len(heard) < PID_DIGITS:
        await trio.lowlevel.wait_readable(link)
        piece = link.recv(PID_DIGITS - len(heard))
        if not piece:
            raise ConnectionResetError
        heard += piece
    return int(heard)
