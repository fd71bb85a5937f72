"""How a tree on Windows is started and ended, on the model and the virtual clock."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from tests.support.windows_jobs import AGENT, agent, launch
from tests.support.windows_model import ModelWindows

from crew_supervisors.processes import (
    ChildProcess,
    ContainmentUnavailable,
    ExecutableNotFound,
    ProcessExit,
    ProcessIdentity,
    ProcessSpec,
    Rung,
    SpawnFailed,
    StopReport,
    Survivor,
    _job_host,
    _run,
    run_process,
)
from crew_supervisors.processes._host import Host, Launch
from crew_supervisors.processes._job_host import start_on_windows
from crew_supervisors.processes._scan import FIRST_PAUSE, Sweep, TreeQuery

STARTED = ["start", "create job", "assign", "resume"]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> ModelWindows:
    """The model that `run_process` starts processes on. It has a console."""
    model = ModelWindows(console=True)

    async def start(spec: ProcessSpec, launch: Launch) -> Host:
        return await start_on_windows(model, launch, spec.containment)

    monkeypatch.setattr(_run, "_start", start)
    return model


async def stopped(
    spec: ProcessSpec, grace: float | None = None
) -> tuple[StopReport, ProcessExit]:
    """Start a process, stop it, and return what is said of it."""
    async with trio.open_nursery() as nursery:
        process: ChildProcess = await nursery.start(run_process, spec)
        report = await process.stop(grace=grace)
        return report, await process.wait()


async def test_a_program_is_in_its_job_before_it_runs(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    report, _ = await stopped(agent("ignore-break", "sleep"))
    assert windows.done == [*STARTED, "interrupt", "terminate", "close"]
    assert windows.looks == [1, 0, 0]  # gone is what two looks in a row have not found
    assert windows.living() == []
    assert report.containment == "job"


async def test_it_is_known_by_its_number_and_its_create_time(
    windows: ModelWindows,
) -> None:
    async with trio.open_nursery() as nursery:
        process: ChildProcess = await nursery.start(run_process, agent("sleep"))
        created = windows.created(process.pid)
        assert created is not None
        assert process.identity == ProcessIdentity(process.pid, created)
        nursery.cancel_scope.cancel()


async def test_a_polite_program_is_not_killed(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    report, ended = await stopped(agent("on-break:bye", "sleep"))
    assert (report.escalations, report.graceful) == (("SIGTERM",), True)
    assert (ended.returncode, ended.signal, ended.reason) == (0, None, "stopped")
    assert report.took == 0


async def test_one_that_ignores_ctrl_break_has_the_graces_of_its_ladder(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    ladder = (Rung("SIGINT", 3.0), Rung("SIGTERM", 4.0))
    report, ended = await stopped(
        agent("ignore-break", "child", "sleep", ladder=ladder)
    )
    assert report.escalations == ("SIGINT", "SIGTERM", "SIGKILL")
    assert report.took == 7.0 + FIRST_PAUSE
    assert (ended.returncode, ended.signal) == (None, "SIGKILL")
    assert not report.graceful


@pytest.mark.parametrize(("grace", "took"), [(0.5, 0.5), (0.0, 0.0)])
async def test_a_shorter_grace_counts(
    windows: ModelWindows,
    autojump_clock: trio.testing.MockClock,
    grace: float,
    took: float,
) -> None:
    report, _ = await stopped(agent("ignore-break", "sleep"), grace)
    assert report.took == took + FIRST_PAUSE


async def test_without_a_console_nobody_is_asked_and_nobody_waits(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    windows.console = False
    report, _ = await stopped(agent("on-break:bye", "sleep"))
    assert report.escalations == ("SIGKILL",)
    assert report.unsent == ("SIGTERM: it shares no console with us",)
    assert report.took == FIRST_PAUSE


async def test_the_rung_after_a_signal_that_cannot_be_sent_has_its_time(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    windows.console = False
    ladder = (Rung("SIGTERM", 5.0), Rung(close_stdin=True, grace=1.0))
    report, _ = await stopped(agent("echo", "exit:0", stdin="pipe", ladder=ladder))
    assert report.escalations == ("stdin closed",)
    assert report.graceful


async def test_a_cancelled_owner_leaves_200_ms(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(run_process, agent("ignore-break", "three", "sleep"))
        before = trio.current_time()
        nursery.cancel_scope.cancel()
    assert trio.current_time() - before == pytest.approx(0.2 + FIRST_PAUSE)
    assert windows.living() == []


async def test_who_cannot_be_killed_is_named(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    report, _ = await stopped(agent("undying", "child", "sleep"), grace=0.0)
    pid = report.pid
    assert report.survivors == (
        Survivor(pid, windows.created(pid) or 0.0, "sleep", "running"),
    )
    assert windows.living() == [pid]
    assert windows.done.count("terminate") > 1


async def test_a_leader_that_exits_leaves_its_tree_no_longer_than_the_drain(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    ended = await run_process(agent("hold", "orphan", "exit:4", drain=2.0))
    assert trio.current_time() == pytest.approx(2.0 + FIRST_PAUSE, abs=FIRST_PAUSE)
    assert (ended.returncode, ended.reason) == (4, "exited")
    assert ended.output_truncated
    assert windows.living() == []


async def test_a_deadline_goes_up_the_ladder(
    windows: ModelWindows, autojump_clock: trio.testing.MockClock
) -> None:
    ended = await run_process(agent("on-break:bye", "sleep", wall=60.0))
    assert trio.current_time() == 60
    assert ended.reason == "wall_timeout"
    assert ended.report.graceful


async def test_a_refused_job_is_followed_by_the_chain(
    windows: ModelWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows.refuses_jobs = True
    seen = scan(windows, monkeypatch)
    spec = agent("child", "ignore-break", "sleep", ladder=(Rung("SIGTERM", 0.05),))
    report, ended = await stopped(spec)
    assert windows.done == [
        *("start", "create job", "assign", "close", "resume"),
        *("interrupt", "taskkill"),
    ]
    assert report.containment == "taskkill"
    assert report.escalations == ("SIGTERM", "SIGKILL")
    assert (ended.returncode, ended.signal) == (1, None)
    assert windows.living() == []
    assert [what for what, _ in seen] == ["note", "look", "sweep"]


async def test_an_orphan_outside_of_a_job_is_found_by_scans(
    windows: ModelWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scan(windows, monkeypatch)
    spec = agent("orphan", "exit:0", drain=0.05, containment="group")
    ended = await run_process(spec)
    assert windows.done == ["start", "resume"]  # nobody's chain was below a dead leader
    assert ended.report.containment == "taskkill"
    assert not ended.report.graceful
    assert windows.living() == []
    what, query = seen[-1]
    assert what == "sweep"
    assert query.gone_at is not None  # so nobody later counts as a child of its number


def scan(
    windows: ModelWindows, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, TreeQuery]]:
    """Let the scans see the processes of the model. Return the scans that are made."""
    seen: list[tuple[str, TreeQuery]] = []

    async def look(query: TreeQuery) -> list[int]:
        await trio.lowlevel.checkpoint()
        seen.append(("look", query))
        return windows.living()

    async def note_who_is_there(query: TreeQuery) -> None:
        await trio.lowlevel.checkpoint()
        seen.append(("note", query))

    async def sweep(query: TreeQuery, limit: float) -> Sweep:
        await trio.lowlevel.checkpoint()
        seen.append(("sweep", query))
        found = windows.living()
        for pid in found:
            windows.processes[pid].end(1)
        return Sweep(len(found))

    for scanning in (look, note_who_is_there, sweep):
        monkeypatch.setattr(_job_host, scanning.__name__, scanning)
    return seen


def refuse_jobs(windows: ModelWindows) -> None:
    windows.refuses_jobs = True


def refuse_to_resume(windows: ModelWindows) -> None:
    windows.refuses_to_resume = True


@pytest.mark.parametrize(
    ("refuse", "error", "words"),
    [
        (refuse_jobs, ContainmentUnavailable, "Windows refuses one"),
        (refuse_to_resume, SpawnFailed, "cannot be resumed"),
    ],
)
async def test_a_refused_start_leaves_no_suspended_program(
    windows: ModelWindows,
    refuse: Callable[[ModelWindows], None],
    error: type[Exception],
    words: str,
) -> None:
    refuse(windows)
    with pytest.raises(error, match=words):
        await run_process(agent("sleep", containment="required:job"))
    assert windows.living() == []
    assert windows.done.count("close") == windows.done.count("create job") == 1


async def test_no_suspended_program_stays_where_neither_job_nor_resume_works(
    windows: ModelWindows,
) -> None:
    windows.refuses_jobs = windows.refuses_to_resume = True
    with pytest.raises(SpawnFailed, match="cannot be resumed"):
        await run_process(agent("sleep", stdin="pipe"))
    assert windows.living() == []


async def test_a_program_that_has_gone_is_named(windows: ModelWindows) -> None:
    gone = launch("sleep", executable=Path(AGENT[0]) / "gone.exe")
    with pytest.raises(ExecutableNotFound):
        await start_on_windows(windows, gone, "best")


@pytest.mark.parametrize("argument", ["a&b", "50%", 'a"b', "a\nb", "!x!", "a|b", "^"])
@pytest.mark.parametrize("name", ["agent.cmd", "agent.BAT"])
async def test_a_batch_file_gets_no_argument_that_cmd_would_take(
    windows: ModelWindows, name: str, argument: str
) -> None:
    batch = launch(executable=Path(name), argv=(name, "fine", argument))
    with pytest.raises(SpawnFailed, match="batch file"):
        await start_on_windows(windows, batch, "best")
    assert windows.done == []


async def test_a_batch_file_gets_plain_arguments(
    windows: ModelWindows, tmp_path: Path
) -> None:
    file = tmp_path / "agent.cmd"
    file.touch()
    plain = launch(
        executable=file, argv=("agent.cmd", "a.py", "say:a b (c), d", "exit:0")
    )
    host = await start_on_windows(windows, plain, "best")
    assert await host.stdout.receive_some() == b"say:a b (c), d"[4:] + b"\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there are Job Objects there")
async def test_a_job_is_refused_where_there_is_none() -> None:
    with pytest.raises(ContainmentUnavailable, match="only Windows"):
        await run_process(agent("sleep", containment="required:job"))


async def test_no_suspended_program_stays_when_nobody_can_tell_who_it_is(
    windows: ModelWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def created(_: ModelWindows, pid: int) -> float | None:
        raise KeyboardInterrupt(pid)

    monkeypatch.setattr(ModelWindows, "created", created)
    with pytest.raises(KeyboardInterrupt):
        await start_on_windows(windows, launch("sleep"), "best")
    assert windows.living() == []
    assert windows.done[-2:] == ["close", "kill"]


async def test_a_start_without_a_thread_is_a_spawn_error(
    windows: ModelWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start_suspended(_: ModelWindows, launch: Launch) -> None:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ModelWindows, "start_suspended", start_suspended)
    with pytest.raises(SpawnFailed, match="no more processes"):
        await start_on_windows(windows, launch("sleep"), "best")
