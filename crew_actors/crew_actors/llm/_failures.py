# What a provider says when it does not answer, and what class that is of. The code that
# it gives counts first, then its words where they say what a status leaves open: a bill
# that is not paid and a prompt that is too long come under many numbers.
"""Name the class of what a provider reports."""

import email.utils
import math
import time
from collections.abc import Mapping
from typing import Final

from crew_actors.llm import _reading as field
from crew_actors.llm._errors import ReplyFailed
from crew_actors.llm._values import Json
from crew_actors.model import FailureKind

MESSAGE_LIMIT: Final = 600
"""Characters of a provider's words that are told."""

LONGEST_WAIT: Final = 3600.0
"""Seconds that a provider may ask us to wait; more are taken for that."""

_BY_CODE: Final[Mapping[str, FailureKind]] = {
    "authentication_error": FailureKind.AUTH,
    "invalid_api_key": FailureKind.AUTH,
    "permission_error": FailureKind.AUTH,
    "billing_error": FailureKind.BILLING,
    "insufficient_quota": FailureKind.BILLING,
    "billing_hard_limit_reached": FailureKind.BILLING,
    "context_length_exceeded": FailureKind.CONTEXT,
    "request_too_large": FailureKind.CONTEXT,
    "rate_limit_error": FailureKind.RATE_LIMIT,
    "rate_limit_exceeded": FailureKind.RATE_LIMIT,
    "tokens": FailureKind.RATE_LIMIT,
    "requests": FailureKind.RATE_LIMIT,
    "overloaded_error": FailureKind.OVERLOADED,
    "api_error": FailureKind.OVERLOADED,
    "server_error": FailureKind.OVERLOADED,
}

_BY_WORDS: Final = {
    FailureKind.BILLING: ("credit balance", "insufficient funds", "billing"),
    FailureKind.CONTEXT: (
        *("prompt is too long", "context length", "context window", "context size"),
        *("maximum context", "too many tokens", "input is too long"),
    ),
}

_BY_STATUS: Final[Mapping[int, FailureKind]] = {
    401: FailureKind.AUTH,
    402: FailureKind.BILLING,
    403: FailureKind.AUTH,
    408: FailureKind.TIMEOUT,
    413: FailureKind.CONTEXT,
    429: FailureKind.RATE_LIMIT,
}
_SERVER: Final = 500  # and above: its fault, which may pass


def failure_of(
    status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> ReplyFailed:
    """Make an error of an answer with *status*, which is none of the good ones."""
    found = field.decoded(body) or {}
    told = field.table(found, "error") or found
    message = field.text(told, "message") or field.text(found, "error")
    if not message:
        message = " ".join(body.decode("utf-8", "replace").split())
    kind = _kind(status, _codes(told), message)
    return ReplyFailed(
        kind,
        f"the provider answered {status}: {message[:MESSAGE_LIMIT] or 'no words'}",
        retry_after=_retry_after(headers or {}),
    )


def failure_in_stream(told: Json) -> ReplyFailed:
    """Make an error of what a provider reports in the middle of a reply."""
    message = field.text(told, "message") or "no words"
    codes = _codes(told)
    # An error without a known code broke off a reply that had begun well: it may pass.
    kind = _kind(_SERVER, codes, message)
    return ReplyFailed(
        kind, f"the provider broke off its reply: {message[:MESSAGE_LIMIT]}"
    )


def _codes(told: Json) -> tuple[str, ...]:
    return field.text(told, "code"), field.text(told, "type")


def _kind(status: int, codes: tuple[str, ...], message: str) -> FailureKind:
    for code in codes:
        if code in _BY_CODE:
            return _BY_CODE[code]
    words = message.lower()
    for kind, signs in _BY_WORDS.items():
        if any(sign in words for sign in signs):
            return kind
    if status >= _SERVER:
        return FailureKind.OVERLOADED
    return _BY_STATUS.get(status, FailureKind.REPORTED)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a provider asks to wait, however it says it."""
    given = headers.get("retry-after-ms")
    seconds = _number(given) / 1000 if given else math.nan
    if math.isnan(seconds):
        given = headers.get("retry-after", "")
        seconds = _number(given)
        if math.isnan(seconds) and given:
            seconds = _until(given)
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return math.nan


def _until(written: str) -> float:
    try:
        moment = email.utils.parsedate_to_datetime(written)
    except ValueError:
        return math.nan
    return moment.timestamp() - time.time()
