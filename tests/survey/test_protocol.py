"""What an agent is told and what it says."""

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from crew_actors.survey._data import Json, View
from crew_actors.survey._protocol import BadInputs, Inputs, Port, fitted, read_inputs

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_without_the_variable_there_is_nothing_to_know() -> None:
    assert read_inputs({}) == Inputs()


def test_dependencies_come_sorted_by_their_step(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    path.write_text(
        json.dumps({"goal": "why?", "dependencies": {"b": {}, "a": {"text": "x"}}})
    )
    inputs = read_inputs({"CREW_INPUTS": str(path)})
    assert inputs.goal == "why?"
    assert [(step, view.text("text")) for step, view in inputs.dependencies] == [
        ("a", "x"),
        ("b", ""),
    ]


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 200_000])
def test_inputs_that_are_no_object_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "inputs.json"
    path.write_bytes(content)
    with pytest.raises(BadInputs, match=r"inputs\.json"):
        read_inputs({"CREW_INPUTS": str(path)})


def test_inputs_that_are_too_large_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(BadInputs, match="larger than"):
        read_inputs({"CREW_INPUTS": str(path)})


def test_bad_inputs_survive_pickle() -> None:
    error = BadInputs("/x", "it is gone")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "CREW_INPUTS: cannot read '/x': it is gone"


def test_each_message_is_one_line_of_ascii() -> None:
    out = io.StringIO()
    port = Port(out)
    port.progress("a\nb\u2028é")
    port.failure("x\ud800")
    port.result("ü\n", {"a": "\udcff"})
    lines = out.getvalue().split("\n")
    assert len(lines) == 4
    assert out.getvalue().isascii()
    assert [json.loads(line)["type"] for line in lines[:-1]] == [
        "progress",
        "failure",
        "result",
    ]


def test_an_artifact_is_written_and_announced(tmp_path: Path) -> None:
    out = io.StringIO()
    assert Port(out, tmp_path).artifact("a.txt", "x\n")
    assert (tmp_path / "a.txt").read_bytes() == b"x\n"
    assert json.loads(out.getvalue()) == {
        "type": "artifact",
        "name": "a.txt",
        "path": "a.txt",
    }


def test_without_a_folder_for_output_an_artifact_is_skipped() -> None:
    out = io.StringIO()
    assert not Port(out).artifact("a.txt", "x")
    assert json.loads(out.getvalue())["type"] == "progress"


def test_a_result_that_is_too_large_loses_the_ends_of_its_lists() -> None:
    data: dict[str, Json] = {
        "agent": "x",
        "many": [{"n": str(n) * 20} for n in range(5000)],
        "one": 1,
    }
    message = fitted("text", data, 10_000)
    assert len(json.dumps(message)) <= 10_000
    kept = View(message).at("data")
    assert kept.text("agent") == "x"
    assert kept.whole("one") == 1
    assert len(kept.views("many")) == kept.whole("cut") > 0
    assert message["text"] == "text"


def test_a_text_that_is_too_large_loses_its_end_and_its_data() -> None:
    message = fitted("é" * 100_000, {"a": "x" * 100_000}, 10_000)
    assert len(json.dumps(message)) <= 10_000
    assert View(message).at("data").value == {"cut": 0}


@given(_JSON, st.text())
def test_a_view_never_raises(value: Any, key: str) -> None:
    view = View({key: value})
    for look in (view, view.at(key), View(value)):
        assert isinstance(look.text(key), str)
        assert isinstance(look.whole(key), int)
        assert all(isinstance(text, str) for text in look.texts(key))
        assert all(isinstance(one, View) for one in look.views(key))
        assert all(isinstance(one, View) for _, one in look.pairs(key))
        assert look.flag(key) in {True, False}


def test_a_view_reads_what_is_there() -> None:
    view = View({"t": "x", "n": 2.5, "f": True, "l": ["a", 1], "d": {"k": "v"}})
    assert (view.text("t"), view.number("n"), view.whole("n"), view.flag("f")) == (
        "x",
        2.5,
        2,
        True,
    )
    assert view.number("f") == 0
    assert view.texts("l") == ["a"]
    assert view.pairs("d")[0][1].value == "v"
    assert view
    assert not View()


def test_a_failing_agent_says_so_and_exits_with_an_error(
    messages: Callable[..., tuple[int, list[dict[str, Any]]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = messages("writer", tmp_path, CREW_INPUTS=str(tmp_path / "none.json"))
    assert code == 1
    assert said[-1]["type"] == "failure"
    assert "none.json" in said[-1]["message"]
    assert "Traceback" in capsys.readouterr().err
