"""A cgroup for each process: how one is found and used, and what the kernel does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import trio
from tests.support.processes import (
    BARE_DAEMON,
    SHAPES,
    SOURCES,
    agent,
    living,
    tree_of,
    wait_gone,
)

from crew_supervisors.processes import ContainmentUnavailable, Rung, run_process
from crew_supervisors.processes._cgroup import (
    NEEDED,
    Cgroup,
    find_base,
    own_cgroup,
    remove_leftovers,
)
from crew_supervisors.processes._warden_host import WardenHost

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cgroups are Linux's")

SOON = (Rung("SIGTERM", 0.15),)
MOUNTS = """\
24 1 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro
31 24 0:28 / {mount} rw,nosuid shared:9 - cgroup2 cgroup2 rw
"""


def fake_proc(folder: Path, mount: Path, inside: str) -> Path:
    folder.mkdir()
    (folder / "cgroup").write_text(f"9:name=systemd:/\n0::/{inside}\n")
    (folder / "mountinfo").write_text(MOUNTS.format(mount=mount))
    return folder


def fake_base(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in NEEDED:
        (folder / name).write_text("populated 0\n")
    return folder


def leaves(base: Path) -> list[Path]:
    return [each for each in base.iterdir() if each.is_dir()]


# The rules, on any folder


def test_the_own_cgroup_is_where_it_is_mounted(tmp_path: Path) -> None:
    base = fake_base(tmp_path / "mount" / "user.slice" / "crew")
    proc = fake_proc(tmp_path / "self", tmp_path / "mount", "user.slice/crew")
    assert own_cgroup(proc) == base
    assert find_base(None, proc) == base
    assert find_base(base, tmp_path) == base


def test_the_root_of_all_cgroups_is_nobodys_to_use(tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount" / "cgroup.procs").touch()
    proc = fake_proc(tmp_path / "self", tmp_path / "mount", "")
    found = find_base(None, proc)
    assert isinstance(found, str)
    assert "has no cgroup.kill: it is the root of all cgroups" in found


def test_without_cgroup_v2_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("9:name=systemd:/\n")
    (tmp_path / "mountinfo").write_text("")
    assert find_base(None, tmp_path) == "no cgroup v2 is mounted"
    found = find_base(None, tmp_path / "no-proc")
    assert isinstance(found, str)
    assert "cannot be looked at" in found


def test_what_may_not_be_written_is_not_delegated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = fake_base(tmp_path / "base")

    def access(place: Path, mode: int) -> bool:
        return place == base

    monkeypatch.setattr(os, "access", access)  # root may write everything
    assert find_base(base) == (
        f"{base / 'cgroup.procs'} cannot be written: it is not delegated to this user"
    )


async def test_a_leaf_is_killed_until_it_is_empty(tmp_path: Path) -> None:
    leaf = Cgroup(tmp_path, "leaf")
    kill, events = leaf.path / "cgroup.kill", leaf.path / "cgroup.events"
    kill.touch()
    events.write_text("populated 1\nfrozen 0\n")

    async def die() -> None:
        while kill.read_text() != "1":  # noqa: ASYNC110 - a file tells nobody
            await trio.sleep(0.001)
        events.write_text("populated 0\nfrozen 0\n")

    assert not await leaf.kill(0.01)
    kill.write_text("")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(die)
        assert await leaf.kill(5)
    leaf.remove()
    assert leaf.path.exists()  # a folder with files in it is no empty cgroup
    kill.unlink()
    events.unlink()
    (leaf.path / "below").mkdir()
    leaf.remove()
    leaf.remove()
    assert not leaf.path.exists()
    assert await leaf.kill(5)


async def test_a_start_that_requires_a_cgroup_is_refused_without(
    tmp_path: Path,
) -> None:
    spec = agent("exit:0", containment="required:cgroup", cgroup=tmp_path)
    with pytest.raises(ContainmentUnavailable, match=r"requires containment 'cgroup'"):
        await run_process(spec)
    assert leaves(tmp_path) == []


async def test_a_leaf_that_cannot_be_made_or_entered_is_refused_or_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = fake_base(tmp_path / "base")

    def no_leaf(self: Path) -> None:
        raise PermissionError(13, "no")

    def full(self: Path) -> None:
        os.mkdir(self)  # noqa: PTH102 - it is pathlib's that is replaced
        os.mkdir(self / "cgroup.procs")  # noqa: PTH102 - as above

    for broken, words in ((no_leaf, "can be made"), (full, "cannot be entered")):
        monkeypatch.setattr(Path, "mkdir", broken)
        with pytest.raises(ContainmentUnavailable, match=words):
            await run_process(
                agent("exit:0", containment="required:cgroup", cgroup=base)
            )
        ended = await run_process(agent("exit:0", cgroup=base))
        assert (ended.report.containment, ended.succeeded) == ("warden", True)
        monkeypatch.undo()


async def test_empty_leaves_of_runtimes_that_are_gone_are_removed_once(
    tmp_path: Path,
) -> None:
    nobody = (1 << 22) + 1  # above every number that Linux gives
    for name in (f"crew-{nobody}-a", f"crew-{os.getpid()}-b", "crew-x-c", "others"):
        (tmp_path / name / "below").mkdir(parents=True)
    lived_in = tmp_path / f"crew-{nobody}-d"
    lived_in.mkdir()
    (lived_in / "cgroup.events").write_text("populated 1\n")
    remove_leftovers(tmp_path)
    left = {each.name for each in leaves(tmp_path)}
    assert left == {f"crew-{os.getpid()}-b", "crew-x-c", "others", lived_in.name}
    (tmp_path / f"crew-{nobody}-e").mkdir()
    remove_leftovers(tmp_path)
    assert (tmp_path / f"crew-{nobody}-e").exists()


async def test_who_may_not_be_signalled_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, number: int) -> NoReturn:
        raise PermissionError

    (tmp_path / "crew-1-a").mkdir()
    monkeypatch.setattr(os, "kill", refuse)
    remove_leftovers(tmp_path)
    assert (tmp_path / "crew-1-a").exists()


# The kernel


@pytest.fixture
def delegated() -> Iterator[Path]:
    """Return a cgroup of this test's own, where the system lets us make one."""
    mount = own_cgroup(Path("/proc/self"))
    if mount is None:
        pytest.skip("no cgroup v2 is mounted")
    base = mount / f"crew-test-{os.getpid()}"
    try:
        base.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    found = find_base(base)
    if isinstance(found, str):
        base.rmdir()
        pytest.skip(found)
    yield base
    left = leaves(base)
    base.rmdir()
    assert left == []


@pytest.mark.parametrize("shape", [*SHAPES, "daemon without environment"])
async def test_a_stop_leaves_no_survivor_and_no_cgroup(
    shape: str, delegated: Path
) -> None:
    before, after = {**SHAPES, "daemon without environment": BARE_DAEMON}[shape]
    spec = agent(
        *(*before, "ready", after),
        drain=30.0,
        ladder=SOON,
        containment="required:cgroup",
        cgroup=delegated,
    )
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        (leaf,) = leaves(delegated)
        inside = set(map(int, (leaf / "cgroup.procs").read_text().split()))
        assert {pid for pid in pids.values() if living([pid])} <= inside
        report = await process.stop()
        assert living(pids.values()) == []
        await process.wait()
        assert not leaf.exists()
    assert (report.containment, report.survivors) == ("cgroup", ())


async def test_a_storm_of_forks_ends_at_once(delegated: Path) -> None:
    spec = agent("storm:8", "ready", "sleep", cgroup=delegated)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        report = await process.stop(grace=0)
    assert (report.containment, report.survivors) == ("cgroup", ())


async def test_a_cgroup_holds_without_its_warden(delegated: Path) -> None:
    """Also a daemon that has left everything else by which it could be found."""
    spec = agent("tree:bare-daemon", "ready", "sleep", cgroup=delegated)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        host = process._life.host
        assert isinstance(host, WardenHost)
        os.kill(host._process.pid, signal.SIGKILL)
        ended = await process.wait()
        assert living(pids.values()) == []
    assert ended.reason == "containment_lost"
    assert (ended.report.containment, ended.report.survivors) == ("cgroup", ())


async def test_the_warden_removes_the_cgroup_when_the_runtime_is_gone(
    delegated: Path,
) -> None:
    async with trio.open_nursery() as nursery:
        spec = agent("ignore-term", "ready", "sleep", cgroup=delegated)
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        (leaf,) = leaves(delegated)
        handle = os.pidfd_open(pids["leader"])
        host = process._life.host
        assert isinstance(host, WardenHost)
        host._link.close()  # as the kernel does it for a runtime that is killed
        await wait_gone([handle])
        await process.wait()
        assert not leaf.exists()


RUNTIME = """
import sys, trio
from pathlib import Path
from crew_supervisors.processes import ProcessSpec, run_process

async def main():
    async with trio.open_nursery() as nursery:
        spec = ProcessSpec(name="a", argv=tuple(sys.argv[2:]), cgroup=Path(sys.argv[1]))
        process = await nursery.start(run_process, spec)
        print(process._life.host._process.pid, flush=True)

trio.run(main)
"""


async def test_what_a_runtime_and_a_warden_killed_together_leave_is_removed(
    delegated: Path,
) -> None:
    """Not what lives there; but its empty cgroup, by the next one who makes one."""
    runtime = await trio.lowlevel.open_process(
        [sys.executable, "-c", RUNTIME, str(delegated), *agent("sleep").argv],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCES / "supervisors")},
    )
    assert runtime.stdout is not None
    with trio.fail_after(20):
        warden = int(await runtime.stdout.receive_some())
    os.kill(warden, signal.SIGSTOP)  # so that it sees nothing of the other's end
    runtime.kill()
    os.kill(warden, signal.SIGKILL)
    await runtime.wait()
    await runtime.stdout.aclose()
    (leaf,) = leaves(delegated)
    leaf_of = Cgroup.__new__(Cgroup)
    leaf_of.path = leaf
    assert leaf_of.is_populated()
    assert await leaf_of.kill(5)
    assert (await run_process(agent("exit:0", cgroup=delegated))).succeeded
    assert leaves(delegated) == []
