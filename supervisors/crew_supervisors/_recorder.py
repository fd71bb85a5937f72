# Where events go: to the user's handler, or to the log; and into a ring.
#
# 1. The ring holds the last 1,000 events and no frames of anybody.
# 2. A handler that raises is reported once, and called again for the next event.
# 3. Nothing that matters is silent: without a handler, failures are logged.
"""The flight recorder of a supervisor."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final, final

import attrs

from ._events import ChildFailed, ChildStuck, Event, SupervisorEscalated
from ._restart import parts_of

KEPT_EVENTS: Final = 1_000
_LONGEST_SUMMARY: Final = 300  # characters

log = logging.getLogger("crew_supervisors")


def summary_of(error: BaseException) -> str:
    """Return type and text of *error*, in one line of bounded length."""
    text = " ".join(str(error).split())
    parts = parts_of(error)
    if parts:
        text += ": " + ", ".join(summary_of(part) for part in parts)
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
    _kept: deque[Event] = attrs.field(
        factory=lambda: deque[Event](maxlen=KEPT_EVENTS), init=False
    )
    _handler_has_raised: bool = attrs.field(default=False, init=False)

    def note(self, event: Event) -> None:
        """Keep *event*, and hand it on. Does not raise what a handler raises."""
        kept = event
        if isinstance(event, ChildFailed) and event.error is not None:
            kept = attrs.evolve(event, error=None)
        self._kept.append(kept)
        if isinstance(event, SupervisorEscalated):
            self._dump(event)
        if self._on_event is None:
            _log(event)
            return
        try:
            self._on_event(event)
        except Exception:  # an observer cannot break what it observes
            if not self._handler_has_raised:
                self._handler_has_raised = True
                log.exception("%s: on_event raised (said once)", self.supervisor)

    def recent(self) -> tuple[Event, ...]:
        """Return the kept events, oldest first."""
        return tuple(self._kept)

    def _dump(self, event: SupervisorEscalated) -> None:
        lines = "\n".join(f"  {kept}" for kept in self._kept)
        log.error(
            "%s gives up: %r needed more than %d restarts within %g s (%s). "
            "Its last events:\n%s",
            event.supervisor,
            event.child,
            event.max_restarts,
            event.within,
            event.summary,
            lines,
        )


def _log(event: Event) -> None:
    """Log what went wrong. What goes well is in the ring only."""
    if isinstance(event, ChildFailed):
        log.warning(
            "%s: child %r (incarnation %d) failed: %s",
            event.supervisor,
            event.child,
            event.incarnation,
            event.summary,
            exc_info=event.error,
        )
    elif isinstance(event, ChildStuck):
        log.error(
            "%s: child %r (incarnation %d) was cancelled and still runs at\n%s",
            event.supervisor,
            event.child,
            event.incarnation,
            event.stack,
        )
