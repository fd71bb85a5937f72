"""How a process is stopped: ladder, deadlines, who asks and what is said."""

import os

import pytest
import trio
from tests.support.processes import agent, living, next_json, tree_of

from crew_supervisors.processes import ChildProcess, Rung, StdinClosed, run_process
from crew_supervisors.processes._group_host import GroupHost
from crew_supervisors.processes._life import Life
from crew_supervisors.processes._report import ProcessIdentity
from crew_supervisors.processes._scan import TreeQuery, find_tree, is_alive

MIB = 1 << 20
STUBBORN = ("ignore-term", "tree:child", "ready", "sleep")


async def test_a_polite_agent_is_not_killed() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("on-term:bye", "ready", "sleep")
        )
        await tree_of(process)
        report = await process.stop(reason="the run was cancelled")
        assert (await anext(process.lines())).text == "bye"
        ended = await process.wait()
    assert report.graceful
    assert report.escalations == ("SIGTERM",)
    assert report.asked == "the run was cancelled"
    assert report.took < 2
    assert (ended.returncode, ended.signal, ended.reason) == (0, None, "stopped")


async def test_a_tree_that_ignores_sigterm_is_killed_when_its_grace_is_over() -> None:
    ladder = (Rung("SIGINT", 0.05), Rung("SIGTERM", 0.1))
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*STUBBORN, ladder=ladder))
        pids = await tree_of(process)
        report = await process.stop()
        assert living(pids.values()) == []
        ended = await process.wait()
    assert report.escalations == ("SIGINT", "SIGTERM", "SIGKILL")
    assert not report.graceful
    assert 0.15 <= report.took < 2
    assert (ended.returncode, ended.signal) == (None, "SIGKILL")
    assert ended.reason == "stopped"


@pytest.mark.parametrize("containment", ["best", "group"])
async def test_a_suspended_agent_is_woken_to_leave(containment: str) -> None:
    spec = agent("on-term:bye", "ready", "suspend", "sleep", containment=containment)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        assert await process.alive()
        report = await process.stop()
    assert report.graceful
    assert report.escalations == ("SIGTERM",)


async def test_a_grace_of_nothing_kills_at_once() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("on-term:bye", "ready", "sleep")
        )
        await tree_of(process)
        report = await process.stop(grace=0)
    assert report.escalations == ("SIGKILL",)


async def test_concurrent_stops_share_one_and_the_shorter_grace_counts() -> None:
    reports: list[object] = []

    async def stop(grace: float | None, reason: str) -> None:
        reports.append(await process.stop(grace=grace, reason=reason))

    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*STUBBORN))
        await tree_of(process)
        nursery.start_soon(stop, None, "first")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(stop, 0.05, "second")
    first, second = reports
    assert first is second
    assert await process.stop() is first
    assert process._life.report is not None
    assert process._life.report.asked == "first"
    assert process._life.report.took < 2


async def test_a_deadline_around_the_stop_shortens_the_grace() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*STUBBORN))
        await tree_of(process)
        with trio.move_on_after(0.3) as scope:
            report = await process.stop()
            assert report.escalations == ("SIGTERM", "SIGKILL")
        assert not scope.cancelled_caught


@pytest.mark.parametrize("late", [False, True])
async def test_a_cancelled_stop_still_ends_the_tree(late: bool) -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*STUBBORN))
        pids = await tree_of(process)
        with trio.CancelScope() as scope:
            if late:
                nursery.start_soon(cancel_when_blocked, scope)
            else:
                scope.cancel()
            report = await process.stop()
            assert living(pids.values()) == []
            assert report.took < 2
            await trio.lowlevel.checkpoint()
            pytest.fail("the cancellation is delivered after the stop")
        assert scope.cancelled_caught


async def cancel_when_blocked(scope: trio.CancelScope) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def test_a_stop_during_the_drain_ends_the_drain() -> None:
    spec = agent("tree:child:hold", "ready", "exit:0", drain=60.0)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        await process._life.host.exited.wait()
        assert not await process.alive()
        report = await process.stop()
        assert living(pids.values()) == []
        ended = await process.wait()
    assert report.took < 2
    assert report.asked == "exit"  # it had ended before it was asked to
    assert (ended.reason, ended.returncode) == ("exited", 0)
    assert ended.output_truncated


@pytest.mark.parametrize(
    ("script", "limits", "reason"),
    [
        (("sleep",), {"startup": 0.2, "silence": 9.0}, "startup_timeout"),
        (("say:x", "sleep"), {"startup": 5.0, "silence": 0.2}, "silence_timeout"),
        (("err:last words", "sleep"), {"startup": 5.0, "wall": 0.2}, "wall_timeout"),
    ],
)
async def test_the_exit_names_the_deadline_that_fired(
    script: tuple[str, ...], limits: dict[str, float], reason: str
) -> None:
    ended = await run_process(agent(*script, stdout="tail", **limits))
    assert ended.reason == reason
    assert ended.report.asked == reason.replace("_", " ")
    spoke = "err:last words" in script
    assert ended.stderr_tail == ("last words\n" if spoke else "")


async def test_output_puts_the_silence_off() -> None:
    beats = ["say:x", "sleep:0.15"] * 4
    ended = await run_process(agent(*beats, "exit:0", stdout="tail", silence=1.0))
    assert (ended.reason, ended.returncode) == ("exited", 0)


@pytest.mark.parametrize("limits", [{"silence": 1.0}, {"wall": 1.0}, {"startup": 1.0}])
async def test_deadlines_end_with_the_program(limits: dict[str, float]) -> None:
    """What its descendants hold open has the drain, and all of it."""
    script = ("tree:child:hold", *["ready"] * ("startup" not in limits), "exit:0")
    ended = await run_process(agent(*script, stdout="tail", drain=1.5, **limits))
    assert (ended.reason, ended.returncode) == ("exited", 0)
    assert ended.report.took >= 1.5


async def test_waiting_for_a_slow_reader_is_no_silence() -> None:
    spec = agent("flood:1048576", "exit:0", silence=0.2, buffer=400)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        output = process._life.outputs["stdout"]
        with trio.fail_after(10):
            while not output.waiting:
                await trio.testing.wait_all_tasks_blocked(0.01)
        with trio.move_on_after(0.5):
            await process.wait()
            pytest.fail("it must wait for its reader")
        async for _ in process.lines():
            pass
        assert (await process.wait()).reason == "exited"


LINGERS = ("on-term:bye", "say:answer", "sleep")


async def test_a_process_that_lingers_after_its_answer_has_succeeded() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*LINGERS))
        assert (await anext(process.lines())).text == "answer"
        report = await process.finish(quiet=0.05)
        assert (await anext(process.lines())).text == "bye"
        ended = await process.wait()
    assert (report.graceful, report.asked) == (True, "finished")
    assert (ended.reason, ended.succeeded, str(ended)) == ("finished", True, "finished")


async def test_even_a_kill_is_a_success_when_the_answer_was_given() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*STUBBORN))
        pids = await tree_of(process)
        report = await process.finish(quiet=0.05, within=0.2)
        assert living(pids.values()) == []
        ended = await process.wait()
    assert report.escalations == ("SIGTERM", "SIGKILL")
    assert 0.1 < report.took < 2
    assert (ended.signal, ended.reason, ended.succeeded) == (
        "SIGKILL",
        "finished",
        True,
    )


@pytest.mark.parametrize(("status", "succeeded"), [(0, True), (3, False)])
async def test_a_process_that_exits_in_the_quiet_time_has_exited(
    status: int, succeeded: bool
) -> None:
    async with trio.open_nursery() as nursery:
        script = ("say:answer", "sleep:0.05", f"exit:{status}")
        process = await nursery.start(run_process, agent(*script))
        assert (await anext(process.lines())).text == "answer"
        assert (await process.finish(quiet=9.0)).asked == "exit"
        ended = await process.wait()
    assert (ended.reason, ended.returncode) == ("exited", status)
    assert (ended.succeeded, str(ended)) == (succeeded, f"exit status {status}")


async def test_a_cancelled_finish_still_ends_the_tree() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*STUBBORN))
        pids = await tree_of(process)
        with trio.move_on_after(0.05) as scope:
            report = await process.finish(quiet=60, within=90)
            assert living(pids.values()) == []
            assert report.took < 2
            await trio.lowlevel.checkpoint()
            pytest.fail("the cancellation is delivered after the stop")
        assert scope.cancelled_caught
        assert (await process.wait()).reason == "finished"


async def test_who_speaks_on_after_its_answer_is_given_time() -> None:
    """Silence counts from the last word, and the deadlines of the spec no more."""
    script = ("say:answer", *("sleep:0.2", "say:more") * 4, "exit:0")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent(*script, wall=0.5))
        assert (await anext(process.lines())).text == "answer"
        nursery.start_soon(drop_lines, process)
        await process.finish(quiet=0.6)
        ended = await process.wait()
    assert (ended.reason, ended.returncode) == ("exited", 0)


async def test_who_never_stops_speaking_has_no_more_than_the_limit() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("say:answer", "chat:10"))
        assert (await anext(process.lines())).text == "answer"
        nursery.start_soon(drop_lines, process)
        with trio.fail_after(10):
            await process.finish(quiet=9.0, within=0.3)
        assert (await process.wait()).reason == "finished"


async def drop_lines(process: ChildProcess) -> None:
    async for _ in process.lines():
        pass


async def test_a_rung_can_speak_to_the_agent_instead_of_signalling_it() -> None:
    ladder = (Rung(send=b"leave\n", close_stdin=True), Rung("SIGTERM", 5.0))
    spec = agent("ignore-term", "ready", "echo", "exit:0", stdin="pipe", ladder=ladder)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        report = await process.stop()
        assert (await anext(process.lines())).text == "leave"
        ended = await process.wait()
    assert report.escalations == ("message", "stdin closed")
    assert (report.unsent, report.graceful) == ((), True)
    assert (ended.returncode, ended.reason) == (0, "stopped")


async def test_a_full_stdin_does_not_hold_the_ladder_up() -> None:
    ladder = (Rung(send=b"x" * MIB, grace=0.1), Rung("SIGTERM", 5.0))
    spec = agent("on-term:bye", "ready", "sleep", stdin="pipe", ladder=ladder)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        report = await process.stop()
    assert report.escalations == ("SIGTERM",)
    assert report.unsent == ("it did not read its stdin in time",)
    assert report.graceful


async def test_a_broken_stdin_is_told_and_the_ladder_goes_on() -> None:
    ladder = (Rung(send=b"leave\n", grace=0.1), Rung("SIGTERM", 5.0))
    script = ("close-stdin", "on-term:bye", "ready", "sleep")
    async with trio.open_nursery() as nursery:
        spec = agent(*script, stdin="pipe", ladder=ladder)
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        report = await process.stop()
    assert report.escalations == ("SIGTERM",)
    assert report.unsent == ("it has closed its stdin, or has ended",)


async def test_a_ladder_that_closes_stdin_waits_for_no_sender() -> None:
    refused: list[str] = []

    async def send(process: ChildProcess) -> None:
        try:
            await process.send_bytes(b"x" * MIB)
        except StdinClosed as error:
            refused.append(error.why)

    ladder = (Rung(close_stdin=True, grace=0.05), Rung(grace=0.05))
    async with trio.open_nursery() as nursery:
        spec = agent("ready", "sleep", stdin="pipe", ladder=ladder)
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        nursery.start_soon(send, process)
        await trio.testing.wait_all_tasks_blocked()
        report = await process.stop()
    assert report.escalations == ("stdin closed", "SIGKILL")
    assert report.took >= 0.1
    assert len(refused) == 1


async def test_a_kill_from_outside_is_told() -> None:
    ended = await run_process(agent("die:SIGKILL"))
    assert (ended.returncode, ended.signal, ended.reason) == (
        None,
        "SIGKILL",
        "killed_by_system",
    )


async def test_a_crash_by_another_signal_is_an_exit() -> None:
    ended = await run_process(agent("die:SIGTERM"))
    assert (ended.signal, ended.reason) == ("SIGTERM", "exited")
    assert (ended.succeeded, str(ended)) == (False, "ended by SIGTERM")


async def test_a_cancelled_wait_ends_only_the_waiting() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("ready", "sleep"))
        await next_json(process)
        with trio.move_on_after(0.01) as scope:
            await process.wait()
        assert scope.cancelled_caught
        assert await process.alive()
        await process.stop()


async def test_a_fault_of_ours_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(life: Life) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Life, "_go_through", broken)
    monkeypatch.setattr("crew_supervisors.processes._life.KILL_LIMIT", 0.1)
    with pytest.raises(ExceptionGroup) as caught:
        await run_process(agent("sleep"))
    assert caught.group_contains(RuntimeError, match="a bug")


async def test_a_fault_of_ours_makes_nobody_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(host: GroupHost, limit: float) -> None:
        pids.append(host.identity.pid)
        raise RuntimeError("a bug")

    pids: list[int] = []
    monkeypatch.setattr(GroupHost, "kill", broken)
    with trio.fail_after(10), pytest.raises(ExceptionGroup):
        await run_process(agent("exit:0", "sleep", containment="group"))
    assert len(pids) == 2


async def test_nothing_is_sent_to_a_number_that_went_to_another_process() -> None:
    stranger = ProcessIdentity(os.getpid(), 1.0)
    query = TreeQuery(root=stranger, marker="no such marker", gone_at=2.0)
    assert find_tree(query) == []
    assert not is_alive(stranger)


async def test_its_repr_says_which_it_is() -> None:
    processes: list[ChildProcess] = []
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("exit:0"))
        processes.append(process)
    assert repr(processes[0]) == f"<ChildProcess 'agent' pid={processes[0].pid} warden>"
