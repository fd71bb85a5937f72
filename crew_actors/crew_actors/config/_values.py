# Is a value one of its key? A file has types of its own, which must be right; a text
# from a command line or a variable is read as what the key wants.
"""Values of settings."""

import difflib
import math
from typing import Final

from crew_actors.config._keys import Key
from crew_actors.config._problems import BadSetting

NONE: Final = "none"
"""How a file, a variable or a command line says that there is no limit."""

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_LONGEST: Final = 200  # characters of a text
_DIGITS: Final = 18  # so many always fit into 64 bits


def convert(key: Key, raw: object, *, from_text: bool = False) -> object:
    """Return *raw* as the value of *key*; with *from_text*, a text may tell it.

    Raises:
      BadSetting: it cannot be its value.
    """
    if key.optional and key.kind in {"whole", "number"} and raw == NONE:
        return None
    value = _read(key, raw) if from_text and isinstance(raw, str) else raw
    if key.kind == "text":
        fits = isinstance(value, str) and 0 < len(value.strip()) <= _LONGEST
        well = fits and str(value).isprintable()
    elif key.kind == "choice":
        well = value in key.choices
    elif key.kind == "flag":
        well = isinstance(value, bool)
    else:
        well = isinstance(value, int) and not isinstance(value, bool)
        if key.kind == "number":
            well = well or (isinstance(value, float) and math.isfinite(value))
            value = float(value) if well and isinstance(value, int | float) else value
    if not well:
        raise BadSetting(
            f"{key.name} must be {_wanted(key)}, not {_shown(raw)}{_near(key, raw)}"
        )
    _check_bounds(key, value)
    return value


def _read(key: Key, text: str) -> object:
    """Read *text* as the kind of *key* wants; return it as it is if that cannot be."""
    plain = text.strip()
    if key.kind == "flag":
        low = plain.casefold()
        return low in _TRUE if low in _TRUE | _FALSE else text
    if key.kind == "choice":
        return plain.replace("-", "_")
    try:
        if key.kind == "whole" and len(plain) <= _DIGITS:
            return int(plain)
        if key.kind == "number":
            return float(plain)
    except ValueError:
        return text
    return text


def _check_bounds(key: Key, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if key.least is not None and value < key.least:
        raise BadSetting(f"{key.name} must be at least {key.least:g}, not {value:g}")
    if key.most is not None and value > key.most:
        raise BadSetting(f"{key.name} must be at most {key.most:,}, not {value:,}")


def _wanted(key: Key) -> str:
    if key.kind == "choice":
        return f"one of {', '.join(key.choices)}"
    wanted = {
        "text": f"a text of at most {_LONGEST} characters",
        "whole": "a whole number",
        "number": "a number",
        "flag": "true or false",
    }[key.kind]
    limited = key.optional and key.kind in {"whole", "number"}
    return f"{wanted} or {NONE!r}" if limited else wanted


def _near(key: Key, raw: object) -> str:
    found = difflib.get_close_matches(str(raw), key.choices, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _shown(raw: object) -> str:
    if isinstance(raw, dict):
        return "a table"
    text = repr(raw)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
