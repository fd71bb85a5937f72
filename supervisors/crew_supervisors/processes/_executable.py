"""Find the file that a command names, before anything is started."""

import os
import sys
from pathlib import Path

from crew_supervisors.processes._errors import ExecutableNotFound, ExecutableNotRunnable

WINDOWS_SUFFIXES = (".exe", ".com", ".bat", ".cmd")  # what CreateProcess can start


def resolve_executable(argv0: str, *, cwd: Path | None = None, path: str = "") -> Path:
    """Return the absolute path of the program that *argv0* names.

    A name with a separator is taken from *cwd* (the current folder when None), any
    other is looked for in the folders of *path*, as the system does it. Not a
    checkpoint.

    Raises:
      ExecutableNotFound: there is no such file.
      ExecutableNotRunnable: the first file of that name may not be executed.
    """
    folder = Path.cwd() if cwd is None else cwd.absolute()
    separators = (os.sep, os.altsep) if os.altsep else (os.sep,)
    if any(separator in argv0 for separator in separators):
        folders = [folder]
    else:
        folders = [folder / entry for entry in path.split(os.pathsep) if entry]
    blocked: Path | None = None
    for place in folders:
        for candidate in _spellings(place / argv0):
            # os.path says no where pathlib raises: a folder of PATH that this user may
            # not enter, a name that is too long
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK):  # noqa: PTH113 - as said
                return candidate
            if blocked is None and os.path.exists(candidate):  # noqa: PTH110 - as said
                blocked = candidate
    if blocked is None:
        raise ExecutableNotFound(argv0, tuple(str(place) for place in folders))
    if blocked.is_dir():
        raise ExecutableNotRunnable(str(blocked), "it is a folder; name a file in it")
    raise ExecutableNotRunnable(
        str(blocked), "it has no right to execute; `chmod +x` gives it"
    )


def _spellings(path: Path) -> tuple[Path, ...]:
    if sys.platform == "win32" and path.suffix.lower() not in WINDOWS_SUFFIXES:
        return tuple(path.with_name(path.name + suffix) for suffix in WINDOWS_SUFFIXES)
    return (path,)
