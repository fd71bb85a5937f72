"""Run benchmarks by name: `python -m crew_stress.bench [NAME ...] [--write]`."""

import importlib
import sys

NAMES = (
    "startup",
    "supervisors",
    "actors",
    "journal",
    "durable",
    "runs",
    "survey",
    "processes",
    "console",
    "console_page",
    "live",
    "agents",
)


WRITERS = ("actors", "runs", "console", "console_page", "live", "agents")
"""Those that write their part of the docs when they are run with `--write`."""


def main(args: list[str]) -> int:
    """Run the benchmarks called in *args*, or all; 1 if one misses a figure."""
    write = "--write" in args
    names = [name for name in args if name != "--write"]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
        return 2
    results: list[int] = []
    for name in names or NAMES:
        bench = importlib.import_module(f"crew_stress.bench.{name}")
        options = {"write": True} if write and name in WRITERS else {}
        results.append(int(bench.main(**options)))
    return max(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
