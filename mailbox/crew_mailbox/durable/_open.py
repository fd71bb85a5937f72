"""How a durable mailbox is opened for the length of a block."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import final

import attrs
import trio

from crew_mailbox.durable._errors import DurableMailboxError, MailboxDown
from crew_mailbox.durable._events import DurableEvent
from crew_mailbox.durable._mailbox import MEBIBYTE, DurableMailbox, silent


@final
@attrs.frozen
class _Opened:
    """Hears from the mailbox that it is open, or from us that it never will be."""

    event: trio.Event = attrs.field(factory=trio.Event)

    def started(self, value: DurableMailbox | None = None) -> None:
        del value
        self.event.set()


@asynccontextmanager
async def open_durable_mailbox(
    path: Path | str,
    *,
    capacity: int,
    capacity_bytes: int = 32 * MEBIBYTE,
    max_body: int = MEBIBYTE,
    archive_at: int = 8 * MEBIBYTE,
    keep_archives: int | None = None,
    max_deliveries: int = 16,
    on_event: Callable[[DurableEvent], object] = silent,
    clock: Callable[[], float] = time.time,
) -> AsyncGenerator[DurableMailbox, None]:
    """Own the mailbox in the folder *path* for the length of the block.

    Makes the folder if there is none; the one above has to exist. Leaving the block,
    cancelled or not, commits what is queued and closes the mailbox; that takes at most
    `CLOSE_SECONDS`, shielded. A mailbox that fails tells so to each caller, and at the
    end of the block. For a supervisor's child use `DurableMailbox.run`.

    Args:
      path: a folder that belongs to this mailbox.
      capacity: how many letters may be open, that is not settled; 1 or more.
      capacity_bytes: how many bytes their bodies may have together. They are in memory.
      max_body: how many bytes one body may have; 64 MiB at most.
      archive_at: when settled letters take that many bytes of the database, the oldest
        move into an archive.
      keep_archives: how many bytes the files of archives may take together; when they
        take more, the oldest are removed, but never the newest. None keeps all of them.
      max_deliveries: how often a letter is delivered before it is given up; a million at
        most.
      on_event: is called with each event, in the loop; it must not wait. What it raises
        ends the mailbox.
      clock: tells the seconds since 1970.

    Raises:
      MailboxOwned: somebody else owns it. Nothing was changed.
      NewerMailbox: a later version of this package wrote it.
      MailboxDamaged: it cannot be read; see `repair_mailbox`.
      DurableMailboxError: another class says what went wrong; when it comes out of the
        end of the block, what was not acknowledged may be lost.
      ValueError: a number is out of its range.
    """
    box = DurableMailbox(
        path=Path(path),
        capacity=capacity,
        capacity_bytes=capacity_bytes,
        max_body=max_body,
        archive_at=archive_at,
        keep_archives=keep_archives,
        max_deliveries=max_deliveries,
        on_event=on_event,
        clock=clock,
    )
    async with _running(box):
        yield box


@asynccontextmanager
async def _running(box: DurableMailbox) -> AsyncGenerator[None, None]:
    """Run *box* for the length of the block; its failure comes out at the end."""
    failure: DurableMailboxError | None = None
    body: BaseException | None = None
    opened = _Opened()

    async def keep() -> None:
        nonlocal failure
        try:
            await box.run(task_status=opened)
        except DurableMailboxError as error:
            failure = error
            opened.started()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep)
        try:
            await opened.event.wait()
            if failure is None:
                yield
        except BaseException as error:  # noqa: BLE001  raised again below, outside of the nursery
            body = error
        nursery.cancel_scope.cancel()
    if failure is not None and (
        body is None or isinstance(body, trio.Cancelled | MailboxDown)
    ):
        raise failure
    if body is not None:
        if failure is not None and body is not failure:
            body.add_note(f"the mailbox had failed: {failure}")
        raise body
