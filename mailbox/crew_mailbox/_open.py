"""How a mailbox is made."""

from typing import TypeVar

from crew_mailbox._intake import OnFull
from crew_mailbox._letters import DeadLetters
from crew_mailbox._mailbox import Mailbox
from crew_mailbox._turn import BUDGET

M = TypeVar("M")


def open_mailbox(
    name: str,
    *,
    capacity: int,
    on_full: OnFull = "wait",
    dead_letters: DeadLetters | None = None,
    strict_checkpoints: bool = False,
    budget: int = BUDGET,
) -> Mailbox[M]:  # pyright: ignore[reportInvalidTypeVarUse]  the caller's annotation says it
    """Make a mailbox; its author states its *capacity*, in messages.

    Args:
      name: appears in errors, dead letters and statistics.
      capacity: how many messages wait at most; 1 or more.
      on_full: "wait" blocks the sender, "fail" raises `MailboxFull`, "drop_new" and
        "drop_old" give up one message, which becomes a dead letter.
      dead_letters: where lost messages are recorded; without it, in a stream of the
        mailbox's own.
      strict_checkpoints: makes each send and each receive a checkpoint.
      budget: after how many messages a busy task gives way to others.

    Raises:
      ValueError: *capacity*, *on_full* or *budget* is out of its range.
      RuntimeError: called outside of a trio run.
    """
    return Mailbox(
        name,
        capacity,
        on_full,
        DeadLetters() if dead_letters is None else dead_letters,
        budget,
        strict_checkpoints,
    )
