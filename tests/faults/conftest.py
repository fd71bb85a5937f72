"""A project, and a small disk."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crew_actors.commands import Context
from crew_actors.places import Places, find_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    return root


@pytest.fixture
def context(project: Path) -> Context:
    """For actions in the project, with the folders that `crew_in` uses."""
    places = Places(config=project.parent / "config", data=project.parent / "data")
    return Context(
        project=find_project(project),
        places=places,
        environ={**os.environ, "CREW_HOME": str(project.parent)},
        now=lambda: 1e9,
    )


@pytest.fixture
def small_disk(project: Path) -> Iterator[Path]:
    """The folder `.crew` of the project, on a file system of two megabytes."""
    place = project / ".crew"
    place.mkdir()
    mount = shutil.which("mount") or "mount"
    argv = [mount, "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(place)]
    try:
        refused = subprocess.run(argv, check=False, capture_output=True).returncode
    except OSError:
        refused = 1
    if refused:
        pytest.skip("only root can mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
