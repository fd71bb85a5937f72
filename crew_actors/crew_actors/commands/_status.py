# Asking changes nothing: a run whose owner is gone is called interrupted here, and
# its journal stays as it is.
"""`crew status`: where runs stand."""

from pathlib import Path
from typing import Literal

import attrs

from crew_actors.commands._layout import columns, paragraph, shown_path
from crew_actors.commands._runs import BLOCKED, NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import (
    JournalError,
    Registry,
    RunEntry,
    RunFolder,
    effective_status,
    newest_events,
    read_state,
)
from crew_actors.model import RunState, RunStatus
from crew_actors.observe import Row, clean, duration, escaped, headline, rows

_SHOWN = 20


@attrs.frozen(kw_only=True)
class StatusParameters:
    """Which runs to tell about."""

    run: str | None = attrs.field(
        default=None, metadata=told(f"{NAMED}; without it, all runs", positional=True)
    )
    all: bool = attrs.field(
        default=False, metadata=told("list the runs of all projects")
    )
    limit: int | None = attrs.field(
        default=None,
        metadata=told(f"how many runs to list; {_SHOWN} if not given", least=1),
    )


@attrs.frozen(kw_only=True)
class ListedRun:
    """One run of a list."""

    run: str
    status: RunStatus | None
    """None if its journal cannot be read."""

    problem: str
    """Why it cannot be read."""

    team: str
    goal: str
    """Its beginning."""

    project: Path
    created_at: float
    """Seconds since 1970."""


@attrs.frozen(kw_only=True)
class RunsFound:
    """Runs, the newest first."""

    kind: Literal["runs"] = "runs"
    runs: tuple[ListedRun, ...]
    now: float
    """When they were looked at, in seconds since 1970."""

    everywhere: bool
    """Whether those of all projects were asked for."""

    problem: str
    """Why runs of other projects are missing; empty if none is."""


@attrs.frozen(kw_only=True)
class Waiting:
    """A question that waits for an answer."""

    task: str
    question: str
    """Its id."""
    text: str
    choices: tuple[str, ...]
    deadline: float
    """Seconds since 1970."""


@attrs.frozen(kw_only=True)
class Kept:
    """What an attempt in a worktree has left."""

    task: str
    worktree: str | None
    """The folder, if it was kept."""
    branch: str | None
    """The branch with its changes, if there are any."""


@attrs.frozen(kw_only=True)
class Unread:
    """A message that no agent has taken yet."""

    task: str
    message: str
    """Its id."""
    text: str
    by: str


@attrs.frozen(kw_only=True)
class RunFound:
    """One run in full."""

    kind: Literal["run"] = "run"
    run: str
    status: RunStatus
    why: str
    team: str
    workflow: str
    goal: str
    workspace: Path
    folder: Path
    summary: Path | None
    headline: str
    tasks: tuple[Row, ...]
    input: int
    """What the agents used up, as they report it; so with the next two."""

    output: int
    cost: float
    questions: tuple[Waiting, ...] = ()
    kept: tuple[Kept, ...] = ()
    unread: tuple[Unread, ...] = ()
    parent: str | None = None
    """The run whose agent has started this one."""
    nested: tuple[str, ...] = ()
    """The runs that its agents have started."""
    now: float = 0.0
    """When it was looked at, in seconds since 1970."""


def tell_status(parameters: StatusParameters, context: Context) -> RunsFound | RunFound:
    """Tell where one run stands, or list the runs of the project.

    Raises:
      UserError: there is no such run, or its journal cannot be read.
    """
    if parameters.run is not None:
        return _one(find_run(parameters.run, context), context)
    found = Registry.of(context.places).list(
        project=context.project.root,
        everywhere=parameters.all,
        limit=parameters.limit or _SHOWN,
    )
    return RunsFound(
        runs=tuple(map(_listed, found.runs)),
        now=context.now(),
        everywhere=parameters.all,
        problem=found.problem,
    )


def _listed(entry: RunEntry) -> ListedRun:
    status, problem = None, ""
    try:
        status = effective_status(entry.folder)
    except JournalError as error:
        problem = str(error)
    return ListedRun(
        run=entry.run,
        status=status,
        problem=problem,
        team=entry.team,
        goal=entry.goal,
        project=entry.project,
        created_at=entry.created_at,
    )


def _one(folder: RunFolder, context: Context) -> RunFound:
    status = effective_status(folder)
    state = read_state(folder)
    if status is RunStatus.RUNNING and state.status is RunStatus.WAITING:
        status = RunStatus.WAITING
    now = context.now()
    if status is RunStatus.INTERRUPTED:  # its clock stood still with its last event
        now = newest_events(folder, 1)[-1].at
    found = _found(state, status, folder.path, now)
    return attrs.evolve(found, now=context.now())


def _found(state: RunState, status: RunStatus, folder: Path, now: float) -> RunFound:
    return RunFound(
        run=state.run,
        status=status,
        why=state.why,
        team=state.plan.team,
        workflow=state.plan.workflow,
        goal=state.plan.goal,
        workspace=Path(state.workspace),
        folder=folder,
        summary=None if state.summary is None else folder / state.summary,
        headline=headline(state, now),
        tasks=rows(state, now),
        input=state.usage.input,
        output=state.usage.output,
        cost=state.usage.cost,
        questions=_questions(state),
        kept=tuple(
            Kept(task=name, worktree=task.workspace, branch=task.branch)
            for name, task in state.tasks.items()
            if task.workspace is not None or task.branch is not None
        ),
        unread=tuple(
            Unread(task=name, message=one.id, text=one.text, by=one.by)
            for name, task in state.tasks.items()
            for one in task.mail
        ),
        parent=None if state.plan.parent is None else state.plan.parent.run,
        nested=tuple(run for task in state.tasks.values() for run in task.nested),
    )


def _questions(state: RunState) -> tuple[Waiting, ...]:
    return tuple(
        Waiting(
            task=name,
            question=one.id,
            text=one.text,
            choices=one.choices,
            deadline=one.deadline,
        )
        for name, task in state.tasks.items()
        for one in task.questions
    )


def _text(result: RunsFound | RunFound) -> str:
    lines = _run_lines(result) if isinstance(result, RunFound) else _list_lines(result)
    return "\n".join(lines)


def _list_lines(found: RunsFound) -> list[str]:
    lines = columns(
        (
            (
                one.run,
                "unreadable" if one.status is None else one.status.value,
                f"{duration(found.now - one.created_at)} ago",
                clean(one.team),
                *([escaped(str(one.project))] if found.everywhere else []),
                clean(one.problem or one.goal),
            )
            for one in found.runs
        ),
        indent="",
    )
    if found.problem:
        lines.append(f"Runs of other projects cannot be listed: {clean(found.problem)}")
    return lines or ["There are no runs yet."]


def _run_lines(found: RunFound) -> list[str]:
    lines = [found.headline, f"status: {found.status.value}"]
    if found.status is RunStatus.INTERRUPTED:
        lines.append(
            "The process that worked on it is gone; this is how it stood then."
        )
    if found.why:
        lines.append(f"because: {clean(found.why)}")
    if found.status is RunStatus.BLOCKED:
        lines.append(BLOCKED)
    lines += ["goal:", *paragraph(clean(found.goal)), ""]
    lines += columns(
        (f"{row.icon} {row.word}", row.task, row.agent, row.elapsed, row.last)
        for row in found.tasks
    )
    lines += _talk_lines(found)
    if found.parent is not None:
        lines += ["", f"started by an agent of run {found.parent}"]
    if found.nested:
        lines += ["", "runs that its agents have started:"]
        lines += [f"  {run}" for run in found.nested]
    if found.input or found.output:
        cost = f", cost {found.cost:.4f}" if found.cost else ""
        lines += ["", f"used: {found.input} in, {found.output} out{cost}"]
    lines += ["", f"folder: {shown_path(found.folder)}"]
    if found.summary is not None:
        lines.append(f"summary: {shown_path(found.summary)}")
    return lines


def _talk_lines(found: RunFound) -> list[str]:
    """Tell what waits for a person, and what was left for one."""
    lines: list[str] = []
    for one in found.questions:
        choices = f" ({' | '.join(map(clean, one.choices))})" if one.choices else ""
        left = one.deadline - found.now
        until = f"for {duration(left)} more" if left > 0 else "its deadline is over"
        lines += [
            "",
            f"{clean(one.task)} asks: {clean(one.text)}{choices}; {until}",
            f"  crew respond {found.run} ANSWER --question {clean(one.question)}",
        ]
    for letter in found.unread:
        lines += ["", f"{clean(letter.task)} has not read ({letter.message}):"]
        lines.append(f"  {clean(letter.by)}: {clean(letter.text)}")
    for kept in found.kept:
        where = [f"branch {clean(kept.branch)}"] if kept.branch else []
        if kept.worktree:
            where.append(f"worktree {shown_path(Path(kept.worktree))}")
        lines += ["", f"{clean(kept.task)} left its changes: {', '.join(where)}"]
    return lines


ACTION = Action[StatusParameters, RunsFound | RunFound](
    name="status", parameters=StatusParameters, handler=tell_status, text=_text
)
