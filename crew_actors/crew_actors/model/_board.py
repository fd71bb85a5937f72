# Which tasks are where, kept up to date with each event, so that nobody has to go
# through all tasks to know what to do next.
#
# 1. A set of tasks is an int: bit n stands for the task at place n of the plan. Sets of
#    a thousand tasks are values of 130 bytes, and are joined in nanoseconds.
# 2. A task is ready when it is queued and each task that it needs has completed; it is
#    doomed when it is queued and one of them has failed, was cancelled or skipped.
#    Both change only for the tasks right behind one that changes.
# 3. The board holds nothing that the states of the tasks do not tell.
"""The places of the tasks of a run: by status, ready, doomed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from crew_actors.model._ids import TaskId
from crew_actors.model._plan import PlannedTask
from crew_actors.model._statuses import TaskStatus

_INDEX: Final[Mapping[TaskStatus, int]] = {
    status: number for number, status in enumerate(TaskStatus)
}
BROKEN: Final = (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED)
"""What a task can be of which those behind it can never run."""
_DECISIVE: Final = frozenset({TaskStatus.COMPLETED, *BROKEN})


@attrs.frozen(kw_only=True)
class Graph:
    """What the plans of the tasks tell, by the places of the tasks."""

    needs: tuple[int, ...]
    """For each task those that it depends on."""
    behind: tuple[int, ...]
    """For each task those that depend on it."""
    writing: int
    """Those whose agent may change the workspace."""
    careful: int
    """Those that say where they will write to."""
    external: int
    """Those that somebody outside does."""
    roles: Mapping[str, int]
    groups: Mapping[str, int]


@attrs.frozen(kw_only=True)
class Board:
    """Where the tasks of a run stand."""

    graph: Graph
    by_status: tuple[int, ...]
    ready: int
    doomed: int
    delayed: int
    """Those queued for a moment that is told."""

    def of(self, *statuses: TaskStatus) -> int:
        """Return the tasks that have one of *statuses*."""
        found = 0
        for status in statuses:
            found |= self.by_status[_INDEX[status]]
        return found

    @property
    def active(self) -> int:
        """The tasks whose agent is at work, or waits for an answer."""
        return self.of(TaskStatus.RUNNING, TaskStatus.WAITING)

    @property
    def open(self) -> int:
        """The tasks that have not ended."""
        return self.active | self.of(TaskStatus.QUEUED)

    def moved(self, place: int, before: TaskStatus, after: TaskStatus) -> "Board":
        """Return the board when the task at *place* has gone to another status.

        What is queued begins without a delay.
        """
        bit = 1 << place
        by_status = list(self.by_status)
        by_status[_INDEX[before]] &= ~bit
        by_status[_INDEX[after]] |= bit
        changed = bit
        if before in _DECISIVE or after in _DECISIVE:
            changed |= self.graph.behind[place]
        queued = by_status[_INDEX[TaskStatus.QUEUED]]
        ready, doomed = _outlook(self.graph, by_status, changed & queued)
        return attrs.evolve(
            self,
            by_status=tuple(by_status),
            ready=self.ready & ~changed | ready,
            doomed=self.doomed & ~changed | doomed,
            delayed=self.delayed & ~bit,
        )


def places(tasks: int) -> Iterator[int]:
    """Go through the places of *tasks*, from the first."""
    while tasks:
        lowest = tasks & -tasks
        yield lowest.bit_length() - 1
        tasks ^= lowest


def set_up(tasks: Sequence[tuple[PlannedTask, TaskStatus]]) -> Board:
    """Make the board of *tasks*; none of them is delayed.

    Raises:
      KeyError: one depends on what is not among them.
    """
    graph = _graph([task for task, _ in tasks])
    by_status = [0] * len(_INDEX)
    for place, (_, status) in enumerate(tasks):
        by_status[_INDEX[status]] |= 1 << place
    queued = by_status[_INDEX[TaskStatus.QUEUED]]
    ready, doomed = _outlook(graph, by_status, queued)
    return Board(
        graph=graph, by_status=tuple(by_status), ready=ready, doomed=doomed, delayed=0
    )


def _graph(tasks: Sequence[PlannedTask]) -> Graph:
    names = {task.id: place for place, task in enumerate(tasks)}
    needs: list[int] = []
    behind = [0] * len(tasks)
    roles: dict[str, int] = {}
    groups: dict[str, int] = {}
    writing = careful = external = 0
    for place, task in enumerate(tasks):
        bit = 1 << place
        needed = _joined(names, task.depends_on)
        needs.append(needed)
        for other in places(needed):
            behind[other] |= bit
        roles[task.role] = roles.get(task.role, 0) | bit
        if task.group is not None:
            groups[task.group] = groups.get(task.group, 0) | bit
        writing |= bit if task.writes else 0
        careful |= bit if task.outputs else 0
        external |= bit if task.external else 0
    return Graph(
        needs=tuple(needs),
        behind=tuple(behind),
        writing=writing,
        careful=careful,
        external=external,
        roles=roles,
        groups=groups,
    )


def _joined(names: Mapping[TaskId, int], tasks: Sequence[TaskId]) -> int:
    found = 0
    for task in tasks:
        found |= 1 << names[task]
    return found


def _outlook(graph: Graph, by_status: Sequence[int], queued: int) -> tuple[int, int]:
    """Tell which of the *queued* tasks are ready, and which are doomed."""
    missing = ~by_status[_INDEX[TaskStatus.COMPLETED]]
    broken = 0
    for status in BROKEN:
        broken |= by_status[_INDEX[status]]
    ready = doomed = 0
    for place in places(queued):
        needed = graph.needs[place]
        if needed & broken:
            doomed |= 1 << place
        elif not needed & missing:
            ready |= 1 << place
    return ready, doomed
