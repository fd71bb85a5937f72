import json
from pathlib import Path

import pytest
from tests.commands.samples import RUN, START, beginning, completed, recorded, started

from crew_actors.model import RunStatus
from crew_actors.observe import as_object, json_line
from crew_actors.observe.displays import event_object


def test_an_event_is_one_flat_object_with_the_kind_of_the_journal() -> None:
    events = recorded([*beginning(), started("map"), completed("map")])
    assert event_object(events[2]) == {
        "seq": 3,
        "at": START + 2,
        "kind": "attempt.started",
        "task": "map",
        "attempt": "map.1",
    }
    assert event_object(events[3])["result"] == {
        "name": "result.md",
        "path": "artifacts/map/1/result.md",
        "size": 2048,
        "sha256": "ab" * 32,
    }
    created = json.loads(json_line(event_object(events[0])))
    assert created["run"] == RUN
    assert [task["id"] for task in created["plan"]["tasks"]] == ["map", "write"]


def test_json_lines_are_ascii_without_control_characters() -> None:
    line = json_line({"text": "a\n\x1b\x9b\u202e\ud800ä"})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"text": "a\n\x1b\x9b\u202e\ud800ä"}


def test_paths_statuses_and_nothing_have_a_form_in_json() -> None:
    value = {"path": Path("a/b"), "status": RunStatus.FAILED, "none": None, "all": (1,)}
    assert as_object(value) == {
        "path": str(Path("a/b")),
        "status": "failed",
        "none": None,
        "all": [1],
    }


def test_what_has_no_form_in_json_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="bytes has no form in JSON"):
        as_object([b"raw"])
