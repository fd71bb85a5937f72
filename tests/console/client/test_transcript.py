"""What a pane shows of an agent's output; no screen."""

from typing import Any

import pytest

from crew_actors.console.client import GAP, _states
from crew_actors.console.client._states import changed, opened

pytest.importorskip("textual", reason="the extra `tui` is not installed")

from crew_actors.console.panes._texts import Transcript, output_text

Json = dict[str, Any]


def piece(offset: int, text: str) -> Json:
    return {"offset": offset, "text": text}


def said(text: str, attempt: str = "a.1") -> Json:
    return {"attempt": attempt, **piece(0, text), "errors": piece(0, "")}


def news(offset: int, text: str) -> Json:
    return {"attempt": "a.1", **piece(offset, text)}


def test_a_transcript_only_grows_while_an_attempt_lasts() -> None:
    transcript = Transcript()
    state = opened("output", said("one"))
    assert transcript.more(state) == (True, "one")
    assert transcript.more(state) == (False, "")
    errors = {"attempt": "a.1", "errors": piece(0, "oh\n")}
    state = changed("output", state, errors)
    assert transcript.more(state) == (False, "\n--- standard error ---\noh\n")
    state = changed("output", state, news(3, "two"))
    assert transcript.more(state) == (False, "--- standard output ---\ntwo")
    state = changed("output", state, said("new", attempt="a.2"))
    assert transcript.more(state) == (True, "new")


def test_a_transcript_goes_on_where_the_state_has_lost_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_states, "TEXT", 8)
    transcript = Transcript()
    state = opened("output", said("12345678"))
    transcript.more(state)
    state = changed("output", state, news(8, "9a"))
    assert transcript.more(state) == (False, "9a")


def test_a_transcript_tells_of_what_it_leaves_out() -> None:
    transcript = Transcript()
    state = opened("output", said("begin"))
    transcript.more(state)
    state = changed("output", state, news(5, "x\n" * 100_000 + "end"))
    _, text = transcript.more(state)
    assert text.startswith(GAP)
    assert text.endswith("end")
    assert len(text) < 70_000


def test_lines_of_output_are_harmless() -> None:
    assert output_text("a\r\nb\rc\td\x1b[2J") == "a\nb\nc       d\\x1b[2J"
    assert output_text("x" * 5000) == "x" * 2000 + "…"
