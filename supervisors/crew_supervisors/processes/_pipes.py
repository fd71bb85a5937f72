# A pipe of the usual 64 KiB makes a program that floods it and its reader wait for each
# other at each turn. A wider one is worth a fifth of the rate.
#
# 1. Only a pipe that has carried much is widened: most never do.
# 2. An unprivileged user has 64 MiB for all pipes of all programs (pipe(7)). So this
#    process holds at most `MOST_WIDE` wide ones, 16 MiB.
"""How much is read at a time."""

import sys
from typing import Final, final

import trio

READ: Final = 65536  # bytes: the usual capacity of a pipe
WIDE_READ: Final = 1 << 18  # bytes; the caches of processors are not much larger
WIDE_AFTER: Final = 1 << 20  # bytes that a pipe has carried
MOST_WIDE: Final = 64


@final
class Width:
    """The width of one pipe."""

    wide = 0
    """How many wide pipes this process holds."""

    def __init__(self, pipe: trio.abc.ReceiveStream) -> None:
        self.size = READ
        """Bytes to read at a time."""
        self._pipe = pipe
        self._carried = 0

    def carried(self, size: int) -> None:
        """Take note of *size* bytes, and widen the pipe if it carries much."""
        before, self._carried = self._carried, self._carried + size
        if (
            before < WIDE_AFTER <= self._carried
            and Width.wide < MOST_WIDE
            and _widen(self._pipe)
        ):
            Width.wide += 1
            self.size = WIDE_READ

    def give_back(self) -> None:
        """Say that the pipe is closed. Idempotent."""
        if self.size == WIDE_READ:
            Width.wide -= 1
            self.size = READ


def _widen(pipe: trio.abc.ReceiveStream) -> bool:
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - there is none on Windows

        if isinstance(pipe, trio.lowlevel.FdStream):
            try:
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, WIDE_READ)
            except OSError:
                return False  # no more room for pipes: it stays as it is
            return True
    return False
