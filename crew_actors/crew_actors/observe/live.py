# The live table at a terminal.
#
# 1. rich draws into a string and a printer writes it: a terminal that takes nothing
#    stops the drawing, never the run.
# 2. A frame is drawn when something has changed, at most ten times a second, and
#    once a second for the clock.
# 3. Everything foreign is a `Text`: there is no markup in it to obey.
"""The live view of a run at a terminal."""

import io
import shutil
import time
from collections.abc import Callable
from typing import Final

import attrs
import trio
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from crew_actors.model import Recorded, RunState, TaskStatus
from crew_actors.observe._text import clean
from crew_actors.observe._view import Row, fit, headline, rows
from crew_actors.observe.displays import folded
from crew_actors.observe.printer import Printer

_STYLES: Final = {
    TaskStatus.QUEUED: "dim",
    TaskStatus.RUNNING: "cyan",
    TaskStatus.WAITING: "yellow",
    TaskStatus.COMPLETED: "green",
    TaskStatus.NEEDS_ATTENTION: "yellow",
    TaskStatus.FAILED: "bold red",
    TaskStatus.CANCELLED: "yellow",
    TaskStatus.SKIPPED: "dim",
}
_FRAME: Final = 0.1  # seconds between two frames, at least
_CLOCK: Final = 1.0  # seconds between two frames, at most
_AROUND: Final = 2  # lines of a frame that are no rows: the headline, the cursor's


def frame(state: RunState, now: float, height: int | None = None) -> Group:
    """Draw *state* at *now* (seconds since 1970), at most *height* lines high."""
    table, rest = rows(state, now), ""
    if height is not None:
        table, rest = fit(table, height - _AROUND)
    lines = [
        Text(headline(state, now), style="bold", no_wrap=True, overflow="ellipsis")
    ]
    more = [Text(rest, style="dim", no_wrap=True)] if rest else []
    return Group(*lines, _grid(table), *more)


def _grid(table: tuple[Row, ...]) -> Table:
    grid = Table.grid(padding=(0, 2), expand=True)
    for _ in ("status", "task", "agent"):
        grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for row in table:
        status = Text(f"{row.icon} {row.word}", style=_STYLES[row.status])
        cells = (status, Text(row.task), Text(row.agent, style="dim"))
        grid.add_row(*cells, Text(row.elapsed), Text(row.last, style="dim"))
    return grid


def _live_on(buffer: io.StringIO) -> Live:
    console = Console(file=buffer, force_terminal=True, legacy_windows=False)
    return Live(
        console=console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="crop",
    )


@attrs.define(eq=False)
class LiveDisplay:
    """Shows a run as a table that changes in its place."""

    _out: Printer
    _size: Callable[[], tuple[int, int]] = attrs.field(
        default=shutil.get_terminal_size, alias="size"
    )
    """Asks for the columns and lines of the terminal."""
    _clock: Callable[[], float] = attrs.field(default=time.time, alias="clock")
    _buffer: io.StringIO = attrs.field(factory=io.StringIO, init=False)
    _live: Live = attrs.field(
        default=attrs.Factory(lambda self: _live_on(self._buffer), takes_self=True),
        init=False,
    )
    _state: RunState | None = attrs.field(default=None, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    async def event(self, recorded: Recorded) -> None:
        """Show it in the next frame. They begin with the run's first."""
        self._state = folded(self._state, recorded)
        self._changed.set()

    async def note(self, text: str) -> None:
        """Write *text* above the table."""
        self._live.console.print(Text(clean(text)))
        await self._flush()

    async def run(self) -> None:
        """Draw until cancelled; then draw the last state, with all of its rows."""
        self._live.start()
        try:
            while True:
                await self._draw()
                with trio.move_on_after(_CLOCK):
                    await self._changed.wait()
                self._changed = trio.Event()
                await trio.sleep(_FRAME)
        finally:
            if self._state is not None:
                self._live.update(frame(self._state, self._clock()))
            self._live.stop()
            await self._flush()

    async def _draw(self) -> None:
        if self._state is not None and not self._out.busy:
            width, height = self._size()
            self._live.console.size = (width, height)
            self._live.update(frame(self._state, self._clock(), height), refresh=True)
            await self._flush()

    async def _flush(self) -> None:
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        await self._out.put(text)
