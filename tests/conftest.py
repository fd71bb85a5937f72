"""Fixtures for all tests; above all the gate that fails a test which leaks."""

import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import psutil
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "crew",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],  # the machine may be busy
)
settings.load_profile("crew")

# A shell has it ignored in what it runs in the background, as `nohup` has the other; and
# so would our children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if os.name != "nt" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_FD_FOLDER = Path("/proc/self/fd")


def _open_files() -> dict[str, str]:
    """Return the open file descriptors that are not the interpreter's own."""
    found: dict[str, str] = {}
    if not _FD_FOLDER.is_dir():
        return found
    for entry in _FD_FOLDER.iterdir():
        try:
            found[entry.name] = str(entry.readlink())
        except OSError:
            continue  # the descriptor of this very listing is closed by now
    return found


def _threads() -> set[str]:
    # trio keeps idle worker threads for ten seconds, by design, and reuses them.
    return {
        thread.name
        for thread in threading.enumerate()
        if thread.is_alive() and not thread.name.startswith("Trio thread")
    }


def _has_children() -> bool:
    """Tell whether this process has children, as far as /proc can tell it quickly."""
    told = False
    for task in Path("/proc/self/task").glob("*"):
        try:
            if (task / "children").read_text():
                return True
            told = True
        except FileNotFoundError:
            continue  # the thread has ended, and its children are another one's now
    return not told  # where nothing is told, look the slow way


def _children() -> dict[int, str]:
    if not _has_children():
        return {}
    found: dict[int, str] = {}
    for child in psutil.Process().children(recursive=True):
        try:
            found[child.pid] = " ".join(child.cmdline()) or child.name()
        except psutil.Error:
            continue  # it ended between the two looks
    return found


@attrs.frozen
class Holdings:
    """What this process holds."""

    files: dict[str, str]
    threads: set[str]
    children: dict[int, str]

    @classmethod
    def now(cls) -> "Holdings":
        return cls(_open_files(), _threads(), _children())

    def beyond(self, before: "Holdings") -> "Holdings":
        """Return what is held now and was not held *before*."""
        return Holdings(
            {
                fd: name
                for fd, name in self.files.items()
                if before.files.get(fd) != name and not _is_shared(name)
            },
            self.threads - before.threads,
            {p: name for p, name in self.children.items() if p not in before.children},
        )


_NOTHING = Holdings({}, set(), {})


@pytest.fixture(autouse=True)
def leak_gate() -> Iterator[None]:
    """Fail a test that leaves a child process, a thread or a file descriptor.

    Tasks cannot outlive a test: each test is a `trio.run` of its own.
    """
    before = Holdings.now()
    yield
    left = Holdings.now().beyond(before)
    if left != _NOTHING:
        gc.collect()  # what only garbage holds is not leaked; collecting costs 0.1 s
        left = Holdings.now().beyond(before)
    assert left == _NOTHING, f"the test left {left}"


def _is_shared(name: str) -> bool:
    """Tell what the interpreter or pytest opens once and keeps."""
    return name.startswith(("/dev/", "anon_inode:[eventpoll]")) and "shm" not in name


@pytest.fixture(autouse=True)
def own_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give each test user folders of its own."""
    home = tmp_path_factory.mktemp("crew-home")
    monkeypatch.setenv("CREW_HOME", str(home))
    return home
