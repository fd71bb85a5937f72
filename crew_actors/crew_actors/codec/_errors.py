# CodecError
# ├── MessageTooLarge   more bytes than agreed; nothing was parsed
# ├── UnknownKind       the other side knows a message that this side does not
# ├── BadMessage        the other side is wrong, field by field
# └── NotRegistered     this side is wrong: a class of messages needs a name
#
# One class for each reaction of the caller. The arguments are the facts, so an
# error is the same after pickle.
"""What can go wrong at a border."""

from typing import final


class CodecError(Exception):
    """The base of all errors of this package. No message came into being."""


@final
class MessageTooLarge(CodecError):
    """There are more bytes than allowed. They were not parsed, or not given out."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"a message of {self.size} bytes: at most {self.limit} are allowed"


@final
class UnknownKind(CodecError):
    """The message is of a kind that has no registered name here."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        super().__init__(kind, known)
        self.kind = kind
        self.known = known

    def __str__(self) -> str:
        return f"unknown kind {self.kind!r}: known are {', '.join(self.known)}"


@final
class BadMessage(CodecError):
    """The message does not fit its kind. Each problem names the path of its field."""

    def __init__(self, kind: str, problems: tuple[str, ...]) -> None:
        super().__init__(kind, problems)
        self.kind = kind
        self.problems = problems

    def __str__(self) -> str:
        return f"not a good {self.kind!r}: {'; '.join(self.problems)}"


@final
class NotRegistered(CodecError):
    """A field may hold one of several classes, and not all of them have names.

    The program is wrong: register the classes with the codec.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__(classes)
        self.classes = classes

    def __str__(self) -> str:
        return (
            f"{', '.join(self.classes)}: a field may hold this or something else, "
            "so the codec needs a name for it"
        )
