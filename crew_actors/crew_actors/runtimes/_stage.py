# Where an agent is seen: its lines go into its log, and what it does is told as progress.
# So is a line that it has not come to the end of, as far as it goes.
"""Show people what is seen of an agent."""

from typing import final

import attrs

from crew_actors.redaction import redact_start
from crew_actors.runtimes._job import Port
from crew_actors.runtimes._log import OutputLog
from crew_actors.runtimes._messages import PROGRESS_LIMIT
from crew_actors.runtimes._screen import Screen, action
from crew_actors.runtimes._seen import Does, Notes, Says, Seen, Tries, Uses


@final
@attrs.define(eq=False)
class Stage:
    """Shows one agent. Each method is a checkpoint when the disk or the run is behind."""

    port: Port
    log: OutputLog
    _screen: Screen = attrs.field(factory=Screen, init=False)

    async def see(self, seen: Seen) -> None:
        """Show what is seen, and report what it has used up."""
        for line in self._screen.take(seen):
            await self.show(line)
        match seen:
            case Says():
                if line := self._screen.open.strip():
                    await self.progress(line)
            case Does():
                await self.progress(action(seen))
            case Uses(usage):
                await self.port.usage(usage)
            case Tries(why):
                await self.progress(f"it tries again: {why}")
            case Notes(text):
                await self.progress(text)
            case _:
                pass  # only to be shown

    async def show(self, line: str) -> None:
        """Show one line."""
        await self.log.add("stdout", line)
        if line.strip():
            await self.progress(line.strip())

    async def rest(self) -> None:
        """Show what has no line end yet."""
        for line in self._screen.rest():
            await self.show(line)

    async def progress(self, text: str) -> None:
        """Tell what it is doing, in a few words."""
        await self.port.progress(redact_start(text, PROGRESS_LIMIT))
