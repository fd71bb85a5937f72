"""Commands on a disk that is full, or cannot be written: each says so and leaves nothing."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

COMMANDS = {
    ("create", "agent", "new"): "agents/new.md",
    ("update", "agent", "worker", "--set", "description=other"): "agents/worker.md",
    ("config", "set", "limits.cost", "1", "--scope", "project"): "config.toml",
    ("init",): "config.toml",
    ("export", "latest"): "exports",
    ("diagnose", "latest"): "exports",
}
"""What each names as what cannot be written, below `.crew`."""


@pytest.fixture
def crew(project: Path, small_disk: Path) -> CommandLine:
    """A project on a small disk, with a team and a run that has ended."""
    line = CommandLine(project)
    line.team("echo done")
    ended = line("run", "try it", "--team", "duo", "--trust")
    assert ended.code == 0, ended.err
    return line


def _files(disk: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in disk.rglob("*")
        if path.is_file() and path.name != "filler"
    }


def _nothing_is_written(crew: CommandLine, disk: Path, why: str) -> None:
    before = _files(disk)
    for args, name in COMMANDS.items():
        said = crew(*args)
        assert said.code == 1, (args, said)
        assert said.err == f"crew: {disk / name}: {why}, and try again\n"
    assert _files(disk) == before


def test_a_full_disk_is_named_with_the_way_out(
    crew: CommandLine, small_disk: Path
) -> None:
    subprocess.run(
        ["sh", "-c", f"cat /dev/zero > '{small_disk}/filler'"],
        check=False,
        capture_output=True,
    )
    full = "No space left on device; make room on the disk"
    _nothing_is_written(crew, small_disk, full)
    (small_disk / "filler").unlink()
    for args in COMMANDS:
        assert crew(*args).code == 0, args


def test_a_disk_that_cannot_be_written_is_named_with_the_way_out(
    crew: CommandLine, small_disk: Path
) -> None:
    mount = shutil.which("mount") or "mount"
    subprocess.run([mount, "-o", "remount,ro", str(small_disk)], check=True)
    why = "Read-only file system; have the file system mounted for writing"
    _nothing_is_written(crew, small_disk, why)
