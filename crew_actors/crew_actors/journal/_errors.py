# JournalError
# ├── JournalFull       no room for the file: make room, then resume the run
# ├── JournalCorrupt    what is there was not written by us, or was damaged since
# ├── JournalLocked     another program keeps the database to itself: try again
# ├── JournalMissing    there is no run at that place
# ├── JournalExists     there is a run at that place already
# ├── JournalReadOnly   the place does not take writes: look, but do not run
# ├── JournalIO         the system refused for another reason, which is named
# ├── NewerJournal      a later version of this program wrote it: use that one
# ├── JournalClosed     the journal was closed before: nothing was written
# ├── JournalStuck      the disk did not answer before the time was over
# ├── BadEvent          the event cannot be stored, or the JSON is not an event
# ├── UnknownEvent      the JSON is an event of a kind that is not known here
# ├── LeaseHeld         another runtime works on the run
# ├── UnsafeFolder      a symbolic link stands where a folder of ours belongs
# ├── ArtifactError     BadArtifactName, BadArtifactSource, ArtifactTooLarge,
# │                     ArtifactExists, ArtifactDamaged
# └── RegistryError     UnknownRun, AmbiguousRun
#
# One class for each reaction of the caller. The arguments are the facts, so an
# error is the same after pickle.
"""What can go wrong with what is on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, final

from crew_actors.errors import UserError

if TYPE_CHECKING:
    from crew_actors.journal._lease import Lease


class JournalError(UserError):
    """The base of all errors of this package."""

    exit_code = 1


class _AtPath(JournalError):
    """An error about one file or folder."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail


@final
class JournalFull(_AtPath):
    """There is no room for what was to be written. It is not stored."""

    def __str__(self) -> str:
        return (
            f"no room for {self.path} ({self.detail}): free some space or raise "
            "the quota, then resume the run"
        )


@final
class JournalCorrupt(_AtPath):
    """The file is damaged, or is no journal at all. It was left as it is."""

    def __str__(self) -> str:
        return (
            f"{self.path} is damaged ({self.detail}): it was left as it is; restore "
            "it from a copy, let `crew repair` keep what can be read, or let "
            "`crew forget --force` remove the run"
        )


@final
class JournalLocked(_AtPath):
    """Another program keeps the database locked. Trying again later is safe."""

    def __str__(self) -> str:
        return (
            f"{self.path} is locked by another program ({self.detail}): end what "
            "uses it, a backup or a database browser perhaps, and try again"
        )


@final
class JournalMissing(_AtPath):
    """There is no run at that place."""

    def __str__(self) -> str:
        return f"there is no run at {self.path} ({self.detail}): `crew status --all` shows all"


@final
class JournalExists(_AtPath):
    """A run was to be created where there is one. It was not touched."""

    def __str__(self) -> str:
        return f"there is a run at {self.path} already ({self.detail}): use another id"


@final
class JournalReadOnly(_AtPath):
    """The place does not take writes. Reading works."""

    def __str__(self) -> str:
        return (
            f"{self.path} cannot be written to ({self.detail}): allow it, or work on "
            "a copy of the project"
        )


@final
class JournalIO(_AtPath):
    """The system refused. Whether the last write is on disk is not known."""

    def __str__(self) -> str:
        return (
            f"the system could not read or write {self.path} ({self.detail}): check "
            "the disk and the permissions"
        )


@final
class NewerJournal(_AtPath):
    """A later version of this program wrote it. It was not touched."""

    def __str__(self) -> str:
        return (
            f"{self.path} was written by a later version of crew ({self.detail}): "
            "use that version"
        )


@final
class JournalClosed(_AtPath):
    """The journal is closed. Nothing was written."""

    def __str__(self) -> str:
        return f"the journal {self.path} is closed ({self.detail}): open it again"


@final
class JournalStuck(_AtPath):
    """The disk did not answer in time. What was not acknowledged may be lost."""

    def __str__(self) -> str:
        return (
            f"the disk of {self.path} does not answer ({self.detail}): what was not "
            "acknowledged may be lost"
        )


@final
class UnsafeFolder(_AtPath):
    """A symbolic link or a file stands where a folder of ours belongs.

    Nothing was written: through a link it would go to a place that somebody else
    chose.
    """

    def __str__(self) -> str:
        return f"{self.path} is {self.detail}, not a folder: remove it"


@final
class BadEvent(JournalError):
    """An event cannot be stored, or a text is not an event. Nothing was stored."""

    def __init__(self, kind: str, problems: tuple[str, ...]) -> None:
        super().__init__(kind, problems)
        self.kind = kind
        self.problems = problems
        """One for each bad field, each with the path of the field."""

    def __str__(self) -> str:
        return f"not a valid {self.kind}: {'; '.join(self.problems)}"


@final
class UnknownEvent(JournalError):
    """The kind of an event is not known here: its writer knows more than we do."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"there is no event of the kind {self.kind!r} in this version of crew"


@final
class LeaseHeld(JournalError):
    """Another runtime works on the run. Nothing was changed."""

    def __init__(self, path: Path, owner: "Lease") -> None:
        super().__init__(path, owner)
        self.path = path
        self.owner = owner

    def __str__(self) -> str:
        return (
            f"the run at {self.path} belongs to process {self.owner.pid} on "
            f"{self.owner.host}: cancel the run there, or end that process"
        )


class ArtifactError(JournalError):
    """The base of all errors about artifacts."""


@final
class BadArtifactName(ArtifactError):
    """The name could lead out of its folder, or cannot be a file's. Not written."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name = name
        self.why = why

    def __str__(self) -> str:
        return (
            f"{self.name!r} cannot be the name of an artifact: {self.why}; use plain "
            "names, with '/' between folders"
        )


@final
class BadArtifactSource(ArtifactError):
    """The file to be kept is not a regular file that can be read. Not written."""

    def __init__(self, source: Path, why: str) -> None:
        super().__init__(source, why)
        self.source = source
        self.why = why

    def __str__(self) -> str:
        return f"{self.source} cannot become an artifact: {self.why}"


@final
class ArtifactTooLarge(ArtifactError):
    """The content has more bytes than an artifact may have. Not written."""

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(name, limit)
        self.name = name
        self.limit = limit
        """Bytes."""

    def __str__(self) -> str:
        return (
            f"artifact {self.name!r} is larger than {self.limit} bytes: leave it in "
            "the workspace and let the result tell where it is"
        )


@final
class ArtifactExists(ArtifactError):
    """The attempt has an artifact of that name with another content, which stays."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} exists with another content, and artifacts never change: "
            "use another name"
        )


@final
class ArtifactDamaged(ArtifactError):
    """The stored artifact is gone, or is not what was written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"artifact {self.path} is damaged: {self.why}; run its task again"


class RegistryError(JournalError):
    """The base of all errors about looking up a run."""

    exit_code = 2


@final
class UnknownRun(RegistryError):
    """No run has an id that begins like that."""

    def __init__(self, text: str, nearest: tuple[str, ...], problem: str = "") -> None:
        super().__init__(text, nearest, problem)
        self.text = text
        self.nearest = nearest
        """Ids that look alike, the most similar first."""
        self.problem = problem
        """Why the registry could not be asked, or nothing."""

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        limits = f" ({self.problem})" if self.problem else ""
        return f"there is no run {self.text!r}{limits}{hint or '; `crew status --all` shows all'}"


@final
class AmbiguousRun(RegistryError):
    """More than one run has an id that begins like that."""

    def __init__(self, text: str, candidates: tuple[str, ...]) -> None:
        super().__init__(text, candidates)
        self.text = text
        self.candidates = candidates

    def __str__(self) -> str:
        return (
            f"{self.text!r} begins the ids of several runs, write more of it: "
            f"{', '.join(self.candidates)}"
        )
