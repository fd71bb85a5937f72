# The rules that hold between resources, as pure functions over their values. Each
# returns all problems at once.
"""Check teams and workflows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from crew_actors.resources._problems import Findings, Problem, nearest, printable
from crew_actors.resources._reader import NAME_RULE, is_name
from crew_actors.resources._resources import Catalog, Role, Step, Team, Workflow

_MAX_OUTPUT = 100  # characters; file systems allow 255 bytes
_SHOWN = 12  # steps of a cycle


def validate_all(catalog: Catalog) -> tuple[Problem, ...]:
    """Return all problems of all files, each for itself and between them.

    A workflow is held against each team that follows it by default.
    """
    problems = [*catalog.problems, *skill_problems(catalog)]
    for team in catalog.teams.values():
        problems += role_problems(catalog, team)
        workflow = _default_workflow(catalog, team, problems)
        if workflow is not None:
            problems += fit_problems(team, workflow)
    return tuple(sorted(set(problems), key=_order))


def _order(problem: Problem) -> tuple[str, int, str, str]:
    return (str(problem.path), problem.line or 0, problem.field, problem.message)


def team_problems(team: Team) -> tuple[Problem, ...]:
    """Check what can be said about *team* alone."""
    findings = Findings(team.source.path)
    if not team.roles:
        message = "has no roles; add lines of the form '- role: agent=name'"
        findings.error(None, "roles", message)
    first: dict[str, Role] = {}
    for role in team.roles:
        earlier = first.setdefault(role.name.casefold(), role)
        if earlier is not role:
            message = f"this role is already in line {earlier.line}"
            findings.error(role.line, role.name, message)
    return tuple(findings.problems)


def role_problems(catalog: Catalog, team: Team) -> tuple[Problem, ...]:
    """Check that each role of *team* has an agent."""
    findings = Findings(team.source.path)
    for role in team.roles:
        if role.agent not in catalog.agents:
            message, near = _missing(catalog, "agent", role.agent)
            findings.error(role.line, role.name, message, near)
    return tuple(findings.problems)


def skill_problems(catalog: Catalog) -> tuple[Problem, ...]:
    """Find the skills that agents, roles and steps name and that there are not."""
    problems: list[Problem] = []

    def look(path: Path, line: int | None, names: tuple[str, ...] | None) -> None:
        for name in names or ():
            if name not in catalog.skills:
                near = nearest(name, catalog.skills)
                message = f"no skill is called {name!r}"
                problems.append(Problem("warning", path, line, "skills", message, near))

    for agent in catalog.agents.values():
        look(agent.source.path, None, agent.skills)
    for team in catalog.teams.values():
        for role in team.roles:
            look(team.source.path, role.line, role.skills)
    for workflow in catalog.workflows.values():
        for step in workflow.steps:
            look(workflow.source.path, step.line, step.skills)
    return tuple(problems)


def fit_problems(team: Team, workflow: Workflow) -> tuple[Problem, ...]:
    """Check that *team* has each role that *workflow* asks for."""
    findings = Findings(workflow.source.path)
    known = {role.name for role in team.roles}
    for step in workflow.steps:
        if step.role not in known:
            message = f"team {team.name!r} has no role {step.role!r}"
            if step.role == step.id:
                message += " (the heading is a step; '###' would keep it as text)"
            findings.error(step.line, step.id, message, nearest(step.role, known))
    return tuple(findings.problems)


def workflow_problems(workflow: Workflow) -> tuple[Problem, ...]:
    """Check what can be said about *workflow* alone."""
    findings = Findings(workflow.source.path)
    if not workflow.steps:
        message = "has no steps; each begins with a heading '## step'"
        findings.error(None, "steps", message)
    first: dict[str, Step] = {}
    for step in workflow.steps:
        if not is_name(step.id):
            findings.error(step.line, "step", f"{step.id!r} is no name; {NAME_RULE}")
        earlier = first.setdefault(step.id.casefold(), step)
        if earlier is not step:
            message = f"this step is already in line {earlier.line}"
            findings.error(step.line, step.id, message)
    steps = {step.id: step for step in workflow.steps}
    for step in workflow.steps:
        for wanted in step.depends_on:
            if wanted not in steps:
                message = f"dependsOn: there is no step {wanted!r}"
                findings.error(step.line, step.id, message, nearest(wanted, steps))
        _check_prompt(step, findings)
    for cycle in _cycles(steps):
        shown = cycle if len(cycle) <= _SHOWN else (*cycle[:_SHOWN], "...", cycle[-1])
        message = f"dependsOn: a cycle, {' -> '.join(shown)}"
        findings.error(steps[cycle[0]].line, cycle[0], message)
    _check_outputs(workflow, findings)
    return tuple(findings.problems)


def _check_prompt(step: Step, findings: Findings) -> None:
    for word in ("{goals}", "{Goal}", "{GOAL}", "{{goal}}", "${goal}"):
        if word in step.prompt:
            message = f"{word} in the prompt is not the placeholder"
            findings.warning(step.line, step.id, message, "{goal}")
            return


def _check_outputs(workflow: Workflow, findings: Findings) -> None:
    makers: dict[str, Step] = {}
    for step in workflow.steps:
        if step.output is None:
            continue
        reason = _bad_file_name(step.output)
        if reason:
            message = f"output: {step.output!r} {reason}"
            findings.error(step.line, step.id, message)
        earlier = makers.setdefault(step.output, step)
        if earlier is not step:
            message = f"output: {step.output!r} is also written by {earlier.id!r}"
            findings.warning(step.line, step.id, message)
    for step in workflow.steps:
        for name in step.reads:
            if name not in makers:
                message = f"reads: no step writes {name!r}"
                findings.warning(step.line, step.id, message, nearest(name, makers))


def _bad_file_name(name: str) -> str | None:
    if "/" in name or "\\" in name or ":" in name:
        return "has a path separator; it names a file, not a place"
    if name.startswith(".") or name.endswith((".", " ")) or not name.isprintable():
        return "is no name of a file"
    if len(name) > _MAX_OUTPUT:
        return f"is longer than {_MAX_OUTPUT} characters"
    return None


def _cycles(steps: dict[str, Step]) -> Iterator[tuple[str, ...]]:
    """Yield one cycle for each edge that closes one, its first step also last.

    Walks without recursion: the depth of a graph is the file's choice.
    """
    done: set[str] = set()
    for root in steps:
        path: dict[str, Iterator[str]] = {}
        here: str | None = None if root in done else root
        while here is not None:
            pending = path.setdefault(here, iter(steps[here].depends_on))
            following = next((name for name in pending if name in steps), None)
            if following is None:
                done.add(here)
                path.popitem()
                here = next(reversed(path), None)
            elif following in path:
                walked = list(path)
                yield (*walked[walked.index(following) :], following)
            elif following not in done:
                here = following


def _default_workflow(
    catalog: Catalog, team: Team, problems: list[Problem]
) -> Workflow | None:
    if team.workflow is None or team.workflow in catalog.workflows:
        return catalog.workflows.get(team.workflow or "")
    findings = Findings(team.source.path)
    message, near = _missing(catalog, "workflow", team.workflow)
    findings.error(None, "defaultWorkflow", message, near)
    problems += findings.problems
    return None


def _missing(
    catalog: Catalog, kind: Literal["agent", "workflow"], name: str
) -> tuple[str, str | None]:
    reasons = catalog.unusable.get((kind, name))
    if reasons:
        path = printable(str(reasons[0].path))
        return f"{kind} {name!r} cannot be used, see {path}", None
    known = catalog.agents if kind == "agent" else catalog.workflows
    return f"there is no {kind} {name!r}", nearest(name, known)
