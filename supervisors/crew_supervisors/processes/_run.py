# The one function that starts processes.
#
# 1. A start that is cancelled starts nothing, or what it started is gone when the
#    cancellation travels on. trio's `open_process` can be cancelled only while it
#    waits for a thread, so no process gets lost between it and us.
# 2. Whatever ends this function, the tree is stopped first.
"""Start a process, and see it through to its verified end."""

import os
import secrets
import sys

import attrs
import trio

from crew_supervisors.processes._cgroup import Cgroup, find_base, remove_leftovers
from crew_supervisors.processes._errors import BadProcessSpec, ContainmentUnavailable
from crew_supervisors.processes._executable import resolve_executable
from crew_supervisors.processes._host import Host, Launch
from crew_supervisors.processes._life import CANCEL_GRACE, Life
from crew_supervisors.processes._process import ChildProcess
from crew_supervisors.processes._records import current_recorder
from crew_supervisors.processes._report import ProcessExit
from crew_supervisors.processes._spec import MARKER, ProcessSpec

TaskStatus = trio.TaskStatus[ChildProcess]


async def run_process(
    spec: ProcessSpec, *, task_status: TaskStatus = trio.TASK_STATUS_IGNORED
) -> ProcessExit:
    """Run a process to its end, and return how it ended.

    Reports the `ChildProcess` by *task_status* when the program runs, so it is
    made for `nursery.start` and for the body of a supervisor's child. Returns when
    the program has exited (or a deadline of its spec or `ChildProcess.stop` ended
    it), everything below it is gone, and its pipes are closed. A non-zero exit is no
    error: it is in the result, and a body that wants one raises it.

    Cancelled: the tree is stopped with 200 ms of grace (`ChildProcess.stop` gives
    more, if it is called before) and verified, then the cancellation travels on. Not
    started at all when it is cancelled before. A checkpoint.

    Raises:
      BadProcessSpec: the spec can never work; it says why.
      SpawnError: nothing was started, or nothing of it is left.
    """
    if problems := spec.problems():
        raise BadProcessSpec(spec.name, problems)
    await trio.lowlevel.checkpoint()
    launch = _resolve(spec)
    recorder = current_recorder()
    recorder.starting(spec, launch.marker)
    life: Life | None = None
    try:
        life = Life(spec, await _start(spec, launch))
        recorder.started(launch.marker, life.host.identity)
        return await _see_through(life, task_status)
    finally:
        if life is None:  # nothing of it is left
            recorder.ended(launch.marker, ())
        elif life.report is not None:
            recorder.ended(launch.marker, life.report.survivors)


def expect_processes() -> None:
    """Tell that several processes will be started in this trio run.

    What they can share is then made ready in the background, at the cost of one process
    of 4 MiB until the trio run ends; else the second start does that. For whoever knows
    it before the first start and counts milliseconds. No checkpoint; never needed, and
    without effect where nothing is shared: outside of Linux.
    """
    if sys.platform == "linux":
        from crew_supervisors.processes._zygote import Zygote  # noqa: PLC0415 - only here

        Zygote.of_this_run().start()


async def _see_through(life: Life, task_status: TaskStatus) -> ProcessExit:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run)
        process = ChildProcess(life)
        try:
            if trio.current_effective_deadline() <= trio.current_time():
                await life.end("stopped", "cancelled", 0.0)
                await trio.lowlevel.checkpoint()
            task_status.started(process)
            return await process.wait()
        finally:
            await life.end("stopped", "cancelled", CANCEL_GRACE)


def _resolve(spec: ProcessSpec) -> Launch:
    environment = spec.env.build(os.environ)
    marker = f"{os.getpid()}-{secrets.token_hex(16)}"
    environment[MARKER] = marker
    path = environment.get("PATH", os.defpath)
    return Launch(
        name=spec.name,
        executable=resolve_executable(spec.argv[0], cwd=spec.cwd, path=path),
        argv=spec.argv,
        cwd=spec.cwd,
        environment=environment,
        marker=marker,
        stdin_pipe=spec.stdin == "pipe",
    )


async def _start(spec: ProcessSpec, launch: Launch) -> Host:
    if sys.platform == "win32":
        from crew_supervisors.processes._job_host import start_on_windows  # noqa: PLC0415 - only there
        from crew_supervisors.processes._windows import WindowsSystem  # noqa: PLC0415 - only there

        return await start_on_windows(WindowsSystem(), launch, spec.containment)
    else:  # noqa: RET505 - mypy takes what is after an `if` of the platform for dead
        from crew_supervisors.processes import _group_host, _warden_host  # noqa: PLC0415 - only here

        if spec.containment == "required:job":
            why = "only Windows has Job Objects"
            raise ContainmentUnavailable(spec.name, "job", why)
        missing = _warden_host.why_no_warden()
        if missing is not None and spec.containment.startswith("required:"):
            raise ContainmentUnavailable(spec.name, "warden", missing)
        if spec.containment == "group" or missing is not None:
            return await _group_host.GroupHost.start(launch)
        required = spec.containment == "required:cgroup"
        cgroup = _make_cgroup(spec, launch.marker)
        if not isinstance(cgroup, str):
            try:
                contained = attrs.evolve(launch, cgroup=cgroup)
                return await _warden_host.WardenHost.start(contained)
            except BaseException as error:  # whatever it is, nobody is in there
                cgroup.remove()
                if required or not isinstance(error, ContainmentUnavailable):
                    raise
        elif required:
            raise ContainmentUnavailable(spec.name, "cgroup", cgroup)
        return await _warden_host.WardenHost.start(launch)


def _make_cgroup(spec: ProcessSpec, marker: str) -> Cgroup | str:
    """Return a new cgroup, or why there can be none."""
    base = find_base(spec.cgroup)
    if isinstance(base, str):
        return base
    try:
        remove_leftovers(base)
        return Cgroup(base, marker)
    except OSError as error:
        return f"no cgroup can be made in {base} ({error.strerror})"
