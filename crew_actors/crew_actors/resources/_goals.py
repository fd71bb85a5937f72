# What a goal is made of, by its form alone. Words are looked at in English; a goal in
# another language is one piece, unless it is a list.
"""Take a goal apart."""

import re
from typing import Final, Literal

import attrs

from crew_actors.resources._vocabulary import FILLERS, JOINTS, ORDER, VERBS

Decomposition = Literal["numbered", "bulleted", "conjunction", "atomic"]

SCANNED: Final = 20_000
"""Characters of a goal that are looked at. What comes later is material."""

_MAX_PARTS: Final = 50
_LEAST_WORDS: Final = 2  # of one part of a sentence; less is no task

_NUMBER = re.compile(r"[ \t]*\(?\d{1,3}[.):][ \t]+(\S.*)")
_BULLET = re.compile(r"[ \t]*[-*•][ \t]+(\S.*)")
_WORD = re.compile(r"\w+")


@attrs.frozen
class Goal:
    """A goal, taken apart."""

    kind: Decomposition
    parts: tuple[str, ...]
    """One line each, in their order. The whole goal, if it is in one piece."""

    ordered: bool
    """Whether it says that one part comes after another."""

    introduction: bool
    """Whether a list has text around it, which each part may need."""


def words_of(text: str) -> list[str]:
    """Return the words of *text*, in small letters."""
    return _WORD.findall(text.casefold())


def leading(words: list[str]) -> str:
    """Return the first word that says something; empty if there is none."""
    return next((word for word in words if word not in FILLERS), "")


def take_apart(text: str) -> Goal:
    """Find the parts of a goal."""
    text = text[:SCANNED]
    rows = [row for row in text.splitlines() if row.strip()]
    forms: tuple[tuple[Decomposition, re.Pattern[str]], ...] = (
        ("numbered", _NUMBER),
        ("bulleted", _BULLET),
    )
    for kind, form in forms:
        items = [match[1] for row in rows if (match := form.fullmatch(row))]
        if len(items) > 1:
            parts = tuple(" ".join(item.split()) for item in items[:_MAX_PARTS])
            ordered = not ORDER.isdisjoint(words_of(text))
            return Goal(kind, parts, ordered, introduction=len(items) < len(rows))
    whole = " ".join(text.split())
    clauses = _clauses(whole)
    if len(clauses) > 1:
        ordered = not ORDER.isdisjoint(words_of(whole))
        parts = tuple(clauses[:_MAX_PARTS])
        return Goal("conjunction", parts, ordered, introduction=False)
    return Goal("atomic", (whole,) if whole else (), ordered=False, introduction=False)


def _clauses(text: str) -> list[str]:
    """Cut a sentence where another task begins: a joint, and a verb after it."""
    cuts = [0]
    start = -1  # of the joint that the words before this one are
    fresh = False
    for match in _WORD.finditer(text):
        word = match[0].casefold()
        gap = text[: match.start()].rstrip()[-1:] if match.start() else ""
        if gap and gap in ";.,!" and not fresh:
            start, fresh = match.start(), True
        if word in JOINTS:
            if not fresh:
                start, fresh = match.start(), True
            continue
        if fresh and word in VERBS:
            cuts.append(start)
        fresh = False
    ends = [*cuts[1:], len(text)]
    found = [_stripped(text[a:b]) for a, b in zip(cuts, ends, strict=True)]
    if any(len(words_of(one)) < _LEAST_WORDS for one in found):
        return [text]
    return found if _begins_with_verb(found) else [text]


def _begins_with_verb(clauses: list[str]) -> bool:
    return leading(words_of(clauses[0])) in VERBS


def _stripped(clause: str) -> str:
    words = clause.strip(" \t,;.!").split(" ")
    while words and words[0].casefold().strip(",") in JOINTS:
        del words[0]
    return " ".join(words)
