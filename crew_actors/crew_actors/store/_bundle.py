# A bundle is a zip file. Unlike a tar file its list of contents can be judged before
# anything is unpacked, it needs no links or devices, and each system opens it. It holds:
#
#   manifest.json    what is in it, with sizes and hashes      plan.json    the plan
#   journal.jsonl    the events of the run, one a line         summary.md   if there is one
#   artifacts/...    what the attempts left, where the events say that it lies
#
# The same run gives the same bytes: members are sorted and have one date, and nothing
# tells when the bundle was made.
"""What an exported run consists of."""

from typing import Final, final

import attrs

from crew_actors.codec import Codec
from crew_actors.journal import MAX_ARTIFACT, MAX_EVENT, BadArtifactName, check_name

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"
JOURNAL: Final = "journal.jsonl"
PLAN: Final = "plan.json"
SUMMARY: Final = "summary.md"
ARTIFACTS: Final = "artifacts"
MAX_LINE: Final = MAX_EVENT + 1024
"""Bytes of one line of the journal: an event, its number and its moment."""


@final
@attrs.frozen(kw_only=True)
class BundleLimits:
    """How much a bundle may hold, in bytes if nothing else is said."""

    file: int = 1 << 30
    """The bundle itself."""
    unpacked: int = 2 << 30
    """All that is in it."""
    journal: int = 1 << 30
    manifest: int = 16 << 20
    other: int = MAX_ARTIFACT
    """Anything else in it."""
    members: int = 20_000
    """How many files."""
    directory: int = 32 << 20
    """The list of contents, which is read before anything else."""

    def of(self, name: str) -> int:
        """Tell how large the member called *name* may be."""
        return {JOURNAL: self.journal, MANIFEST: self.manifest}.get(name, self.other)


LIMITS: Final = BundleLimits()


@final
@attrs.frozen(kw_only=True)
class BundledFile:
    """A file of the bundle."""

    path: str
    size: int
    sha256: str
    stored: str = ""
    """Of an artifact: the sha256 that the journal tells. It is another one if secrets
    were masked in the bundle."""


@final
@attrs.frozen(kw_only=True)
class LeftOut:
    """A file of the run that is not in the bundle."""

    path: str
    why: str


@final
@attrs.frozen(kw_only=True)
class BundledTask:
    """A task of the run."""

    id: str
    agent: str
    status: str


@final
@attrs.frozen(kw_only=True)
class Manifest:
    """What a bundle holds."""

    schema: int
    crew: str
    """The version that wrote it."""
    run: str
    status: str
    why: str
    goal: str
    team: str
    workflow: str
    created_at: float
    """Seconds since 1970."""
    ended_at: float | None
    events: int
    tasks: tuple[BundledTask, ...]
    files: tuple[BundledFile, ...]
    left_out: tuple[LeftOut, ...]


MANIFESTS: Final = Codec[Manifest](
    {"crew.bundle": Manifest}, LIMITS.manifest, noun="manifest"
)


def fault_of(name: str) -> str | None:
    """Say why no member of a bundle may be called *name*; None if one may."""
    try:
        parts = check_name(name)
    except BadArtifactName as error:
        return error.why
    if len(parts) == 1:
        known = name in {MANIFEST, JOURNAL, PLAN, SUMMARY}
        return None if known else "no bundle has a file of that name"
    return None if parts[0] == ARTIFACTS else "no bundle has a folder of that name"
