"""How an attempt can end, as a runtime tells it."""

from typing import TypeAlias

import attrs

from crew_actors.model import Failure


@attrs.frozen(kw_only=True)
class Completed:
    """The agent gave a result."""

    text: str
    """Not empty."""

    data: object = None
    """The structured part of the result: anything that JSON can hold, or None."""


@attrs.frozen(kw_only=True)
class NoResult:
    """The agent ended well, but said nothing that could be a result."""

    why: str


@attrs.frozen(kw_only=True)
class Failed:
    """The agent failed."""

    failure: Failure


Outcome: TypeAlias = Completed | NoResult | Failed
