# Agents may write into the folders of their runs, so what lies there can be anything.
# A link in the place of a file or of a folder is not followed: through it a bundle
# would hold what somebody else chose.
"""Read files below a folder, without following links."""

import errno
import os
import stat
from pathlib import Path
from typing import Final, final

_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_FILE: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


@final
class NotReadable(Exception):
    """There is no regular file at that place that could be read whole."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def read_inside(root: Path, path: str, limit: int) -> bytes:
    """Read the regular file at *path*, relative to *root*, with '/' between its parts.

    Blocks on the disk. No part of *path* may be a link.

    Raises:
      NotReadable: it is something else, has more than *limit* bytes, or leads out.
    """
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise NotReadable(path, "it leads elsewhere")
    try:
        descriptor = _open(root, parts)
    except OSError as error:
        raise NotReadable(path, str(error.strerror)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotReadable(path, "it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise NotReadable(path, f"it has more than {limit:,} bytes")
    return content


def _open(root: Path, parts: list[str]) -> int:
    if os.open not in os.supports_dir_fd:  # pragma: no cover  Windows
        return _open_by_name(root, parts)
    here = os.open(root, _FOLDER)
    for part in parts[:-1]:
        outer = here
        try:
            here = os.open(part, _FOLDER | _NO_LINK, dir_fd=outer)
        finally:
            os.close(outer)
    try:
        return os.open(parts[-1], _FILE | _NO_LINK, dir_fd=here)
    finally:
        os.close(here)


def _open_by_name(root: Path, parts: list[str]) -> int:  # pragma: no cover  Windows
    here = root
    for part in parts:
        here /= part
        if here.resolve() != here.parent.resolve() / part:  # a junction is no symlink
            raise OSError(errno.ELOOP, "it is a link")
    return os.open(here, _FILE)
