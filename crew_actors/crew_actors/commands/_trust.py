# Consent is given to exact content. Whoever shows the commands to a person hands the
# hashes that were shown back here: what has changed since then is not allowed.
"""`crew trust`: allow what a project brings."""

import attrs

from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.model import PlannedTask, TaskId
from crew_actors.observe import counted
from crew_actors.resources import (
    Catalog,
    Executable,
    TrustStore,
    executable_lines,
    find_consent,
    introduction,
    load_catalog,
)


@attrs.frozen(kw_only=True)
class TrustParameters:
    """Which commands to look at, and which to allow."""

    team: str | None = attrs.field(
        default=None, metadata=told("only the commands of this team", positional=True)
    )
    yes: bool = attrs.field(
        default=False, metadata=told("allow them all, exactly as they are now")
    )
    agreed: str | None = attrs.field(
        default=None,
        metadata=told("allow those with these sha256 sums, with commas between"),
    )


@attrs.frozen(kw_only=True)
class Trusted:
    """Where the user stands with the commands now."""

    granted: tuple[Executable, ...]
    """Allowed by this very call."""

    allowed: tuple[Executable, ...]
    """Allowed before."""

    missing: tuple[Executable, ...]
    """Not allowed."""


def trust(parameters: TrustParameters, context: Context) -> Trusted:
    """Tell what the project would have executed, and allow what is agreed to.

    Raises:
      BadParameters: what is agreed to is not there. Nothing was allowed.
      UnknownResource, InvalidResource: the team cannot be used.
      TrustStoreDamaged: the user's record cannot be understood.
      OSError: it cannot be read or written.
    """
    catalog = load_catalog(context.places, context.project)
    tasks = _tasks(catalog, parameters.team)
    consent = find_consent(catalog, tasks, context.project, context.places)
    agreed = _agreed(parameters, {*consent.allowed, *consent.missing})
    granted = tuple(
        one for one in consent.missing if parameters.yes or one.sha256 in agreed
    )
    if granted:
        TrustStore(context.places).grant(context.project, granted)
    return Trusted(
        granted=granted,
        allowed=consent.allowed,
        missing=tuple(one for one in consent.missing if one not in granted),
    )


def _agreed(parameters: TrustParameters, known: set[Executable]) -> set[str]:
    """Return the sums that are agreed to. Each must be one of a *known* command."""
    agreed = {one.strip() for one in (parameters.agreed or "").split(",")} - {""}
    unknown = sorted(agreed - {one.sha256 for one in known})
    if unknown:
        hint = "a command that has changed has another one; look at them again"
        problems = (f"no command has the sum {one}: {hint}" for one in unknown)
        raise BadParameters("trust", tuple(problems))
    return agreed


def _tasks(catalog: Catalog, team: str | None) -> tuple[PlannedTask, ...]:
    """Make a task for each agent that may be asked for: there is no goal yet."""
    agents = (
        sorted(catalog.agents)
        if team is None
        else [role.agent for role in catalog.team(team).roles]
    )
    return tuple(
        PlannedTask(id=TaskId(name), step=name, role=name, agent=name, title=name)
        for name in agents
    )


def _text(trusted: Trusted) -> str:
    lines: list[str] = []
    if trusted.granted:
        lines += [
            f"Allowed {counted(len(trusted.granted), 'command')}:",
            *executable_lines(trusted.granted),
        ]
    if trusted.missing:
        lines += [
            introduction(trusted.missing),
            *executable_lines(trusted.missing),
            "To allow them exactly as they are: answer at a terminal, or use --yes.",
        ]
    if not lines and trusted.allowed:
        number = counted(len(trusted.allowed), "command")
        lines = [f"This project brings {number}; you have allowed all of it."]
    return "\n".join(lines) or "This project brings no commands of its own."


def _exit_code(trusted: Trusted) -> int:
    return 1 if trusted.missing else 0


ACTION = Action(
    name="trust",
    parameters=TrustParameters,
    handler=trust,
    text=_text,
    exit_code=_exit_code,
)
