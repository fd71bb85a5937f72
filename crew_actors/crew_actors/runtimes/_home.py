# An agent with a home of its own reads and writes no settings of its user, and is signed in
# only where it has been signed in itself.
"""What an agent sees of its user: a home folder, and keys."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from crew_actors.runtimes._signing_in import MOVED_BY

_ELSEWHERE: Final = (
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"),
    *(*MOVED_BY, "OPENCODE_CONFIG"),
    *("HOMEDRIVE", "HOMEPATH"),
)
"""Variables by which programs would find the settings of the user all the same."""


class NoHome(Exception):
    """The home folder of an agent cannot be made. Nothing was started."""


def at_home(environ: Mapping[str, str], home: str | None) -> dict[str, str]:
    """Return *environ* with *home* for a home folder; as it is without one."""
    if home is None:
        return dict(environ)
    kept = {name: value for name, value in environ.items() if name not in _ELSEWHERE}
    if os.name == "nt":
        folders = Path(home, "AppData")
        kept["USERPROFILE"] = home
        kept["APPDATA"] = str(folders / "Roaming")
        kept["LOCALAPPDATA"] = str(folders / "Local")
    return {**kept, "HOME": home}


def is_key(variable: str) -> bool:
    """Tell whether what *variable* holds is a secret, by its name."""
    return variable.endswith(("_KEY", "_TOKEN"))


def make_home(home: str | None) -> None:
    """Make a home folder that nobody else may look into. Blocks.

    Raises:
      NoHome: the system refused.
    """
    if home is None:
        return
    try:
        Path(home).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NoHome(f"its home folder cannot be made: {error}") from None
