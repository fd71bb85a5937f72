"""One round of a scenario."""

from pathlib import Path
from random import Random
from typing import final

import attrs
import psutil

from crew_stress.scenarios.book import Book
from crew_stress.scenarios.machine import new_token
from crew_stress.scenarios.values import Load


@final
@attrs.define(kw_only=True)
class Round:
    """What is put on, and where it is told what comes of it."""

    load: Load
    seed: int
    """Chooses all that is chosen by chance."""
    book: Book
    records: Path
    """Where runtimes write down what they start: `crew census` looks there."""
    chance: Random = attrs.field(init=False)
    token: str = attrs.field(factory=new_token, init=False)
    """By which the processes of the round are found."""
    told: list[psutil.Process] = attrs.field(
        factory=list[psutil.Process], init=False, repr=False
    )
    """Those whose pids fake agents have told. Of a command of the user's nothing is
    believed: who is in here may be killed."""

    def __attrs_post_init__(self) -> None:
        self.chance = Random(self.seed)

    @property
    def own_records(self) -> Path:
        """Where a runtime that the round kills writes them down."""
        return self.records / f"stress-{self.token}"

    def make_records(self) -> Path:
        """Make that folder; it goes when nobody is left of the round."""
        self.own_records.mkdir(parents=True, mode=0o700)
        return self.own_records
