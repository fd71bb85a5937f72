# A notice is an entry of a mailbox that is decided on when it is read.
#
# 1. It may be withdrawn until the moment at which it is read, and then costs the
#    reader nothing.
# 2. It is accepted when it is read and still holds; before that it counts nowhere.
"""Messages that may be withdrawn until they are read."""

from typing import Generic, TypeVar

M = TypeVar("M")


class Notice(Generic[M]):
    """A message that a reader has ordered for itself, such as the tick of a timer.

    Derive, and set ``message``.
    """

    __slots__ = ("message",)

    message: M
    """What the reader gets."""

    def open(self) -> bool:
        """Tell, when it is read, whether it still holds. May be called again.

        What this raises comes out of the read.
        """
        return True
