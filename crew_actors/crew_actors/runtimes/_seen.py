# What is seen of a working agent, in words that all of them share. Each agent program
# has a reader that turns its own events into these; live agents tell them themselves.
# What is done with them is the same for all.
"""What is seen of an agent while it works."""

from typing import TypeAlias

import attrs

from crew_actors.model import Failure, Usage


@attrs.frozen
class Says:
    """It says something. May be a part of a line."""

    text: str


@attrs.frozen
class Does:
    """It begins to use a tool."""

    id: str
    """By which its end is known."""
    tool: str
    detail: str = ""
    """What with, in a few words."""


@attrs.frozen
class Did:
    """It has used a tool."""

    id: str
    ok: bool = True
    why: str = ""
    """Why it was in vain, if it was."""


@attrs.frozen
class Uses:
    """It has used something up, since it was last told."""

    usage: Usage


@attrs.frozen
class Takes:
    """It has read the message with that id, and does what it says from now on."""

    message: str


@attrs.frozen
class Tries:
    """It tries something again by itself, which is a sign of life."""

    why: str


@attrs.frozen
class Notes:
    """It tells something about itself."""

    text: str


@attrs.frozen(kw_only=True)
class TurnEnds:
    """It has come to the end of what it was told to do."""

    text: str = ""
    """Its last answer."""
    failure: Failure | None = None
    """Why there is none."""


Seen: TypeAlias = Says | Does | Did | Uses | Takes | Tries | Notes | TurnEnds
