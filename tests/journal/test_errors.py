"""Errors are the same on the other side of a process border."""

import pickle
from pathlib import Path

import pytest

from crew_actors import journal
from crew_actors.journal import (
    AmbiguousRun,
    ArtifactDamaged,
    ArtifactExists,
    ArtifactTooLarge,
    BadArtifactName,
    BadArtifactSource,
    BadEvent,
    JournalError,
    Lease,
    LeaseHeld,
    UnknownEvent,
    UnknownRun,
)

HERE = Path("/runs/r1")
OWNER = Lease(pid=7, create_time=1.0, boot_id="b", host="h", acquired_at=1.0)
AT_A_PATH = [
    "JournalClosed",
    "JournalCorrupt",
    "JournalExists",
    "JournalFull",
    "JournalIO",
    "JournalLocked",
    "JournalMissing",
    "JournalReadOnly",
    "JournalStuck",
    "NewerJournal",
    "UnsafeFolder",
]
ERRORS: list[JournalError] = [
    *(getattr(journal, name)(HERE, "so it is") for name in AT_A_PATH),
    AmbiguousRun("r", ("r1", "r2")),
    ArtifactDamaged(HERE, "it changed"),
    ArtifactExists(HERE),
    ArtifactTooLarge("x", 10),
    BadArtifactName("x", "it is bad"),
    BadArtifactSource(HERE, "it is a pipe"),
    BadEvent("run.failed", ("expected str @ event.why",)),
    LeaseHeld(HERE, OWNER),
    UnknownEvent("run.forked"),
    UnknownRun("r9", ("r1",), "the registry is damaged"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle(error: JournalError) -> None:
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)


def test_each_error_of_the_door_is_tested_here() -> None:
    bases = {"JournalError", "ArtifactError", "RegistryError"}
    door = {
        name
        for name, value in vars(journal).items()
        if isinstance(value, type) and issubclass(value, JournalError)
    }
    assert door - bases == {type(error).__name__ for error in ERRORS}
