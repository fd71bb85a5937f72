# What a command agent has answered so far, as a fold over its lines and, at the end,
# its exit. No process in here.
#
# Success needs evidence: a result that is not empty, and exit code 0. An agent that had
# given its answer and had to be ended needs no exit code. An agent that says `failure`
# has failed, whatever its exit code.
"""Fold the lines of an agent into an outcome."""

import attrs

from crew_actors.model import Failure, FailureKind, TaskOutput
from crew_actors.runtimes._messages import (
    PROGRESS_LIMIT,
    Fails,
    Message,
    Results,
    Says,
    understand,
)
from crew_actors.runtimes._outcome import Completed, Failed, NoResult, Outcome

TEXT_LIMIT = 1 << 20
"""Characters of plain text that are kept as a result."""

_LAST_LINES = 50
_MOST_CUTS = 20

LINE_LIMIT = 1 << 20
"""Bytes of one line that are taken in."""

DETAIL_LIMIT = 4_000
"""Characters of the error stream that a failure quotes: its end."""


@attrs.frozen(kw_only=True)
class Ending:
    """How a process ended, as far as the outcome depends on it."""

    code: int | None
    """The exit code; None if a signal ended it."""

    signal: str | None = None
    deadline: str | None = None
    """The name of the deadline that fired, if one did."""

    lost: str | None = None
    """Why it was ended by nobody's wish, if it was."""

    answered: bool = False
    """It had given its answer and lingered, so it was ended: its code means nothing."""

    stderr: str = ""


@attrs.define
class Answer:
    """What one agent has said."""

    output: TaskOutput
    unread: bool = False
    """Its task is on its standard input, and not all of it has been read."""

    _lines: list[str] = attrs.field(factory=list[str])
    _kept: int = 0
    _left_out: int = 0
    _result: Results | None = None
    _failure: str | None = None
    _cuts: list[str] = attrs.field(factory=list[str])
    """What became of lines that were too long to be taken in whole."""

    @property
    def is_given(self) -> bool:
        """Whether an agent that speaks in messages has said how it ended."""
        given = self._result is not None and self._result.text.strip() != ""
        return given or self._failure is not None

    @property
    def is_text(self) -> bool:
        """Whether there is plain text, which is an answer when nobody can add to it."""
        return self.output == "text" and any(line.strip() for line in self._lines)

    def take_cut(self, line: str, note: str) -> None:
        """Take in the beginning of a line that was too long.

        *note* says what became of it.
        """
        if len(self._cuts) < _MOST_CUTS:
            self._cuts.append(note)
        if self.output == "text":
            self._keep(line)

    def take(self, line: str) -> Message:
        """Take in one line and tell what it says."""
        if self.output == "text":
            self._keep(line)
            return Says(line.strip()[:PROGRESS_LIMIT])
        message = understand(line)
        if isinstance(message, Results):
            self._result = message
        elif isinstance(message, Fails):
            self._failure = message.message
        return message

    def _keep(self, line: str) -> None:
        room = TEXT_LIMIT - self._kept
        if room > 0:
            self._lines.append(line[:room])
            self._kept += min(room, len(line)) + 1
            self._left_out += max(0, len(line) - room)
        else:
            self._left_out += len(line) + 1

    def outcome(self, ending: Ending) -> Outcome:
        """Tell how the attempt ended, now that its process has."""
        said = ending.stderr if ending.stderr.strip() else self._said()
        detail = said[-DETAIL_LIMIT:]
        failed = self._failed(ending, detail)
        if failed is not None:
            return failed
        text, data = self._text()
        if text.strip():
            return Completed(text=text, data=data)
        why = f"it ended well, but gave no result{_last_words(detail)}"
        if self.unread:
            why += "; it did not read all of its task"
        if self._cuts:
            why += f"; {'; '.join(self._cuts)}: leave what is large as an artifact"
        return NoResult(why=why)

    def _failed(self, ending: Ending, detail: str) -> Failed | None:
        if ending.deadline is not None:
            message = ending.deadline + _last_words(detail)
            return _failed(FailureKind.TIMEOUT, message, detail)
        if ending.lost is not None:
            return _failed(FailureKind.KILLED, ending.lost, detail)
        if self._failure is not None:
            return _failed(FailureKind.REPORTED, self._failure, detail)
        if ending.signal is not None and not ending.answered:
            message = f"ended by {ending.signal}{_last_words(detail)}"
            return _failed(FailureKind.KILLED, message, detail)
        if ending.code != 0 and not ending.answered:
            message = f"exit code {ending.code}{_last_words(detail)}"
            return _failed(FailureKind.EXIT, message, detail)
        return None

    def _said(self) -> str:
        """Return the end of plain text, which is all that some programs say."""
        return "\n".join(self._lines[-_LAST_LINES:])

    def _text(self) -> tuple[str, object]:
        if self.output == "jsonl":
            return ("", None) if self._result is None else _parts(self._result)
        text = "\n".join(self._lines)
        if self._left_out:
            text += f"\n\n({self._left_out:,} more characters were left out.)"
        for note in self._cuts:
            text += f"\n\n({note[0].upper()}{note[1:]}.)"
        return text, None


def _parts(result: Results) -> tuple[str, object]:
    return result.text, result.data


def _failed(kind: FailureKind, message: str, detail: str) -> Failed:
    return Failed(failure=Failure(kind=kind, message=message, detail=detail))


def _last_words(detail: str) -> str:
    lines = detail.strip().splitlines()
    return f"; it last said: {lines[-1].strip()[:200]}" if lines else ""
