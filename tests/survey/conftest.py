"""Fixtures for the survey: repositories on disk and agents run on them."""

import io
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crew_actors.survey.__main__ import main

_WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2024-03-01T12:00:00+00:00",
    "GIT_COMMITTER_DATE": "2024-03-01T12:00:00+00:00",
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment of which only the test decides."""
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home)}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Write files under a folder of their own and return it."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "project"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = content.encode() if isinstance(content, str) else content
            path.write_bytes(raw)
            path.chmod(0o644)
        return root

    return write


@pytest.fixture
def git(environ: dict[str, str]) -> Callable[..., str]:
    """Run git in a folder, with a fixed author and date unless told otherwise."""

    def git(root: Path, *args: str, **more: str) -> str:
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", "-c", "gc.auto=0", *args],
            cwd=root,
            env=environ | _WHO | more,
            check=True,
            capture_output=True,
        )
        return done.stdout.decode("utf-8", "replace")

    return git


@pytest.fixture
def repository(
    write: Callable[[Mapping[str, str | bytes]], Path], git: Callable[..., str]
) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Write files into a git repository with one commit."""

    def repository(files: Mapping[str, str | bytes]) -> Path:
        root = write(files)
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-q", "--allow-empty", "-m", "first")
        return root

    return repository


@pytest.fixture
def messages(
    environ: dict[str, str],
) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Run an agent in this process; return its exit code and what it wrote."""

    def messages(
        name: str, root: Path, **more: str
    ) -> tuple[int, list[dict[str, Any]]]:
        out = io.StringIO()
        code = main([name], environ | more, root, out)
        return code, [json.loads(line) for line in out.getvalue().splitlines()]

    return messages


@pytest.fixture
def survey(
    messages: Callable[..., tuple[int, list[dict[str, Any]]]],
) -> Callable[[str, Path], dict[str, Any]]:
    """Run an agent in this process and return its result message."""

    def survey(name: str, root: Path) -> dict[str, Any]:
        code, said = messages(name, root)
        assert code == 0, said
        assert said[-1]["type"] == "result"
        return said[-1]

    return survey
