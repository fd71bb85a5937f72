"""The feed of mailboxes."""

from collections.abc import Iterator
from typing import final

import attrs

from crew_actors.console.feeds._feed import Feed
from crew_actors.console.feeds._inspector import Inspecting, Seen
from crew_actors.console.feeds._nodes import mailbox_row
from crew_actors.console.feeds._rows import Fields, Rows


@final
@attrs.define(eq=False)
class MailboxesFeed(Feed):
    """A row for each mailbox of an actor."""

    inspecting: Inspecting
    _rows: Rows = attrs.field(factory=Rows, init=False)

    async def keep_up(self) -> None:
        """Take note of what is different in each look."""
        with self.inspecting() as inspector:
            await inspector.up()
            while True:
                count = inspector.count
                self._take_note(dict(_rows_of(inspector.seen)), self.rev + 1)
                self.ready.set()
                await inspector.newer(count)

    def _take_note(self, rows: dict[str, Fields], rev: int) -> None:
        changed = self._rows.keep(rows, rev)
        for name, row in rows.items():
            changed |= self._rows.put(name, row, rev)
        if changed:
            self.changed(rev)
            self.floor = max(self.floor, self._rows.forget(self.oldest()))

    def whole(self) -> object:
        """Give all mailboxes."""
        return {"mailboxes": [*self._rows.whole().values()]}

    def newer(self, base: int) -> object:
        """Give the fields that changed, by mailbox."""
        return {"mailboxes": self._rows.newer(base)}


def _rows_of(seen: Seen) -> Iterator[tuple[str, Fields]]:
    """Name each mailbox: in the outermost block as it is, else after its block."""
    for place, look in enumerate(seen.looks):
        for box in look.mailboxes:
            name = f"{look.tree.name}/{box.name}" if place else box.name
            yield name, mailbox_row(name, box)
