"""How a process starts, and how a start fails; what it gets, what it gives back."""

import ctypes
import errno
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio
from tests.support.processes import SOURCES, agent, living, next_json, tree_of

from crew_supervisors.processes import (
    MARKER,
    ChildProcess,
    EnvPolicy,
    ExecutableNotFound,
    ExecutableNotRunnable,
    ProcessSpec,
    SpawnFailed,
    StdinClosed,
    run_process,
)
from crew_supervisors.processes._failures import spawn_error
from crew_supervisors.processes._host import Launch
from crew_supervisors.processes._zygote import Zygote

BOTH = pytest.mark.parametrize("containment", ["best", "group"])


def children() -> list[int]:
    """Return what runs below this process, but for the zygote of this run."""
    below = psutil.Process().children(recursive=True)
    return [each.pid for each in below if each.pid != Zygote.of_this_run().pid]


def program(*argv: str, **options: Any) -> ProcessSpec:
    return ProcessSpec(name="one", argv=argv, **options)


def script(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text)
    path.chmod(0o755)
    return (str(path),)


@BOTH
async def test_a_missing_executable_is_told_before_anything_starts(
    containment: str,
) -> None:
    with pytest.raises(ExecutableNotFound):
        await run_process(ProcessSpec(name="one", argv=("no-such-tool",)))


@BOTH
async def test_a_script_without_its_interpreter_is_not_runnable(
    containment: str, tmp_path: Path
) -> None:
    argv = script(tmp_path / "tool", "#!/no/such/interpreter\n")
    with pytest.raises(ExecutableNotRunnable, match="interpreter"):
        await run_process(program(*argv, containment=containment))


@BOTH
async def test_a_file_of_no_format_is_not_runnable(
    containment: str, tmp_path: Path
) -> None:
    argv = script(tmp_path / "tool", "just text\n")
    with pytest.raises(ExecutableNotRunnable, match="it is no program"):
        await run_process(program(*argv, containment=containment))


@BOTH
async def test_a_missing_folder_is_named(containment: str, tmp_path: Path) -> None:
    spec = agent("exit:0", cwd=tmp_path / "gone", containment=containment)
    with pytest.raises(SpawnFailed, match=r"gone cannot be entered .* create it first"):
        await run_process(spec)


@BOTH
async def test_a_folder_that_is_a_file_is_no_folder(
    containment: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    spec = agent("exit:0", cwd=tmp_path / "file", containment=containment)
    with pytest.raises(SpawnFailed, match=r"file cannot be entered .* name a folder"):
        await run_process(spec)


@pytest.mark.parametrize(
    ("number", "helps"),
    [(errno.EACCES, "needs the right to be entered"), (errno.EIO, "its file system")],
)
def test_what_helps_depends_on_what_is_wrong(
    number: int, helps: str, tmp_path: Path
) -> None:
    """These two cannot be brought about by root."""
    launch = Launch(
        name="one",
        executable=tmp_path,
        argv=("x",),
        cwd=tmp_path,
        environment={},
        marker="m",
        stdin_pipe=False,
    )
    assert helps in str(spawn_error(launch, "cwd", number))


@BOTH
async def test_arguments_that_are_too_long_are_told(containment: str) -> None:
    with pytest.raises(SpawnFailed, match="use stdin or a file"):
        await run_process(agent("say:" + "x" * 200_000, containment=containment))


async def test_an_executable_that_vanishes_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"

    def vanished(*_: object, **__: object) -> Path:
        return gone

    monkeypatch.setattr("crew_supervisors.processes._run.resolve_executable", vanished)
    with pytest.raises(ExecutableNotFound):
        await run_process(agent("exit:0"))


@BOTH
async def test_a_process_starts_in_its_folder(containment: str, tmp_path: Path) -> None:
    spec = program("pwd", cwd=tmp_path, containment=containment)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        assert [line.text async for line in process.lines()] == [
            str(await trio.Path(tmp_path).resolve())
        ]


@BOTH
async def test_the_environment_is_exact(
    containment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    policy = EnvPolicy(
        inherit=("PATH", "HOME"), extra={"LC_ALL": "C.UTF-8", "MINE": "ä"}
    )
    async with trio.open_nursery() as nursery:
        spec = agent("env", "exit:0", env=policy, containment=containment)
        process = await nursery.start(run_process, spec)
        env = (await next_json(process))["env"]
    assert env.pop(MARKER).startswith(f"{os.getpid()}-")
    assert env == {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "LC_ALL": "C.UTF-8",
        "MINE": "ä",
    }


@BOTH
async def test_an_agent_gets_three_open_files_and_a_session_of_its_own(
    containment: str,
) -> None:
    async with trio.open_nursery() as nursery:
        spec = agent("fds", "ready", "sleep", containment=containment)
        process = await nursery.start(run_process, spec)
        assert (await next_json(process))["fds"] == [0, 1, 2]
        await tree_of(process)
        assert os.getsid(process.pid) == process.pid
        assert process.identity.create_time == psutil.Process(process.pid).create_time()
        await process.stop()


DEAF_RUNTIME = """
import signal, trio
from crew_supervisors.processes import ProcessSpec, run_process

async def main():
    argv = ("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, ProcessSpec(name="a", argv=argv))
        async for line in process.lines():
            print(*line.text.split())
        print((await process.wait()).returncode)

numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
for number in numbers:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, *numbers])
trio.run(main)
"""


async def test_an_agent_hears_all_signals_even_if_the_runtime_is_deaf() -> None:
    """Its end is seen too, though SIGCHLD is blocked in the runtime."""
    with trio.fail_after(20):
        done = await trio.run_process(
            [sys.executable, "-c", DEAF_RUNTIME],
            capture_stdout=True,
            env={**os.environ, "PYTHONPATH": str(SOURCES / "supervisors")},
        )
    nothing = "0" * 16
    assert done.stdout.decode().splitlines() == [
        f"SigBlk: {nothing}",
        f"SigIgn: {nothing}",
        "0",
    ]


async def test_a_run_that_is_cancelled_before_starts_nothing() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await run_process(agent("sleep"))
    assert scope.cancelled_caught


@BOTH
async def test_a_start_that_is_cancelled_leaves_nothing(containment: str) -> None:
    started: list[ChildProcess] = []
    for _ in range(3):  # whatever stays for the next start is there then
        await run_process(agent("exit:0", containment=containment))
    await trio.testing.wait_all_tasks_blocked()
    before = psutil.Process().num_fds()

    async def start(after: float) -> None:
        spec = agent("ignore-term", "sleep", containment=containment)
        with trio.move_on_after(after):
            async with trio.open_nursery() as nursery:
                started.append(await nursery.start(run_process, spec))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(start, number / 100)
    assert psutil.Process().num_fds() == before
    assert children() == []
    assert all([(await each.wait()).report.survivors == () for each in started])


async def test_stdin_is_null_unless_it_is_asked_for() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("echo", "exit:0"))
        with pytest.raises(StdinClosed, match='stdin="pipe"'):
            await process.send_line("hello")
        await process.close_stdin()
        assert (await process.wait()).returncode == 0


async def test_stdin_takes_lines_until_it_is_closed() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("echo", "exit:0", stdin="pipe")
        )
        await process.send_line("häß")
        assert (await anext(process.lines())).text == "häß"
        await process.close_stdin()
        with pytest.raises(StdinClosed, match="closed with close_stdin"):
            await process.send_line("more")
        await process.close_stdin()
        assert (await process.wait()).returncode == 0


async def test_a_broken_stdin_is_an_error_and_kills_nobody() -> None:
    async with trio.open_nursery() as nursery:
        spec = agent("close-stdin", "ready", "sleep", stdin="pipe")
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        for _ in range(2):
            with pytest.raises(StdinClosed, match="has closed its stdin"):
                await process.send_line("hello")
        assert await process.alive()
        await process.stop()
        await process.close_stdin()


async def test_a_full_stdin_waits_for_the_callers_deadline() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("ready", "sleep", stdin="pipe")
        )
        await tree_of(process)
        with trio.move_on_after(0.05) as scope:
            await process.send_bytes(b"x" * 1_000_000)
        assert scope.cancelled_caught
        with pytest.raises(StdinClosed, match="half of its data"):
            await process.send_line("hello")
        assert await process.alive()
        await process.stop()


@BOTH
async def test_nothing_of_the_host_program_is_changed(containment: str) -> None:
    """It may be an application that we are a guest in."""
    before = settings()
    async with trio.open_nursery() as nursery:
        for _ in range(4):  # started wardens, and forked ones
            spec = agent("tree:daemon", "ready", "sleep", containment=containment)
            process = await nursery.start(run_process, spec)
            await tree_of(process)
        assert settings() == before
        nursery.cancel_scope.cancel()
    assert settings() == before


def settings() -> dict[str, object]:
    """Return what belongs to this process as a whole, and a library could change."""
    limits = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE)
    adopts = ctypes.c_int(-1)
    ctypes.CDLL(None).prctl(37, ctypes.byref(adopts), 0, 0, 0)  # PR_GET_CHILD_SUBREAPER
    return {
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "limits": [resource.getrlimit(limit) for limit in limits],
        "adopts orphans": adopts.value,
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "session": (os.getsid(0), os.getpgid(0)),
    }


async def test_descriptors_and_zombies_are_back_at_the_baseline() -> None:
    for _ in range(3):  # whatever stays for the next start is there then
        await run_process(agent("exit:0"))
    before = psutil.Process().num_fds()
    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(run_process, agent("lines:10", "exit:0"))
    assert psutil.Process().num_fds() == before
    assert children() == []


async def test_many_live_agents_are_cancelled_together() -> None:
    pids: list[int] = []
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            processes = [
                await nursery.start(run_process, agent("on-term:bye", "ready", "sleep"))
                for _ in range(10)
            ]
            for process in processes:
                pids += (await tree_of(process)).values()
            nursery.cancel_scope.cancel()
    assert len(pids) == 10
    assert living(pids) == []
