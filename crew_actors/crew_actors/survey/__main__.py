# The way in: one name, one agent.
#
# 1. The exit code is 0 exactly when a result was written, 2 when the name is wrong.
# 2. An error leaves as one `failure` line; its traceback goes to stderr.
"""`python -P -m crew_actors.survey NAME`: run one agent of the survey."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from crew_actors.survey._agents import AGENTS
from crew_actors.survey._protocol import Port, read_inputs


def main(
    argv: Sequence[str], environ: Mapping[str, str], root: Path, out: TextIO
) -> int:
    """Run the agent that *argv* names on the folder *root*; return the exit code."""
    agent = AGENTS.get(argv[0]) if len(argv) == 1 else None
    if agent is None:
        sys.stderr.write(f"usage: python -P -m crew_actors.survey {'|'.join(AGENTS)}\n")
        return 2
    output = environ.get("CREW_OUTPUT")
    port = Port(out, Path(output) if output else None)
    try:
        port.inputs = read_inputs(environ)
        agent(port, root, environ)
    except BrokenPipeError:
        return 1  # nobody listens any more
    except Exception as error:  # noqa: BLE001 (the border of the process: all is told)
        traceback.print_exc()
        port.failure(f"{type(error).__name__}: {error}")
        return 1
    return 0


def run() -> int:
    """Run the agent of this process's command line in its working directory."""
    code = main(sys.argv[1:], os.environ, Path.cwd(), sys.stdout)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout.fileno())
        return 1
    return code


def _silence(descriptor: int) -> None:
    """Let what is still buffered go nowhere, so that the exit is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(run())
