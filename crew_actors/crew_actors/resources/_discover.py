# Which files are there, tier by tier.
#
# 1. Tiers from the bottom: builtin (this package), user, project. A folder that is
#    not there is no problem; what cannot be read is one, and never an exception.
# 2. A file counts only if it really lies in its folder: links that lead out of it
#    are refused. The project's folders must really lie in the project.
# 3. Everything has a bound: files of a folder, bytes of a file.
"""Find and read the resource files."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from crew_actors.places import Places, Project
from crew_actors.resources._errors import Kind
from crew_actors.resources._files import SUFFIXES, SourceFile
from crew_actors.resources._problems import Problem
from crew_actors.resources._resources import Source, Tier

BUILTIN: Final = Path(__file__).parent / "builtin"
_KINDS: Final[tuple[Kind, ...]] = ("agent", "team", "workflow")
MAX_FILES: Final = 500  # in one folder
MAX_SIZE: Final = 1 << 20  # bytes of one file


@attrs.frozen
class _Folder:
    kind: Kind
    tier: Tier
    path: Path
    within: Path | None = None
    """What the folder must really lie in; None if it may lie anywhere."""

    foreign: bool = False


def find_files(
    places: Places, project: Project | None
) -> Iterator[SourceFile | Problem]:
    """Yield each resource file, lower tiers first, and what prevents reading one."""
    for folder in _folders(places, project):
        yield from _read_folder(folder)


def _folders(places: Places, project: Project | None) -> Iterator[_Folder]:
    for kind in _KINDS:
        yield _Folder(kind, "builtin", BUILTIN / f"{kind}s")
    for kind in _KINDS:
        yield _Folder(kind, "user", places.config / f"{kind}s")
    if project is None:
        return
    root = project.root
    own = project_folder(project)
    for kind in _KINDS:
        yield _Folder(kind, "project", own / f"{kind}s", within=root)
    claude = root / ".claude" / "agents"
    yield _Folder("agent", "project", claude, within=root, foreign=True)


def project_folder(project: Project) -> Path:
    """Tell which folder of *project* holds its resources. It need not exist."""
    foreign = project.root / ".pi" / "teams"
    for folder in (project.crew_dir, foreign):
        if any((folder / f"{kind}s").is_dir() for kind in _KINDS):
            return folder
    return project.crew_dir


def _read_folder(folder: _Folder) -> Iterator[SourceFile | Problem]:
    try:
        home = folder.path.resolve(strict=True)
        names = sorted(entry.name for entry in home.iterdir())
        within = folder.within.resolve() if folder.within else home
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, RuntimeError) as error:  # RuntimeError: links that form a loop
        yield unread(folder.path, f"cannot be read: {reason_of(error)}")
        return
    if not home.is_relative_to(within):
        yield unread(folder.path, "is a link that leads out of the project")
        return
    names = [name for name in names if not name.startswith(".")]
    mine = [name for name in names if _is_mine(folder.kind, name)]
    for name in names:
        if name.endswith(".md") and name not in mine and name != "README.md":
            yield _stray(folder, name)
    if len(mine) > MAX_FILES:
        message = f"has {len(mine)} files; only the first {MAX_FILES} are read"
        yield unread(folder.path, message)
    for name in mine[:MAX_FILES]:
        yield _read_file(folder, home, name)


def _is_mine(kind: Kind, name: str) -> bool:
    if kind != "agent":
        return name.endswith(SUFFIXES[kind])
    others = (SUFFIXES["team"], SUFFIXES["workflow"])
    return name.endswith(".md") and not name.endswith(others) and name != "README.md"


def _stray(folder: _Folder, name: str) -> Problem:
    path = folder.path / name
    wanted = f"the name of a {folder.kind} ends in {SUFFIXES[folder.kind]!r}"
    if folder.kind == "agent":
        wanted = "teams and workflows have folders of their own"
    return Problem("warning", path, None, "", f"is not read: {wanted}")


def _read_file(folder: _Folder, home: Path, name: str) -> SourceFile | Problem:
    path = folder.path / name
    try:
        real = (home / name).resolve(strict=True)
        if not real.is_relative_to(home):
            message = "is a link that leads out of its folder; put the file itself here"
            return unread(path, message)
        content = content_of(real)
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Problem("error", path, line, "", "is not UTF-8 from this line on")
    except (OSError, RuntimeError) as error:
        return unread(path, f"cannot be read: {reason_of(error)}")
    digest = hashlib.sha256(content).hexdigest()
    source = Source(folder.tier, path, digest)
    return SourceFile(folder.kind, source, text, folder.foreign)


class Refused(OSError):
    """The file is there, and is not one to read."""


def content_of(path: Path) -> bytes:
    """Read a regular file of at most `MAX_SIZE` bytes. Blocks.

    Raises:
      Refused: it is not one.
      OSError: it cannot be read.
    """
    content = read_regular(path, MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise Refused(f"it is larger than {MAX_SIZE} bytes")
    return content


def read_regular(path: Path, most: int) -> bytes:
    """Read the first *most* bytes of a file that is no link. Blocks.

    Raises:
      Refused: it is not a regular file.
      OSError: it cannot be read, or is a link.
    """
    # O_NONBLOCK: opening a named pipe must not wait for somebody who writes to it.
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"):
        flags |= getattr(os, name, 0)  # each exists on some systems only
    handle = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Refused("it is not a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(handle)


def unread(path: Path, message: str) -> Problem:
    """Tell that what is at *path* is not used."""
    return Problem("error", path, None, "", message)


def reason_of(error: Exception) -> str:
    """Say what the system, or `Refused`, says."""
    return getattr(error, "strerror", None) or str(error)
