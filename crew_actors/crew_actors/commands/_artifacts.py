"""`crew artifacts`: what a run has left."""

from collections.abc import Iterator
from pathlib import Path

import attrs

from crew_actors.commands._layout import columns, shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import read_state
from crew_actors.model import Artifact, TaskState
from crew_actors.observe import clean, size


@attrs.frozen(kw_only=True)
class ArtifactsParameters:
    """Whose artifacts to list."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))


@attrs.frozen(kw_only=True)
class Left:
    """One file that a task has left."""

    task: str
    name: str
    path: Path
    size: int
    """Bytes."""

    sha256: str
    present: bool
    """Whether the file is still there."""


@attrs.frozen(kw_only=True)
class ArtifactsFound:
    """What a run has left."""

    run: str
    summary: Path | None
    artifacts: tuple[Left, ...]


def list_artifacts(parameters: ArtifactsParameters, context: Context) -> ArtifactsFound:
    """List the artifacts of a run, in the order of its tasks.

    Raises:
      UserError: there is no such run, or its journal cannot be read.
    """
    folder = find_run(parameters.run, context)
    state = read_state(folder)
    return ArtifactsFound(
        run=state.run,
        summary=None if state.summary is None else folder.path / state.summary,
        artifacts=tuple(
            _left(task.plan.id, artifact, folder.path)
            for task in state.tasks.values()
            for artifact in _artifacts(task)
        ),
    )


def _artifacts(task: TaskState) -> Iterator[Artifact]:
    """Yield each artifact of a task once: a result may have been told of before."""
    told_of = [*task.artifacts, task.result, task.data]
    by_path = {one.path: one for one in told_of if one is not None}
    yield from by_path.values()


def _left(task: str, artifact: Artifact, folder: Path) -> Left:
    path = folder / artifact.path
    return Left(
        task=task,
        name=artifact.name,
        path=path,
        size=artifact.size,
        sha256=artifact.sha256,
        present=path.is_file(),
    )


def _text(found: ArtifactsFound) -> str:
    lines = columns(
        (
            (
                clean(one.task),
                clean(one.name),
                size(one.size) if one.present else "gone",
                one.sha256[:12],
                shown_path(one.path),
            )
            for one in found.artifacts
        ),
        indent="",
        whole=True,
    )
    if found.summary is not None:
        lines.append(f"summary: {shown_path(found.summary)}")
    return "\n".join(lines) or "The run has left nothing yet."


ACTION = Action(
    name="artifacts", parameters=ArtifactsParameters, handler=list_artifacts, text=_text
)
