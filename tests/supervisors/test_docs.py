"""The pages about supervision say what is so, and their program runs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import attrs
import pytest

from crew_supervisors import (
    CancelCode,
    CancelReason,
    ChildReport,
    Event,
    State,
    StuckChild,
    SupervisorReport,
)
from crew_supervisors._recorder import KEPT_EVENTS
from crew_supervisors._specs import CANCEL_PATIENCE
from crew_supervisors._stops import WAVE
from crew_supervisors._supervisor import DEEPEST

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "supervision.md").read_text()
REFERENCE = (ROOT / "docs" / "reference" / "supervisor-events.md").read_text()
HOW_TO = (ROOT / "docs" / "how-to" / "embed-a-supervisor.md").read_text()


def run(code: str) -> str:
    roots = [str(ROOT / "supervisors")]
    prelude = f"import sys; sys.path[:0] = {roots}\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", prelude + code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_program_of_the_how_to_runs_as_it_stands() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    said = run(program)
    for expected in (
        "feed says: feeding",
        "ChildRestarting worker",
        "feed: returned gracefully",
        "user: lunch",
    ):
        assert expected in said
    assert said.endswith("everything is stopped\n")


@pytest.mark.parametrize("state", State)
def test_the_page_tells_of_each_state(state: State) -> None:
    assert f"| `{state.value}` |" in PAGE


def test_the_page_has_the_numbers_of_the_code() -> None:
    flat = " ".join(PAGE.split())
    assert f"waves of {WAVE}" in flat
    assert f"last {KEPT_EVENTS:,} events" in flat
    assert f"At most {DEEPEST} supervisors" in flat
    assert f"{CANCEL_PATIENCE:g} seconds later stuck" in flat


def test_supervisors_alone_do_not_wait_for_processes() -> None:
    said = run(
        "import crew_supervisors as door\n"
        "names = {'psutil', 'crew_supervisors.processes'} & set(sys.modules)\n"
        "print(names, hasattr(door, 'nothing'))\n"
        "from crew_supervisors import *\n"
        "from crew_supervisors.processes import run_process as original\n"
        "print(run_process is original, door.run_process is original)\n"
    )
    assert said.splitlines() == ["set() False", "True True"]


def test_the_package_stands_on_trio_attrs_and_psutil_only() -> None:
    """Whoever embeds a supervisor gets nothing else of Crew Actors."""
    found = run(
        "before = set(sys.modules)\n"
        "import crew_supervisors\n"
        "roots = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(roots - sys.stdlib_module_names))\n"
    ).split()
    allowed = {"attr", "attrs", "crew_supervisors", "outcome", "psutil", "trio"}
    allowed |= {"idna", "sniffio", "sortedcontainers", "_cffi_backend"}  # trio's own
    assert set(found) <= allowed


def test_the_reference_has_every_event_with_its_fields_in_their_order() -> None:
    """The names and their order are promised: whoever adds a field adds it there."""
    rows = re.findall(r"^\| `(\w+)` \| .* \| (`.*`) \|$", REFERENCE, re.MULTILINE)
    written = {name: re.findall(r"`(\w+)`", fields) for name, fields in rows}
    kinds = (*get_args(Event), ChildReport, SupervisorReport, StuckChild, CancelReason)
    found = {kind.__name__: [a.name for a in attrs.fields(kind)] for kind in kinds}
    assert written == found


def test_the_reference_has_every_code() -> None:
    for code in CancelCode:
        assert f"| `{code.value}` |" in REFERENCE
