# What leaves the machine has no secrets and does not say who works here: texts are
# masked, and the home folder is `~`. What is no text stays as it is.
"""Prepare what leaves the machine, and write it."""

import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, cast, final

import attrs

from crew_actors.errors import about
from crew_actors.journal import UnsafeFolder, sync_folder
from crew_actors.redaction import redact_bytes, redact_value
from crew_actors.store._errors import NoFolderFor, TargetInTheWay

_LOOKED_AT: Final = 8192  # bytes that tell whether content is text, as redaction does


@final
@attrs.frozen
class Outgoing:
    """Makes content fit to leave the machine."""

    home: Path

    @cached_property
    def _names(self) -> re.Pattern[str]:
        """Matches the home folder where it begins a path."""
        names = {str(self.home), str(self.home.resolve())} - {self.home.anchor}
        if not names:
            return re.compile(r"(?!)")
        longest = sorted(map(re.escape, names), key=len, reverse=True)
        return re.compile(rf"(?<![\w./~-])(?:{'|'.join(longest)})(?![\w.-])")

    def text(self, text: str) -> str:
        """Return *text* with the home folder as `~`. Masks nothing."""
        return self._names.sub("~", text)

    def value(self, value: object) -> object:
        """Return *value*, made of dicts, lists and scalars, masked."""
        return self._homeless(redact_value(value))

    def data(self, data: bytes) -> bytes:
        """Return *data* masked, if it is text."""
        if b"\0" in data[:_LOOKED_AT]:
            return data
        text = redact_bytes(data).decode("utf-8", "surrogateescape")
        return self.text(text).encode("utf-8", "surrogateescape")

    def _homeless(self, value: object) -> object:
        match value:
            case str():
                return self.text(value)
            case Mapping():
                table = cast("Mapping[str, object]", value)
                return {self.text(key): self._homeless(v) for key, v in table.items()}
            case list() | tuple():
                return [self._homeless(one) for one in cast("Sequence[object]", value)]
            case _:
                return value


def write_outgoing(
    target: Path, write: Callable[[BinaryIO], None], *, replace: bool
) -> None:
    """Have *write* fill the file *target*, which appears when it is whole.

    Only its user can read it. Blocks on the disk; what fails leaves nothing.

    Raises:
      TargetInTheWay: there is a file, and it is not to be replaced.
      NoFolderFor: its folder is not there.
      OSError: the system refused.
    """
    if not replace and os.path.lexists(target):
        raise TargetInTheWay(target)
    if not target.parent.is_dir():
        raise NoFolderFor(target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with about(target), os.fdopen(os.open(temporary, flags, 0o600), "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if not replace and os.path.lexists(target):
            raise TargetInTheWay(target)
        with about(target):
            temporary.replace(target)
            sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def target_of(chosen: Path | None, exports: Path, name: str) -> tuple[Path, bool]:
    """Tell where a file called *name* goes, and whether it may replace an older one.

    Without a *chosen* place that is in *exports*, which git is told to ignore.
    """
    if chosen is not None:
        path = chosen.absolute()
        return (path / name if path.is_dir() else path), False
    make_hidden(exports)
    return exports / name, True


def make_hidden(folder: Path) -> None:
    """Make *folder* in the `.crew` of a project; git is told to ignore all in it.

    Raises:
      UnsafeFolder: it, or `.crew`, is a link: what the project brings would choose
        where files go.
      OSError: the system refused.
    """
    for each in (folder.parent, folder):
        with about(folder), suppress(FileExistsError):
            each.mkdir(mode=0o700)
        if not stat.S_ISDIR(each.lstat().st_mode):
            raise UnsafeFolder(each, "a link or a file")
    ignore = folder / ".gitignore"
    if not os.path.lexists(ignore):
        with about(folder):
            _write_or_none(ignore, "*\n")


def _write_or_none(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        path.unlink(missing_ok=True)
        raise
