# Agent programs tell what went wrong in words made for people, some with the status
# that the provider gave. What follows from it depends on its class.
"""Name the class of what an agent program reports."""

import re
from typing import Final

from crew_actors.model import Failure, FailureKind

_BY_STATUS: Final = {
    401: FailureKind.AUTH,
    402: FailureKind.BILLING,
    403: FailureKind.AUTH,
    413: FailureKind.CONTEXT,
    429: FailureKind.RATE_LIMIT,
    500: FailureKind.OVERLOADED,
    502: FailureKind.OVERLOADED,
    503: FailureKind.OVERLOADED,
    504: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}

# The first that is found counts: a bill that is not paid is often told as a limit.
_BY_WORDS: Final = {
    FailureKind.BILLING: (
        *("credit balance", "billing", "payment"),
        r"insufficient[ _](quota|credits?|funds)",
    ),
    FailureKind.CONTEXT: (
        *("prompt is too long", r"context[ _](length|window)", "maximum context"),
        r"too many (input )?tokens",
    ),
    FailureKind.AUTH: (
        *(r"api[ _-]?key", "unauthori[sz]ed", "authenticat", r"log ?in\b", "/login"),
        *("credential", "permission_error", "forbidden"),
        *("missing environment variable",),
    ),
    FailureKind.RATE_LIMIT: (
        *(r"rate[ _-]?limit", "too many requests", "usage limit", "quota"),
    ),
    FailureKind.OVERLOADED: (
        *("overloaded", "unavailable", "at capacity", r"timed? ?out"),
        *(r"connection (error|refused)", "econnre(set|fused)", "fetch failed"),
        "internal server error",
    ),
}

_STATUS: Final = re.compile(r"\b(?:status(?: code)?|error|http|code)?:? ?([45]\d\d)\b")


def failure_of(message: str, status: int | None = None) -> Failure:
    """Make a failure of what a program has said, and the HTTP status if it told one.

    What is of no known class was reported: it would be so again.
    """
    kind = _by_status(status, message)
    return Failure(kind=kind, message=message.strip() or "it gave no reason")


def _by_status(status: int | None, message: str) -> FailureKind:
    words = message.lower()
    found = next(
        (k for k, w in _BY_WORDS.items() if re.search("|".join(w), words)), None
    )
    if found in (FailureKind.BILLING, FailureKind.CONTEXT):
        return found
    if status is None and (match := _STATUS.search(words)):
        status = int(match[1])
    by_status = _BY_STATUS.get(status or 0)
    if by_status is None and status is not None and status >= 500:  # noqa: PLR2004 - HTTP
        by_status = FailureKind.OVERLOADED
    return by_status or found or FailureKind.REPORTED
