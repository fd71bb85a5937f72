"""Make ready what an attempt needs: its folder, and what came before it."""

import json
from pathlib import Path

import trio

from crew_actors.journal import ArtifactStore
from crew_actors.model import AttemptId, PlannedTask, RunState, TaskState
from crew_actors.runs._files import make_work
from crew_actors.runtimes import DependencyResult, Job


async def make_job(
    state: RunState, task: PlannedTask, attempt: AttemptId, store: ArtifactStore
) -> Job:
    """Make the job of *attempt*. What it depends on has completed in *state*.

    Raises:
      ArtifactDamaged: a result on disk is not what its agent has left.
      OSError: the folder of the attempt cannot be made.
    """
    folder = await trio.to_thread.run_sync(make_work, store.folder, attempt)
    dependencies: dict[str, DependencyResult] = {
        needed: await _read(state.tasks[needed], store) for needed in task.depends_on
    }
    return Job(
        run=state.run,
        task=task,
        attempt=attempt,
        goal=state.plan.goal,
        workspace=Path(state.workspace),
        folder=folder,
        dependencies=dependencies,
    )


async def _read(task: TaskState, store: ArtifactStore) -> DependencyResult:
    text = ""
    if task.result is not None:
        text = (await store.read(task.result)).decode("utf-8", "replace")
    data: object = None
    if task.data is not None:
        data = json.loads(await store.read(task.data))
    return DependencyResult(
        text=text,
        data=data,
        artifacts=tuple(
            (artifact.name, store.path(artifact)) for artifact in task.artifacts
        ),
    )
