"""Secrets in bytes, in structured values and in variables."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from crew_actors.redaction import (
    MASK,
    Redactor,
    _data,
    redact,
    redact_bytes,
    redact_chunks,
    redact_value,
    secret_values,
)


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let a test set variables before they are looked at."""

    def forget() -> None:
        _data._secrets_of_this_process.cache_clear()

    forget()
    yield monkeypatch
    forget()


def test_the_secrets_of_this_process_are_masked_anywhere(
    variables: pytest.MonkeyPatch,
) -> None:
    variables.setenv("OPENAI_API_KEY", 'plain"words here')
    variables.setenv("SOME_FOLDER", "not-a-secret")
    assert redact('a plain"words here b not-a-secret') == "a *** b not-a-secret"
    assert redact(json.dumps(['plain"words here'])) == '["***"]'
    assert redact("?q=plain%22words%20here&x") == "?q=***&x"
    assert redact_bytes(b'plain"words here') == b"***"


def test_only_what_can_be_a_secret_is_taken_from_the_variables() -> None:
    environ = {
        "API_KEY": "abcdefgh",
        "SHORT_TOKEN": "abc",
        "HOME": "/home/somebody",
        "MY_TOKEN": "/run/secrets/token",
        "A_SECRET": "example",
        "MAX_TOKENS": "1000000000",
        "TOKENIZERS_PARALLELISM": "whatever-it-is",
    }
    assert secret_values(environ) == ("abcdefgh",)


def test_a_known_secret_of_several_lines_is_masked_by_line() -> None:
    redactor = Redactor(["first line\nsecond line\nx"])
    assert redactor.redact("a second line b first line x") == "a *** b *** x"


def test_structured_values_are_masked_by_key() -> None:
    value = {
        "user": "bob",
        "password": "hunter2",
        "input_tokens": 12,
        "token": 12,
        "pin_secret": 1234,
        "on": {"token": True, "secret": None},
        "credentials": {"user": "bob1", "codes": ["a1", b"b"]},
        "authorization": "",
        "lines": ("password=abc1", b"token=abc1", 1.5),
        "password=abc1": object,
        3: ["x"],
    }
    assert redact_value(value) == {
        "user": "bob",
        "password": MASK,
        "input_tokens": 12,
        "token": 12,
        "pin_secret": MASK,
        "on": {"token": True, "secret": None},
        "credentials": {"user": MASK, "codes": [MASK, b"***"]},
        "authorization": "",
        "lines": ("password=***", b"token=***", 1.5),
        "password=***": object,
        3: ["x"],
    }


def test_what_is_too_deep_is_masked() -> None:
    value: object = "bottom"
    for _ in range(150):
        value = [value]
    shown = json.dumps(redact_value(value))
    assert "bottom" not in shown
    assert MASK in shown


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "token", "password", "n"]), inner)
    ),
)


@given(_VALUES)
def test_to_redact_a_value_twice_is_to_redact_it_once(value: object) -> None:
    once = redact_value(value)
    assert redact_value(once) == once


@given(_VALUES)
def test_redacted_json_is_json(value: object) -> None:
    json.loads(redact(json.dumps(value)))


def test_texts_that_are_redacted_at_the_same_time_do_not_meet() -> None:
    """Writers in several threads share what is known, and nothing else."""
    first, second = Redactor(["one known secret"]), Redactor(["one known secret"])
    shown = ["", ""]
    for piece in ("token=ab one kno", "wn secret c", "1\n", "end"):
        shown[0] += first.feed(piece)
        shown[1] += second.feed(piece.upper())
    assert shown[0] + first.close() == "token=*** *** c1\nend"
    assert shown[1] + second.close() == "TOKEN=*** ONE KNOWN SECRET C1\nEND"
    texts = [f"password=x{number} {'word ' * 300}" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        masked = list(pool.map(redact, texts * 10))
    assert set(masked) == {f"password=*** {'word ' * 300}"}


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    binary = b"\x89PNG\r\n\0password=abc1"
    assert redact_bytes(binary) == binary
    assert b"".join(redact_chunks([binary[:3], b"x" * 9000, binary])) != b""
    late = b"a" * 9000 + b"\0 password=abc1"
    assert redact_bytes(late) == b"a" * 9000 + b"\0 password=***"
    halves = [b"\0" + b"a" * 8200, b" password=abc1"]
    assert b"".join(redact_chunks(halves)) == b"".join(halves)


@given(st.binary(), st.integers(1, 9))
def test_bytes_that_are_not_utf_8_are_kept(data: bytes, size: int) -> None:
    text = data.replace(b"\0", b"") + b"\xff \xc3"
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    assert b"".join(redact_chunks(chunks)) == redact_bytes(text)
    assert redact_bytes(b"\xff password=abc1 \xc3") == b"\xff password=*** \xc3"


def test_the_example_of_the_documentation_works() -> None:
    page = Path(__file__).parents[2] / "docs" / "explanation" / "redaction.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    exec(compile(code, str(page), "exec"), {})


def test_a_secret_over_the_border_of_two_chunks_is_masked() -> None:
    text = b"x" * 9000 + b"\n" + b"password=hunter2\n" + b"y" * 9000
    for cut in range(9000, 9020):
        shown = b"".join(redact_chunks([text[:cut], text[cut:]]))
        assert shown == text.replace(b"hunter2", b"***")
