"""The whole of `crew run` at a real terminal."""

import os
import pty
import re
import select
import signal
import sys
from pathlib import Path

import pytest

CODE = "import sys; from crew_actors.cli import main; sys.exit(main(sys.argv[1:]))"


def at_a_terminal(*args: str) -> tuple[int, str]:
    """Call crew with a terminal of its own; return its exit code and what it showed."""
    parent = pty.fork()
    if parent[0] == 0:  # pragma: no cover - the child becomes another program
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-c", CODE, *args])
    child, terminal = parent
    shown = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # so Linux says that the other side has closed
            break
        if not part:
            break
        shown += part
    else:
        os.kill(child, signal.SIGKILL)
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, shown.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_shows_the_table_and_gets_its_cursor_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text("print('hello')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, shown = at_a_terminal("run", "--team", "survey", "look")
    assert code == 0, shown
    text = re.sub(r"\x1b\[[0-?]*[a-zA-Z]", "", shown)
    assert "✔ completed  cartographer" in text
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
    assert text.splitlines()[-1].startswith("summary: .crew/runs/")
