"""How long things take to start, beside a bare interpreter in the same run."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15

BARE = 0.020
"""Seconds that a bare interpreter takes on an idle machine of the reference kind. The
figures below are seconds on such a machine; elsewhere, and on a busy one, they grow in
the ratio of the bare interpreter of the same run."""

HELP_LIMIT = 0.3
"""Seconds that `crew --help` may take."""

IMPORT_LIMIT = 0.060
"""Seconds that `import crew_supervisors` may take beyond `import trio`."""


def _seconds(argv: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def measure() -> dict[str, float]:
    """Measure each command in turn, round after round; return the medians."""
    python = sys.executable
    crew = str(Path(python).with_name("crew"))
    commands = {
        "bare interpreter": [python, "-c", "pass"],
        "import trio": [python, "-c", "import trio"],
        "import crew_supervisors": [python, "-c", "import trio, crew_supervisors"],
        "crew --help": [crew, "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, argv in commands.items():
            times[name].append(_seconds(argv))
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> int:
    """Print the table; 1 if a figure is missed."""
    took = measure()
    bare = took["bare interpreter"]
    print(f"start-up, median of {ROUNDS}")
    for name, seconds in took.items():
        print(f"  {name:24} {seconds * 1000:7.1f} ms  {seconds / bare:5.1f} x bare")
    beyond = took["import crew_supervisors"] - took["import trio"]
    return max(
        _judge("beyond import trio", beyond, IMPORT_LIMIT, bare),
        _judge("crew --help", took["crew --help"], HELP_LIMIT, bare),
    )


def _judge(name: str, seconds: float, limit: float, bare: float) -> int:
    """Print one figure; 1 if it is missed."""
    allowed = limit * max(1.0, bare / BARE)
    verdict = "ok" if seconds <= allowed else "MISSED"
    print(
        f"  {name:24} {seconds * 1000:7.1f} ms  {seconds / bare:5.1f} x bare"
        f"  (<= {limit * 1000:.0f} ms, here {allowed * 1000:.0f} ms): {verdict}"
    )
    return int(seconds > allowed)
