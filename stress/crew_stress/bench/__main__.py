"""Run benchmarks by name: `python -m crew_stress.bench [NAME ...]`."""

import importlib
import sys

NAMES = ("startup", "actors", "journal", "survey")


def main(names: list[str]) -> int:
    """Run the benchmarks called *names*, or all of them; 1 if one misses a figure."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
        return 2
    results = [
        int(importlib.import_module(f"crew_stress.bench.{name}").main())
        for name in names or NAMES
    ]
    return max(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
