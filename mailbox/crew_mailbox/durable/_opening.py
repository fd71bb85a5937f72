# How a mailbox is opened, and put down.
#
# 1. The owner takes the lock first and lets go of it last, when the database is
#    closed. If the disk hangs its thread still has the database: the lock then stays
#    until the process ends.
# 2. What was delivered and not acknowledged is queued again, at its old place.
"""From a folder to a mailbox that runs, and back."""

from collections.abc import Callable

import trio

from crew_mailbox.durable._database import Database, open_database
from crew_mailbox.durable._disk import MailboxFolder
from crew_mailbox.durable._errors import MailboxStuck
from crew_mailbox.durable._events import DurableEvent, LettersReplayed
from crew_mailbox.durable._ledger import Held, Ledger
from crew_mailbox.durable._letters import StoredLetter
from crew_mailbox.durable._owner import give_up, take
from crew_mailbox.durable._rules import FINAL, remaining, standing
from crew_mailbox.durable._writer import Limits, Writer


async def open_writer(
    folder: MailboxFolder,
    limits: Limits,
    clock: Callable[[], float],
    on_event: Callable[[DurableEvent], object],
) -> tuple[Writer, int]:
    """Own the mailbox in *folder* and read its letters; see `put_down`.

    Raises:
      DurableMailboxError: by its class. The mailbox is not owned.
    """
    owner, database, letters = await trio.to_thread.run_sync(_open, folder)
    ledger = Ledger()
    delivered = fill(ledger, letters, clock(), trio.current_time())
    for row in database.archives:
        for state in FINAL:
            ledger.counts[state] += getattr(row, state)
    ledger.counts["lost"] = database.lost
    writer = Writer(
        folder,
        limits,
        database,
        ledger,
        clock,
        on_event,
        archives=[row for row in database.archives if not row.dropped],
        dropped=sum(row.letters for row in database.archives if row.dropped),
        opening=LettersReplayed(folder.path, ledger.counts["queued"], delivered),
    )
    return writer, owner


def fill(ledger: Ledger, letters: list[StoredLetter], wall: float, loop: float) -> int:
    """Put *letters* into an empty ledger; tell how many are to be delivered again.

    *wall* and *loop* are this moment by the wall clock and by the loop's clock.
    """
    delivered = 0
    for stored in letters:
        found = standing(stored)
        if found.state in FINAL:
            ledger.add_settled(stored, found)
            continue
        delivered += found.state == "queued" and found.attempts > 0
        wait = stored.letter.reply_by
        ledger.add(
            Held(
                stored.seq,
                stored.letter,
                stored.sent_at,
                found.state,
                found.attempts,
                None if wait is None else loop + remaining(stored.sent_at, wait, wall),
            )
        )
    return delivered


def _open(folder: MailboxFolder) -> tuple[int, Database, list[StoredLetter]]:
    folder.make()
    owner = take(folder)
    try:
        database = open_database(folder)
        try:
            return owner, database, database.load()
        except BaseException:  # whatever it was: nobody else would close it
            database.close()
            raise
    except BaseException:  # whatever it was: nobody else would give it up
        give_up(owner)
        raise


def put_down(writer: Writer, owner: int) -> None:
    """Let somebody else own the mailbox, unless its database is still in use."""
    if not isinstance(writer.failure, MailboxStuck):
        give_up(owner)
