# 1. The panes know nothing but rows of text; what they show is made in `_texts`.
# 2. Rows are changed in place, so that the cursor stays on what it was on.
# 3. What cannot be taken back is asked for first.
"""Panes: runs, agents, output, and what was said."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Final

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import DataTable, Input, Log, Static

from crew_actors.console.client import Address
from crew_actors.console.panes._guest import Guest
from crew_actors.console.panes._texts import (
    HELP,
    RUN_COLUMNS,
    TALK_COLUMNS,
    TASK_COLUMNS,
    Row,
    Transcript,
    run_rows,
    talk_rows,
    task_rows,
    text_of,
)
from crew_actors.errors import UserError

Json = dict[str, Any]

_CSS: Final = """
Horizontal { height: 2fr; }
#runs { height: 1fr; border: round $primary; }
#tasks { height: 2fr; border: round $primary; }
#output { height: 1fr; border: round $primary; }
#talk { height: 1fr; border: round $primary; }
#runs:focus, #tasks:focus, #output:focus, #talk:focus { border: round $accent; }
#entry { display: none; height: 3; }
#entry.asked { display: block; }
#help { display: none; height: auto; border: round $accent; }
#help.asked { display: block; }
#line { height: 1; }
"""

_LINES: Final = 10_000  # of output that can be scrolled back to


class Table(DataTable[object]):
    """A list that stays where it is while its rows change."""

    def fill(self, rows: list[Row]) -> None:
        """Show *rows*, and keep the cursor on the one that it is on."""
        keys = [row.key for row in rows]
        if keys != [str(key.value) for key in self.rows]:
            chosen = self.chosen
            self.clear()
            for row in rows:
                self.add_row(*row.cells, key=row.key)
            if chosen in keys:
                self.move_cursor(row=keys.index(chosen))
            return
        for row in rows:
            old = self.get_row(row.key)
            for column, cell, before in zip(self.columns, row.cells, old, strict=True):
                if cell != before:
                    self.update_cell(row.key, column, cell, update_width=True)

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        place = self.coordinate_to_cell_key((self.cursor_row, 0))  # type: ignore[arg-type] # a pair is one
        return place.row_key.value


class Output(Log):
    """Text that grows; who has scrolled back is left where they are."""

    def put(self, text: str) -> None:
        """Put *text* below what is shown; what is much too far above goes."""
        follows = self.is_vertical_scroll_end
        self.write(text)
        if self.line_count > _LINES:
            kept = self.lines[-_LINES // 2 :]
            self.clear()
            self.write("\n".join(kept))
        if follows:
            self.scroll_end(animate=False)


class Panes(App[None]):
    """A console at a terminal."""

    CSS = _CSS
    TITLE = "crew console"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move('down')"),
        Binding("k", "move('up')"),
        Binding("slash", "filter"),
        Binding("s", "tell('steer')"),
        Binding("i", "tell('interrupt')"),
        Binding("m", "tell('send')"),
        Binding("a", "answer"),
        Binding("c", "cancel"),
        Binding("r", "retry"),
        Binding("R", "restart"),
        Binding("A", "approve"),
        Binding("question_mark", "help"),
        Binding("escape", "leave", priority=True),
        Binding("q", "quit"),
        Binding("ctrl+c", "quit", priority=True),
    ]

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.guest = Guest(address, self)
        self._states: dict[str, Json] = {}
        self._run_id: str | None = None
        self._task_id: str | None = None
        self._wanted = ""
        self._transcript = Transcript()
        self._link: str | None = "connecting"
        self._told = ""
        self._entered: Callable[[str], None] | None = None
        self._before: Widget | None = None

    def compose(self) -> ComposeResult:
        """Lay out the panes."""
        yield Static(id="line", markup=False)
        yield Table(id="runs", cursor_type="row")
        with Horizontal():
            with Vertical():
                yield Table(id="tasks", cursor_type="row")
                yield Table(id="talk", cursor_type="row")
            yield Output(id="output", auto_scroll=False)
        yield Static(HELP, id="help", markup=False)
        yield Input(id="entry")

    def on_mount(self) -> None:
        """Begin to watch."""
        for name, title, columns in (
            ("runs", "runs", RUN_COLUMNS),
            ("tasks", "agents", TASK_COLUMNS),
            ("talk", "mailbox", TALK_COLUMNS),
        ):
            table = self._table(name)
            table.border_title = title
            for column in columns:
                table.add_column(column, key=column)
        self.query_one("#output").border_title = "output"
        self._table("runs").focus()
        self._say()
        self.guest.start(self.exit)

    def show(self, scope: str, state: Json) -> None:
        """Show what is new, when the panes have time for it."""
        self._states[scope] = state
        self.call_later(self._refresh, scope)

    def tell(self, text: str) -> None:
        """Say something in the line at the top."""
        self._told = text
        self.call_later(self._say)

    def tell_link(self, why: str | None) -> None:
        """Say whether there is a connection."""
        self._link = why
        self.call_later(self._say)

    def _table(self, name: str) -> Table:
        return self.query_one(f"#{name}", Table)

    def _say(self) -> None:
        link = "connected" if self._link is None else f"NOT CONNECTED: {self._link}"
        wanted = f"filter {self._wanted!r}" if self._wanted else ""
        parts = [self.guest.address.url, link, wanted, self._told, "? help"]
        line = " | ".join(part for part in parts if part)
        self.query_one("#line", Static).update(text_of(line))

    def _refresh(self, scope: str) -> None:
        state = self._states.get(scope)
        if state is None:
            return
        if scope == "runs":
            self._table("runs").fill(self._kept(run_rows(state)))
            self._choose_run(self._table("runs").chosen)
        elif scope == "run" and state["run"].get("run") == self._run_id:
            self._table("tasks").fill(self._kept(task_rows(state)))
            self._table("talk").fill(talk_rows(state))
            self._choose_task(self._table("tasks").chosen)
        elif scope == "output":
            self._show_output(state)

    def _kept(self, rows: list[Row]) -> list[Row]:
        wanted = self._wanted.casefold()
        return [row for row in rows if row.has(wanted)]

    def _show_output(self, state: Json) -> None:
        begins, text = self._transcript.more(state)
        output = self.query_one(Output)
        if begins:
            output.clear()
        output.put(text)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show what the cursor is on."""
        pane = event.control.id  # pyright: ignore[reportUnknownMemberType] # of any table
        if pane == "runs":
            self._choose_run(self._table("runs").chosen)
        elif pane == "tasks":
            self._choose_task(self._table("tasks").chosen)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Go one pane further in."""
        pane = event.control.id  # pyright: ignore[reportUnknownMemberType] # of any table
        further = {"runs": "#tasks", "tasks": "#output"}
        self.query_one(further.get(str(pane), "#talk")).focus()

    def _choose_run(self, run: str | None) -> None:
        if run is None or run == self._run_id:
            return
        self._run_id = run
        self._states.pop("run", None)
        self._table("tasks").clear()
        self._table("talk").clear()
        self._choose_task(None)
        self.guest.choose("run", run=run)

    def _choose_task(self, task: str | None) -> None:
        if task == self._task_id:
            return
        self._task_id = task
        self._states.pop("output", None)
        self._transcript = Transcript()
        self.query_one(Output).clear()
        if task is not None and self._run_id is not None:
            self.guest.choose("output", run=self._run_id, task=task)

    def action_move(self, way: str) -> None:
        """Move the cursor of the pane that has the focus."""
        pane = self.focused
        if isinstance(pane, Table):
            (pane.action_cursor_down if way == "down" else pane.action_cursor_up)()
        elif isinstance(pane, Log):
            (pane.scroll_down if way == "down" else pane.scroll_up)()

    def action_filter(self) -> None:
        """Show only what holds some text."""
        self._ask("show only what holds", self._filter)

    def _filter(self, text: str) -> None:
        self._wanted = text
        self._say()
        self._refresh("runs")
        self._refresh("run")

    def action_tell(self, method: str) -> None:
        """Steer or interrupt the agent of the task, or send it a message."""
        run, task = self._run_id, self._task_id
        if run is None or task is None:
            self.tell("there is no task here")
            return

        def send(text: str) -> None:
            if text.strip():
                self.guest.ask(method, run=run, task=task, text=text)

        self._ask(f"{method} {task}", send)

    def action_answer(self) -> None:
        """Answer the question under the cursor, else the first that waits."""
        run, found = self._run_id, self._question()
        if run is None or found is None:
            self.tell("no question waits here")
            return
        task, question = found

        def answer(text: str) -> None:
            if text:
                self.guest.ask(
                    "respond", run=run, task=task, question=question, answer=text
                )

        self._ask(f"answer {task}", answer)

    def _question(self) -> tuple[str, str] | None:
        tasks: Json = self._states.get("run", {}).get("tasks", {})
        waiting = {
            str(asked["id"]): (name, str(asked["id"]))
            for name, one in tasks.items()
            for asked in one["questions"]
        }
        under = (self._table("talk").chosen or "").removeprefix("q ")
        of_task = [one for one in waiting.values() if one[0] == self._task_id]
        return waiting.get(under) or next(iter([*of_task, *waiting.values()]), None)

    def action_cancel(self) -> None:
        """Stop the run; the task only, where the cursor is among the tasks."""
        only = self._task_id if self.focused is self._table("tasks") else None
        self._ask_first("cancel", only)

    def action_retry(self) -> None:
        """Do again what failed; the task only, where the cursor is among the tasks."""
        only = self._task_id if self.focused is self._table("tasks") else None
        self._ask_first("retry", only)

    def action_restart(self) -> None:
        """Stop the agent of the task, and begin the task anew."""
        if self._task_id is None:
            self.tell("there is no task here")
        else:
            self._ask_first("restart", self._task_id)

    def action_approve(self) -> None:
        """Agree to the plan of the run."""
        self._ask_first("approve", None)

    def _ask_first(self, method: str, task: str | None) -> None:
        run = self._run_id
        if run is None:
            self.tell("there is no run here")
            return
        named = {"run": run} | ({"task": task} if task else {})

        def go(text: str) -> None:
            if text.strip().casefold() in {"y", "yes"}:
                self.guest.ask(method, **named)
            else:
                self.tell(f"{method}: not done")

        what = f"task {task}" if task else f"run {run}"
        self._ask(f"{method} {what}? y or n", go)

    def action_help(self) -> None:
        """Show the keys, or hide them."""
        self.query_one("#help").toggle_class("asked")

    def action_leave(self) -> None:
        """Leave what was asked, and the filter."""
        if self._entered is not None:
            self._end_entry()
        elif self._wanted:
            self._filter("")
        self.query_one("#help").remove_class("asked")

    def _ask(self, what: str, entered: Callable[[str], None]) -> None:
        """Ask for a line of text."""
        entry = self.query_one("#entry", Input)
        self._entered, self._before = entered, self.focused
        entry.value = ""
        entry.placeholder = text_of(what).plain
        entry.add_class("asked")
        entry.focus()

    def _end_entry(self) -> None:
        self._entered = None
        self.query_one("#entry").remove_class("asked")
        (self._before or self._table("runs")).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the line."""
        entered = self._entered
        self._end_entry()
        if entered is not None:
            entered(event.value)


def show_panes(address: Address) -> None:
    """Show a console until its user quits, and leave the terminal as it was.

    A process that is told to end gives its terminal back first, and ends so then.

    Raises:
      UserError: it cannot be reached, or does not let us in.
    """
    told, refusal = asyncio.run(_show(address))
    if told:
        signal.raise_signal(signal.SIGTERM)
    if refusal is not None:
        raise refusal


async def _show(address: Address) -> tuple[bool, UserError | None]:
    """Tell whether the process was told to end, and why the console was left."""
    panes = Panes(address)
    told: list[bool] = []

    def end() -> None:
        told.append(True)
        panes.exit()

    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # some systems have no such signal
        loop.add_signal_handler(signal.SIGTERM, end)
    try:
        await panes.run_async()
    finally:
        refusal = await panes.guest.finish()
    return bool(told), refusal
