"""Each kind of fake agent, as a process of its own, does what its name says."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
import psutil
import pytest

from crew_stress.fake_agent import PERSONAS, argv
from crew_stress.scenarios.machine import handles, is_alive

LIMIT: Final = 10.0
"""Seconds that anything may take."""


@attrs.define
class Agent:
    """A running fake agent, and the pids that it tells."""

    process: "subprocess.Popen[bytes]"
    pids: dict[str, int] = attrs.field(factory=dict[str, int])

    def line(self) -> str:
        """Read a line of stdout; empty at its end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def is_silent(self, seconds: float) -> bool:
        """Tell whether it prints nothing for so long, and lives."""
        stdout = self.process.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], seconds)
        return not ready and self.process.poll() is None

    def terminate(self) -> int | None:
        """Send SIGTERM; return the status, None if it lives on."""
        self.process.terminate()
        try:
            return self.process.wait(0.3)
        except subprocess.TimeoutExpired:
            return None


@contextmanager
def agent(kind: str) -> Generator[Agent]:
    """Start an agent of that kind; at the end kill it and all that it has told."""
    with subprocess.Popen(
        argv(f"as:{kind}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        started = Agent(process)
        told: list[psutil.Process] = []
        try:
            if "ready" in PERSONAS[kind]:
                ready: dict[str, Any] = json.loads(started.line())
                started.pids = {"leader": ready["pid"], **ready["pids"]}
                told = handles(ready["pids"].values())
            yield started
        finally:
            for each in told:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            if process.poll() is None:  # its group is still its own
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_a_living(pid: int) -> bool:
    try:
        return is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def test_polite_ends_at_sigterm() -> None:
    with agent("polite") as one:
        assert one.terminate() == -signal.SIGTERM


def test_chatty_prints_without_end_and_not_all_at_once() -> None:
    with agent("chatty") as one:
        begin = time.monotonic()
        assert [one.line() for _ in range(5)] == [f"line {n}\n" for n in range(5)]
        assert time.monotonic() - begin > 0.03
        assert one.process.poll() is None


def test_silent_says_nothing_and_lives() -> None:
    with agent("silent") as one:
        assert one.is_silent(0.3)


def test_flood_fills_its_pipe_and_waits() -> None:
    with agent("flood") as one:
        state = psutil.Process(one.process.pid)
        wait_until(lambda: state.status() == psutil.STATUS_SLEEPING)
        for number in range(5_000):  # five times what a pipe holds
            assert int(one.line()) == number
        assert one.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stubborn_ignores_signals(number: int) -> None:
    with agent("stubborn") as one:
        one.process.send_signal(number)
        assert one.is_silent(0.2)


def test_forks_has_a_child_with_a_child_in_its_group() -> None:
    with agent("forks") as one:
        child, grandchild = one.pids["child"], one.pids["grandchild"]
        assert psutil.Process(child).ppid() == one.process.pid
        assert psutil.Process(grandchild).ppid() == child
        assert {os.getpgid(pid) for pid in one.pids.values()} == {one.process.pid}


def test_session_has_a_grandchild_that_a_signal_to_the_group_misses() -> None:
    with agent("session") as one:
        grandchild = one.pids["grandchild"]
        assert os.getsid(grandchild) == grandchild
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait(LIMIT)
        wait_until(lambda: not is_a_living(one.pids["child"]))
        assert is_a_living(grandchild)


def test_daemonises_leaves_a_daemon_that_is_nobodys_child() -> None:
    with agent("daemonises") as one:
        daemon = one.pids["daemon"]
        assert os.getsid(daemon) not in {os.getsid(one.process.pid), os.getsid(0)}
        assert psutil.Process(daemon) not in psutil.Process().children(recursive=True)
        assert psutil.Process(daemon).environ()["PATH"]
        assert one.terminate() == -signal.SIGTERM
        assert is_a_living(daemon)


def test_hides_has_a_daemon_without_an_environment() -> None:
    with agent("hides") as one:
        daemon = psutil.Process(one.pids["daemon"])
        wait_until(lambda: daemon.name() == "sleep")
        assert daemon.environ() == {}
        assert os.getsid(daemon.pid) != os.getsid(one.process.pid)


def test_leaves_exits_and_its_child_holds_stdout_open() -> None:
    with agent("leaves") as one:
        assert one.process.wait(LIMIT) == 0
        assert is_a_living(one.pids["child"])
        stdout = one.process.stdout
        assert stdout is not None
        assert select.select([stdout], [], [], 0.2)[0] == []
        os.kill(one.pids["child"], signal.SIGKILL)
        assert one.line() == ""


def test_a_stubborn_tree_ignores_sigterm_as_a_whole() -> None:
    with agent("stubborn-tree") as one:
        assert len(one.pids) == 3
        os.killpg(one.process.pid, signal.SIGTERM)
        assert one.is_silent(0.2)
        assert all(map(is_a_living, one.pids.values()))


def test_breeds_has_children_whose_pids_change() -> None:
    with agent("breeds") as one:
        session = one.process.pid

        def members() -> frozenset[int]:
            return frozenset(filter(lambda pid: sid(pid) == session, psutil.pids()))

        first = members()
        wait_until(lambda: len(members() - first) >= 2)
        assert one.process.poll() is None


def sid(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def test_utf8_tears_characters() -> None:
    """Each byte comes by a write of its own: a reader sees halves of characters."""
    with agent("utf8") as one:
        stdout = one.process.stdout
        assert stdout is not None
        data = b"".join(iter(lambda: os.read(stdout.fileno(), 1), b""))
        assert data.decode() == "über — 猫 🐈\n"
    read, write = os.pipe2(os.O_DIRECT)  # each write stays one packet
    with subprocess.Popen(argv("as:utf8"), stdout=write):
        os.close(write)
        packets = list(iter(lambda: os.read(read, 4096), b""))
    os.close(read)
    assert len(packets) == len(data)
    assert any(packet in data and packet >= b"\x80" for packet in packets)


def test_a_long_line_is_ten_mib_without_an_end_of_line() -> None:
    with agent("long-line") as one:
        line = one.line()
        assert line == "h" * (10 << 20) + "\n"
        assert one.line() == ""
        assert one.process.wait(LIMIT) == 0


def test_environment_prints_what_it_was_given() -> None:
    env = {"PATH": "/nowhere", "A_KEY": "with\nan end of line"}
    done = subprocess.run(
        argv("as:environment"), env=env, capture_output=True, check=True
    )
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["type"] == "env"
    assert said["env"].items() >= env.items()


def test_deaf_leaves_its_stdin_in_the_pipe() -> None:
    with agent("deaf") as one:
        assert one.process.stdin is not None
        fd = one.process.stdin.fileno()
        os.set_blocking(fd, False)
        sent = 0
        with pytest.raises(BlockingIOError):
            while True:
                sent += os.write(fd, b"hello\n" * 1000)
        assert sent >= 4096
        time.sleep(0.1)
        with pytest.raises(BlockingIOError):
            os.write(fd, b"x" * 4096)
        assert one.process.poll() is None


def test_events_prints_json_with_a_result_at_the_end() -> None:
    with agent("events") as one:
        said = [json.loads(line) for line in iter(one.line, "")]
        assert [each["type"] for each in said] == ["progress", "progress", "result"]
        assert one.process.wait(LIMIT) == 0


def test_crashes_dies_by_a_signal_and_fails_by_its_status() -> None:
    for kind, status, word in (
        ("crashes", -signal.SIGSEGV, b"it is broken\n"),
        ("fails", 1, b"it did not work\n"),
    ):
        with agent(kind) as one:
            assert one.process.wait(LIMIT) == status
            assert one.process.stderr is not None
            assert one.process.stderr.read() == word


def test_each_kind_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for kind in PERSONAS:
        assert f'"{kind}"' in text or f"as:{kind}" in text, kind
