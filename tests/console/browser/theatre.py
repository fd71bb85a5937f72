# A process of its own for the browser.
#
# A browser's processes, threads and descriptors come and go as it likes, which the gate
# against leaks would not stand, and playwright wants a loop of its own. So all that lives
# in a process that is no child of the tests: they name a scene, it is played there, and
# what comes back is whether it went well. It ends when the tests hang up.
"""Play scenes in a real browser, in another process."""

import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[3]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 120.0


@attrs.define(eq=False)
class Theatre:
    """The way to the process that plays scenes."""

    connection: socket.socket

    def play(self, module: str, scene: str) -> str:
        """Play a scene; return what went wrong, or nothing."""
        asked = json.dumps({"module": module, "scene": scene}) + "\n"
        self.connection.sendall(asked.encode())
        answer = b""
        while not answer.endswith(b"\n"):
            more = self.connection.recv(65536)
            if not more:
                return "the process of the browser has ended"
            answer += more
        told: str = json.loads(answer)
        return told


def open_theatre(folder: Path) -> Theatre:
    """Start the process and connect to it."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "door"))
        door.listen(1)
        door.settimeout(PATIENCE)
        # Its parent ends at once, so that it is no child of ours.
        start = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
        here = [sys.executable, "-m", __name__, str(folder / "door")]
        log = (folder / "log").open("wb")
        with log:
            subprocess.run(
                [sys.executable, "-c", start, *here],
                check=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        connection, _ = door.accept()
    connection.settimeout(PATIENCE)
    return Theatre(connection)


def _serve(door: str) -> None:
    # The tests themselves load nothing of the browser.
    stages = importlib.import_module("tests.console.browser.stage")
    with socket.socket(socket.AF_UNIX) as connection, stages.open_browser() as browser:
        connection.connect(door)
        for line in connection.makefile("r", encoding="utf-8"):
            asked: dict[str, Any] = json.loads(line)
            told = ""
            with tempfile.TemporaryDirectory() as folder:
                try:
                    scenes = importlib.import_module(asked["module"])
                    with stages.Stage.open(browser, Path(folder)) as stage:
                        getattr(scenes, asked["scene"])(stage)
                        stage.check()
                except Exception:  # noqa: BLE001 - the tests are told
                    told = traceback.format_exc()
            connection.sendall((json.dumps(told) + "\n").encode())


if __name__ == "__main__":
    _serve(sys.argv[1])
