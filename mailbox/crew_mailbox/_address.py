"""The sending half of a mailbox."""

from typing import TYPE_CHECKING, Generic, TypeVar, final

import attrs

from crew_mailbox._lanes import NORMAL, Priority

if TYPE_CHECKING:
    from crew_mailbox._mailbox import Mailbox

M_contra = TypeVar("M_contra", contravariant=True)


@final
@attrs.frozen(eq=False)
class Address(Generic[M_contra]):
    """The sending half of a mailbox. Holding it gives no right to read."""

    _mailbox: "Mailbox[M_contra]"

    @property
    def name(self) -> str:
        """The name of the mailbox."""
        return self._mailbox.name

    @property
    def closed(self) -> bool:
        """Whether the mailbox takes no messages any more."""
        return self._mailbox.closed

    async def send(self, message: M_contra, priority: Priority = NORMAL) -> None:
        """Queue *message*; see `Mailbox.send`."""
        await self._mailbox.send(message, priority)

    def send_nowait(self, message: M_contra, priority: Priority = NORMAL) -> None:
        """Queue *message* now; see `Mailbox.send_nowait`."""
        self._mailbox.send_nowait(message, priority)
