"""What peers say to each other, whatever the protocol calls it."""

from collections.abc import Mapping
from typing import TypeAlias

import attrs

Params: TypeAlias = Mapping[str, object]


@attrs.frozen
class Request:
    """The other side wants an answer."""

    id: str | int
    """As the other side has given it."""
    method: str
    params: Params


@attrs.frozen
class Notification:
    """The other side tells something."""

    method: str
    params: Params


@attrs.frozen
class Reply:
    """The other side answers a request of ours."""

    number: int | None
    """Which one; None if it does not say so in our words."""
    result: object = None
    problem: str | None = None
    """Why it refuses; then there is no result."""
    code: int | str = 0
    data: object = None


@attrs.frozen
class Cancels:
    """The other side does not want the answer to its request any more."""

    id: str | int


@attrs.frozen
class Stray:
    """A line that belongs to no conversation."""

    text: str


Incoming: TypeAlias = Request | Notification | Reply | Cancels
