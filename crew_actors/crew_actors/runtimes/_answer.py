# What a command agent has answered so far, as a fold over its lines and, at the end,
# its exit. No process in here.
#
# Success needs evidence: a result that is not empty, and exit code 0. An agent that had
# given its answer and had to be ended needs no exit code. An agent that says `failure`
# has failed, whatever its exit code.
#
# What is shown of its words is masked before it is cut: half of a secret would not be
# known any more.
"""Fold the lines of an agent into an outcome."""

import attrs

from crew_actors.model import Failure, FailureKind, TaskOutput
from crew_actors.redaction import Redactor, new_redactor, redact, redact_end
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
    """The end of its error stream, masked before it was cut."""


@attrs.frozen
class _Blame:
    """What an attempt has failed of."""

    kind: FailureKind
    message: str
    quotes: bool = attrs.field(default=True, kw_only=True)
    """Whether its last words belong to the message."""


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
    _shown: Redactor = attrs.field(factory=new_redactor)
    """Masks plain text that is shown, also what stands in several lines."""
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
            shown = self._shown.feed(f"{line}\n").strip()
            return Says(shown[:PROGRESS_LIMIT])
        message = understand(line)
        if isinstance(message, Results):
            self._result = message
        elif isinstance(message, Fails):
            self._failure = message.message
        return message

    def _keep(self, line: str) -> None:
        room = TEXT_LIMIT - self._kept
        if room > 0:
            self._lines.append(line if len(line) <= room else redact(line)[:room])
            self._kept += min(room, len(line)) + 1
            self._left_out += max(0, len(line) - room)
        else:
            self._left_out += len(line) + 1

    def outcome(self, ending: Ending) -> Outcome:
        """Tell how the attempt ended, now that its process has."""
        blame = self._blame(ending)
        if blame is not None:
            return self._failed(blame, ending)
        text, data = self._text()
        if text.strip():
            return Completed(text=text, data=data)
        last = _last_words(self._detail(ending))
        why = f"it ended well, but gave no result{last}"
        if self.unread:
            why += "; it did not read all of its task"
        if self._cuts:
            why += f"; {'; '.join(self._cuts)}: leave what is large as an artifact"
        return NoResult(why=why)

    def _blame(self, ending: Ending) -> _Blame | None:
        if ending.deadline is not None:
            return _Blame(FailureKind.TIMEOUT, ending.deadline)
        if ending.lost is not None:
            return _Blame(FailureKind.KILLED, ending.lost, quotes=False)
        if self._failure is not None:
            return _Blame(FailureKind.REPORTED, self._failure, quotes=False)
        if ending.signal is not None and not ending.answered:
            return _Blame(FailureKind.KILLED, f"ended by {ending.signal}")
        if ending.code != 0 and not ending.answered:
            return _Blame(FailureKind.EXIT, f"exit code {ending.code}")
        return None

    def _failed(self, blame: _Blame, ending: Ending) -> Failed:
        detail = self._detail(ending)
        message = blame.message + (_last_words(detail) if blame.quotes else "")
        return Failed(failure=Failure(kind=blame.kind, message=message, detail=detail))

    def _detail(self, ending: Ending) -> str:
        """Return the last words: of the error stream, or else of its plain text.

        Plain text is all that some programs say.
        """
        if ending.stderr.strip():
            return redact_end(ending.stderr, DETAIL_LIMIT)
        lines = redact("\n".join(self._lines)).split("\n")
        return "\n".join(lines[-_LAST_LINES:])[-DETAIL_LIMIT:]

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


def _last_words(detail: str) -> str:
    lines = detail.strip().splitlines()
    return f"; it last said: {lines[-1].strip()[:200]}" if lines else ""
