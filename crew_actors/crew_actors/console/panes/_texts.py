# 1. What comes from agents is cleaned, and is never markup: cells are `Text`.
"""What the panes show, from the states of subscriptions."""

from typing import Any, Final, final

import attrs
from rich.text import Text

from crew_actors.console.client import GAP
from crew_actors.observe import clean, cut, escaped

Json = dict[str, Any]

RUN_COLUMNS: Final = ("status", "tasks", "team", "goal", "run")
TASK_COLUMNS: Final = ("status", "task", "agent", "progress")
TALK_COLUMNS: Final = ("what", "task", "text")

_LONGEST: Final = 400  # characters of a cell
_TAB: Final = 8
_MOST: Final = 1 << 16  # characters of output that are shown at once
_WIDEST: Final = 2000  # characters of a line of output
_SAID: Final = "standard output"
_ERRORS: Final = "standard error"

HELP: Final = """\
j k, arrows  move            Tab    next pane         Enter  go into
/  filter runs and tasks     s      steer the agent   i      interrupt it
m  send it a message         a      answer it         R      restart it
c  cancel                    r      retry             A      approve the plan
?  this help                 q, Ctrl-C  quit
Escape leaves a question or the filter. Runs go on when you quit."""


@attrs.frozen
class Row:
    """A line of a pane, and what it stands for."""

    key: str
    cells: tuple[Text, ...]

    def has(self, wanted: str) -> bool:
        """Tell whether *wanted* is somewhere in it."""
        return any(wanted in cell.plain.casefold() for cell in self.cells)


def text_of(value: object) -> Text:
    """Make a cell: one line that does nothing but be read."""
    return Text(cut(clean(str(value if value is not None else "")), _LONGEST))


def _row(key: str, *values: object) -> Row:
    return Row(key, tuple(map(text_of, values)))


def run_rows(state: Json) -> list[Row]:
    """Show each run in a line."""
    return [
        _row(
            name,
            row.get("status") or row.get("problem") or "…",
            f"{row['counts'].get('completed', 0)}/{row['tasks']}",
            row["team"],
            row["goal"],
            name,
        )
        for name, row in state["runs"].items()
    ]


def task_rows(state: Json) -> list[Row]:
    """Show each task in a line."""
    tasks = state["tasks"]
    return [
        _row(name, one["status"], name, one["agent"], _said(one))
        for name in state["order"]
        if (one := tasks.get(name)) is not None
    ]


def _said(task: Json) -> object:
    failure = task["failure"]
    return failure["message"] if failure else task["progress"] or task["why"]


def talk_rows(state: Json) -> list[Row]:
    """Show questions that wait, and messages."""
    rows: list[Row] = []
    for name, one in state["tasks"].items():
        for asked in one["questions"]:
            choices = f" ({', '.join(asked['choices'])})" if asked["choices"] else ""
            text = f"{asked['text']}{choices}"
            rows.append(_row(f"q {asked['id']}", "question", name, text))
        rows += [
            _row(f"m {mail['id']}", mail["kind"], name, f"{mail['by']}: {mail['text']}")
            for mail in one["mail"]
        ]
    return rows


@final
@attrs.define
class Transcript:
    """What of an agent's output was shown: what comes later is put below it."""

    _attempt: object = attrs.field(default=None, init=False)
    _counts: dict[str, int] = attrs.field(factory=dict[str, int], init=False)
    """Characters of each stream that were shown."""
    _last: str = attrs.field(default=_SAID, init=False)
    """The stream that was shown last."""
    _in_line: bool = attrs.field(default=False, init=False)

    def more(self, state: Json) -> tuple[bool, str]:
        """Return whether to begin anew, and the text to put below what is shown."""
        begins = state["attempt"] != self._attempt
        if begins:
            self._attempt = state["attempt"]
            self._counts, self._last, self._in_line = {}, _SAID, False
        pieces = {_SAID: state, _ERRORS: state["errors"]}
        return begins, "".join(
            self._put(stream, piece)
            for stream, piece in pieces.items()
            if piece["count"] > self._counts.get(stream, 0)
        )

    def _put(self, stream: str, piece: Json) -> str:
        known = self._counts.get(stream, 0)
        new = piece["count"] - known
        self._counts[stream] = piece["count"]
        head = ""
        if stream != self._last:
            head = ("\n" if self._in_line else "") + f"--- {stream} ---\n"
            self._last = stream
        elif known and new > _MOST:
            head = GAP
        text = output_text(piece["text"][-min(new, _MOST) :])
        self._in_line = not text.endswith("\n")
        return head + text


def output_text(text: str) -> str:
    """Make output harmless: what controls a terminal is made visible; lines are cut."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(map(_output_line, lines))


def _output_line(line: str) -> str:
    more = "…" if len(line) > _WIDEST else ""
    return escaped(line[:_WIDEST].expandtabs(_TAB)) + more
