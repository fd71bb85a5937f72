"""`crew events`: what happened in a run, as it is written in its journal."""

from typing import Literal

import attrs

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import effective_status, follow_events, read_events
from crew_actors.model import RunStatus


@attrs.frozen(kw_only=True)
class EventsParameters:
    """Which events to tell."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    follow: bool = attrs.field(
        default=False, metadata=told("go on with what happens, until the run ends")
    )
    since: int = attrs.field(
        default=0, metadata=told("tell only what came after the event of this number")
    )


@attrs.frozen(kw_only=True)
class EventsTold:
    """How far the events went. The events themselves went to the watcher."""

    kind: Literal["summary"] = "summary"
    run: str
    status: RunStatus
    events: int
    """How many were told."""

    last: int
    """The number of the last one; as it was asked for if there was none."""


async def tell_events(parameters: EventsParameters, context: Context) -> EventsTold:
    """Hand the events of a run to the watcher, in their order.

    Cancelled, it stops telling; the run is not touched.

    Raises:
      UserError: there is no such run, or its journal cannot be read.
    """
    folder = find_run(parameters.run, context)
    count, last = 0, parameters.since
    if parameters.follow:
        async for recorded in follow_events(folder, last):
            await context.watcher.event(recorded)
            count, last = count + 1, recorded.seq
    else:
        for recorded in read_events(folder, last):
            await context.watcher.event(recorded)
            count, last = count + 1, recorded.seq
    status = effective_status(folder)
    return EventsTold(run=folder.run, status=status, events=count, last=last)


def _text(_: EventsTold) -> str:
    return ""


ACTION = Action[EventsParameters, EventsTold](
    name="events", parameters=EventsParameters, handler=tell_events, text=_text
)
