# 1. A state shares with the one before it all tasks that did not change: those are the
#    same objects, and only the others are looked into.
"""The feed of one run and its tasks."""

from typing import final

import attrs

from crew_actors.console.feeds._feed import Feed
from crew_actors.console.feeds._rows import Rows
from crew_actors.console.feeds._shapes import run_head, task_row
from crew_actors.console.feeds._watch import RunWatch, Watching
from crew_actors.journal import RunFolder
from crew_actors.model import TaskId, TaskState

_HEAD = "run"


@final
@attrs.define(eq=False)
class RunFeed(Feed):
    """One run: its head, and a row for each task."""

    folder: RunFolder
    watching: Watching
    _head: Rows = attrs.field(factory=Rows, init=False)
    _tasks: Rows = attrs.field(factory=Rows, init=False)
    _order: tuple[TaskId, ...] = attrs.field(default=(), init=False)
    _order_rev: int = attrs.field(default=0, init=False)
    _seen: dict[TaskId, TaskState] = attrs.field(
        factory=dict[TaskId, TaskState], init=False
    )

    async def keep_up(self) -> None:
        """Take note of each change of the run, as often as it is looked at."""
        with self.watching(self.folder) as watch:
            await watch.up()
            version = 0
            while True:
                version = await watch.newer(version)
                if self._take_note(watch, self.rev + 1):
                    self.changed(self.rev + 1)
                self.ready.set()

    def _take_note(self, watch: RunWatch, rev: int) -> bool:
        """Find what changed; tell whether anything did."""
        state = watch.state
        changed = self._head.put(_HEAD, run_head(state, watch.status, watch.owner), rev)
        seen = self._seen
        for name, task in state.tasks.items():
            if seen.get(name) is not task:
                seen[name] = task
                changed |= self._tasks.put(name, task_row(task), rev)
        if len(self._order) != len(seen):  # tasks are added, and never taken away
            self._order, self._order_rev = tuple(seen), rev
        return changed

    def whole(self) -> object:
        """Give the run with all of its tasks."""
        return {
            "run": self._head.whole()[_HEAD],
            "order": self._order,
            "tasks": self._tasks.whole(),
        }

    def newer(self, base: int) -> object:
        """Give what changed after *base*: fields of the head, fields of tasks."""
        changes: dict[str, object] = {}
        if head := self._head.newer(base):
            changes["run"] = head[_HEAD]
        if self._order_rev > base:
            changes["order"] = self._order
        if tasks := self._tasks.newer(base):
            changes["tasks"] = tasks
        return changes
