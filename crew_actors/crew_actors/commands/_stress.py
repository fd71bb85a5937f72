# The scenarios are a package of their own, which is loaded when one is asked for.
"""`crew stress`: put agents under stress, and check what is claimed."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import trio

from crew_actors.census import records_folder
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_supervisors import ProcessError, resolve_executable

if TYPE_CHECKING:
    from crew_stress.scenarios import Load, Outcome


@attrs.frozen(kw_only=True)
class StressParameters:
    """Which scenario, and how much of it."""

    scenario: Literal[
        "cancel", "flood", "storm", "orphans", "killed-runs", "visitors"
    ] = attrs.field(metadata=told("what is done to the agents", positional=True))
    agents: int | None = attrs.field(
        default=None,
        metadata=told(
            "how many agents at the same time; each scenario has its own", least=1
        ),
    )
    rounds: int | None = attrs.field(
        default=None,
        metadata=told("how many rounds; each scenario has its own", least=1),
    )
    seed: int = attrs.field(
        default=1, metadata=told("the seed of the first round; 1 if not given")
    )
    command: str | None = attrs.field(
        default=None,
        metadata=told("your own agent in place of fake ones, as in a shell's line"),
    )
    plot: str | None = attrs.field(
        default=None,
        metadata=told("where the picture goes; else into your data folder"),
    )


async def stress(parameters: StressParameters, context: Context) -> "Outcome":
    """Play a scenario, tell of each round, and write a picture of the result.

    Cancelled, its agents are stopped first, and there is no picture. A picture that the
    disk does not take in the end costs nobody the result, which says so.

    Raises:
      UserError: the command is none, or cannot be found, or the picture has no place,
        and nothing was started; or the system does not start so many, and none of
        them is left.
    """
    if sys.platform == "win32":
        raise _bad("the agents of these scenarios need fork, which Windows has not")
    else:  # noqa: RET506 - mypy takes what is after an `if` of the platform for dead
        from crew_stress.scenarios import picture, run_scenario  # noqa: PLC0415 - late

        load = _load(parameters)
        name = f"{parameters.scenario}-{load.seed}.svg"
        path = Path(parameters.plot or context.places.data / "stress" / name)
        await trio.to_thread.run_sync(_make_room, path)
        outcome = await run_scenario(
            parameters.scenario,
            load,
            context.watcher.note,
            records=records_folder(context.places),
        )
        problem = await trio.to_thread.run_sync(_write, path, picture(outcome))
        if problem:
            return attrs.evolve(outcome, plot_problem=problem)
        return attrs.evolve(outcome, plot=path)


def _make_room(path: Path) -> None:
    """Find out before anything is started whether a picture can get there."""
    problem = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"{path.parent} is no folder that can be made ({error.strerror})"
    else:
        if path.is_dir():
            problem = f"{path} is a folder"
        elif not os.access(path if path.exists() else path.parent, os.W_OK):
            problem = f"{path} cannot be written"
    if problem:
        raise _bad(f"--plot: {problem}; name another file for the picture")


def _write(path: Path, text: str) -> str:
    """Write the picture, all of it or nothing; return why that was not possible."""
    is_special = path.exists() and not path.is_file()  # a device, a pipe
    fresh = path if is_special else path.with_name(f"{path.name}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        if not is_special:
            fresh.replace(path)
    except OSError as error:
        if not is_special:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
        return f"{path}: {error.strerror}"
    return ""


def _load(parameters: StressParameters) -> "Load":
    from crew_stress.scenarios import DEFAULTS  # noqa: PLC0415 - late

    if parameters.scenario == "visitors" and parameters.command is not None:
        raise _bad("--command: visitors come to a console; no program is their agent")
    usual = DEFAULTS[parameters.scenario]
    return attrs.evolve(
        usual,
        agents=parameters.agents or usual.agents,
        rounds=parameters.rounds or usual.rounds,
        seed=parameters.seed,
        command=_command(parameters.command),
    )


def _command(line: str | None) -> tuple[str, ...]:
    if line is None:
        return ()
    try:
        command = tuple(shlex.split(line))
    except ValueError as error:
        raise _bad(f"--command: {error}; write it as for a shell") from error
    if not command:
        raise _bad("--command: it names no program")
    try:
        program = resolve_executable(
            command[0], path=os.environ.get("PATH", os.defpath)
        )
    except ProcessError as error:
        raise _bad(f"--command: {error}") from error
    return (str(program), *command[1:])


def _bad(problem: str) -> BadParameters:
    return BadParameters("stress", (problem,))


def _text(outcome: "Outcome") -> str:
    from crew_stress.scenarios import table  # noqa: PLC0415 - late

    return table(outcome)


def _exit_code(outcome: "Outcome") -> int:
    return 0 if outcome.broken_by is None else 1


ACTION = Action[StressParameters, "Outcome"](
    name="stress",
    parameters=StressParameters,
    handler=stress,
    text=_text,
    exit_code=_exit_code,
)
