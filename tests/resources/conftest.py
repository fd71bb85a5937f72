"""A user and a project of its own for each test."""

from pathlib import Path

import pytest
from tests.resources._house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path.resolve())
