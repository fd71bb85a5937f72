"""Find tasks by what people call them."""

import difflib
from collections.abc import Iterable

from crew_actors.model import RunState, TaskId, TaskState
from crew_actors.runs._errors import UnknownTask


def check_tasks(state: RunState, names: Iterable[str]) -> None:
    """Check that the run has tasks of these *names*.

    Raises:
      UnknownTask: it has not.
    """
    for name in names:
        find_task(state, name)


def find_task(state: RunState, name: str) -> TaskState:
    """Find the task called *name*.

    Raises:
      UnknownTask: there is none.
    """
    tasks = state.tasks
    found = tasks.get(TaskId(name))
    if found is None:
        near = difflib.get_close_matches(name, tasks, n=1)
        raise UnknownTask(name, tuple(tasks), near[0] if near else None)
    return found
