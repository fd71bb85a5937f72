# Where a live agent may read and write. What counts is where a path really leads: links
# are followed before it is judged, and the judged path is what is opened.
#
# 1. It reads in its workspace, in its own folder, and the files that its prompt names.
# 2. It writes in its workspace, where its task may, and in its output folder. Nothing is
#    written into what git or Crew keeps: a hook there would be run as somebody else.
# 3. Files that are known to hold secrets are neither read nor written.
"""Find the files that a live agent may use."""

import os
import re
from pathlib import Path
from typing import Final, final

import attrs

from crew_actors.model import overlap
from crew_actors.runtimes._job import Job

_KEPT: Final = frozenset({".git", ".hg", ".svn", ".crew"})
"""Folders in which nothing is written."""

SECRETS: Final = (
    r"(^|[/\\])("
    r"\.env|\.env\.(?!(example|sample|template)$)[^/\\]*|[._]netrc|\.npmrc|\.pypirc"
    r"|\.pgpass|\.htpasswd|credentials|id_(rsa|dsa|ecdsa|ed25519)"
    r"|[^/\\]*\.(pem|key|p12|pfx|keystore|jks)"
    r"|\.(ssh|aws|gnupg|kube|docker)[/\\].*"
    r")$"
)
"""A regular expression of paths under which secrets are kept."""

_SECRET: Final = re.compile(SECRETS, re.IGNORECASE)


class NotThere(Exception):
    """A path that a live agent must not use, or cannot. It is told why."""


@final
@attrs.frozen
class Place:
    """The files of one agent. Its methods block; they run in a thread."""

    workspace: Path
    """Its real path."""
    output: Path
    readable: tuple[Path, ...]
    """Real paths of what it may read besides, with all that is below."""
    writable: tuple[Path, ...]
    """Real paths of files that it may write besides."""
    writes: bool
    """Whether it may write in its workspace."""
    outputs: tuple[str, ...]
    """What it may write there; empty: all of it."""

    @classmethod
    def of(cls, job: Job, *, writes: bool) -> "Place":
        """Make the place of the agent of *job*."""
        named = [path for one in job.dependencies.values() for _, path in one.artifacts]
        named += [Path(one.path) for one in job.task.skill_texts if one.path]
        notes = [] if job.notes is None else [Path(job.notes.path)]
        return cls(
            workspace=_real(job.workspace),
            output=_real(job.output),
            readable=tuple(map(_real, [job.folder, *named, *notes])),
            writable=tuple(map(_real, notes)) if writes else (),
            writes=writes,
            outputs=job.task.outputs,
        )

    def to_read(self, path: str) -> Path:
        """Return the real path of what *path* names; it need not be there.

        Raises:
          NotThere: the agent must not read it.
        """
        real = self._resolved(path)
        roots = (self.workspace, *self.readable)
        if not any(real.is_relative_to(root) for root in roots):
            raise NotThere(f"{path} lies outside of the workspace, {self.workspace}")
        self._check_secret(path, real)
        return real

    def to_write(self, path: str) -> Path:
        """Return the real path of the file that *path* names; it need not be there.

        Raises:
          NotThere: the agent must not write it.
        """
        real = self._resolved(path)
        if real in self.writable or _is_below(real, self.output):
            return real
        if not self.writes:
            raise NotThere(f"your task changes nothing; write to {self.output}")
        if not _is_below(real, self.workspace):
            raise NotThere(f"{path} lies outside of the workspace, {self.workspace}")
        inside = real.relative_to(self.workspace)
        kept = next((part for part in inside.parts if part in _KEPT), None)
        if kept is not None:
            raise NotThere(f"nothing is written in {kept}")
        self._check_secret(path, real)
        if self.outputs and not any(
            overlap(one, inside.as_posix()) for one in self.outputs
        ):
            allowed = ", ".join(self.outputs)
            raise NotThere(f"your task writes only to {allowed}, and not to {path}")
        return real

    def told(self, real: Path) -> str:
        """Write *real* as the agent knows it: relative to its workspace, if it can be."""
        if real.is_relative_to(self.workspace):
            return real.relative_to(self.workspace).as_posix() or "."
        return str(real)

    def _check_secret(self, path: str, real: Path) -> None:
        if _SECRET.search(self.told(real)) or _SECRET.search(path):
            message = "may hold secrets, which you must not use; do without"
            raise NotThere(f"{path} {message}")

    def _resolved(self, path: str) -> Path:
        if not path.strip() or "\0" in path:
            raise NotThere(f"{path!r} is no path")
        try:
            return _real(self.workspace / path)
        except (OSError, ValueError) as error:
            raise NotThere(f"{path} cannot be looked up: {error}") from error


def _is_below(real: Path, folder: Path) -> bool:
    return real != folder and real.is_relative_to(folder)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
