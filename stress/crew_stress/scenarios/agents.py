"""The agents of a round."""

import json
from random import Random
from typing import Final, Literal

from crew_stress.fake_agent import PERSONAS, argv
from crew_stress.scenarios.machine import TOKEN, handles
from crew_stress.scenarios.round import Round
from crew_stress.scenarios.values import Load
from crew_supervisors import ChildProcess, EnvPolicy, ProcessSpec

MIXED: Final = (
    *("polite", "stubborn", "forks", "session", "daemonises"),
    *("hides", "leaves", "stubborn-tree", "breeds", "chatty"),
)
"""Kinds of fake agents whose ends differ."""

POLITE: Final = ("polite",)


def spec_of(
    argv: tuple[str, ...],
    token: str,
    *,
    stdout: Literal["lines", "tail"] = "lines",
    containment: Literal["best", "group"] = "best",
) -> ProcessSpec:
    """Describe an agent of the round *token*."""
    return ProcessSpec(
        name="agent",
        argv=argv,
        env=EnvPolicy(extra={TOKEN: token}),
        stdout=stdout,
        max_line=1 << 16,
        containment=containment,
    )


def choose(load: Load, chance: Random, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line of an agent: the user's own, or one of these *kinds*."""
    if load.command:
        return load.command
    return argv(*PERSONAS[chance.choice(kinds)])


async def hear(process: ChildProcess, one: Round) -> None:
    """Read all that *process* prints; take in the pids that a fake agent tells."""
    async for line in process.lines():
        if not one.load.command and line.text.startswith('{"type": "ready"'):
            one.told += handles(pids_in(line.text))


async def hear_ready(process: ChildProcess, one: Round) -> None:
    """Read on until a fake agent has told that it is ready."""
    async for line in process.lines():
        one.told += handles(pids_in(line.text))
        return


def pids_in(line: str) -> list[int]:
    """Return the pids that a fake agent tells by `ready`."""
    ready = json.loads(line)
    return [ready["pid"], *ready["pids"].values()]
