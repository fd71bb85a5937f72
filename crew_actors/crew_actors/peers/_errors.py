# PeerError
# ├── PeerClosed        the other side is gone: asking again is pointless
# ├── RequestRefused    the other side answered with an error, or we refuse with one
# └── MessageTooLarge   nothing was sent
"""What can go wrong between peers."""

from typing import Final, final

METHOD_NOT_FOUND: Final = -32601
"""The code with which JSON-RPC refuses a method that it does not know."""

INVALID_REQUEST: Final = -32600
"""The code with which JSON-RPC refuses what is no request of it."""


class PeerError(Exception):
    """Something between two peers went wrong."""


@final
class PeerClosed(PeerError):
    """The other side has ended, or reads no more. What was asked has no answer."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the other program is gone: {self.what} has no answer"


@final
class RequestRefused(PeerError):
    """A request was answered with an error. Raised by a server, it is that answer."""

    def __init__(self, message: str, code: int | str = 0, data: object = None) -> None:
        super().__init__(message, code, data)
        self.message = message
        self.code = code
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} ({self.code})" if self.code else self.message


@final
class MessageTooLarge(PeerError):
    """A message is longer than the other side can be expected to take.

    It was not sent.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"a message of {self.size:,} bytes was not sent: {self.limit:,} is all"


def unknown_method(method: str) -> RequestRefused:
    """Make the refusal of a *method* that a server does not know."""
    return RequestRefused(f"unknown method {method!r}", METHOD_NOT_FOUND)
