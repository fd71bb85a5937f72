"""The program of the how-to page runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "keep-messages-on-disk.md"


def test_the_program_of_the_page_runs_as_it_stands() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "stored as number 2, sent again: True",
        "agent-7 dealt with steer 'leave the tests alone'",
        "agent-7 dealt with message 'when you are done, write a summary'",
        "agent-7 dealt with message 'which design?'",
        "lead was told: use the second design",
        "still open: 0",
        "['delivered', 'replied']",
    ]
