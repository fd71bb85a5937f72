"""`crew`, as a program that coverage can measure: `python -m tests.support.crew`."""

import sys

from crew_actors.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
