# Secrets are masked before a text is cut: half of one would not be known any more.
"""What foreigners say, in a form that can be stored. Pure functions."""

from crew_actors.redaction import redact_end, redact_start

WORDS_LIMIT = 500
"""Characters that are kept of what an agent says on its way, or of a reason."""

DETAIL_LIMIT = 4_000
"""Characters that are kept of the details of a failure."""


def words(text: str) -> str:
    """Return the beginning of *text*, masked, with characters that UTF-8 can hold."""
    return _storable(redact_start(text, WORDS_LIMIT))


def printable(text: str) -> str:
    """Return *text* without control characters that a terminal would obey.

    Line ends and tabs stay.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def last_words(text: str) -> str:
    """Return the end of *text*, masked, with characters that UTF-8 can hold."""
    return _storable(redact_end(text, DETAIL_LIMIT))


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
