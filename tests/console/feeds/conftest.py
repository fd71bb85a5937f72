"""Fixtures of the feeds."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the root of a project."""
    project = tmp_path / "project"
    project.mkdir()
    return project
