# Asking changes nothing.
"""`crew task`: everything about one task of a run."""

from pathlib import Path

import attrs
import trio

from crew_actors.commands._layout import columns, paragraph, shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import (
    ArtifactError,
    ArtifactStore,
    RunFolder,
    read_events,
    read_state,
)
from crew_actors.model import (
    Artifact,
    Phase,
    PlannedTask,
    RunState,
    TaskState,
    TaskStatus,
    Usage,
    why_unclaimable,
)
from crew_actors.observe import (
    History,
    SeenAttempt,
    SeenMessage,
    SeenQuestion,
    clean,
    duration,
    read_history,
    size,
)
from crew_actors.runs import find_task, read_prompt

RESULT_SHOWN = 64_000
"""Bytes of the result of a task that are told, from its beginning."""


@attrs.frozen(kw_only=True)
class TaskParameters:
    """Which task to tell about."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str = attrs.field(metadata=told("the id of the task", positional=True))


@attrs.frozen(kw_only=True)
class Holder:
    """Who has claimed a task."""

    owner: str
    until: float
    """Seconds since 1970."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a task has come to."""

    path: Path
    text: str
    """Its beginning; empty if it cannot be read."""
    left_out: int
    """Bytes of it that are not in the text."""
    problem: str
    """Why it cannot be read; empty if it can."""


@attrs.frozen(kw_only=True)
class TaskFound:
    """One task in full."""

    run: str
    task: str
    status: TaskStatus
    phase: Phase | None
    """How far its newest attempt has come; None if there is none at work."""
    plan: PlannedTask
    prompt: str
    """What its next agent is told, or the newest was."""
    progress: str
    heartbeat: str
    why: str
    """Why it was cancelled, skipped or queued again, or needs attention."""
    attempts: tuple[SeenAttempt, ...]
    usage: Usage
    """Of all attempts."""
    result: Outcome | None
    artifacts: tuple[Artifact, ...]
    """Of the newest attempt."""
    questions: tuple[SeenQuestion, ...]
    messages: tuple[SeenMessage, ...]
    workspace: str | None
    """The worktree of its newest attempt, while that is there."""
    branch: str | None
    claim: Holder | None
    unclaimable: str | None
    """Why nobody outside can claim it now; None if somebody can."""
    folder: Path
    """Of the run; the paths of artifacts begin there."""
    now: float
    """When it was looked at, in seconds since 1970."""


async def tell_task(parameters: TaskParameters, context: Context) -> TaskFound:
    """Tell all that is known of one task: its plan, its attempts, its result.

    Raises:
      UserError: there is no such run or task, or its journal cannot be read.
    """
    folder = find_run(parameters.run, context)
    state = await trio.to_thread.run_sync(read_state, folder)
    task = find_task(state, parameters.task)
    history = await trio.to_thread.run_sync(_history, folder)
    return await _found(folder, state, task, history, context.now())


def _history(folder: RunFolder) -> History:
    return read_history(read_events(folder))


async def _found(
    folder: RunFolder, state: RunState, task: TaskState, history: History, now: float
) -> TaskFound:
    name = task.plan.id
    try:
        prompt = await read_prompt(folder, state, task, task.mail)
    except ArtifactError as error:
        prompt = f"(it cannot be written: {error})"
    held = task.claim
    return TaskFound(
        run=state.run,
        task=name,
        status=task.status,
        phase=task.phase if task.status.active else None,
        plan=task.plan,
        prompt=prompt,
        progress=task.progress,
        heartbeat=task.heartbeat,
        why=task.why,
        attempts=tuple(history.attempts.get(name, ())),
        usage=task.usage,
        result=None if task.result is None else await _outcome(folder, task.result),
        artifacts=task.artifacts,
        questions=tuple(q for q in history.questions.values() if q.task == name),
        messages=tuple(m for m in history.messages.values() if m.task == name),
        workspace=task.workspace,
        branch=task.branch,
        claim=None if held is None else Holder(owner=held.owner, until=held.until),
        unclaimable=why_unclaimable(state, task, now),
        folder=folder.path,
        now=now,
    )


async def _outcome(folder: RunFolder, result: Artifact) -> Outcome:
    text, problem = "", ""
    try:
        raw = await ArtifactStore(folder).read(result)
        text = raw[:RESULT_SHOWN].decode("utf-8", "replace")
    except ArtifactError as error:
        problem = str(error)
    return Outcome(
        path=folder.path / result.path,
        text=text,
        left_out=0 if problem else max(result.size - RESULT_SHOWN, 0),
        problem=problem,
    )


def _text(found: TaskFound) -> str:
    plan = found.plan
    lines = [f"task {clean(found.task)} of run {found.run}: {found.status.value}"]
    lines += columns(_facts(found), whole=True)
    if plan.external and found.unclaimable is None:
        way = f"crew claim {found.run} {clean(found.task)} --owner NAME"
        lines += ["", f"It waits for a worker: {way}"]
    if found.attempts:
        lines += ["", "attempts:"]
        lines += columns(map(_attempt_row, found.attempts))
    lines += talk_lines(found.messages, found.questions)
    if found.result is not None:
        lines += ["", f"result ({shown_path(found.result.path)}):"]
        lines += paragraph(found.result.problem or found.result.text)
        if found.result.left_out:
            lines.append(f"  ({found.result.left_out:,} more bytes are in the file.)")
    return "\n".join(lines)


def _facts(found: TaskFound) -> list[tuple[str, str]]:
    plan, used = found.plan, found.usage
    cost = f", cost {used.cost:.4f}" if used.cost else ""
    claim = found.claim
    facts = [
        ("title", clean(plan.title)),
        ("role", clean(plan.role)),
        ("agent", f"{clean(plan.agent)} ({clean(plan.runtime)})"),
        ("after", clean(", ".join(plan.depends_on))),
        ("phase", (found.phase or "").replace("_", " ")),
        ("because", clean(found.why)),
        ("says", clean(found.progress)),
        ("claimed", "" if claim is None else _claim_text(claim, found.now)),
        (
            "used",
            f"{used.input} in, {used.output} out{cost}" if used != Usage() else "",
        ),
        ("worktree", "" if found.workspace is None else clean(found.workspace)),
        ("branch", clean(found.branch or "")),
        ("left", ", ".join(_file(one) for one in found.artifacts)),
    ]
    return [fact for fact in facts if fact[1]]


def _claim_text(claim: Holder, now: float) -> str:
    return f"by {clean(claim.owner)}, for {duration(claim.until - now)} more"


def _file(artifact: Artifact) -> str:
    return f"{clean(artifact.name)} ({size(artifact.size)})"


def _attempt_row(one: SeenAttempt) -> tuple[str, ...]:
    took = "" if one.ended_at is None else duration(one.ended_at - one.started_at)
    why = one.why if one.failure is None else one.failure.message
    by = "" if one.owner is None else f"by {clean(one.owner)}"
    return (clean(one.attempt), one.outcome, took, by, clean(why))


def talk_lines(
    messages: tuple[SeenMessage, ...], questions: tuple[SeenQuestion, ...]
) -> list[str]:
    """Write messages and questions, with what became of them, for a person."""
    lines: list[str] = []
    if messages:
        lines += ["", "messages:"]
        lines += columns(
            (
                clean(one.task),
                one.message.kind.replace("_", "-"),
                one.outcome,
                clean(one.message.by),
                clean(one.message.text + (f" ({one.why})" if one.why else "")),
            )
            for one in messages
        )
    if questions:
        lines += ["", "questions:"]
        lines += columns(
            (
                clean(one.task),
                one.outcome,
                clean(one.question.text)
                + (f" {clean(one.by)}: {clean(one.answer)}" if one.answer else ""),
            )
            for one in questions
        )
    return lines


ACTION = Action[TaskParameters, TaskFound](
    name="task", parameters=TaskParameters, handler=tell_task, text=_text
)
