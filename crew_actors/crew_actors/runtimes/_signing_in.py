"""Where agent programs keep what they are signed in with. Nothing of it is read."""

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs


@attrs.frozen
class _Place:
    variables: tuple[str, ...]
    """Each is enough."""
    folder: str
    """Below the home folder."""
    files: tuple[str, ...]
    """Each is enough."""
    moved_by: str = ""
    """The variable that names another folder."""


_PLACES: Final[Mapping[str, _Place]] = {
    "pi": _Place(
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"),
        *(".pi/agent", ("auth.json", "models.json"), "PI_CODING_AGENT_DIR"),
    ),
    "claude": _Place(
        ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        *(".claude", (".credentials.json",), "CLAUDE_CONFIG_DIR"),
    ),
    "codex": _Place(("OPENAI_API_KEY",), ".codex", ("auth.json",), "CODEX_HOME"),
    "gemini": _Place(
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"), ".gemini", ("oauth_creds.json",)
    ),
    "opencode": _Place(
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"),
        *(".local/share/opencode", ("auth.json",)),
    ),
}


MOVED_BY: Final = tuple(one.moved_by for one in _PLACES.values() if one.moved_by)
"""Variables that name the folders of programs."""


def signed_in_by(
    name: str, environ: Mapping[str, str], keys: Collection[str] | None = None
) -> str | None:
    """Name the variable or the file that the program *name* is signed in with.

    Of all keys it sees only *keys*, if given. None if none is found. Looks at names only; whether a key is good, only the provider
    can tell.
    """
    place = _PLACES[name]
    for variable in _variables(place, keys):
        if environ.get(variable):
            return variable
    for file in _files(place, environ):
        if file.is_file():
            return str(file)
    if name == "claude" and sys.platform == "darwin":
        return "the keychain, if at all"
    return None


def ways_to_sign_in(
    name: str, environ: Mapping[str, str], keys: Collection[str] | None = None
) -> str:
    """Tell with what the program *name*, which may see *keys*, would be signed in."""
    place = _PLACES[name]
    ways = [*_variables(place, keys), *map(str, _files(place, environ))]
    return " or ".join(ways)


def _variables(place: _Place, keys: Collection[str] | None) -> Iterator[str]:
    return (one for one in place.variables if keys is None or one in keys)


def _files(place: _Place, environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - a text
    moved = environ.get(place.moved_by) if place.moved_by else None
    folder = Path(moved) if moved else home / place.folder
    return [folder / file for file in place.files]
