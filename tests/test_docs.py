"""The docs say what is there."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest
import trio
from trio.testing import MockClock

from crew_actors import model
from crew_actors.journal import KINDS

DOCS = Path(__file__).parent.parent / "docs"
README = DOCS.parent / "README.md"
PAGES = sorted([*DOCS.rglob("*.md"), README])

_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def _events() -> list[type[attrs.AttrsInstance]]:
    return list(get_args(model.Event))


@pytest.mark.parametrize("event", _events(), ids=lambda event: event.__name__)
def test_each_event_and_each_of_its_fields_is_documented(
    event: type[attrs.AttrsInstance],
) -> None:
    page = (DOCS / "reference" / "events.md").read_text(encoding="utf-8")
    section = page.partition(f"\n### `{event.__name__}`\n")[2].partition("\n### ")[0]
    assert section, f"{event.__name__} has no section"
    (kind,) = (kind for kind, each in KINDS.items() if each is event)
    assert f"`{kind}`" in section
    for field in attrs.fields(event):
        assert f"`{field.name}`" in section


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_between_pages_is_broken(page: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_can_be_reached(page: Path) -> None:
    if page == README or page.name == "index.md" or page.parent.name == "decisions":
        return
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert str(page.relative_to(DOCS)) in index


def _codes(page: Path) -> list[str]:
    """Return the Python programs of *page*."""
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def _code(page: Path) -> str:
    """Return the one Python program of *page*."""
    (code,) = _codes(page)
    return code


def _printed(code: str) -> list[str]:
    """Run *code* as a program of its own and return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_examples_of_runs_from_python_work() -> None:
    text = (DOCS / "how-to" / "start-runs-from-python.md").read_text("utf-8")
    team, talk, plan = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    lines = _printed(team)
    assert lines[0] == "1 RunCreated"
    assert any(line.startswith("| verify | verifier | completed") for line in lines)
    assert _printed(talk) == [
        "cancelled - no time now",
        "delivered - completed",
        "True paint it",
    ]
    assert _printed(plan) == ["SEEN FOR 'A LOOK AROUND': NOTHING UNUSUAL."]


def test_the_example_of_work_from_outside_works() -> None:
    page = DOCS / "how-to" / "work-from-outside.md"
    assert _printed(_code(page)) == ["try.1 completed"]


def test_the_team_of_the_readme_runs(tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text("print(1)\n")
    program, _ = _codes(README)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "1 RunCreated"
    assert lines[-1].startswith("RunStatus.COMPLETED ")


def test_the_supervisor_of_the_readme_runs_until_it_is_stopped() -> None:
    code = _codes(README)[1].replace("trio.run(main)", "")
    names: dict[str, Any] = {}
    exec(compile(code, str(README), "exec"), names)

    async def briefly() -> bool:
        with trio.move_on_after(10) as scope:
            await names["main"]()
        return scope.cancelled_caught

    assert trio.run(briefly, clock=MockClock(autojump_threshold=0))
