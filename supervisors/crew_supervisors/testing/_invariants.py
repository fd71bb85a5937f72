# What must hold after any run of a supervisor, whatever happened in it.
#
# 1. The checks are about events and steps that are complete: after the block of the
#    supervisor, and with nothing forgotten.
# 2. A supervisor is known by its name. When a name appears again after its supervisor
#    has ended, that is another one.
"""Invariants of supervisors, as a check."""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import final

import attrs
import trio

from crew_supervisors import (
    CancelReason,
    ChildDeclined,
    ChildEnded,
    ChildFailed,
    ChildStarted,
    ChildStopped,
    ChildStopping,
    Event,
    SupervisorEnded,
    SupervisorStopping,
)

from ._errors import InvariantBroken
from ._probe import EventProbe
from ._scripts import ENDS, ScriptedChildren, Step
from ._virtual import describe, tasks_below


def check_invariants(
    probe: EventProbe,
    children: ScriptedChildren | None = None,
    *,
    concurrent_starts: bool = False,
) -> None:
    """Check what `broken_invariants` tells. Call it after the block of the supervisor.

    Raises:
      InvariantBroken: with all that is wrong; also when the probe or the log of the
        children has forgotten something, as nothing can be said then.
    """
    problems: list[str] = []
    if probe.forgotten:
        problems.append(f"the probe forgot {probe.forgotten} events; raise its limit")
    if children is not None and children.forgotten:
        problems.append(f"{children.forgotten} steps were forgotten; raise the limit")
    if not problems:
        steps = () if children is None else children.steps
        found = broken_invariants(
            probe.events, steps, concurrent_starts=concurrent_starts
        )
        problems.extend(found)
    if problems:
        raise InvariantBroken(tuple(problems))


@contextmanager
def no_task_left() -> Generator[None]:
    """Check that no task is left of those that were started inside the block.

    Raises:
      InvariantBroken: names them, with their stacks; if the block raised, it is in a
        group with that.
    """
    before = set(_all_tasks())
    try:
        yield
    except BaseException as error:  # whatever it was: it must not hide the tasks
        left = _left_since(before)
        if left:
            message = "the block raised, and left tasks"
            raise BaseExceptionGroup(message, [error, InvariantBroken(left)]) from None
        raise
    left = _left_since(before)
    if left:
        raise InvariantBroken(left)


def broken_invariants(
    events: Iterable[Event],
    steps: Sequence[Step] = (),
    *,
    concurrent_starts: bool = False,
) -> tuple[str, ...]:
    """Return what is wrong with this history of supervisors and of scripted children.

    - Two incarnations of a child never overlap, and their numbers rise.
    - Each end is reported once, and each failure of a scripted child.
    - When a supervisor has ended, each child has ended, or is named as stuck.
    - Children are told to stop in the reverse order of their start. With
      *concurrent_starts* this is not looked at: who is up first need not have been first.
    """
    events = tuple(events)
    watches: dict[str, _Watch] = {}
    problems: list[str] = []
    for event in events:
        name = event.supervisor
        watch = watches.setdefault(name, _Watch(name, concurrent_starts))
        problems.extend(watch.look_at(event))
        if isinstance(event, SupervisorEnded):
            watches[name] = watch.successor(event)
    problems.extend(
        f"{watch.name}: it has not ended" for watch in watches.values() if watch.serves
    )
    problems.extend(_wrong_steps(steps))
    if steps:
        problems.extend(_lost_failures(events, steps))
    return tuple(problems)


@final
@attrs.define(eq=False)
class _Watch:
    """The history of the supervisors of one name."""

    name: str
    concurrent_starts: bool
    serves: bool = False
    _started: list[str] = attrs.field(factory=list[str], init=False)
    """The children in the order of their first start."""
    _running: dict[str, int] = attrs.field(factory=dict[str, int], init=False)
    _last: dict[str, int] = attrs.field(factory=dict[str, int], init=False)
    """The incarnation of each child that was up last."""
    _over: set[tuple[str, int]] = attrs.field(factory=set[tuple[str, int]], init=False)
    _stuck: set[str] = attrs.field(factory=set[str], init=False)
    """Those that still ran when the supervisor before had ended."""
    _reason: CancelReason | None = attrs.field(default=None, init=False)
    _told: list[str] = attrs.field(factory=list[str], init=False)

    def look_at(self, event: Event) -> list[str]:
        """Go on with *event*; return what is wrong with it."""
        match event:
            case ChildStarted():
                return self._look_at_start(event)
            case ChildEnded() | ChildFailed() | ChildDeclined():
                return self._look_at_end(event.child, event.incarnation, event)
            case ChildStopped():
                if event.report.end == "not_running":
                    return []
                return self._look_at_end(event.child, event.incarnation, event)
            case SupervisorStopping():
                self.serves = True
                self._reason = event.reason
            case ChildStopping():
                if self._reason is not None and event.reason == self._reason:
                    self._told.append(event.child)
            case SupervisorEnded():
                return self._look_at_the_end(event)
            case _:
                pass
        return []

    def _look_at_start(self, event: ChildStarted) -> list[str]:
        self.serves = True
        child, number = event.child, event.incarnation
        problems: list[str] = []
        if child in self._running:
            other = self._running[child]
            problems.append(
                f"{self.name}: {child} {number} is up, and {other} is not over"
            )
        if number == 1:
            self._over = {each for each in self._over if each[0] != child}
            self._started = [each for each in self._started if each != child]
            self._started.append(child)
        elif number <= self._last.get(child, 0):
            problems.append(f"{self.name}: {child} {number} is up for a second time")
        self._running[child] = self._last[child] = number
        return problems

    def _look_at_end(self, child: str, number: int, event: Event) -> list[str]:
        if child in self._stuck:
            self._stuck.discard(child)
            return []
        self.serves = True
        is_second = (child, number) in self._over
        self._over.add((child, number))
        if self._running.get(child) == number:
            del self._running[child]
        elif is_second and number > 1:  # a first start may fail often: it is forgotten
            return [f"{self.name}: a second end of {child} {number}: {event}"]
        return []

    def _look_at_the_end(self, event: SupervisorEnded) -> list[str]:
        problems = [
            f"{self.name}: it has ended, and {child} {number} still runs"
            for child, number in self._running.items()
            if child not in event.stuck
        ]
        told = [child for child in self._told if child in self._started]
        wanted = [child for child in reversed(self._started) if child in told]
        if told != wanted and not self.concurrent_starts:
            told_text, wanted_text = ", ".join(told), ", ".join(wanted)
            problems.append(
                f"{self.name}: told to stop: {told_text}, not {wanted_text}"
            )
        return problems

    def successor(self, event: SupervisorEnded) -> "_Watch":
        """Return the watch for the next supervisor of this name."""
        watch = _Watch(self.name, self.concurrent_starts)
        watch._stuck = self._stuck | set(event.stuck)
        return watch


def _wrong_steps(steps: Sequence[Step]) -> list[str]:
    problems: list[str] = []
    running: dict[str, int] = {}
    for step in steps:
        if step.kind == "started":
            if step.child in running:
                problems.append(
                    f"{step.child} {step.incarnation} began while "
                    f"{running[step.child]} was running"
                )
            running[step.child] = step.incarnation
        elif step.kind in ENDS:
            running.pop(step.child, None)
    problems.extend(f"{name} {number} still runs" for name, number in running.items())
    return problems


def _lost_failures(events: Iterable[Event], steps: Sequence[Step]) -> list[str]:
    """Compare failures by child, incarnation and type of error."""
    failed = Counter((s.child, s.incarnation, s.error) for s in steps if s.error)
    told: Counter[tuple[str, int, str | None]] = Counter()
    for event in events:
        if isinstance(event, ChildFailed):
            summary: str | None = event.summary
        elif isinstance(event, ChildStopped):
            summary = event.report.error
        else:
            continue
        if summary is not None:
            told[event.child, event.incarnation, summary.partition(":")[0]] += 1
    return [
        f"{child} {number} raised {error} {count} times, and that was told "
        f"{told[child, number, error]} times"
        for (child, number, error), count in failed.items()
        if told[child, number, error] != count
    ]


def _all_tasks() -> Iterable[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    assert root is not None  # called in a trio run
    return tasks_below(root)


def _left_since(before: set[trio.lowlevel.Task]) -> tuple[str, ...]:
    left = (task for task in _all_tasks() if task not in before)
    return tuple(f"still there: {describe(task)}" for task in left)
