"""Who owns a run is decided by pid, moment of creation and boot."""

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from crew_actors.journal import (
    JournalMissing,
    Lease,
    LeaseHeld,
    RunFolder,
    _lease,
    _writer,
    open_journal,
    owner_state,
    read_lease,
)
from crew_actors.journal._database import create_database
from crew_actors.journal._lease import process_created, standing


@pytest.fixture
def owner() -> Lease:
    return Lease(pid=7, create_time=100.0, boot_id="b1", host="h1", acquired_at=5.0)


@pytest.mark.parametrize(
    ("host", "boot", "created", "expected"),
    [
        ("h1", "b1", 100.0, "held"),
        ("h1", "b1", 100.01, "held"),  # two readings differ by a tick
        ("h1", "b1", 100.03, "gone"),  # its pid belongs to another process
        ("h1", "b1", 99.0, "gone"),
        ("h1", "b1", None, "gone"),
        ("h1", "b2", 100.0, "gone"),  # the machine was started again
        ("h2", "b1", None, "gone"),  # the machine has another name now
        ("h2", "b2", 100.0, "held"),  # on a machine that cannot be looked at
    ],
)
def test_an_owner_is_known_by_pid_creation_and_boot(
    owner: Lease, host: str, boot: str, created: float | None, expected: str
) -> None:
    assert standing(owner, host=host, boot=boot, created=created) == expected


@pytest.mark.parametrize(
    ("host", "created", "expected"),
    [("h1", 100.0, "held"), ("h1", None, "gone"), ("h2", None, "held")],
)
def test_without_a_name_of_the_boot_the_host_must_be_the_same(
    owner: Lease, host: str, created: float | None, expected: str
) -> None:
    owner = attrs.evolve(owner, boot_id="")
    assert standing(owner, host=host, boot="", created=created) == expected


def test_a_lease_that_was_put_down_is_released_whoever_lives(owner: Lease) -> None:
    owner = attrs.evolve(owner, released_at=9.0)
    assert standing(owner, host="h1", boot="b1", created=100.0) == "released"


def test_the_lease_of_this_process_is_held() -> None:
    lease = Lease.mine(now=3.0, control_port=99, token="t")
    assert (lease.pid, lease.host) == (os.getpid(), socket.gethostname())
    assert (lease.acquired_at, lease.control_port, lease.token) == (3.0, 99, "t")
    assert _lease.look_at(lease) == "held"


def test_the_moment_of_creation_is_that_of_the_process_not_of_the_reading() -> None:
    code = (
        "from crew_actors.journal import Lease\n"
        "print(Lease.mine(now=0.0).create_time, flush=True)\n"
        "input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process_created(process.pid) == float(process.stdout.readline())
        process.communicate("\n")
    assert process_created(process.pid) is None


def test_a_system_that_does_not_name_its_boot_gets_an_empty_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_lease, "_BOOT_ID", tmp_path / "none")
    assert _lease.boot_id.__wrapped__() == ""


async def test_the_lease_is_in_the_run_and_its_token_in_no_text(
    folder: RunFolder, lease: Lease
) -> None:
    async with open_journal(folder, lease=lease, create=True):
        assert read_lease(folder) == lease
        assert owner_state(folder) == "held"
        with pytest.raises(LeaseHeld) as caught:
            async with open_journal(folder, lease=lease):
                pass
        for text in (str(caught.value), repr(caught.value), repr(lease)):
            assert lease.token not in text
        assert pickle.loads(pickle.dumps(caught.value)).owner == lease
    released = read_lease(folder)
    assert released is not None
    assert released.released_at is not None
    assert owner_state(folder) == "released"


async def test_who_is_refused_has_written_nothing(
    folder: RunFolder, lease: Lease
) -> None:
    async with open_journal(folder, lease=lease, create=True):
        files = [folder.database, folder.path / "run.db-wal"]
        before = [file.read_bytes() for file in files]
        with pytest.raises(LeaseHeld):
            async with open_journal(folder, lease=lease):
                pass
        assert [file.read_bytes() for file in files] == before


def _never(*_: object) -> None:
    """Put no lease down."""


async def test_a_new_owner_replaces_one_whose_pid_was_given_to_another(
    folder: RunFolder, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = attrs.evolve(lease, create_time=lease.create_time - 50)
    monkeypatch.setattr(_writer, "release_lease", _never)
    async with open_journal(folder, lease=stranger, create=True):
        pass
    assert owner_state(folder) == "gone"
    async with open_journal(folder, lease=lease):
        assert read_lease(folder) == lease


def test_a_run_whose_creator_died_before_it_took_the_lease_has_no_owner(
    folder: RunFolder,
) -> None:
    create_database(folder).close()
    assert read_lease(folder) is None
    assert owner_state(folder) == "gone"


def test_a_run_that_is_not_there_has_no_owner_to_ask_for(
    folder: RunFolder,
) -> None:
    with pytest.raises(JournalMissing):
        owner_state(folder)


def test_the_database_is_for_the_user_only(folder: RunFolder) -> None:
    create_database(folder).close()
    assert folder.database.stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700
