# What each task of a plan is run by, and with which model.
#
# 1. An agent's own file decides what runs it; where it says nothing, what the person has
#    chosen does.
# 2. Models count in this order: the one that is asked for now, those of the step, the
#    role and the agent, its fallbacks, and the one that is set. For a live agent they
#    are found here, once: the plan says which will be asked.
"""Give tasks what runs them."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

import attrs

from crew_actors.llm import all_providers, choose_models
from crew_actors.model import LIVE, CommandSpec, Consent, PlannedTask, Provider
from crew_actors.resources import Agent, Catalog, executables
from crew_actors.runs._refused import NoModel
from crew_actors.runtimes import AGENT_PROGRAMS, AgentRuntime, is_key

FUNCTION = "function"
"""The runtime of an agent that is a function of the program itself."""


_FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "claude": ("claude", "sonnet", "opus", "haiku"),
    "codex": ("gpt", "codex", "o1", "o3", "o4"),
    "gemini": ("gemini",),
}
"""What the names of models begin with that a program has, and others do not."""


@attrs.frozen(kw_only=True)
class Equipment:
    """What there is to run tasks with."""

    cli: AgentRuntime | None
    """For agents that do not say it themselves."""

    model: str | None
    """That all agents use, whatever their files say."""

    silence: float | None
    """Seconds, for commands that say nothing about it."""

    functions: Collection[str]
    """Names of agents that are functions of this program."""

    providers: Collection[Provider]
    environ: Mapping[str, str]
    servers: Collection[str]
    """Names of the MCP servers that the user has."""


def equipped(
    catalog: Catalog, equipment: Equipment, planned: tuple[PlannedTask, ...]
) -> tuple[tuple[PlannedTask, ...], tuple[str, ...]]:
    """Give each task what runs it, and what its user must have agreed to.

    Returns them, and a line for each model and MCP server that cannot be had.

    Raises:
      NoModel: live agents have no model that can be had.
    """
    tasks: list[PlannedTask] = []
    passed_over: list[str] = []
    without: dict[str, str] = {}
    for task in planned:
        if task.agent in equipment.functions:
            tasks.append(attrs.evolve(task, runtime=FUNCTION, command=None))
        elif task.external:
            tasks.append(task)
        else:
            mine = _with_runtime(task, equipment)
            if equipment.model is None and _is_of_others(mine):
                own = f"{mine.agent}: {mine.runtime} has no model {mine.model!r}, and "
                passed_over.append(f"{own}uses its own")
                mine = attrs.evolve(mine, model=None, fallback_models=())
            if mine.runtime == LIVE:
                mine, lines = _with_models(mine, equipment)
                if mine.model is None:
                    without[mine.agent] = "; ".join(lines) or "it names none"
                passed_over += [f"{mine.agent}: {line}" for line in lines]
            if mine.keys is not None and mine.runtime in {*AGENT_PROGRAMS, "acp"}:
                mine, lines = _with_keys(mine, mine.keys, catalog.agents[mine.agent])
                passed_over += lines
            passed_over += [
                f"{mine.agent}: there is no MCP server {name!r}; [mcp.{name}] in your "
                "config.toml would name it"
                for name in mine.mcp
                if name not in equipment.servers
            ]
            tasks.append(mine)
    if without:
        raise NoModel(tuple(without.items()))
    return _with_consents(catalog, tasks), tuple(passed_over)


def _with_consents(
    catalog: Catalog, tasks: list[PlannedTask]
) -> tuple[PlannedTask, ...]:
    """Note what the user must have agreed to, of what is run here."""
    here = [one for one in tasks if not one.external and one.runtime != FUNCTION]
    consents = {
        one.agent: Consent(agent_file=str(one.path), sha256=one.sha256, files=one.files)
        for one in executables(catalog, here)
    }
    run_here = {one.id for one in here}
    return tuple(
        attrs.evolve(one, consent=consents.get(one.agent))
        if one.id in run_here
        else one
        for one in tasks
    )


def _with_keys(
    task: PlannedTask, keys: tuple[str, ...], agent: Agent
) -> tuple[PlannedTask, tuple[str, ...]]:
    """Give the program of *task* the keys that are its *agent*'s, and no others.

    Returns it, and a line for each that it does not get: what comes with a project is
    shown no variable of its user that it would not be shown anyway.
    """
    command = task.command
    if command is None:
        return task, ()
    others = tuple(name for name in keys if name not in command.env)
    refused = others if agent.source.tier == "project" else ()
    env = (
        *(name for name in command.env if not is_key(name) or name in keys),
        *(name for name in others if name not in refused),
    )
    lines = tuple(
        f"{task.agent}: {name} is no key of {task.runtime}, and an agent that comes "
        "with a project gets no others"
        for name in refused
    )
    return attrs.evolve(task, command=attrs.evolve(command, env=env)), lines


def _is_of_others(task: PlannedTask) -> bool:
    """Tell whether the model of *task* is one that other programs have by that name."""
    mine = _FAMILIES.get(task.runtime)
    if mine is None or task.model is None:
        return False
    name = task.model.lower()
    others = [one for names in _FAMILIES.values() if names != mine for one in names]
    return name.startswith(tuple(others)) and not name.startswith(mine)


def needs_none(task: PlannedTask) -> bool:
    """Tell whether no process is started for *task* by its runtime."""
    return task.external or task.runtime in {FUNCTION, LIVE}


def _with_runtime(task: PlannedTask, equipment: Equipment) -> PlannedTask:
    """Give *task* what runs it, where its agent does not say so itself."""
    cli = equipment.cli
    model = equipment.model or task.model
    if task.runtime in AGENT_PROGRAMS:
        task = attrs.evolve(task, command=AGENT_PROGRAMS[task.runtime])
    elif task.command is None and task.runtime != LIVE and cli is not None:
        model = model or cli.model
        task = attrs.evolve(task, runtime=cli.runtime, command=cli.command)
    command = _with_silence(task.command, equipment.silence)
    return attrs.evolve(task, command=command, model=model)


def _with_models(
    task: PlannedTask, equipment: Equipment
) -> tuple[PlannedTask, tuple[str, ...]]:
    """Find the models of a live agent: what it asks, and what it asks otherwise."""
    providers = all_providers(equipment.providers)
    chosen = choose_models(_names(task, equipment), providers, equipment.environ)
    names = tuple(one.name for one in chosen.models)
    lines = tuple(f"not {name}: {why}" for name, why in chosen.passed_over)
    model, fallbacks = (names[0], names[1:]) if names else (None, ())
    return attrs.evolve(task, model=model, fallback_models=fallbacks), lines


def _names(task: PlannedTask, equipment: Equipment) -> Iterator[str]:
    cli = equipment.cli
    asked = (task.model, *task.fallback_models)
    yield from (name for name in asked if name is not None)
    if cli is not None and cli.runtime == LIVE and cli.model is not None:
        yield cli.model


def _with_silence(
    command: CommandSpec | None, silence: float | None
) -> CommandSpec | None:
    """Give a command the limit on its silence that holds where it has none itself."""
    if command is None or command.silence is not None:
        return command
    return attrs.evolve(command, silence=silence)
