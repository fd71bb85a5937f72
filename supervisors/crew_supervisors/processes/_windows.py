# The calls of `_job_api.py`, made for real.
#
# 1. The process is named by its number: trio's handle of it is open, so nobody else has
#    that number.
# 2. trio starts it with a list of the handles it inherits: its three streams. So it
#    never gets our handle of its job, and the job ends when ours is closed.
# 3. When the runtime is killed between the start and the assignment, a suspended
#    program is left: `CreateProcess` can assign it itself, but Python does not tell it.
"""Job Objects and suspended programs, by Windows itself."""

import ctypes
import subprocess
import sys
from typing import Final, final

import psutil
import trio

from crew_supervisors.processes._host import Launch
from crew_supervisors.processes._job_api import Program
from crew_supervisors.processes._scan import identity_of

if sys.platform == "win32":
    from ctypes import wintypes

    CREATE_SUSPENDED: Final = 0x4
    PROCESS_TERMINATE: Final = 0x1
    PROCESS_SET_QUOTA: Final = 0x100
    ERROR_MORE_DATA: Final = 234
    CTRL_BREAK_EVENT: Final = 1
    BASIC_ACCOUNTING: Final = 1  # numbers of JOBOBJECTINFOCLASS, from winnt.h
    BASIC_PROCESS_ID_LIST: Final = 3
    EXTENDED_LIMIT: Final = 9
    KILL_ON_JOB_CLOSE: Final = 0x2000
    ROOM: Final = 64  # members that the first look has room for

    class _BasicLimits(ctypes.Structure):
        _fields_ = (
            ("per_process_time", wintypes.LARGE_INTEGER),
            ("per_job_time", wintypes.LARGE_INTEGER),
            ("flags", wintypes.DWORD),
            ("smallest_working_set", ctypes.c_size_t),
            ("largest_working_set", ctypes.c_size_t),
            ("most_active", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority", wintypes.DWORD),
            ("scheduling", wintypes.DWORD),
        )

    class _Limits(ctypes.Structure):
        _fields_ = (
            ("basic", _BasicLimits),
            ("io", ctypes.c_uint64 * 6),
            ("memory", ctypes.c_size_t * 4),
        )

    class _Accounting(ctypes.Structure):
        _fields_ = (
            ("times", wintypes.LARGE_INTEGER * 4),
            ("page_faults", wintypes.DWORD),
            ("total", wintypes.DWORD),
            ("active", wintypes.DWORD),
            ("terminated", wintypes.DWORD),
        )

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.CreateJobObjectW.argtypes = (wintypes.LPVOID, wintypes.LPCWSTR)
    _kernel32.CreateJobObjectW.restype = wintypes.HANDLE
    _kernel32.SetInformationJobObject.argtypes = (
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
    )
    _kernel32.QueryInformationJobObject.argtypes = (
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
        wintypes.LPVOID,
    )
    _kernel32.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    _kernel32.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
    _kernel32.TerminateProcess.argtypes = (wintypes.HANDLE, wintypes.UINT)
    _kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel32.OpenProcess.restype = wintypes.HANDLE
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel32.GenerateConsoleCtrlEvent.argtypes = (wintypes.DWORD, wintypes.DWORD)

    def _check(done: int | None) -> int:
        """Return *done*, or raise what the call before has failed with."""
        if not done:
            raise ctypes.WinError(ctypes.get_last_error())
        return done

    @final
    class _OpenProcess:
        """A process, opened for one call."""

        def __init__(self, pid: int, rights: int) -> None:
            self._handle = _check(_kernel32.OpenProcess(rights, 0, pid))

        def __enter__(self) -> int:
            return self._handle

        def __exit__(self, *_: object) -> None:
            _check(_kernel32.CloseHandle(self._handle))

    @final
    class WindowsJob:
        """A Job Object."""

        def __init__(self) -> None:
            self._handle: int | None = _check(_kernel32.CreateJobObjectW(None, None))
            limits = _Limits()
            limits.basic.flags = KILL_ON_JOB_CLOSE
            try:
                _check(
                    _kernel32.SetInformationJobObject(
                        self._handle,
                        EXTENDED_LIMIT,
                        ctypes.byref(limits),
                        ctypes.sizeof(limits),
                    )
                )
            except OSError:
                self.close()
                raise

        def assign(self, program: Program) -> None:
            """Take *program* in."""
            rights = PROCESS_SET_QUOTA | PROCESS_TERMINATE
            with _OpenProcess(program.pid, rights) as process:
                _check(_kernel32.AssignProcessToJobObject(self._handle, process))

        def members(self) -> tuple[int, ...]:
            """Return the numbers of those in it that live."""
            room = ROOM
            while True:
                # two counters of 32 bits, then the numbers, each as wide as a pointer
                words = (ctypes.c_size_t * (room + 2))()
                counts = ctypes.cast(words, ctypes.POINTER(wintypes.DWORD))
                try:
                    self._query(BASIC_PROCESS_ID_LIST, words)
                except OSError as error:
                    if error.winerror != ERROR_MORE_DATA:
                        raise
                assigned, listed = counts[0], counts[1]
                if listed >= assigned:
                    first = 8 // ctypes.sizeof(ctypes.c_size_t)
                    return tuple(words[first : first + listed])
                room = 2 * assigned

        def active(self) -> int:
            """Return how many in it live."""
            accounting = _Accounting()
            self._query(BASIC_ACCOUNTING, accounting)
            return int(accounting.active)

        def _query(
            self, which: int, into: ctypes.Structure | ctypes.Array[ctypes.c_size_t]
        ) -> None:
            _check(
                _kernel32.QueryInformationJobObject(
                    self._handle, which, ctypes.byref(into), ctypes.sizeof(into), None
                )
            )

        def terminate(self, code: int) -> None:
            """End all that is in it."""
            _check(_kernel32.TerminateJobObject(self._handle, code))

        def close(self) -> None:
            """Give the handle back, which ends all that is in it."""
            handle, self._handle = self._handle, None
            if handle is not None:
                _check(_kernel32.CloseHandle(handle))

    @final
    class WindowsSystem:
        """The system."""

        def create_job(self) -> WindowsJob:
            """Make a Job Object."""
            return WindowsJob()

        async def start_suspended(self, launch: Launch) -> trio.Process:
            """Start a program in a group of its own, suspended."""
            return await trio.lowlevel.open_process(
                [str(launch.executable), *launch.argv[1:]],
                stdin=subprocess.PIPE if launch.stdin_pipe else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=launch.cwd,
                env=launch.environment,
                creationflags=CREATE_SUSPENDED | subprocess.CREATE_NEW_PROCESS_GROUP,
            )

        def resume(self, program: Program) -> None:
            """Let a suspended program run."""
            try:
                psutil.Process(program.pid).resume()
            except psutil.Error as error:
                raise OSError(str(error)) from error

        def interrupt(self, program: Program) -> None:
            """Send CTRL_BREAK to its group."""
            _check(_kernel32.GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, program.pid))

        def kill(self, program: Program) -> None:
            """End *program* alone."""
            with _OpenProcess(program.pid, PROCESS_TERMINATE) as process:
                _check(_kernel32.TerminateProcess(process, 1))

        async def kill_chain(self, program: Program) -> None:
            """End *program* and its descendants by `taskkill`."""
            command = ["taskkill", "/F", "/T", "/PID", str(program.pid)]
            try:
                await trio.run_process(
                    command,
                    check=False,  # 128: gone already; whoever is left is found by scans
                    capture_stdout=True,
                    capture_stderr=True,
                )
            except OSError:
                return  # there is none: the same

        def created(self, pid: int) -> float | None:
            """Return when *pid* was started."""
            found = identity_of(pid)
            return None if found is None else found.create_time

        def command(self, pid: int) -> str:
            """Return how *pid* was started."""
            try:
                return " ".join(psutil.Process(pid).cmdline())[:200]
            except psutil.Error:
                return ""
