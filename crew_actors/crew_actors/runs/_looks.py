# What goes on behind a run: for who watches, here or from another process.
#
# 1. Looking changes nothing and keeps nothing: a look is made when somebody asks, from
#    what is there anyway.
# 2. A follower of another process is told how far the journal is, at most once in
#    `FOLLOW_SECONDS`; the events it reads from the disk. So it costs the same whether
#    much happens or little, and however slowly it reads.
"""Looks at the actors of a run, and news for followers."""

import time
from typing import Final, cast, final

import attrs
import msgspec
import trio

from crew_actors.actors import Actors, DeadLetter
from crew_actors.control import Handler, Refused, Tell
from crew_actors.journal import Journal
from crew_actors.runs._view import RunView
from crew_mailbox import MailboxStatistics
from crew_supervisors import TreeNode

FOLLOW_SECONDS: Final = 0.05
"""Seconds between two lines to a follower, at least."""

LETTERS: Final = 200
"""The most dead letters of one look, the newest."""

Params = dict[str, object]


@final
@attrs.frozen(kw_only=True)
class Look:
    """The actors of one block at one moment."""

    at: float
    """Seconds since 1970."""
    tree: TreeNode
    mailboxes: tuple[MailboxStatistics, ...]
    dead: int
    """How many dead letters there were in all."""
    letters: tuple[DeadLetter, ...]
    """The newest of them, oldest first."""
    clock: float
    """What trio's clock said then, in which the letters are dated."""


def look_at(actors: Actors) -> Look:
    """Look at the actors of a block. Not a checkpoint."""
    return Look(
        at=time.time(),
        tree=actors.supervisor.tree(),
        mailboxes=actors.statistics(),
        dead=actors.dead_letters.total,
        letters=actors.dead_letters.newest()[-LETTERS:],
        clock=trio.current_time(),
    )


def with_looks(handle: Handler, view: RunView) -> Handler:
    """Answer `inspect`, which takes nothing, beside what *handle* answers."""

    async def answer(method: str, params: Params) -> Params:
        if method != "inspect":
            return await handle(method, params)
        await trio.lowlevel.checkpoint()
        if params:
            raise Refused("BadRequest", "inspect takes no parameters")
        if view.actors is None:
            msg = "the run is only beginning; there is nothing to be seen yet"
            raise Refused("RunBeginning", msg, exit_code=1)
        return cast("Params", msgspec.to_builtins(look_at(view.actors)))

    return answer


def tell_news(journal: Journal) -> "_News":
    """Tell followers, which ask with `since`, how far the journal is."""
    return _News(journal)


@final
@attrs.frozen(eq=False)
class _News:
    journal: Journal

    async def __call__(self, params: Params, tell: Tell) -> None:
        since = params.get("since", 0)
        whole = isinstance(since, int) and not isinstance(since, bool)
        if params.keys() - {"since"} or not whole:
            msg = "since, a whole number, is the only parameter of follow"
            raise Refused("BadRequest", msg)
        seq = cast("int", since)
        while (newest := await self.journal.newer(seq)) > seq:
            seq = newest
            await tell({"seq": seq})
            await trio.sleep(FOLLOW_SECONDS)


def look_of(told: Params) -> Look:
    """Make of an answer to `inspect` what was looked at there.

    Raises:
      Refused: it is no such answer.
    """
    try:
        return msgspec.convert(told, Look)
    except msgspec.ValidationError as error:
        raise Refused(
            "BadAnswer", f"the owner shows what is no look: {error}"
        ) from None
