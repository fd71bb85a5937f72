# What live agents cost, and how fast they hear. Three processes: the fake LLM, the crew
# with its console, and this one, which is the console's client.
"""Bench: memory of live agents, events to the console, interrupts."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import attrs
import psutil
import trio

from crew_stress.bench.console import Stage, crowd, p95, table_of
from crew_stress.bench.pages import where, write_part
from crew_stress.bench.supervisors import Figure

AGENTS = 100
SECONDS = 10.0
MEMORY_LIMIT = 0.3
"""MB for each agent."""
EVENT_LIMIT = 100.0
INTERRUPT_LIMIT = 50.0


@attrs.frozen
class Live:
    """A crew of live agents at work."""

    stage: Stage
    process: "subprocess.Popen[str]"
    before: int
    """Bytes that its process held before they came."""

    def ask(self) -> Any:  # noqa: ANN401 - JSON
        """Have all agents interrupted."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return told(self.process)


def told(process: "subprocess.Popen[str]") -> Any:  # noqa: ANN401 - JSON
    """Read what a process tells in one line."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@contextmanager
def begun(*argv: str) -> Generator["subprocess.Popen[str]"]:
    """Run a module of ours as a process, until the block is left."""
    with subprocess.Popen(
        [sys.executable, "-m", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def live(agents: int) -> Generator[Live]:
    """Let so many agents work."""
    with begun("crew_actors.testing.llm") as llm:
        url = told(llm)["url"]
        stage = ("crew_stress.bench.live_stage", url, str(agents))
        with begun(*stage) as crew:
            before = told(crew)["before"]
            at = told(crew)
            yield Live(
                Stage(at["port"], at["token"], at["run"], psutil.Process(crew.pid)),
                crew,
                before,
            )


def measure(agents: int, seconds: float) -> list[Figure]:
    """Measure agents that all stream at once."""
    with live(agents) as crew:
        heard = trio.run(crowd, crew.stage, 1, seconds)
        after = crew.stage.process.memory_info().rss
        took = crew.ask()["took"]
    each = (after - crew.before) / agents / (1 << 20)
    print(f"     events heard: {len(heard.late):,}")
    return [
        Figure(f"memory of each of {agents} live agents", each, "MB", MEMORY_LIMIT),
        Figure("event to console, p95", p95(heard.late), "ms", EVENT_LIMIT),
        Figure("interrupt until it is heard, p95", p95(took), "ms", INTERRUPT_LIMIT),
    ]


_ABOUT = """
## Live agents

Written by `python -m crew_stress.bench live --write` from one run of it:
{where}.

{agents} live agents stream at once, each a word ten times in a second, from a fake LLM in a
process of its own, while a client of the console hears every event. The memory is that of the
whole process beyond what it held when one agent had come and gone. An interrupt is heard when
the request to the model is broken off, the message is part of the conversation, and both are on
disk; the others stream meanwhile.

{table}
"""


def main(*, write: bool = False, agents: int = AGENTS, seconds: float = SECONDS) -> int:
    """Print the figures, and with *write* into the docs; 1 if one of them is missed."""
    figures = measure(agents, seconds)
    for figure in figures:
        print(figure, flush=True)
    if write:
        text = _ABOUT.format(where=where(), agents=agents, table=table_of(figures))
        write_part("live", text)
    return 0 if all(figure.is_reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))
