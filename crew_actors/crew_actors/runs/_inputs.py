"""Make ready what an attempt needs: its folder, and what came before it."""

import json
import shutil
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

import trio

from crew_actors.journal import ArtifactStore
from crew_actors.model import McpServer, PlannedTask, RunState, TaskState, tokens_left
from crew_actors.runs._files import make_work
from crew_actors.runs._order import RunOrder
from crew_actors.runs._port import AttemptPort
from crew_actors.runs._workspace import Workspace
from crew_actors.runtimes import DependencyResult, Job, Notes, read_notes


async def make_job(
    port: AttemptPort,
    workspace: Workspace,
    environ: Mapping[str, str],
    servers: Collection[McpServer],
) -> Job:
    """Make the job of an attempt. What it depends on has completed.

    *servers* are those that the user has; its agent gets those that its file names.

    Raises:
      ArtifactDamaged: a result on disk is not what its agent has left.
      WorktreeError: it cannot have a worktree.
      OSError: its folder cannot be made.
    """
    task, state, store = port.task, workspace.state, port.store
    folder = await _folder(port)
    dependencies = await read_dependencies(state, task, store)
    before = state.tasks[task.id]
    return Job(
        run=state.run,
        task=task,
        attempt=port.attempt,
        goal=state.plan.goal,
        workspace=await workspace.enter(port),
        folder=folder,
        dependencies=dependencies,
        environ=environ,
        messages=before.mail,
        failure=before.failure,
        answers=before.answers,
        notes=await _notes(task),
        mcp=_servers(servers, task),
        depth=state.plan.depth,
        tokens=tokens_left(state),
    )


async def make_early_job(port: AttemptPort, state: RunState, order: RunOrder) -> Job:
    """Make what is known of the job of an attempt before it begins in the project.

    Raises:
      OSError: its folder cannot be made.
    """
    task = port.task
    return Job(
        run=state.run,
        task=task,
        attempt=port.attempt,
        goal=state.plan.goal,
        workspace=Path(state.workspace),
        folder=await _folder(port),
        dependencies={},
        environ=order.environ,
        mcp=_servers(order.servers, task),
        depth=state.plan.depth,
    )


async def drop_folder(port: AttemptPort) -> None:
    """Remove the folder of an attempt that did not begin.

    What cannot be removed is put aside when it is made again.
    """
    if port.folder is not None:
        remove = partial(shutil.rmtree, port.folder, ignore_errors=True)
        await trio.to_thread.run_sync(remove)


async def _folder(port: AttemptPort) -> Path:
    if port.folder is None:
        store = port.store
        port.folder = await store.small.do(
            partial(make_work, store.folder, port.task.id, port.attempt)
        )
    return port.folder


def _servers(
    servers: Collection[McpServer], task: PlannedTask
) -> tuple[McpServer, ...]:
    return tuple(one for one in servers if one.name in task.mcp)


async def _notes(task: PlannedTask) -> Notes | None:
    if task.memory is None:
        return None
    return await trio.to_thread.run_sync(read_notes, task.memory)


async def read_dependencies(
    state: RunState, task: PlannedTask, store: ArtifactStore
) -> dict[str, DependencyResult]:
    """Read what the tasks have left that *task* depends on, which have completed.

    Raises:
      ArtifactDamaged: a result on disk is not what its agent has left.
    """
    return {
        needed: await _read(state.tasks[needed], store) for needed in task.depends_on
    }


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
