"""`crew validate`: every problem of every file, at once."""

import attrs

from crew_actors.commands._table import Action, Context
from crew_actors.observe import counted, escaped
from crew_actors.resources import Problem, load_catalog, validate_all


@attrs.frozen(kw_only=True)
class ValidateParameters:
    """Nothing can be chosen."""


@attrs.frozen(kw_only=True)
class Validation:
    """What was found."""

    problems: tuple[Problem, ...]
    errors: int
    warnings: int
    agents: int
    """How many can be used; so with the next two."""

    teams: int
    workflows: int


def validate(_: ValidateParameters, context: Context) -> Validation:
    """Check all resources of the project, of the user and the built-in ones."""
    catalog = load_catalog(context.places, context.project)
    problems = validate_all(catalog)
    errors = sum(problem.severity == "error" for problem in problems)
    return Validation(
        problems=problems,
        errors=errors,
        warnings=len(problems) - errors,
        agents=len(catalog.agents),
        teams=len(catalog.teams),
        workflows=len(catalog.workflows),
    )


def _text(found: Validation) -> str:
    usable = ", ".join(
        (
            counted(found.agents, "agent"),
            counted(found.teams, "team"),
            counted(found.workflows, "workflow"),
        )
    )
    what = ", ".join(
        (counted(found.errors, "error"), counted(found.warnings, "warning"))
    )
    lines = [escaped(str(problem)) for problem in found.problems]
    return "\n".join([*lines, f"{what}. Usable: {usable}."])


def _exit_code(found: Validation) -> int:
    return 1 if found.errors else 0


ACTION = Action(
    name="validate",
    parameters=ValidateParameters,
    handler=validate,
    text=_text,
    exit_code=_exit_code,
)
