# One process, and one block in it, owns a mailbox.
#
# The system keeps the lock: it ends with the process that has it, however that dies,
# and a pid that was given to another process cannot be taken for the owner. The text
# in the file is for people only.
"""Who owns a mailbox."""

import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from crew_mailbox.durable._disk import MailboxFolder, told
from crew_mailbox.durable._errors import MailboxOwned

_LOCK_AT = 1 << 20  # behind the text, which others may then read on Windows


@contextmanager
def owned(folder: MailboxFolder) -> Generator[None, None, None]:
    """Own the mailbox for the length of the block. Blocks on the disk, never for long.

    Raises:
      MailboxOwned: somebody else owns it. Nothing was changed.
      DurableMailboxError: by its class.
    """
    descriptor = take(folder)
    try:
        yield
    finally:
        give_up(descriptor)


def take(folder: MailboxFolder) -> int:
    """Take the mailbox; the descriptor that is returned keeps it. See `owned`."""
    with told(folder.path):
        descriptor = os.open(folder.owner, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(descriptor)
        except OSError:  # the system says EAGAIN, EACCES or EDEADLK for it
            raise MailboxOwned(folder.path, _told_by(folder.owner)) from None
        with told(folder.path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _myself().encode())
    except BaseException:  # whatever it was: nobody else would close it
        os.close(descriptor)
        raise
    return descriptor


def give_up(descriptor: int) -> None:
    """Let somebody else take the mailbox."""
    os.close(descriptor)


def _myself() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _told_by(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        text = ""
    return text or "another process"


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
