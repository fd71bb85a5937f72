# MailboxError
# ├── MailboxFull      the reader is slow; sending again later is safe
# ├── MailboxClosed    the reader is gone; sending again is pointless
# ├── ReaderBusy       two tasks read one mailbox; the program is wrong
# ├── AlreadyReplied   the request has its answer; the replier is wrong
# ├── AlreadyAsked     the request object was used before; make another one
# ├── NotAsked         the request never went through a mailbox; nobody waits
# ├── StashFull        the reader sets too much aside; handle some of it first
# └── LetterNotHeld    the dead letter has no message any more; look at `held`
#
# One class for each reaction of the caller. The arguments are the facts, so an
# error is the same after pickle.
"""What can go wrong with a mailbox."""

from typing import final


class MailboxError(Exception):
    """The base of all errors of this package."""


@final
class MailboxFull(MailboxError):
    """There was no room and the caller does not wait.

    The message was not queued, so sending it again is safe.
    """

    def __init__(self, name: str, capacity: int) -> None:
        super().__init__(name, capacity)
        self.name = name
        self.capacity = capacity

    def __str__(self) -> str:
        return (
            f"mailbox {self.name!r} is full ({self.capacity} messages): send again "
            "later, or give it more capacity"
        )


@final
class MailboxClosed(MailboxError):
    """The mailbox takes no messages any more, or has none left to read.

    A message that was being sent was not queued. Trying again is pointless.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"mailbox {self.name!r} is closed, for good"


@final
class ReaderBusy(MailboxError):
    """Another task is waiting for a message of this mailbox.

    Nothing was read. A mailbox has one reader; give each reader its own mailbox.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"mailbox {self.name!r} already has a task that waits for its messages: "
            "give the second reader a mailbox of its own"
        )


@final
class AlreadyReplied(MailboxError):
    """The request was answered before. The first answer stands."""

    def __init__(self, request: str) -> None:
        super().__init__(request)
        self.request = request

    def __str__(self) -> str:
        return f"{self.request} has been answered already: reply or fail exactly once"


@final
class AlreadyAsked(MailboxError):
    """The request object was asked or sent before. It was not sent again.

    A late reply to the first use would answer the second one.
    """

    def __init__(self, request: str) -> None:
        super().__init__(request)
        self.request = request

    def __str__(self) -> str:
        return f"{self.request} was asked before: make one request object for each ask"


@final
class NotAsked(MailboxError):
    """The request was never sent, so that nobody can receive a reply."""

    def __init__(self, request: str) -> None:
        super().__init__(request)
        self.request = request

    def __str__(self) -> str:
        return f"{self.request} was never sent: ask it before somebody replies"


@final
class StashFull(MailboxError):
    """The reader has set as many messages aside as it allows itself.

    The message stays in hand.
    """

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(name, limit)
        self.name = name
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the stash of mailbox {self.name!r} is full ({self.limit} messages): "
            "unstash some, or allow more"
        )


@final
class LetterNotHeld(MailboxError):
    """There is no message to the dead letter of that number. Nothing was sent.

    It was requeued before, or is older than what is held, or was a reply.
    """

    def __init__(self, number: int, total: int) -> None:
        super().__init__(number, total)
        self.number = number
        self.total = total

    def __str__(self) -> str:
        return (
            f"dead letter {self.number} of {self.total} holds no message: it was "
            "requeued before, is too old (see `held`), or was a reply"
        )
