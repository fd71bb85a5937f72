"""A place for a mailbox, letters to put there, and a wall clock that stands still."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from crew_mailbox import Letter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a mailbox may be made."""
    return tmp_path / "box"


@pytest.fixture
def letter() -> Callable[..., Letter]:
    """Makes letters for "ann" that say their number."""

    def make(number: int, to: str = "ann", **fields: object) -> Letter:
        plain = Letter(to=to, id=f"id-{number}", body=b"%d" % number)
        return attrs.evolve(plain, **fields)  # type: ignore[arg-type]  # the test says which

    return make


@attrs.define
class Wall:
    """A wall clock that goes when it is told to."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()
