# Where events go: to the user's handler, or to the log; and into a ring.
#
# 1. The ring holds the last 1,000 events and no frames of anybody.
# 2. A handler that raises is reported once, and called again for the next event.
# 3. Nothing that matters is silent: without a handler, failures are logged.
"""The flight recorder of a supervisor."""

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, final

import attrs

from ._events import (
    ChildFailed,
    ChildStopped,
    ChildStuck,
    Event,
    SupervisorEscalated,
    SupervisorRestartingGroup,
)
from ._reports import ChildReport
from ._restart import parts_of

KEPT_EVENTS: Final = 1_000
KEPT_MEMBERS: Final = 20
"""Names of a group that a kept event holds."""
_LONGEST_SUMMARY: Final = 300  # characters
DEEPEST_SUMMARY: Final = 5  # groups inside of groups
LAST_EVENTS: Final = 20
"""Events that are logged when a supervisor gives up."""

log = logging.getLogger("crew_supervisors")


def summary_of(error: BaseException) -> str:
    """Return type and text of *error*, in one line of bounded length. Never raises."""
    return _summary(error, 0)


def _summary(error: BaseException, depth: int) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001  # the text is the user's code
        text = "(its text cannot be read)"
    inner = ""
    if depth < DEEPEST_SUMMARY:
        for part in parts_of(error):
            inner += (", " if inner else "") + _summary(part, depth + 1)
            if len(inner) > _LONGEST_SUMMARY:
                break
    if inner:
        text += f": {inner}"
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if len(text) <= _LONGEST_SUMMARY:
        return text
    return text[:_LONGEST_SUMMARY] + "…"


@final
@attrs.define(eq=False)
class Recorder:
    """Hands events on, and keeps the last ones."""

    supervisor: str
    _on_event: Callable[[Event], object] | None
    _log_error_after: int = 0
    _kept: deque[Event] = attrs.field(
        factory=lambda: deque[Event](maxlen=KEPT_EVENTS), init=False
    )
    _handler_has_raised: bool = attrs.field(default=False, init=False)

    def note(self, event: Event) -> None:
        """Keep *event*, and hand it on. Does not raise what a handler raises."""
        self._kept.append(_lean(event))
        if isinstance(event, SupervisorEscalated):
            with suppress(Exception):  # a log that raises breaks nothing here
                self._dump(event)
        try:
            if self._on_event is None:
                log_event(event, error_after=self._log_error_after)
            else:
                self._on_event(event)
        except Exception:  # an observer cannot break what it observes
            if not self._handler_has_raised:
                self._handler_has_raised = True
                with suppress(Exception):  # the log may be what raises
                    log.exception("%s: on_event raised (said once)", self.supervisor)

    def recent(self) -> tuple[Event, ...]:
        """Return the kept events, oldest first."""
        return tuple(self._kept)

    def _dump(self, event: SupervisorEscalated) -> None:
        last = list(self._kept)[-LAST_EVENTS:]
        lines = "\n".join(f"  {kept}"[:_LONGEST_SUMMARY] for kept in last)
        why = "raised what its spec escalates"
        if not event.by_rule:
            limit = f"{event.max_restarts} restarts within {event.within:g} s"
            why = f"needed more than {limit}"
        log.error(
            "%s gives up: %r %s (%s). Its last events:\n%s",
            event.supervisor,
            event.child,
            why,
            event.summary,
            lines,
        )


def _lean(event: Event) -> Event:
    """Return what is kept of *event*: its size depends on nobody."""
    if isinstance(event, ChildFailed) and event.error is not None:
        return attrs.evolve(event, error=None)
    if isinstance(event, SupervisorRestartingGroup):
        return attrs.evolve(event, members=event.members[:KEPT_MEMBERS])
    return event


def log_event(event: Event, *, error_after: int = 3) -> None:
    """Log what went wrong, under ``crew_supervisors``; what goes well is not logged.

    What a supervisor without ``on_event`` does with its events; call it from your own
    handler to keep that. A failure is a warning, and an error after *error_after*
    restarts in a row.
    """
    match event:
        case ChildFailed():
            log.log(
                logging.ERROR if event.restarts >= error_after else logging.WARNING,
                "%s: child %r (incarnation %d) failed: %s",
                event.supervisor,
                event.child,
                event.incarnation,
                event.summary,
                exc_info=event.error,
            )
        case ChildStopped(report=ChildReport(end="failed") as report):
            log.warning(
                "%s: child %r (incarnation %d) failed while it stopped: %s",
                event.supervisor,
                event.child,
                event.incarnation,
                report.error,
            )
        case ChildStuck():
            log.error(
                "%s: child %r (incarnation %d) was cancelled and still runs at\n%s",
                event.supervisor,
                event.child,
                event.incarnation,
                event.stack,
            )
        case _:
            pass
