import io
import json
import re

import pytest
import trio
from rich.console import Console
from tests.commands.samples import (
    START,
    beginning,
    completed,
    failed,
    plan,
    planned,
    progress,
    recorded,
    started,
    state_of,
    whole_run,
)
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.model import CancelRequested, Event
from crew_actors.observe.displays import (
    Display,
    EventDisplay,
    JsonDisplay,
    PlainDisplay,
)
from crew_actors.observe.live import LiveDisplay, frame
from crew_actors.observe.printer import open_printer, writer_to


async def shown(kind: type[PlainDisplay | EventDisplay | JsonDisplay]) -> list[str]:
    out, err = io.StringIO(), io.StringIO()
    async with (
        open_printer(writer_to(err)) as errors,
        open_printer(writer_to(out)) as printer,
    ):
        display: Display = kind(printer, errors)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(display.run)
            for one in recorded(whole_run()):
                await display.event(one)
            await display.note("a \x1b[1mnote")
            nursery.cancel_scope.cancel()
    assert err.getvalue() == "a note\n"
    return out.getvalue().splitlines()


async def test_without_a_terminal_a_run_is_told_in_lines() -> None:
    lines = await shown(PlainDisplay)
    assert [line.split("  ")[-1] for line in lines] == [
        "map: running (map-agent)",
        "map: counting",
        "map: completed (after 2.0 s)",
        "write: running (write-agent)",
        "write: completed (after 1.0 s)",
    ]


async def test_events_are_told_in_one_line_each() -> None:
    lines = await shown(EventDisplay)
    assert len(lines) == len(whole_run())
    assert lines[3].endswith("map: counting")


async def test_json_lines_tell_each_event_as_an_object() -> None:
    found = [json.loads(line) for line in await shown(JsonDisplay)]
    assert [one["seq"] for one in found] == list(range(1, len(whole_run()) + 1))
    assert found[-1]["kind"] == "run.completed"


def drawn(events: list[Event], *, width: int = 60, height: int | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(frame(state_of(events), START + 10, height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_frame_has_one_line_for_each_agent() -> None:
    text = drawn([*beginning(), started("map"), progress("map", "counting")])
    assert text.splitlines() == [
        "run 20260102-030405-0123456789 · team duo · 0 of 2 tasks en…",
        "● running  map    map-agent    8.0 s  counting              ",
        "○ queued   write  write-agent                               ",
    ]


def test_a_frame_is_cut_to_the_width_and_has_no_markup() -> None:
    hostile = "[bold]\x1b[2J" + "long " * 40
    text = drawn([*beginning(), started("map"), progress("map", hostile)])
    assert all(len(line) == 60 for line in text.splitlines()[1:])
    assert "[bold]long" in text
    assert "\x1b" not in text


def test_a_frame_is_cut_to_the_height() -> None:
    chosen = plan(*(planned(f"t{number}") for number in range(50)))
    events = [*beginning(chosen), started("t40"), started("t7"), failed("t7")]
    lines = drawn(events, height=6).splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("○ queued   t0")
    assert lines[2].startswith("✘ failed   t7")
    assert lines[3].startswith("● running  t40")
    assert lines[4] == "and 47 more: 47 queued"


class Terminal:
    """Takes what a terminal would get."""

    def __init__(self) -> None:
        self.frames: list[str] = []

    def write(self, text: str) -> None:
        self.frames.append(text)

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-?]*[a-zA-Z]", "", "".join(self.frames))


async def test_the_table_changes_in_its_place_and_ends_whole(
    mock_clock: MockClock,
) -> None:
    mock_clock.rate = 20  # threads write: virtual time must not jump
    terminal = Terminal()
    chosen = plan(*(planned(f"t{number}") for number in range(9)))
    events = recorded([*beginning(chosen), started("t0"), completed("t0")])
    async with open_printer(terminal.write) as printer:
        display = LiveDisplay(
            printer, size=lambda: (60, 5), clock=lambda: trio.current_time() + START
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(display.run)
            await trio.sleep(3)
            assert "t0" not in terminal.text
            for one in events:
                await display.event(one)
            await trio.sleep(3)
            assert "and 7 more: 6 queued, 1 completed" in terminal.text
            await display.note("Stopping\x07.")
            stop = CancelRequested(why="enough")
            await display.event(recorded([*(one.event for one in events), stop])[-1])
            await trio.sleep(3)
            nursery.cancel_scope.cancel()
    assert "Stopping." in terminal.text
    last = terminal.frames[-1]
    assert all(f"t{number} " in last for number in range(9))
    assert "\x1b[?25l" in "".join(terminal.frames)
    assert last.count("\x1b[?25h") == 1


async def test_a_table_of_a_run_that_never_began_is_empty() -> None:
    terminal = Terminal()
    async with open_printer(terminal.write) as printer, trio.open_nursery() as nursery:
        nursery.start_soon(LiveDisplay(printer).run)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert terminal.text.strip() == ""


@pytest.mark.parametrize("size", [(1, 1), (20, 2), (300, 100)])
def test_a_frame_can_be_drawn_on_any_terminal(size: tuple[int, int]) -> None:
    width, height = size
    lines = drawn(whole_run(), width=width, height=height).splitlines()
    assert len(lines) <= max(height, 2)
