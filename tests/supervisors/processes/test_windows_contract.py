"""What the rules of a tree rely on, asked of the model and of Windows itself."""

import sys

import pytest
import trio
from tests.support.windows_jobs import (
    LIMIT,
    SYSTEMS,
    launch,
    line_of,
    running,
    started,
    system,
    tree_of,
    wait_for_members,
    wait_gone,
)

from crew_supervisors.processes._job_api import Program, Windows

CODE = 0xE0000137


@pytest.fixture(params=[*SYSTEMS, "model with a console"])
def windows(request: pytest.FixtureRequest) -> Windows:
    return system(request.param)


async def exit_of(program: Program) -> int:
    with trio.fail_after(LIMIT):
        return await program.wait()


async def test_a_program_does_nothing_before_it_is_resumed(windows: Windows) -> None:
    async with started(windows, "say:hello", "exit:3") as program:
        assert program.stdout is not None
        with trio.move_on_after(0.2):
            assert await program.stdout.receive_some() is None, "it has run"
        assert windows.created(program.pid) is not None
        windows.resume(program)
        assert await line_of(program) == "hello"
        assert await exit_of(program) == 3


async def test_a_suspended_program_can_be_killed(windows: Windows) -> None:
    async with started(windows, "sleep") as program:
        windows.kill(program)
        await exit_of(program)
        assert windows.created(program.pid) is None


async def test_one_that_has_exited_is_created_no_more(windows: Windows) -> None:
    async with started(windows, "exit:0") as program:
        windows.resume(program)
        assert await exit_of(program) == 0
        await wait_gone(windows, [program.pid])


async def test_a_new_job_is_empty(windows: Windows) -> None:
    job = windows.create_job()
    assert (job.members(), job.active()) == ((), 0)
    job.terminate(CODE)
    job.close()
    job.close()


@pytest.mark.parametrize("shape", ["child", "detached", "three", "hold"])
async def test_who_is_started_in_a_job_is_in_it(windows: Windows, shape: str) -> None:
    async with running(windows, shape, "ready", "sleep") as (program, job):
        pids = await tree_of(program)
        assert sorted(job.members()) == sorted(pids.values())
        assert job.active() == len(pids)


async def test_an_orphan_is_in_the_job(windows: Windows) -> None:
    async with running(windows, "orphan", "ready", "sleep") as (program, job):
        pids = await tree_of(program)
        middle = pids.pop("child")
        await wait_gone(windows, [middle])
        assert sorted(job.members()) == sorted(pids.values())


async def test_a_job_cannot_be_left(windows: Windows) -> None:
    async with running(windows, "breakaway", "ready", "sleep") as (program, job):
        assert (await tree_of(program))["refused"] == 1
        assert job.members() == (program.pid,)


async def test_without_a_job_there_is_nothing_to_leave(windows: Windows) -> None:
    async with started(windows, "breakaway", "ready", "sleep") as program:
        windows.resume(program)
        pids = await tree_of(program)
        assert pids["refused"] == 0
        await wait_gone(windows, [pids["ready"]])  # nothing else would end it


@pytest.mark.parametrize("shape", ["child", "detached", "three", "orphan", "hold"])
async def test_terminate_ends_everybody_with_its_code(
    windows: Windows, shape: str
) -> None:
    async with running(windows, shape, "ready", "sleep") as (program, job):
        pids = await tree_of(program)
        job.terminate(CODE)
        assert await exit_of(program) == CODE
        await wait_for_members(job, 0)
        assert job.members() == ()
        await wait_gone(windows, pids.values())


@pytest.mark.parametrize("shape", ["child", "detached", "three", "orphan"])
async def test_terminate_needs_no_living_leader(windows: Windows, shape: str) -> None:
    async with running(windows, shape, "ready", "exit:7") as (program, job):
        pids = await tree_of(program)
        assert await exit_of(program) == 7
        assert job.active() > 0
        job.terminate(CODE)
        await wait_for_members(job, 0)
        await wait_gone(windows, pids.values())


@pytest.mark.parametrize("last", ["sleep", "exit:0"])
async def test_closing_the_job_ends_all_that_is_in_it(
    windows: Windows, last: str
) -> None:
    async with running(windows, "three", "detached", "ready", last) as (program, job):
        pids = await tree_of(program)
        job.close()
        await exit_of(program)
        await wait_gone(windows, pids.values())


async def test_a_look_at_a_job_sees_more_than_it_first_has_room_for(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        monkeypatch.setattr("crew_supervisors.processes._windows.ROOM", 1)
    async with running(windows, *["child"] * 4, "ready", "sleep") as (program, job):
        await tree_of(program)
        assert len(job.members()) == job.active() == 5


async def test_two_jobs_know_nothing_of_each_other(windows: Windows) -> None:
    async with (
        running(windows, "child", "ready", "sleep") as (one, first),
        running(windows, "child", "ready", "sleep") as (other, second),
    ):
        await tree_of(one)
        pids = await tree_of(other)
        first.terminate(CODE)
        await wait_for_members(first, 0)
        assert sorted(second.members()) == sorted(pids.values())


async def test_no_job_takes_a_program_that_has_exited(windows: Windows) -> None:
    async with started(windows, "exit:0") as program:
        windows.resume(program)
        await exit_of(program)
        job = windows.create_job()
        with pytest.raises(OSError):  # noqa: PT011 - any of them is a refusal
            job.assign(program)
        job.close()


async def test_stdin_and_stdout_are_pipes(windows: Windows) -> None:
    async with running(windows, "echo", "exit:5") as (program, _):
        assert program.stdin is not None
        await program.stdin.send_all(b"one\n")
        assert await line_of(program) == "one"
        await program.stdin.aclose()
        assert await exit_of(program) == 5


async def test_stdout_ends_when_nobody_holds_it(windows: Windows) -> None:
    async with running(windows, "hold", "ready", "exit:0") as (program, job):
        await tree_of(program)
        await exit_of(program)
        assert program.stdout is not None
        with trio.move_on_after(0.2):
            assert await program.stdout.receive_some() is None, "it has ended"
        job.terminate(CODE)
        with trio.fail_after(LIMIT):
            assert await program.stdout.receive_some() == b""


async def test_ctrl_break_is_taken_or_refused(windows: Windows) -> None:
    words = ("on-break:bye", "say:ready", "sleep")
    async with running(windows, *words) as (program, _):
        assert await line_of(program) == "ready"
        try:
            windows.interrupt(program)
        except OSError:
            assert windows.created(program.pid) is not None  # no console: not asked
        else:
            assert await line_of(program) == "bye"
            assert await exit_of(program) == 0


async def test_a_program_that_is_not_there_is_not_started(windows: Windows) -> None:
    missing = launch("sleep", executable=launch().executable / "missing.exe")
    with pytest.raises(OSError):  # noqa: PT011 - any of them is a refusal
        await windows.start_suspended(missing)
