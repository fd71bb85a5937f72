# Secrets that are known by their value. They are masked before anything else is looked
# at, so that nothing that surrounds one can hide it.
#
# What is held back is at most a line's end of as many characters as the longest has.
"""Known values, masked in a text that comes in pieces."""

import re
from functools import lru_cache
from typing import Final, final

import attrs

from crew_actors.redaction._plain import MASK

KNOWN_LEAST: Final = 8
"""Characters of a known secret; a shorter one would be found in harmless text."""

KNOWN_LIMIT: Final = 256
"""Known secrets that are looked for."""


@final
@attrs.frozen
class Known:
    """Known values. Can be used by several texts and threads at once."""

    words: tuple[str, ...]
    """The longest first."""

    any: re.Pattern[str]

    @property
    def reach(self) -> int:
        """Characters of the longest one."""
        return len(self.words[0]) if self.words else 0

    def split(self, text: str, *, final: bool) -> tuple[str, str]:
        """Return what is certain of *text*, masked, and the rest, which is not."""
        if not self.words:
            return text, ""
        size = len(text)
        limit = size if final else max(text.rfind("\n") + 1, size - self.reach)
        out: list[str] = []
        done = 0
        for place in self._places(text):
            if done <= place < limit:
                found = self.any.match(text, place)
                out += [text[done:place], MASK]
                done = place if found is None else found.end()
        end = max(done, limit)
        return "".join([*out, text[done:end]]), text[end:]

    def _places(self, text: str) -> list[int]:
        found: list[int] = []
        for word in self.words:
            at = text.find(word)
            while at >= 0:
                found.append(at)
                at = text.find(word, at + 1)
        return sorted(found)


@lru_cache(maxsize=16)
def known(secrets: tuple[str, ...]) -> Known:
    """Make what masks *secrets*: each line of them that is long enough."""
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    long = [line for line in lines if len(line) >= KNOWN_LEAST]
    words = sorted(long, key=lambda word: (-len(word), word))[:KNOWN_LIMIT]
    return Known(tuple(words), re.compile("|".join(map(re.escape, words))))
