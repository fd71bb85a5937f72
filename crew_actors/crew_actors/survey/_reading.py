# Each file is opened at most once by each agent, and read up to a bound.
#
# 1. Only regular files are read: the open itself refuses links and does not wait
#    for a named pipe, and what was opened is looked at again.
# 2. A file with a NUL byte in its first 8 KiB is binary and is not read on.
# 3. At most FILE_BYTES of a file, at most TOTAL_BYTES of a tree.
"""The contents of files, bounded."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import attrs

from crew_actors.survey._walk import Entry, Tree

FILE_BYTES = 1 << 20
TOTAL_BYTES = 512 << 20
_HEAD = 8 << 10
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@attrs.frozen
class Document:
    """A file and its text."""

    entry: Entry
    text: str
    """Decoded as UTF-8, broken bytes replaced; empty when it is binary."""

    binary: bool
    cut: bool
    """Whether the file is longer than what was read."""

    @property
    def path(self) -> str:
        """The file's path relative to the root."""
        return self.entry.path

    @property
    def lines(self) -> int:
        """The number of lines in the text that was read."""
        return self.text.count("\n") + (
            not self.text.endswith("\n") and bool(self.text)
        )


@attrs.define
class Reader:
    """Reads the files of a tree and counts what it could not read."""

    root: Path
    unreadable: int = 0
    cut: int = 0
    unread: int = 0
    left: int = TOTAL_BYTES

    def documents(self, tree: Tree) -> Iterator[Document]:
        """Yield each file of *tree* that can be read, in the tree's order."""
        for entry in tree.files:
            document = self.read(entry)
            if document is not None:
                yield document

    def read(self, entry: Entry) -> Document | None:
        """Return the file, or None when it cannot be read; that is counted."""
        if self.left <= 0:
            self.unread += 1
            return None
        try:
            content = _bounded(os.path.join(self.root, entry.path))  # noqa: PTH118 (a hot loop)
        except (OSError, ValueError):
            self.unreadable += 1
            return None
        self.left -= len(content)
        if b"\0" in content[:_HEAD]:
            return Document(entry, "", binary=True, cut=False)
        cut = len(content) > FILE_BYTES
        self.cut += cut
        text = content[:FILE_BYTES].decode("utf-8", "replace")
        return Document(entry, text.removeprefix("\ufeff"), binary=False, cut=cut)

    def notes(self) -> list[str]:
        """Return sentences about what was not read."""
        counted = (
            (self.unreadable, "file that could not be read"),
            (self.cut, "file of more than 1 MiB (only the first 1 MiB was read)"),
            (self.unread, "file beyond the limit of 512 MiB of text (not read)"),
        )
        return [f"{count} x {reason}" for count, reason in counted if count]


def _bounded(path: str) -> bytes:
    """Return the first bytes of a regular file; one more than the limit, if it has.

    Raises:
      OSError: it is not there, not readable or not a regular file.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"not a regular file: {path!r}")
        head = os.read(descriptor, _HEAD)
        if len(head) < _HEAD or b"\0" in head:
            return head
        parts, left = [head], FILE_BYTES + 1 - len(head)
        while left > 0 and (part := os.read(descriptor, left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)
