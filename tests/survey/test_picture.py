"""The picture: well-formed, escaped, and no text cut into a wrong one."""

import re
import xml.etree.ElementTree as ET

from crew_actors.survey._data import Json, View
from crew_actors.survey._svg import picture


def test_no_number_in_the_picture_is_cut() -> None:
    areas: list[Json] = [
        {"path": f"p{n}", "lines": 1_234_567, "language": "C"} for n in range(60)
    ]
    survey = View({"areas": [*areas, {"path": "*", "lines": 50_000_000}]})
    drawn = picture("a", "b", survey, View())
    assert ">50,000,000 lines</text>" in drawn
    assert ">./*</text>" in drawn
    assert "…" not in drawn
    for length in range(90, 115):
        subtitle = "x" * length + " 1,234,567 " + "y" * 200
        drawn = picture("a", subtitle, View(), View())
        assert "…</text>" in drawn
        assert not re.search(r"\d…", drawn.replace("1,234,567…", ""))


def test_a_picture_escapes_what_it_is_told() -> None:
    survey: dict[str, Json] = {
        "languages": [{"name": "<&\"'" + str(n), "share": 0.5} for n in range(12)],
        "areas": [
            {"path": f"a/<b>{n}/c", "lines": 100 // (n + 1), "language": "<&"}
            for n in range(30)
        ],
    }
    history: dict[str, Json] = {
        "months": [
            {"month": f"20{n // 12:02}-{n % 12 + 1:02}", "commits": n % 5}
            for n in range(40)
        ]
    }
    drawn = picture("<title>&", 'sub"title' * 60, View(survey), View(history))
    root = ET.fromstring(drawn)
    texts = [
        "".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")
    ]
    assert texts[0] == "<title>&"
    assert texts[1].endswith("…")
    assert (
        len(
            [
                one
                for one in root.iter("{http://www.w3.org/2000/svg}rect")
                if one.get("class") == "bar"
            ]
        )
        == 36
    )
    assert not any(
        one.tag.endswith(("script", "image", "a", "foreignObject"))
        for one in root.iter()
    )


def test_what_is_unknown_makes_the_picture_shorter() -> None:
    def height(survey: Json, history: Json) -> float:
        return float(
            ET.fromstring(picture("a", "b", View(survey), View(history))).get(
                "height", ""
            )
        )

    languages: Json = {"languages": [{"name": "C", "share": 1}]}
    months: Json = {
        "months": [
            {"month": "2024-01", "commits": 1},
            {"month": "2024-02", "commits": 0},
        ]
    }
    assert height(None, None) < height(languages, None) < height(languages, months)
    assert height(None, {"months": [{"month": "2024-01", "commits": 1}]}) == height(
        None, None
    )


def test_a_text_without_room_is_left_out_of_the_picture() -> None:
    survey: dict[str, Json] = {
        "languages": [{"name": "W" * 24, "share": 0.2} for _ in range(8)],
        "areas": [
            {"path": "漢" * 9, "lines": 1000, "language": "C"} for _ in range(40)
        ],
    }
    root = ET.fromstring(picture("a", "", View(survey), View()))
    texts = [
        "".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")
    ]
    assert "" not in texts
    assert sum(text.startswith("WWW") for text in texts) < 8
