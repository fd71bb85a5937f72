# A tree on Windows. Nothing in here is Windows' own: that is behind `_job_api.py`.
#
# 1. In a Job Object: the kernel knows who belongs to the tree, whoever has exited in
#    between. Its handle is ours alone, so the tree ends with the runtime.
# 2. The list of the job's members proves the end: two looks in a row found nobody.
# 3. CTRL_BREAK is the one polite signal there is, whatever a rung names. It needs a
#    console that both share. Without one nobody is asked, so nobody gets time for it; a
#    rung that speaks to stdin is the way.
# 4. Where no job can be had, the parent chain is all there is: `taskkill` below a living
#    leader, then what snapshots and the marker find. When the runtime is killed, that
#    tree lives on.
"""Process trees on Windows: held by a Job Object, or followed by their parents."""

import errno
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Final, final

import trio

from crew_supervisors.processes._errors import ContainmentUnavailable, SpawnFailed
from crew_supervisors.processes._failures import spawn_error
from crew_supervisors.processes._host import CannotSignal, Launch
from crew_supervisors.processes._job_api import Job, Program, Windows
from crew_supervisors.processes._report import (
    SIGKILL,
    ContainmentKind,
    ProcessIdentity,
    Survivor,
)
from crew_supervisors.processes._scan import (
    EMPTY_SCANS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Sweep,
    TreeQuery,
    look,
    note_who_is_there,
    sweep,
)
from crew_supervisors.processes._spec import Containment

KILLED: Final = 0xE0000137
"""The exit status of what we kill. Bit 29 marks statuses that are not Windows' own."""
REAP_LIMIT: Final = 1.0  # seconds for a killed program to be collected
BATCH: Final = (".bat", ".cmd")
UNSAFE: Final = frozenset('"%!^&|<>\r\n')
"""What `cmd.exe` takes for its own in the arguments of a batch file, quoted or not."""


class _Host(ABC):
    """What both kinds have in common: one program, and its pipes."""

    kind: ContainmentKind

    def __init__(self, windows: Windows, program: Program) -> None:
        assert program.stdout is not None
        assert program.stderr is not None
        self.status: int | None = None
        self.exited = trio.Event()
        self.lost = False
        self.stdin = program.stdin
        self.stdout = program.stdout
        self.stderr = program.stderr
        created = windows.created(program.pid)
        self.identity = ProcessIdentity(program.pid, created or time.time())
        self._windows = windows
        self._program = program

    async def run(self) -> None:
        """Wait for the program."""
        code = await self._program.wait()
        self.status = -SIGKILL if code == KILLED else code
        self.exited.set()

    async def signal(self, name: str) -> bool:
        """Send CTRL_BREAK."""
        del name
        try:
            self._windows.interrupt(self._program)
        except OSError as error:
            raise CannotSignal("it shares no console with us") from error
        return True

    async def wait_empty(self) -> None:
        """Return when nothing is left. Windows tells nobody, so look."""
        await self.exited.wait()
        pause = FIRST_PAUSE
        while await self._holds_any():
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    @abstractmethod
    async def _holds_any(self) -> bool: ...

    async def aclose(self) -> None:
        """Collect the program, if it can be."""
        with trio.move_on_after(REAP_LIMIT):
            await self.exited.wait()


@final
class JobHost(_Host):
    """A tree in a Job Object."""

    kind: ContainmentKind = "job"

    def __init__(self, windows: Windows, program: Program, job: Job) -> None:
        super().__init__(windows, program)
        self._job = job

    async def _holds_any(self) -> bool:
        return self._job.active() > 0

    async def kill(self, limit: float) -> Sweep:
        """End the job until its list was empty twice in a row."""
        killed: set[int] = set()
        empty = 0
        pause = FIRST_PAUSE
        deadline = trio.current_time() + limit
        while True:
            members = self._job.members()
            if members:
                killed.update(members)
                self._job.terminate(KILLED)
            empty = 0 if members else empty + 1
            if empty == EMPTY_SCANS:
                return Sweep(len(killed))
            if trio.current_time() >= deadline:
                return Sweep(len(killed), tuple(map(self._describe, members)))
            if members:
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _describe(self, pid: int) -> Survivor:
        created = self._windows.created(pid)
        return Survivor(pid, created or 0.0, self._windows.command(pid), "running")

    async def aclose(self) -> None:
        """Close the job, which ends what may still be in it, and collect the program."""
        self._job.close()
        await super().aclose()


@final
class TaskkillHost(_Host):
    """A tree below one process."""

    kind: ContainmentKind = "taskkill"

    def __init__(self, windows: Windows, program: Program, marker: str) -> None:
        super().__init__(windows, program)
        self._query = TreeQuery(root=self.identity, marker=marker)

    async def run(self) -> None:
        """Wait for the program, and note when it was gone."""
        await super().run()
        self._query.gone_at = time.time()

    async def signal(self, name: str) -> bool:
        """Note who is there, then send CTRL_BREAK."""
        await note_who_is_there(self._query)
        return await super().signal(name)

    async def _holds_any(self) -> bool:
        return bool(await look(self._query))

    async def kill(self, limit: float) -> Sweep:
        """Kill the chain below a living leader, then whatever is found."""
        before = 0
        with trio.move_on_after(limit) as scope:
            before = len(await look(self._query))
            if not self.exited.is_set():
                await self._windows.kill_chain(self._program)
        left = max(0.0, scope.deadline - trio.current_time())
        swept = await sweep(self._query, left)
        return Sweep(max(swept.killed, before), swept.survivors)


async def start_on_windows(
    windows: Windows, launch: Launch, containment: Containment
) -> JobHost | TaskkillHost:
    """Start *launch* suspended, put it into a job of its own, and let it run.

    `best` takes the parent chain where no job can be had.

    Cancelled: nothing was started, or it returns all the same, since the start itself
    cannot be interrupted.

    Raises:
      SpawnError: nothing of it is left.
    """
    if containment in ("required:cgroup", "required:warden"):
        wanted = containment.removeprefix("required:")
        why = f"there is no {wanted} on Windows"
        raise ContainmentUnavailable(launch.name, wanted, why)
    _refuse_unsafe_arguments(launch)
    try:
        program = await windows.start_suspended(launch)
    except OSError as error:
        at_cwd = launch.cwd is not None and not launch.cwd.is_dir()
        stage = "cwd" if at_cwd else "exec"
        raise spawn_error(launch, stage, error.errno or 0) from error
    except RuntimeError as error:  # there is no thread to be had
        raise spawn_error(launch, "fork", errno.EAGAIN) from error
    job = None
    try:
        if containment != "group":
            job = _job_for(windows, launch, program, containment)
        if job is None:
            host: JobHost | TaskkillHost = TaskkillHost(windows, program, launch.marker)
        else:
            host = JobHost(windows, program, job)
        windows.resume(program)
    except BaseException as error:  # whatever it is, no suspended program must stay
        if job is not None:
            job.close()
        await _discard(windows, program)
        if isinstance(error, OSError):
            why = f"it cannot be resumed ({error.strerror or error})"
            raise SpawnFailed(launch.name, why, error.errno) from error
        raise
    return host


def _job_for(
    windows: Windows, launch: Launch, program: Program, containment: Containment
) -> Job | None:
    """Put *program* into a job. None when that is refused and not required."""
    try:
        return _assigned(windows, program)
    except OSError as error:
        if containment == "required:job":
            why = f"Windows refuses one ({error.strerror or error})"
            raise ContainmentUnavailable(launch.name, "job", why) from error
        return None


def _assigned(windows: Windows, program: Program) -> Job:
    job = windows.create_job()
    try:
        job.assign(program)
    except OSError:
        job.close()
        raise
    return job


async def _discard(windows: Windows, program: Program) -> None:
    """End a program that nobody else knows. Shielded, for `REAP_LIMIT` at most."""
    with suppress(OSError):  # it is gone already
        windows.kill(program)
    with trio.move_on_after(REAP_LIMIT, shield=True):
        await program.wait()
    for pipe in (program.stdin, program.stdout, program.stderr):
        if pipe is not None:
            await trio.aclose_forcefully(pipe)


def _refuse_unsafe_arguments(launch: Launch) -> None:
    """Refuse what a batch file would take for commands: `cmd.exe` reads it again."""
    if launch.executable.suffix.lower() not in BATCH:
        return
    for argument in launch.argv[1:]:
        if found := UNSAFE.intersection(argument):
            raise SpawnFailed(
                launch.name,
                f"{launch.executable.name} is a batch file, and its argument "
                f"{argument[:80]!r} has {' '.join(sorted(map(repr, found)))}, which "
                "cmd.exe would take for its own: give it by stdin or by a file, or run "
                "the program that the batch file starts",
            )
