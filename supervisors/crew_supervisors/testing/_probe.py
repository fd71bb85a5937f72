# A probe keeps the events of supervisors.
#
# 1. Each event is given to one `wait_for`, the oldest that fits first: so an event that
#    came before the call is not missed, and none is counted twice.
# 2. It is bounded. What does not fit is forgotten from the oldest on, and counted.
"""The event probe."""

from collections import deque
from collections.abc import Iterator
from typing import TypeVar, final, get_args

import attrs
import trio

from crew_supervisors import Event

from ._errors import ProbeTimeout

E = TypeVar("E", bound=Event)

_SHOWN = 30
_KINDS: tuple[type, ...] = get_args(Event)


@final
@attrs.define(eq=False)
class EventProbe:
    """Keeps events: pass it as ``on_event`` to one or several supervisors."""

    limit: int = 10_000
    """So many events are kept."""
    forgotten: int = attrs.field(default=0, init=False)
    """How many were dropped because there were more."""
    _kept: deque[tuple[int, Event]] = attrs.field(
        factory=deque[tuple[int, Event]], init=False, repr=False
    )
    _count: int = attrs.field(default=0, init=False, repr=False)
    _taken: set[int] = attrs.field(factory=set[int], init=False, repr=False)
    _came: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)

    def __call__(self, event: Event) -> None:
        """Keep *event*, and wake those who wait for it."""
        self._kept.append((self._count, event))
        self._count += 1
        if len(self._kept) > self.limit:
            number, _ = self._kept.popleft()
            self._taken.discard(number)
            self.forgotten += 1
        self._came.set()
        self._came = trio.Event()

    @property
    def events(self) -> tuple[Event, ...]:
        """The kept events, oldest first."""
        return tuple(event for _, event in self._kept)

    def of(self, kind: type[E], **fields: object) -> tuple[E, ...]:
        """Return the kept events of this kind whose *fields* have these values.

        Raises:
          TypeError: the kind has no such field.
        """
        return tuple(event for _, event in self._matches(kind, fields))

    def order(self, *kinds: type[Event]) -> tuple[str, ...]:
        """Return events as ``"db started"``, ``"app stopping"``, oldest first.

        All of them, or those of *kinds*. An event of a child begins with the name of the
        child, any other one with that of the supervisor.
        """
        wanted = kinds or _KINDS
        return tuple(line_of(each) for each in self.events if isinstance(each, wanted))

    async def wait_for(
        self, kind: type[E], *, within: float = 60.0, **fields: object
    ) -> E:
        """Return the oldest event of this kind that no `wait_for` has returned yet.

        Waits up to *within* seconds until one with these *fields* comes. Always a
        checkpoint. If cancelled, no event is used up.

        Raises:
          ProbeTimeout: none came; it shows what came.
          TypeError: the kind has no such field.
        """
        await trio.lowlevel.checkpoint()
        with trio.move_on_after(within):
            while True:
                for number, event in self._matches(kind, fields):
                    if number not in self._taken:
                        self._taken.add(number)
                        return event
                await self._came.wait()
        given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        last = [f"{event.time:.3f} {line_of(event)}" for _, event in self._kept][
            -_SHOWN:
        ]
        raise ProbeTimeout(f"{kind.__name__}({given})", within, tuple(last))

    def _matches(
        self, kind: type[E], fields: dict[str, object]
    ) -> Iterator[tuple[int, E]]:
        known = attrs.fields_dict(kind)
        for name in fields:
            if name not in known:
                message = (
                    f"{kind.__name__} has no field {name!r}; it has {', '.join(known)}"
                )
                raise TypeError(message)
        for number, event in tuple(self._kept):
            if isinstance(event, kind) and all(
                getattr(event, name) == value for name, value in fields.items()
            ):
                yield number, event


def line_of(event: Event) -> str:
    """Return who did what, as ``"db started"``."""
    who = getattr(event, "child", event.supervisor)
    kind = type(event).__name__.removeprefix("Child")
    if kind.startswith("Supervisor"):
        who, kind = event.supervisor, kind.removeprefix("Supervisor")
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in kind)
    return f"{who}{words}"
