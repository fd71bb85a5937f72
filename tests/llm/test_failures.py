"""What a provider answers has a class, from which follows what is done."""

import email.utils
import time

import msgspec
import pytest

from crew_actors.llm._failures import LONGEST_WAIT, failure_of
from crew_actors.model import FailureKind


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"message": "no"}, FailureKind.AUTH),
        (403, {"message": "no"}, FailureKind.AUTH),
        (402, {"message": "pay"}, FailureKind.BILLING),
        (429, {"message": "slow down"}, FailureKind.RATE_LIMIT),
        (429, {"code": "insufficient_quota", "message": "?"}, FailureKind.BILLING),
        (
            400,
            {"type": "invalid_request_error", "message": "Your credit balance is low"},
            FailureKind.BILLING,
        ),
        (400, {"code": "context_length_exceeded"}, FailureKind.CONTEXT),
        (
            400,
            {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"},
            FailureKind.CONTEXT,
        ),
        (413, {"message": "big"}, FailureKind.CONTEXT),
        (408, {"message": "late"}, FailureKind.TIMEOUT),
        (500, {"message": "?"}, FailureKind.OVERLOADED),
        (529, {"type": "overloaded_error"}, FailureKind.OVERLOADED),
        (400, {"message": "no such field"}, FailureKind.REPORTED),
        (404, {"message": "no such model"}, FailureKind.REPORTED),
    ],
)
def test_a_refusal_has_its_class(
    status: int, error: dict[str, str], kind: FailureKind
) -> None:
    assert failure_of(status, msgspec.json.encode({"error": error})).kind is kind


def test_words_that_are_no_json_are_told() -> None:
    error = failure_of(502, b"<html>\n  Bad   Gateway</html>")
    assert "Bad Gateway" in str(error)
    assert error.passes


def test_an_error_that_is_a_text_is_told() -> None:
    assert "gone" in str(failure_of(404, b'{"error": "gone"}'))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "999999"}, LONGEST_WAIT),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_a_provider_asks_for_is_taken(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert failure_of(429, b"", headers).retry_after == seconds


def test_a_wait_may_be_a_moment() -> None:
    moment = email.utils.formatdate(time.time() + 100, usegmt=True)
    seconds = failure_of(429, b"", {"retry-after": moment}).retry_after
    assert seconds is not None
    assert 0 < seconds <= 101
