# 1. Kept by the crew, read by whoever wants to see all of its runs. A run that has ended
#    is dropped when the next one comes: nothing has to be told.
# 2. What runs have used up is counted from their states when somebody asks. Of those
#    that are dropped the sum is kept, so no figure ever falls.
"""The runs of a crew that are at work, and what all of them have used up."""

from typing import final

import attrs
import trio

from crew_actors.model import RunId, RunState, TaskStatus
from crew_actors.runs._handle import Run


@final
@attrs.frozen(kw_only=True)
class Totals:
    """What the runs of a crew have done in this process, those included that ended."""

    runs: int = 0
    """How many have begun, or were taken up."""
    events: int = 0
    attempts: int = 0
    failed: int = 0
    """Attempts that have ended and did not complete their task."""
    input: int = 0
    """Tokens, as the agents report them; so with the next two."""
    output: int = 0
    cost: float = 0.0
    dead: int = 0
    """Dead letters of their actors."""

    def plus(self, other: "Totals", sign: int = 1) -> "Totals":
        """Add *other*, or take it away with a *sign* of -1."""
        return Totals(
            **{
                field.name: getattr(self, field.name)
                + sign * getattr(other, field.name)
                for field in attrs.fields(Totals)
            }
        )


def totals_of(state: RunState) -> Totals:
    """Count what is in the state of a run."""
    attempts = sum(task.attempts for task in state.tasks.values())
    well = state.of(TaskStatus.RUNNING, TaskStatus.WAITING, TaskStatus.COMPLETED)
    return Totals(
        events=state.seq,
        attempts=attempts,
        failed=attempts - sum(1 for task in well if task.attempts),
        input=state.usage.input,
        output=state.usage.output,
        cost=state.usage.cost,
    )


@final
@attrs.frozen
class _Entry:
    run: Run
    before: Totals
    """What it had done when it was entered: that was another process, or is counted."""

    def totals(self) -> Totals:
        look = self.run.look()
        dead = Totals(dead=0 if look is None else look.dead)
        return totals_of(self.run.state).plus(self.before, -1).plus(dead)


@final
@attrs.define(eq=False)
class Roster:
    """The runs of a crew that are at work."""

    begun: int = attrs.field(default=0, init=False)
    """How many have begun, or were taken up, so far."""
    _entries: dict[RunId, _Entry] = attrs.field(factory=dict[RunId, _Entry], init=False)
    _dropped: Totals = attrs.field(factory=Totals, init=False)
    _news: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False
    )

    def enter(self, run: Run, before: Totals) -> None:
        """Note that *run* is at work from now on. Not a checkpoint."""
        self.begun += 1
        for entry in [one for one in self._entries.values() if one.run.ended]:
            self._dropped = self._dropped.plus(entry.totals())
            del self._entries[entry.run.id]
        self._entries[run.id] = _Entry(run, before)
        self._news.unpark_all()

    def at_work(self) -> tuple[Run, ...]:
        """Give the runs that are at work, in the order in which they began."""
        entries = self._entries.values()
        return tuple(entry.run for entry in entries if not entry.run.ended)

    def find(self, run: str) -> Run | None:
        """Give the run whose id is *run*, if it is at work."""
        found = self._entries.get(RunId(run))
        return None if found is None or found.run.ended else found.run

    def totals(self) -> Totals:
        """Count what the runs have done so far. Not a checkpoint."""
        found = self._dropped.plus(Totals(runs=self.begun))
        for entry in self._entries.values():
            found = found.plus(entry.totals())
        return found

    async def newer(self, begun: int) -> None:
        """Wait until more than *begun* runs have begun. Always a checkpoint."""
        if self.begun > begun:
            await trio.lowlevel.checkpoint()
        while self.begun <= begun:
            await self._news.park()
