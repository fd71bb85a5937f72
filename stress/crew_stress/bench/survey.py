"""How long a survey takes, and that it is linear in the size of the repository."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from tempfile import TemporaryDirectory

FILES = 5_000
"""About as many as a checkout of CPython has."""

LIMIT = 60.0
"""Seconds that a survey of so many files may take on two cores."""

SMALL = FILES // 4
GROWTH_LIMIT = 6.0
"""How much longer four times as many files may take: linear, with room for noise."""


def _sources() -> list[Path]:
    """Real code to fill a repository with: the standard library's own."""
    root = Path(sysconfig.get_path("stdlib"))
    found = [p for p in root.rglob("*.py") if "site-packages" not in p.parts]
    return sorted(found)


def _make(root: Path, count: int) -> int:
    """Make a git repository of *count* files; return their bytes."""
    sources = _sources()
    size = 0
    for number in range(count):
        source = sources[number % len(sources)]
        copy, name = divmod(number, len(sources))
        target = root / f"part{copy}" / f"group{name // 50}" / f"{name}_{source.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        size += target.stat().st_size
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for args in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *identity, *args], cwd=root, check=True)
    return size


def _survey(root: Path, home: Path) -> float:
    crew = Path(sys.executable).with_name("crew")
    begin = time.perf_counter()
    subprocess.run(
        [str(crew), "run", "What is in here?", "--team", "survey"],
        cwd=root,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "CREW_HOME": str(home)},
    )
    return time.perf_counter() - begin


def _read_all(root: Path) -> float:
    """The baseline: read each file once, in one process."""
    begin = time.perf_counter()
    for path in root.rglob("*.py"):
        path.read_bytes()
    return time.perf_counter() - begin


def main() -> int:
    """Print the table; 1 if a figure is missed."""
    took: dict[int, float] = {}
    print("survey of a repository of the standard library's files, copied")
    for count in (SMALL, FILES):
        with TemporaryDirectory() as folder:
            root = Path(folder) / "repository"
            root.mkdir()
            size = _make(root, count)
            baseline = _read_all(root)
            took[count] = _survey(root, Path(folder) / "home")
            print(
                f"  {count:6,} files {size / 1e6:7.1f} MB {took[count]:7.1f} s"
                f"  {took[count] / baseline:7.1f} x reading each file once"
            )
    growth = took[FILES] / took[SMALL]
    print(f"  {took[FILES]:.1f} s for {FILES:,} files (<= {LIMIT:.0f} s)")
    print(f"  {growth:.1f} x for 4 x the files (<= {GROWTH_LIMIT:.0f} x)")
    return int(took[FILES] > LIMIT or growth > GROWTH_LIMIT)
