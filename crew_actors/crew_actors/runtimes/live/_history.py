# What a live agent and its model have said so far. Pure.
#
# 1. A reply that has calls is followed by all of their results, whatever happens: what
#    was not done has a result that says so. Providers refuse anything else.
# 2. What no longer fits is told shorter: old results go first, then the oldest replies,
#    of which one line each is kept. The task itself is never shortened.
"""The conversation of a live agent."""

from collections.abc import Iterable
from typing import Final, final

import attrs

from crew_actors.llm import Entry, Prompt, Reply, Result, Results
from crew_actors.runtimes._screen import short

CONTEXT: Final = 128_000
"""Tokens that a model is taken to hold of which nothing is known."""

FILL: Final = 0.75
"""The part of a model's context that a conversation may take up. The rest is for its
reply, and for what is counted wrongly."""

_PER_TOKEN: Final = 3.5  # characters, of mixed text and code
_OLD: Final = 6  # entries at the end whose results are not shortened at first
_STUB: Final = 300  # characters of a result that is shortened
_LINES: Final = 100  # of what was dropped


def _unicode(text: str) -> str:
    """Replace halves of characters, as names of files may have them."""
    return text.encode("utf-8", "replace").decode("utf-8")


@final
@attrs.define(eq=False)
class History:
    """One conversation, from the task on."""

    _task: str = attrs.field(alias="task", converter=_unicode)
    _entries: list[Entry] = attrs.field(factory=list[Entry], init=False)
    _dropped: list[str] = attrs.field(factory=list[str], init=False)
    _scale: float = attrs.field(default=1.0, init=False)
    """Tokens that are counted for each that was guessed."""

    def add(self, entry: Entry) -> None:
        """Add what was said. What is no Unicode in it is replaced."""
        if isinstance(entry, Prompt):
            entry = Prompt(_unicode(entry.text))
        elif isinstance(entry, Results):
            plain = (attrs.evolve(o, text=_unicode(o.text)) for o in entry.results)
            entry = Results(tuple(plain))
        self._entries.append(entry)

    def entries(self) -> tuple[Entry, ...]:
        """Return what is said to the model next."""
        return (self._first(), *self._entries)

    def tokens(self) -> int:
        """Guess how many tokens it has."""
        return int(self._scale * _guess(self.entries()))

    def counted(self, tokens: int) -> None:
        """Take in how many *tokens* the provider has counted for what it was told."""
        guess = _guess(self.entries())
        if tokens and guess > 1000:  # noqa: PLR2004 - of less, most is not ours
            self._scale = min(max(tokens / guess, 0.5), 4.0)

    def shorten(self, most: int) -> bool:
        """Tell it shorter, so that it has *most* tokens if that can be.

        False if it could not be shortened at all.
        """
        before = self.tokens()
        self._stub(len(self._entries) - _OLD, most)
        while self.tokens() > most and self._drop():
            pass
        self._stub(len(self._entries), most)
        return self.tokens() < before

    def _first(self) -> Prompt:
        if not self._dropped:
            return Prompt(self._task)
        lines = "\n".join(f"- {line}" for line in self._dropped[-_LINES:])
        what = "# What you have done so far\n\nIt is told shorter here, to save room."
        return Prompt(f"{self._task}\n\n{what}\n\n{lines}\n")

    def _stub(self, end: int, most: int) -> None:
        """Shorten results among the first *end* entries, the oldest first."""
        for place, entry in enumerate(self._entries[: max(end, 0)]):
            if self.tokens() <= most:
                return
            if isinstance(entry, Results):
                self._entries[place] = Results(tuple(map(_stubbed, entry.results)))

    def _drop(self) -> bool:
        """Drop the oldest reply with its results, or the oldest prompt, but not the last."""
        if len(self._entries) <= 2:  # noqa: PLR2004 - the last reply, and its results
            return False
        oldest = self._entries.pop(0)
        if isinstance(oldest, Prompt):
            self._dropped.append(f"You were told: {short(oldest.text)}")
        elif isinstance(oldest, Reply):
            after = self._entries[0]
            if isinstance(after, Results):
                del self._entries[0]
                self._dropped += _lines(oldest, after.results)
            else:
                self._dropped += _lines(oldest, ())
        del self._dropped[:-_LINES]
        return True


def _lines(reply: Reply, results: Iterable[Result]) -> list[str]:
    ends = {one.call: one.ok for one in results}
    lines = [f"You said: {short(reply.text)}"] if reply.text.strip() else []
    for call in reply.calls:
        how = "done" if ends.get(call.id) else "failed"
        lines.append(f"You used {call.name}{short(call.arguments, ': ')} ({how})")
    return lines


def _stubbed(result: Result) -> Result:
    if len(result.text) <= 2 * _STUB:
        return result
    left_out = len(result.text) - 2 * _STUB
    head, tail = result.text[:_STUB], result.text[-_STUB:]
    text = f"{head}\n({left_out:,} characters are left out here)\n{tail}"
    return attrs.evolve(result, text=text)


def _guess(entries: Iterable[Entry]) -> int:
    size = 0
    for entry in entries:
        if isinstance(entry, Prompt):
            size += len(entry.text)
        elif isinstance(entry, Reply):
            size += len(entry.text)
            size += sum(len(call.name) + len(call.arguments) for call in entry.calls)
            size += sum(len(str(part)) for part in entry.kept)
        else:
            size += sum(len(result.text) for result in entry.results)
    return int(size / _PER_TOKEN)
