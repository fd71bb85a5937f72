# What a console leaves for others on this machine: where it is, and how to get in.
#
# 1. Only the user can read these files; they are in a folder that only the user can
#    enter. They have their rights before anything is in them.
# 2. A file whose process has gone is nobody's, and is removed by whoever comes across.
# 3. A browser is shown a file that leads to the console: its command line, with what is
#    in it, can be read by everybody on the machine.
"""Files with the addresses and tokens of consoles."""

import html
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO, cast, final

import attrs
import psutil

from crew_actors.console._errors import BadTokenFile
from crew_actors.console._tokens import TOKEN_LIMIT, Tokens
from crew_actors.places import Places

_MOST: Final = 64 * 1024  # bytes of a file
_DOORS: Final = ".html"


@final
@attrs.frozen(kw_only=True)
class Kept:
    """A console that is open."""

    url: str
    pid: int
    started: float
    """When its process began, in seconds since 1970."""
    project: str
    operator: str = attrs.field(repr=False)
    """The token."""
    viewer: str = attrs.field(repr=False)


_DOOR: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}">
<title>crew</title>
<p><a href="{link}">Open the console.</a></p>
</html>
"""


def keep(places: Places, url: str, project: Path, tokens: Tokens) -> Path:
    """Write down where the console of this process is; return the file.

    Raises:
      OSError: that cannot be written; there is no file then.
    """
    pid = os.getpid()
    kept = Kept(
        url=url,
        pid=pid,
        started=psutil.Process(pid).create_time(),
        project=str(project),
        operator=tokens.operator,
        viewer=tokens.viewer,
    )
    path = _place_of(places, url)
    _write(path, json.dumps(attrs.asdict(kept)))
    return path


def keep_door(places: Places, url: str, link: str) -> Path:
    """Write a page that leads to *link*, of the console at *url*; return the file.

    Raises:
      OSError: it cannot be written; there is no file then.
    """
    path = _place_of(places, url).with_suffix(_DOORS)
    _write(path, _DOOR.format(link=html.escape(link)))
    return path


def unkeep(places: Places, url: str) -> None:
    """Remove what is kept of the console at *url*, of this process.

    What cannot be removed is, when this process has gone, by whoever comes across.
    """
    path = _place_of(places, url)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        path.with_suffix(_DOORS).unlink(missing_ok=True)


def _place_of(places: Places, url: str) -> Path:
    port = url.rstrip("/").rpartition(":")[2]
    return _folder(places) / f"{os.getpid()}-{port}.json"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_secret(path, text)


def find_kept(places: Places) -> list[Kept]:
    """Return the consoles of this user that are open, the newest first."""
    found: list[Kept] = []
    folder = _folder(places)
    for path in folder.glob("*.json") if folder.is_dir() else ():
        kept = _read(path)
        if kept is None or not _lives(kept):
            path.unlink(missing_ok=True)
            path.with_suffix(_DOORS).unlink(missing_ok=True)
        else:
            found.append(kept)
    return sorted(found, key=lambda one: one.started, reverse=True)


def kept_tokens(path: Path) -> Tokens:
    """Read the tokens in *path*; make some and write them, if there is no such file.

    Raises:
      BadTokenFile: others can read it, it holds no tokens, or it cannot be read or
        written. What cannot be written is not there.
    """
    try:
        return _tokens_in(path)
    except OSError as error:
        raise BadTokenFile(path, error.strerror or str(error)) from error


def _tokens_in(path: Path) -> Tokens:
    try:
        status = path.stat()
    except FileNotFoundError:
        tokens = Tokens()
        write_secret(path, f"{tokens.operator}\n{tokens.viewer}\n")
        return tokens
    if os.name == "posix" and status.st_mode & 0o077:
        raise BadTokenFile(path, "others can read it; `chmod 600` it")
    lines = path.read_text(encoding="utf-8", errors="replace").split()
    if len(lines) != 2 or not all(map(_is_token, lines)):  # noqa: PLR2004 - one for each role
        raise BadTokenFile(path, "it holds no two tokens; remove it, and it is made")
    return Tokens(operator=lines[0], viewer=lines[1])


_LEAST: Final = 40  # characters of a token that cannot be guessed


def _is_token(text: str) -> bool:
    return text.isascii() and _LEAST <= len(text) <= TOKEN_LIMIT


def write_secret(path: Path, text: str) -> None:
    """Write *text* into a fresh file that only the user can read.

    Raises:
      OSError: it cannot be written; there is no file then.
    """
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(path, flags, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            _put(file, text)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _put(file: TextIO, text: str) -> None:
    file.write(text)
    file.flush()  # a full disk may tell of itself now only


def _folder(places: Places) -> Path:
    return places.data / "consoles"


def _read(path: Path) -> Kept | None:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_MOST))
        fields = cast("dict[str, object]", said)
        return Kept(
            url=str(fields["url"]),
            pid=int(str(fields["pid"])),
            started=float(str(fields["started"])),
            project=str(fields["project"]),
            operator=str(fields["operator"]),
            viewer=str(fields["viewer"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives(kept: Kept) -> bool:
    try:
        return abs(psutil.Process(kept.pid).create_time() - kept.started) < 1.0
    except (psutil.Error, ValueError):
        return False
