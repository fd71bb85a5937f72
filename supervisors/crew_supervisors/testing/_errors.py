# AssertionError
# ├── ProbeTimeout      an event that was awaited did not come in time
# ├── StillWaiting      a virtual run reached its limit: somebody waits for ever
# └── InvariantBroken   a supervisor did what it must never do
#
# They are assertion errors, because each of them is a test that fails.
"""What a test fails with, and what scripted children raise."""

from typing import final


@final
class ProbeTimeout(AssertionError):
    """No event of that kind came in time. ``came`` has what came instead."""

    def __init__(self, wanted: str, within: float, came: tuple[str, ...]) -> None:
        super().__init__(wanted, within, came)
        self.wanted = wanted
        self.within = within
        self.came = came

    def __str__(self) -> str:
        came = "".join(f"\n  {line}" for line in self.came) or " nothing"
        return f"no {self.wanted} within {self.within:g} s; what came:{came}"


@final
class StillWaiting(AssertionError):
    """A virtual run had not ended at its limit; ``stacks`` tells who waited where.

    All tasks of the run were made to raise, so that it is over now.
    """

    def __init__(self, limit: float, seed: int, stacks: str) -> None:
        super().__init__(limit, seed, stacks)
        self.limit = limit
        self.seed = seed
        self.stacks = stacks

    def __str__(self) -> str:
        return (
            f"the run with seed {self.seed} had not ended after {self.limit:g} virtual "
            f"seconds; these tasks were waiting:\n{self.stacks}"
        )


@final
class InvariantBroken(AssertionError):
    """Something happened that a supervisor rules out. ``problems`` holds all of it."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class ScriptedFailure(Exception):  # what a script says, not an error of a test
    """What scripted children raise, unless their script says otherwise."""
