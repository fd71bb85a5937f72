"""What becomes of what is known; no server, no client."""

from typing import Any

import pytest

from crew_actors.console.client import _states
from crew_actors.console.client._states import GAP, changed, opened

Json = dict[str, Any]


def piece(offset: int, text: str) -> Json:
    return {"offset": offset, "text": text}


def said(text: str, offset: int = 0, errors: str = "", attempt: str = "a.1") -> Json:
    return {"attempt": attempt, **piece(offset, text), "errors": piece(0, errors)}


def news(offset: int, text: str) -> Json:
    return {"attempt": "a.1", **piece(offset, text)}


def test_rows_come_change_and_go() -> None:
    first = {"run": "r1", "created_at": 1.0, "status": "running"}
    state = opened("runs", {"runs": [first]})
    second = {"run": "r2", "created_at": 2.0, "status": "running"}
    more = changed("runs", state, {"runs": {"r2": second, "r1": {"status": "failed"}}})
    assert [*more["runs"]] == ["r2", "r1"]
    assert more["runs"]["r1"] == {**first, "status": "failed"}
    less = changed("runs", more, {"runs": {"r2": None, "r9": None}})
    assert [*less["runs"]] == ["r1"]
    assert state["runs"] == {"r1": first}


def test_mailboxes_are_known_by_name() -> None:
    state = opened("mailboxes", {"mailboxes": [{"name": "a", "queued": 1}]})
    state = changed("mailboxes", state, {"mailboxes": {"a": {"queued": 2}}})
    assert state == {"mailboxes": {"a": {"name": "a", "queued": 2}}}


def test_a_tree_comes_whole() -> None:
    state = opened("supervisors", {"tree": {"name": "old"}})
    new = {"tree": {"name": "new"}}
    assert changed("supervisors", state, new) == new


def test_a_run_keeps_what_does_not_change() -> None:
    state = {"run": {"status": "running"}, "order": ["a"], "tasks": {"a": {"n": 1}}}
    state = opened("run", state)
    state = changed("run", state, {"order": ["a", "b"], "tasks": {"b": {"n": 2}}})
    state = changed("run", state, {"run": {"seq": 7}})
    assert state["run"] == {"status": "running", "seq": 7}
    assert state["order"] == ["a", "b"]
    assert state["tasks"] == {"a": {"n": 1}, "b": {"n": 2}}


def test_the_newest_letters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_states, "LETTERS", 2)
    state = opened("deadletters", {"total": 1, "letters": [1]})
    assert changed("deadletters", state, {}) == state
    state = changed("deadletters", state, {"total": 3, "letters": [2, 3]})
    assert state == {"total": 3, "letters": [2, 3]}


def test_the_newest_points_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_states, "POINTS", 2)
    old = {"unit": "s", "points": [[1, 1]]}
    state = opened("metrics", {"series": {"a": old}})
    points = {"a": [[2, 2], [3, 3]], "b": [[3, 0]]}
    state = changed("metrics", state, {"series": {"b": {"unit": ""}}, "points": points})
    assert state["series"]["a"] == {"unit": "s", "points": [[2, 2], [3, 3]]}
    assert state["series"]["b"] == {"unit": "", "points": [[3, 0]]}
    assert old["points"] == [[1, 1]]


def test_output_grows_and_tells_of_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    state = opened("output", said("späte", offset=10))
    assert (state["text"], state["end"], state["count"]) == ("späte", 16, 5)
    state = changed("output", state, news(16, "r"))
    assert state["text"] == "später"
    state = changed("output", state, {"attempt": "a.1", "errors": piece(0, "oh")})
    assert (state["text"], state["errors"]["text"]) == ("später", "oh")
    state = changed("output", state, news(99, "end"))
    assert state["text"] == f"später{GAP}end"
    monkeypatch.setattr(_states, "TEXT", 3)
    state = changed("output", state, news(102, "ing"))
    assert (state["text"], state["count"]) == ("ing", len(f"später{GAP}ending"))


def test_output_of_another_attempt_begins_anew() -> None:
    state = opened("output", said("one", errors="oh"))
    state = changed("output", state, said("two", attempt="a.2"))
    assert (state["text"], state["errors"]["text"]) == ("two", "")


def test_output_that_is_seen_again_is_put_together_by_its_place() -> None:
    """A server that was away gives the end of it anew."""
    known = opened("output", said("über alles", errors="oh"))
    again = opened("output", said("alles, was", offset=6, errors="oh no"), known)
    assert (again["text"], again["count"]) == ("über alles, was", 15)
    assert again["errors"]["text"] == "oh no"
    gap = opened("output", said("später", offset=50), known)
    assert gap["text"] == f"über alles{GAP}später"
    other = opened("output", said("other", attempt="a.2"), known)
    assert other["text"] == "other"
