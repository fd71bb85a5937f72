"""`crew imports`: the runs that were imported."""

from pathlib import Path

import attrs

from crew_actors.commands._layout import paragraph, shown_path
from crew_actors.commands._table import Action, Context
from crew_actors.observe import clean
from crew_actors.store import BundledTask, Import, list_imports


@attrs.frozen(kw_only=True)
class ImportsParameters:
    """Nothing can be chosen."""


@attrs.frozen(kw_only=True)
class ImportedRun:
    """A run that was imported."""

    run: str
    path: Path
    problem: str
    """Why it cannot be read; the rest is empty then."""
    status: str = ""
    goal: str = ""
    team: str = ""
    tasks: tuple[BundledTask, ...] = ()


@attrs.frozen(kw_only=True)
class ImportsFound:
    """The imports of a project, by run."""

    imports: tuple[ImportedRun, ...]


def tell_imports(_: ImportsParameters, context: Context) -> ImportsFound:
    """List the imported runs with their status, goal and tasks. Changes nothing."""
    found = list_imports(context.project.root)
    return ImportsFound(imports=tuple(map(imported_run, found)))


def imported_run(one: Import) -> ImportedRun:
    """Tell what an import holds."""
    manifest = one.manifest
    if manifest is None:
        return ImportedRun(run=one.run, path=one.path, problem=one.problem)
    return ImportedRun(
        run=one.run,
        path=one.path,
        problem="",
        status=manifest.status,
        goal=manifest.goal,
        team=manifest.team,
        tasks=manifest.tasks,
    )


def imported_text(one: ImportedRun) -> str:
    """Tell a person what an import holds. Nothing in it is trusted."""
    if one.problem:
        return f"run {clean(one.run)} cannot be read: {clean(one.problem)}"
    lines = [
        f"run {clean(one.run)} {clean(one.status)}, of team {clean(one.team)}",
        *paragraph(clean(one.goal)),
        *(f"  {clean(task.id)}: {clean(task.status)}" for task in one.tasks),
        f"  folder: {shown_path(one.path)}",
    ]
    return "\n".join(lines)


def _text(found: ImportsFound) -> str:
    lines = map(imported_text, found.imports)
    return "\n".join(lines) or "Nothing was imported into this project."


ACTION = Action[ImportsParameters, ImportsFound](
    name="imports", parameters=ImportsParameters, handler=tell_imports, text=_text
)
