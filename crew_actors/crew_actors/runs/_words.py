"""What foreigners say, in a form that can be stored. Pure functions."""

WORDS_LIMIT = 500
"""Characters that are kept of what an agent says on its way, or of a reason."""

DETAIL_LIMIT = 4_000
"""Characters that are kept of the details of a failure."""


def words(text: str) -> str:
    """Return the beginning of *text*, with characters that UTF-8 can hold."""
    return _storable(text[:WORDS_LIMIT])


def printable(text: str) -> str:
    """Return *text* without control characters that a terminal would obey.

    Line ends and tabs stay.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def last_words(text: str) -> str:
    """Return the end of *text*, with characters that UTF-8 can hold."""
    return _storable(text[-DETAIL_LIMIT:])


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
