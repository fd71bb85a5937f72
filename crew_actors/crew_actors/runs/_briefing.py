"""What whoever does a task is told, also where no agent of this runtime does it."""

from collections.abc import Sequence

from crew_actors.journal import ArtifactStore, RunFolder
from crew_actors.model import Message, RunState, TaskState, TaskStatus
from crew_actors.runs._inputs import read_dependencies
from crew_actors.runtimes import build_prompt


async def read_prompt(
    folder: RunFolder,
    state: RunState,
    task: TaskState,
    messages: Sequence[Message] = (),
) -> str:
    """Write the prompt of *task*, as its next agent is given it. Changes nothing.

    What it depends on is in it if all of that has completed. *messages* are those that
    wait for its agent.

    Raises:
      ArtifactDamaged: a result on disk is not what its agent has left.
    """
    done = TaskStatus.COMPLETED
    ready = all(state.tasks[needed].status is done for needed in task.plan.depends_on)
    store = ArtifactStore(folder)
    found = await read_dependencies(state, task.plan, store) if ready else {}
    return build_prompt(
        task.plan, state.plan.goal, found, messages=messages, answers=task.answers
    )
