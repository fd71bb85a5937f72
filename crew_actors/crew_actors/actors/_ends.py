# How the end of an actor, or of one of its incarnations, is told to others.
#
# 1. An actor ends once, for good: `Terminated`. Restarts do not end it.
# 2. An incarnation ends by returning, by failing, or because it was told to stop:
#    `Exited`, for the actors that are linked to it.
"""Messages about ends, and who is told."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import attrs

if TYPE_CHECKING:
    from crew_actors.actors._cell import Cell
    from crew_actors.actors._ref import Ref

How: TypeAlias = Literal["returned", "failed", "stopped"]
"""By itself, by an error, or as it was told to."""


@final
@attrs.frozen
class Terminated:
    """The actor has ended for good. Its name is free."""

    ref: "Ref[Any]"
    how: How
    failure: BaseException | None = attrs.field(default=None, eq=False, repr=False)
    """What it raised last, if that ended it."""


@final
@attrs.frozen
class Exited:
    """An incarnation of an actor that this one was linked to has ended.

    For those that link with ``trap=True``. The link is gone.
    """

    ref: "Ref[Any]"
    incarnation: int
    how: How
    failure: BaseException | None = attrs.field(default=None, eq=False, repr=False)


Follower: TypeAlias = Callable[[Terminated], None]
"""Called once when an actor has ended. Must neither wait nor raise."""


@final
@attrs.define(eq=False)
class Ties:
    """Who has to know about one actor. Most actors have none."""

    followers: dict[object, Follower] = attrs.field(
        factory=dict[object, Follower], init=False
    )
    links: "dict[Cell[Any], bool]" = attrs.field(
        factory=dict["Cell[Any]", bool], init=False
    )
    """The actors linked to the incarnation that runs or comes next, and whether it wants
    a message about their end instead of ending with them."""
    doom: Exception | None = attrs.field(default=None, init=False)
    """What the next incarnation fails with at once: a link broke before it began."""
