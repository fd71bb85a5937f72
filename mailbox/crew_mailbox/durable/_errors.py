# DurableMailboxError
# ├── DurableMailboxFull   the readers are slow; sending again later is safe
# ├── MailboxDown          it does not run at the moment; again later is safe
# ├── MailboxOwned         another process, or another block, owns it
# ├── MailboxLocked        another program keeps the database to itself: try again
# ├── MailboxDiskFull      no room on the disk: make room, then open it again
# ├── MailboxDamaged       what is on disk is not what was written: validate, repair
# ├── MailboxMissing       there is no mailbox at that place
# ├── MailboxReadOnly      the place does not take writes
# ├── MailboxIO            the system refused for another reason, which is named
# ├── MailboxStuck         the disk did not answer before the time was over
# ├── NewerMailbox         a later version of this package wrote it
# ├── BadLetter            the letter cannot be sent by anybody
# ├── LetterIdTaken        another letter has the id
# ├── UnknownLetter        no open letter has the id
# └── LetterSettled        the fate of the letter is known; nothing was done
#
# One class for each reaction of the caller. The arguments are the facts, so an
# error is the same after pickle.
"""What can go wrong with a durable mailbox."""

from pathlib import Path
from typing import final

from crew_mailbox._errors import MailboxError


class DurableMailboxError(MailboxError):
    """The base of all errors of durable mailboxes."""


class _AtPath(DurableMailboxError):
    """An error about one mailbox on disk."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail


@final
class DurableMailboxFull(DurableMailboxError):
    """There is no room within the mailbox's own bounds.

    The letter was not stored, so sending it again is safe.
    """

    def __init__(
        self, path: Path, letters: int, capacity: int, size: int, capacity_bytes: int
    ) -> None:
        super().__init__(path, letters, capacity, size, capacity_bytes)
        self.path = path
        self.letters = letters
        """Open letters that it holds."""
        self.capacity = capacity
        self.size = size
        """Bytes of the bodies of those letters."""
        self.capacity_bytes = capacity_bytes

    def __str__(self) -> str:
        return (
            f"mailbox {self.path} is full ({self.letters} of {self.capacity} letters, "
            f"{self.size} of {self.capacity_bytes} bytes): send again when its readers "
            "have acknowledged some, or give it more capacity"
        )


@final
class MailboxDown(_AtPath):
    """The mailbox does not run. Nothing was stored; trying again later is safe."""

    def __str__(self) -> str:
        return (
            f"mailbox {self.path} does not run ({self.detail}): try again when its "
            "supervisor has started it"
        )


@final
class MailboxOwned(DurableMailboxError):
    """Somebody owns the mailbox, and there is one owner at a time.

    Nothing was changed. Queries need no owner.
    """

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(path, owner)
        self.path = path
        self.owner = owner
        """Who has it, as far as that is known."""

    def __str__(self) -> str:
        return (
            f"mailbox {self.path} belongs to {self.owner}: send through it, or end it "
            "first"
        )


@final
class MailboxLocked(_AtPath):
    """Another program keeps the database locked. Trying again later is safe."""

    def __str__(self) -> str:
        return (
            f"{self.path} is locked by another program ({self.detail}): end what uses "
            "it, a backup or a database browser perhaps, and try again"
        )


@final
class MailboxDiskFull(_AtPath):
    """There is no room on the disk. What was being written is not stored."""

    def __str__(self) -> str:
        return (
            f"no room for {self.path} ({self.detail}): free some space or raise the "
            "quota, then open the mailbox again"
        )


@final
class MailboxDamaged(_AtPath):
    """What is on disk is not what was written. It was left as it is."""

    def __str__(self) -> str:
        return (
            f"{self.path} is damaged ({self.detail}): `validate_mailbox` lists what "
            "is wrong, and `repair_mailbox` keeps what can be read"
        )


@final
class MailboxMissing(_AtPath):
    """There is no mailbox at that place, or it was taken away."""

    def __str__(self) -> str:
        return f"there is no mailbox at {self.path} ({self.detail}): check the path"


@final
class MailboxReadOnly(_AtPath):
    """The place does not take writes. Reading works."""

    def __str__(self) -> str:
        return (
            f"{self.path} cannot be written to ({self.detail}): allow it, or work on "
            "a copy"
        )


@final
class MailboxIO(_AtPath):
    """The system refused. Whether the last write is on disk is not known."""

    def __str__(self) -> str:
        return (
            f"the system could not read or write {self.path} ({self.detail}): check "
            "the disk and the permissions"
        )


@final
class MailboxStuck(_AtPath):
    """The disk did not answer in time. What was not acknowledged may be lost."""

    def __str__(self) -> str:
        return (
            f"the disk of {self.path} does not answer ({self.detail}): what was not "
            "acknowledged may be lost"
        )


@final
class NewerMailbox(_AtPath):
    """A later version of this package wrote it. It was not touched."""

    def __str__(self) -> str:
        return (
            f"{self.path} was written by a later version ({self.detail}): use that "
            "version"
        )


@final
class BadLetter(DurableMailboxError):
    """Fields of the letter are wrong. Nothing was stored."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems
        """One for each bad field, each beginning with the field's name."""

    def __str__(self) -> str:
        return f"not a valid letter: {'; '.join(self.problems)}"


@final
class LetterIdTaken(DurableMailboxError):
    """Another letter has the id. The one that was sent is not stored.

    An id stands for one letter: the same letter may be sent again under it, and is
    then stored once.
    """

    def __init__(self, path: Path, letter: str, seq: int) -> None:
        super().__init__(path, letter, seq)
        self.path = path
        self.letter = letter
        """The id."""
        self.seq = seq
        """The number of the letter that has it."""

    def __str__(self) -> str:
        return (
            f"mailbox {self.path} has another letter with the id {self.letter!r} "
            f"(number {self.seq}): give each letter an id of its own"
        )


@final
class UnknownLetter(DurableMailboxError):
    """No open letter has the id: it never came, or it was archived. Nothing was done."""

    def __init__(self, path: Path, letter: str) -> None:
        super().__init__(path, letter)
        self.path = path
        self.letter = letter

    def __str__(self) -> str:
        return (
            f"mailbox {self.path} has no open letter {self.letter!r}: check the id, or "
            "whether it was settled before"
        )


@final
class LetterSettled(DurableMailboxError):
    """The fate of the letter is known already. Nothing was done."""

    def __init__(self, path: Path, letter: str, state: str) -> None:
        super().__init__(path, letter, state)
        self.path = path
        self.letter = letter
        self.state = state
        """How it was settled."""

    def __str__(self) -> str:
        return (
            f"letter {self.letter!r} of mailbox {self.path} is {self.state} already: "
            "a letter is answered once, and in time"
        )
