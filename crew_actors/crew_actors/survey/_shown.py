# What a stranger wrote is shown only after it went through here.
#
# 1. The order is: mask what looks like a secret, make it printable, cut it. A secret
#    that was cut first is recognised no more, and half of it is shown.
# 2. `without_secrets` is the net below: an agent's whole data goes through it before
#    anything is written from it, and each message before it leaves the process.
"""Names and lines of strangers, masked, printable and bounded."""

from crew_actors.survey._data import Json
from crew_actors.survey._secrets import WINDOW, masked
from crew_actors.survey._text import clip, clip_path, printable


def shown_path(path: str) -> str:
    """Return the name of a file as it is shown."""
    return clip_path(printable(masked(path)))


def one_line(text: str, length: int) -> str:
    """Return *text* as one line of at most *length* characters."""
    head = " ".join(text[: 4 * length + WINDOW].split())
    return clip(printable(masked(head)[: 4 * length]), length)


def without_secrets(value: Json) -> Json:
    """Return *value* with each of its texts, names of members included, masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if isinstance(value, dict):
        return {masked(name): without_secrets(item) for name, item in value.items()}
    return value


def safe_data(data: dict[str, Json]) -> dict[str, Json]:
    """Return the data of a result with each of its texts masked."""
    safe = without_secrets(data)
    assert isinstance(safe, dict)
    return safe
