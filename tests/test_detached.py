"""The runner of a detached run, and whoever starts one."""

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
import trio

from crew_actors import detached
from crew_actors.control import wait_for_run
from crew_actors.detached import RunnerFailed, RunnerOrder, start_runner
from crew_actors.journal import RunFolder, read_state
from crew_actors.model import (
    CommandSpec,
    Limits,
    PlannedTask,
    RunStatus,
    TaskId,
)
from crew_actors.places import find_project, user_places
from crew_actors.runs import create_run
from tests.support.plans import plan, task

A = TaskId("a")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREW_HOME", str(tmp_path / "home"))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Take in what a runner says to whoever has started it."""
    words: list[dict[str, object]] = []
    monkeypatch.setattr(detached, "_say", words.append)
    return words


def running(name: str, *argv: str) -> PlannedTask:
    return attrs.evolve(task(name), command=CommandSpec(argv=argv))


async def waiting_run(
    tmp_path: Path, *argv: str, limits: Limits | None = None
) -> RunFolder:
    """Write down a run that nobody works on yet."""
    project = tmp_path / "project"
    project.mkdir()
    wanted = plan(running("a", *(argv or ("echo", "done"))), limits=limits)
    places = user_places(os.environ)
    return await create_run(find_project(project), places, wanted)


def order(folder: RunFolder, **more: object) -> RunnerOrder:
    return RunnerOrder(folder=folder.path, why="by a test", **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - any field


async def test_a_runner_works_on_its_run_to_the_end(
    tmp_path: Path, said: list[dict[str, object]]
) -> None:
    folder = await waiting_run(tmp_path)
    limits = Limits(attempts=1, tokens=5)
    with trio.fail_after(20):
        code = await detached._work(order(folder, slots=2, limits=limits))
    assert code == 0
    assert said == [{"ready": os.getpid()}]
    state = read_state(folder)
    assert state.status is RunStatus.COMPLETED
    assert state.plan.limits == limits


async def test_a_runner_does_again_what_it_is_told_to(
    tmp_path: Path, said: list[dict[str, object]]
) -> None:
    folder = await waiting_run(tmp_path)
    with trio.fail_after(20):
        assert await detached._work(order(folder)) == 0
        assert await detached._work(order(folder)) == 1  # nothing is to be done
        assert await detached._work(order(folder, retry=("a",))) == 0
    ready = {"ready": os.getpid()}
    assert said[::2] == [ready, ready]
    assert "nothing in it is left to be done" in str(said[1]["error"])
    assert read_state(folder).tasks[A].attempts == 2


async def test_a_runner_says_why_it_cannot_take_a_run(
    tmp_path: Path, said: list[dict[str, object]]
) -> None:
    folder = RunFolder(tmp_path / "20260101-000000-0123456789")
    assert await detached._work(order(folder)) == 1
    ((name, why),) = said[0].items()
    assert name == "error"
    assert "20260101-000000-0123456789" in str(why)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_signal_stops_the_run_in_order_and_a_second_one_at_once(
    tmp_path: Path, said: list[dict[str, object]], times: int
) -> None:
    deaf = ("sh", "-c", "trap '' TERM; echo on; sleep 60 & wait; wait")
    folder = await waiting_run(tmp_path, *(deaf if times == 2 else ("sleep", "60")))

    async def send() -> None:
        while read_state(folder).tasks[A].pid is None:  # noqa: ASYNC110 - the run is written by other actors
            await trio.sleep(0.02)
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGTERM)
            await trio.sleep(0.02)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            assert await detached._work(order(folder)) == 0
    assert said == [{"ready": os.getpid()}]
    state = read_state(folder)
    assert (state.status, state.why) == (RunStatus.CANCELLED, "stopped by SIGTERM")


async def test_a_signal_that_comes_with_the_first_word_is_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await waiting_run(tmp_path, "sleep", "60")

    def send(_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(detached, "_say", send)
    with trio.fail_after(20):
        assert await detached._work(order(folder)) == 0
    assert read_state(folder).why == "stopped by SIGTERM"


async def test_a_runner_is_a_process_of_its_own(tmp_path: Path) -> None:
    folder = await waiting_run(tmp_path, "sleep", "60")
    with trio.fail_after(30):
        pid = await start_runner(order(folder), dict(os.environ))
        assert os.getsid(pid) not in {os.getsid(0), 0}
        os.kill(pid, signal.SIGTERM)
        assert await wait_for_run(folder) is RunStatus.CANCELLED


async def test_who_starts_a_runner_is_told_why_it_does_not_begin(
    tmp_path: Path,
) -> None:
    folder = await waiting_run(tmp_path)
    with trio.fail_after(30):
        await start_runner(order(folder), dict(os.environ))
        await wait_for_run(folder)
        with pytest.raises(
            RunnerFailed, match="nothing in it is left to be done"
        ) as no:
            await start_runner(order(folder), dict(os.environ))
    assert no.value.run == folder.run
    assert no.value.exit_code == 1
    assert str(folder.log) in str(no.value)


async def test_a_runner_that_says_nothing_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await waiting_run(tmp_path)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(RunnerFailed, match="it ended without a word"):
        await start_runner(order(folder), {})
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(RunnerFailed, match="No such file"):
        await start_runner(order(folder), {})


async def test_a_runner_has_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await waiting_run(tmp_path)

    told, ended = threading.Event(), threading.Event()

    def launch(_: RunnerOrder, __: RunFolder, ___: Mapping[str, str]) -> bytes:
        told.wait()
        ended.set()
        return b""

    monkeypatch.setattr(detached, "READY_DEADLINE", 0.05)
    monkeypatch.setattr(detached, "_launch", launch)
    with pytest.raises(RunnerFailed, match=r"it said nothing within 0\.05 seconds"):
        await start_runner(order(folder), {})
    told.set()
    await trio.to_thread.run_sync(ended.wait)


@pytest.mark.parametrize("line", [b"", b"junk\n", b"[1]\n", b"\xff\n"])
def test_what_cannot_be_understood_tells_nothing(line: bytes) -> None:
    assert detached._parse(line) == {}


def test_an_order_survives_the_way_to_its_runner(tmp_path: Path) -> None:
    limits = Limits(attempts=2, cost=1.5)
    sent = RunnerOrder(
        folder=tmp_path, why="w", retry=("a", "b"), slots=3, limits=limits
    )
    told = json.dumps(attrs.asdict(sent), default=str)
    assert detached.read_order(told) == sent
    bare = RunnerOrder(folder=tmp_path, why="w")
    assert detached.read_order(json.dumps(attrs.asdict(bare), default=str)) == bare


CRASH = """
import json, logging, sys, warnings
from crew_actors import detached

async def work(order):
    logging.getLogger("crew").warning("password=hunter2 and more")
    print("token=hunter3")
    warnings.warn("secret=hunter4")
    raise RuntimeError("x " * 400 + "Bearer hunter5hunter5 of KNOWN_" + sys.argv[2])

detached._work = work
sys.exit(detached.main(sys.argv[1:2]))
"""


async def test_the_log_of_a_runner_holds_no_secret(tmp_path: Path) -> None:
    bare = RunnerOrder(folder=tmp_path, why="w")
    told = json.dumps(attrs.asdict(bare), default=str)
    argv = [sys.executable, "-c", CRASH, told, "swordfish-swordfish"]
    environ = {**os.environ, "OUR_TOKEN": "swordfish-swordfish"}
    with trio.fail_after(30):
        ended = await trio.run_process(
            argv, env=environ, capture_stderr=True, capture_stdout=True
        )
    log = ended.stderr.decode()
    assert "WARNING crew password=*** and more" in log
    assert "RuntimeError: x x" in log
    assert "of KNOWN_***" in log
    assert "token=***" in log
    assert "hunter" not in log
    assert "swordfish" not in log
    assert ended.stdout == b""  # it is for the one word that it is ready
