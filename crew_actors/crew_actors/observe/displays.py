# The three ways to show a run while it goes on: lines, JSON lines, and the live
# table of `live`, which is a module of its own because rich is slow to load.
#
# 1. What belongs to the run goes to the first printer, what is said to the person
#    beside it to the second: the first can be read by a program.
"""What shows a run while it goes on."""

from typing import Protocol

import attrs
import trio

from crew_actors.journal import advance_over, kind_of
from crew_actors.model import Recorded, RunState
from crew_actors.observe._describe import event_line
from crew_actors.observe._lines import Narrator
from crew_actors.observe._objects import fields_of, json_line
from crew_actors.observe._text import clean
from crew_actors.observe.printer import Printer


class Display(Protocol):
    """Shows one run. `event` and `note` may wait for a slow reader."""

    async def event(self, recorded: Recorded) -> None:
        """Show the next event."""
        ...

    async def note(self, text: str) -> None:
        """Say something to the person that is no event."""
        ...

    async def run(self) -> None:
        """Do what is to be done between events, until cancelled.

        When it ends, all that it has shown is in its final form.
        """
        ...


@attrs.define(eq=False)
class _Lines:
    """What only writes lines, which are final at once."""

    _out: Printer
    _err: Printer

    async def note(self, text: str) -> None:
        """Say *text* beside the lines."""
        await self._err.line(clean(text))

    async def run(self) -> None:
        """Do nothing."""
        await trio.sleep_forever()


@attrs.define(eq=False)
class PlainDisplay(_Lines):
    """Tells a run in lines: what a person wants to know of it."""

    _narrator: Narrator = attrs.field(factory=Narrator, init=False)
    _state: RunState | None = attrs.field(default=None, init=False)

    async def event(self, recorded: Recorded) -> None:
        """Tell the event if it is worth a line. They begin with the run's first."""
        self._state = folded(self._state, recorded)
        self._narrator, line = self._narrator.tell(recorded, self._state)
        if line is not None:
            await self._out.line(line)


@attrs.define(eq=False)
class EventDisplay(_Lines):
    """Tells each event in a line."""

    async def event(self, recorded: Recorded) -> None:
        """Write the event."""
        await self._out.line(event_line(recorded))


@attrs.define(eq=False)
class JsonDisplay(_Lines):
    """Tells each event as a line of JSON."""

    async def event(self, recorded: Recorded) -> None:
        """Write the event."""
        await self._out.line(json_line(event_object(recorded)))


def event_object(recorded: Recorded) -> dict[str, object]:
    """Turn an event into one flat object: seq, at, kind and its own fields.

    The kinds are those of the journal.
    """
    head = {"seq": recorded.seq, "at": recorded.at, "kind": kind_of(recorded.event)}
    return head | fields_of(recorded.event)


def folded(state: RunState | None, recorded: Recorded) -> RunState:
    """Fold the next event into *state*; None is the state before the first one.

    Raises:
      IllegalEvent: it is not the next one.
    """
    return advance_over(state, recorded)
