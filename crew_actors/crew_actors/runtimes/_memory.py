# What an agent has noted is text that it, or somebody else, has written: it is bounded,
# and taken from the very file that was planned, never from where a link leads.
"""The notes that an agent keeps from one run to the next."""

import os
from pathlib import Path
from typing import Final

import attrs

from crew_actors.model import AgentMemory
from crew_actors.resources import read_regular

MAX_LINES: Final = 200
"""Lines of its notes that an agent is given: the first ones."""

MAX_BYTES: Final = 24_000
"""Bytes of them."""


@attrs.frozen(kw_only=True)
class Notes:
    """What an agent has noted so far."""

    path: str
    """The absolute path of the file."""

    text: str = ""
    is_whole: bool = True
    """Whether the text is all that the file holds."""


def read_notes(memory: AgentMemory) -> Notes | None:
    """Read what an agent has noted. Blocks.

    None if its file is not where it is to be, or is no file: it has no memory then.
    """
    root = Path(os.path.realpath(memory.root))
    path = root / memory.path
    if Path(os.path.realpath(path)) != path:
        return None  # a link on the way leads elsewhere
    try:
        content = read_regular(path, MAX_BYTES + 1)
    except FileNotFoundError:
        return Notes(path=str(path))
    except OSError:
        return None
    kept = content[:MAX_BYTES].decode("utf-8", "replace").split("\n")
    is_whole = len(content) <= MAX_BYTES and len(kept) <= MAX_LINES + 1
    text = "\n".join(kept[:MAX_LINES]).rstrip()
    return Notes(path=str(path), text=text, is_whole=is_whole)
