# What a command agent has answered so far, as a fold over its lines and, at the end,
# its exit. No process in here.
#
# Success needs evidence: exit code 0 and a result that is not empty. An agent that
# says `failure` has failed, whatever its exit code.
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

    stderr: str = ""


@attrs.define
class Answer:
    """What one agent has said."""

    output: TaskOutput
    _lines: list[str] = attrs.field(factory=list[str])
    _kept: int = 0
    _left_out: int = 0
    _result: Results | None = None
    _failure: str | None = None
    _cut: bool = False
    """Whether a line was too long to be taken in whole."""

    def take(self, line: str, *, cut: bool = False) -> Message:
        """Take in one line and tell what it says.

        With *cut* the line was too long, and this is its beginning.
        """
        self._cut = self._cut or cut
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
        if self._kept + len(line) < TEXT_LIMIT:
            self._lines.append(line)
            self._kept += len(line) + 1
        else:
            self._left_out += len(line) + 1

    def outcome(self, ending: Ending) -> Outcome:
        """Tell how the attempt ended, now that its process has."""
        said = ending.stderr if ending.stderr.strip() else self._said()
        detail = said[-DETAIL_LIMIT:]
        if ending.deadline is not None:
            message = ending.deadline + _last_words(detail)
            return _failed(FailureKind.TIMEOUT, message, detail)
        if self._failure is not None:
            return _failed(FailureKind.REPORTED, self._failure, detail)
        if ending.signal is not None:
            message = f"ended by {ending.signal}{_last_words(detail)}"
            return _failed(FailureKind.KILLED, message, detail)
        if ending.code != 0:
            message = f"exit code {ending.code}{_last_words(detail)}"
            return _failed(FailureKind.EXIT, message, detail)
        text, data = self._text()
        if text.strip():
            return Completed(text=text, data=data)
        why = f"it ended well, but gave no result{_last_words(detail)}"
        if self._cut:
            why += f"; a line of more than {LINE_LIMIT:,} bytes was cut: leave what is "
            why += "large as an artifact"
        return NoResult(why=why)

    def _said(self) -> str:
        """Return the end of plain text, which is all that some programs say."""
        return "\n".join(self._lines[-_LAST_LINES:])

    def _text(self) -> tuple[str, object]:
        if self.output == "jsonl":
            return ("", None) if self._result is None else _parts(self._result)
        text = "\n".join(self._lines)
        if self._left_out:
            text += f"\n\n({self._left_out:,} more characters were left out.)"
        if self._cut:
            text += f"\n\n(A line was cut after {LINE_LIMIT:,} bytes.)"
        return text, None


def _parts(result: Results) -> tuple[str, object]:
    return result.text, result.data


def _failed(kind: FailureKind, message: str, detail: str) -> Failed:
    return Failed(failure=Failure(kind=kind, message=message, detail=detail))


def _last_words(detail: str) -> str:
    lines = detail.strip().splitlines()
    return f"; it last said: {lines[-1].strip()[:200]}" if lines else ""
