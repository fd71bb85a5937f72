"""A process as a child: started, stopped and restarted like any other."""

import pickle
import sys
from typing import Any

import attrs
import psutil
import pytest
import trio
import trio.testing

from crew_supervisors import (
    Backoff,
    ChildEnded,
    ChildFailed,
    ChildProcess,
    ChildRestarting,
    ChildSpec,
    ChildStartFailed,
    Event,
    ExecutableNotFound,
    FailureEscalated,
    Grace,
    OnFailure,
    ProcessSpec,
    RestartLimitReached,
    State,
    StopReport,
    open_supervisor,
    run_process,
)
from crew_supervisors._process_child import failure_of, process_spec
from crew_supervisors.processes import KilledBySystem, ProcessExit, ProcessFailed

# Real processes: no virtual clock here. Each one says when it is ready.
SLEEP = "import time; print('ready', flush=True); time.sleep(60)"


def python(name: str, code: str) -> ProcessSpec:
    return ProcessSpec(name=name, argv=(sys.executable, "-I", "-c", code))


async def ready(process: ChildProcess) -> None:
    async for line in process.lines():
        assert line.text == "ready"
        return


async def test_a_process_is_started_as_a_child_and_stopped_with_its_tree() -> None:
    with trio.fail_after(20):
        async with open_supervisor() as sup:
            process = await sup.start_process(python("agent", SLEEP))
            await ready(process)
            (info,) = sup.children()
            assert (info.name, info.state) == ("agent", State.RUNNING)
            report = await sup.stop("agent")
            assert report.end == "returned"
            assert report.graceful
            assert sup.children() == ()  # it is temporary
            ended = await process.wait()
            assert ended.reason == "stopped"
            assert not ended.report.survivors


async def test_leaving_the_block_stops_the_process() -> None:
    with trio.fail_after(20):
        async with open_supervisor() as sup:
            process = await sup.start_process(python("agent", SLEEP))
            await ready(process)
        assert (await process.wait()).reason == "stopped"


async def test_a_cancelled_host_stops_the_process() -> None:
    started: list[ChildProcess] = []
    with trio.fail_after(20):
        with trio.CancelScope() as host:
            async with open_supervisor(on_outer_cancel=Grace(0)) as sup:
                process = await sup.start_process(python("agent", SLEEP))
                started.append(process)
                await ready(process)
                host.cancel()
        assert (await started[0].wait()).reason == "stopped"


async def test_a_process_that_ends_is_a_child_that_returned() -> None:
    ended = trio.Event()

    def note(event: Event) -> None:
        if isinstance(event, ChildEnded):
            ended.set()

    with trio.fail_after(20):
        async with open_supervisor(max_restarts=0, on_event=note) as sup:
            spec = python("agent", "raise SystemExit(3)")
            process = await sup.start_process(spec)
            assert (await process.wait()).returncode == 3
            await ended.wait()
            assert sup.children() == ()  # forgotten, and never restarted


async def test_a_process_that_fails_makes_no_noise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with trio.fail_after(20):
        async with open_supervisor() as sup:
            process = await sup.start_process(python("agent", "raise SystemExit(3)"))
            assert (await process.wait()).returncode == 3
    assert caplog.records == []


async def test_a_body_that_raises_has_its_process_restarted() -> None:
    handles: list[ChildProcess] = []
    up = trio.Event()

    async def worker() -> None:
        code = SLEEP if handles else "raise SystemExit(3)"
        async with trio.open_nursery() as nursery:
            process = await nursery.start(run_process, python("agent", code))
            handles.append(process)
            if len(handles) > 1:
                up.set()
            if (await process.wait()).returncode != 0:
                raise ValueError

    with trio.fail_after(20):
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("worker", worker, restart="transient"))
            await up.wait()
            (info,) = sup.children()
            assert (info.incarnation, info.state) == (2, State.RUNNING)
    assert [(await each.wait()).reason for each in handles] == ["exited", "stopped"]


async def test_a_process_that_cannot_be_started_names_the_child() -> None:
    async with open_supervisor(on_event=lambda _: None) as sup:
        with pytest.raises(ChildStartFailed, match="'ghost'") as failed:
            await sup.start_process(
                ProcessSpec(name="ghost", argv=("no-such-program",))
            )
        assert isinstance(failed.value.__cause__, ExecutableNotFound)
        assert sup.children() == ()
        await sup.start(ChildSpec("ghost", trio.sleep_forever))


FAILS = (
    "import sys; print('ready', flush=True); sys.stderr.write('oh no\\n'); sys.exit(3)"
)
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    print(os.getpid(), flush=True)
    if sys.argv[1:] == ["exit"]: sys.exit(3)
    time.sleep(60)
os.setsid()
print(os.getpid(), flush=True)
time.sleep(60)
"""


def ended(**fields: Any) -> ProcessExit:
    report = StopReport(
        name="agent",
        pid=1,
        containment="group",
        asked="exit",
        escalations=(),
        survivors=(),
        took=0.0,
        graceful=True,
    )
    told: dict[str, Any] = {
        "returncode": 0,
        "signal": None,
        "reason": "exited",
        "stderr_tail": "",
        "output_truncated": False,
        "report": report,
    }
    return ProcessExit(**{**told, **fields})


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({}, None, ""),
        ({"reason": "stopped", "returncode": None, "signal": "SIGKILL"}, None, ""),
        ({"reason": "finished", "returncode": 1}, None, ""),
        ({"returncode": 3}, ProcessFailed, "failed: exit status 3"),
        ({"returncode": None}, ProcessFailed, "failed: exit status unknown"),
        (
            {"returncode": None, "signal": "SIGSEGV", "stderr_tail": "a\nb\n"},
            ProcessFailed,
            "failed: ended by SIGSEGV; its last words: b",
        ),
        ({"reason": "wall_timeout"}, ProcessFailed, "failed: wall timeout"),
        (
            {"reason": "killed_by_system", "returncode": None, "signal": "SIGKILL"},
            KilledBySystem,
            "failed: ended by SIGKILL, not by us",
        ),
    ],
)
def test_which_end_is_a_failure(
    fields: dict[str, Any], kind: type[ProcessFailed] | None, words: str
) -> None:
    failure = failure_of(python("agent", ""), ended(**fields))
    assert type(failure) is (kind or type(None))
    if failure is not None:
        assert str(failure) == f"process 'agent' {words}"
        copy = pickle.loads(pickle.dumps(failure))
        assert (type(copy), str(copy), copy.ended) == (
            kind,
            str(failure),
            failure.ended,
        )


async def test_a_process_that_fails_is_restarted_and_its_owner_gets_each() -> None:
    seen: list[ChildProcess] = []
    failed: list[str] = []
    third = trio.Event()

    async def work(process: ChildProcess) -> None:
        seen.append(process)
        if len(seen) == 3:
            third.set()
        await ready(process)

    def note(event: Event) -> None:
        if isinstance(event, ChildFailed):
            failed.append(str(event.error))

    first: object = None
    with trio.fail_after(20), pytest.raises(ExceptionGroup) as caught:
        async with open_supervisor(max_restarts=2, on_event=note) as sup:
            first = await sup.start(process_spec(python("agent", FAILS), work))
            await third.wait()
            await trio.sleep_forever()
    assert first is seen[0]
    assert len({process.pid for process in seen}) == 3
    assert caught.group_contains(RestartLimitReached)
    words = "process 'agent' failed: exit status 3; its last words: oh no"
    assert all(words in each for each in failed)


async def test_a_restart_waits_until_the_old_tree_is_gone() -> None:
    old: list[int] = []
    left: list[int] = []
    again = trio.Event()

    async def work(process: ChildProcess) -> None:
        if old:
            left.extend(pid for pid in old if psutil.pid_exists(pid))
            again.set()
            return
        lines = process.lines()
        old.extend([int((await anext(lines)).text), int((await anext(lines)).text)])

    spec = attrs.evolve(python("agent", STUBBORN), drain=0.3)
    spec = attrs.evolve(spec, argv=(*spec.argv, "exit"))
    with trio.fail_after(20):
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(process_spec(spec, work))
            await again.wait()
            await sup.stop("agent")
    assert len(old) == 2
    assert left == []


async def test_a_process_that_its_owner_finishes_is_not_restarted() -> None:
    gone = trio.Event()

    async def work(process: ChildProcess) -> None:
        await ready(process)
        await process.finish(quiet=0.0)

    def note(event: Event) -> None:
        if isinstance(event, ChildEnded):
            gone.set()

    with trio.fail_after(20):
        async with open_supervisor(max_restarts=0, on_event=note) as sup:
            await sup.start(process_spec(python("agent", SLEEP), work))
            await gone.wait()
            assert [info.state for info in sup.children()] == [State.STOPPED]


async def test_an_owner_who_fails_stops_the_process_and_fails_the_child() -> None:
    seen: list[ChildProcess] = []

    async def work(process: ChildProcess) -> None:
        seen.append(process)
        await ready(process)
        raise KeyError("broken")

    rule = OnFailure(KeyError, "escalate")
    with trio.fail_after(20), pytest.raises(ExceptionGroup) as caught:
        async with open_supervisor(on_event=lambda _: None) as sup:
            spec = process_spec(python("agent", SLEEP), work, on_failure=(rule,))
            await sup.start(spec)
            await trio.sleep_forever()
    assert caught.group_contains(FailureEscalated)
    report = (await seen[0].wait()).report
    assert report.asked == "its handler failed: KeyError('broken')"


async def test_a_stop_does_not_wait_for_an_owner_who_never_ends() -> None:
    async def work(process: ChildProcess) -> None:
        await ready(process)
        await trio.sleep_forever()

    spec = attrs.evolve(python("agent", SLEEP), drain=0.05)
    with trio.fail_after(20):
        async with open_supervisor() as sup:
            await sup.start(process_spec(spec, work))
            report = await sup.stop("agent")
            assert report.end == "returned"


async def test_who_was_killed_by_the_system_waits_before_it_is_restarted() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    backoffs: list[float] = []
    waits = trio.Event()

    def note(event: Event) -> None:
        if isinstance(event, ChildRestarting):
            backoffs.append(event.delay)
            waits.set()

    with trio.fail_after(20):
        async with open_supervisor(on_event=note) as sup:
            await sup.start(process_spec(python("agent", code)))
            await waits.wait()
            await sup.stop("agent")
            no_rule = process_spec(python("other", code), restart="temporary")
            await sup.start(no_rule)
    assert len(backoffs) == 1
    assert backoffs[0] >= 7.5 * (1 - Backoff().jitter)
    assert no_rule.on_failure == ()


async def test_the_tree_shows_a_process_as_one_with_its_pid_while_it_is_up() -> None:
    async def body() -> None:
        await trio.sleep_forever()

    async with open_supervisor(name="top", strategy="rest_for_one") as supervisor:
        process = await supervisor.start_process(python("agent", SLEEP))
        await supervisor.start(ChildSpec("body", body))
        await trio.testing.wait_all_tasks_blocked()
        tree = supervisor.tree()
        assert (tree.kind, tree.strategy, tree.pid) == (
            "supervisor",
            "rest_for_one",
            None,
        )
        agent, other = tree.children
        assert (agent.kind, agent.pid) == ("process", process.pid)
        assert agent.strategy is None
        assert (other.kind, other.pid) == ("child", None)
        await supervisor.stop("agent")
        left = [node.pid for node in supervisor.tree().children]
        assert process.pid not in left


async def test_the_tree_shows_the_pid_of_the_process_that_is_up_after_a_restart() -> (
    None
):
    seen: list[int] = []
    again = trio.Event()

    async def note(process: ChildProcess) -> None:
        seen.append(process.pid)
        if len(seen) == 1:
            await process.stop(reason="first")
            return
        again.set()
        await process.wait()

    spec = process_spec(python("agent", SLEEP), note, restart="permanent")
    async with open_supervisor(name="top") as supervisor:
        await supervisor.start(spec)
        with trio.fail_after(10):
            await again.wait()
        await trio.testing.wait_all_tasks_blocked()
        (agent,) = supervisor.tree().children
        assert (agent.pid, agent.restarts) == (seen[1], 1)
