# What OTP's supervisors do, without tasks and without a clock.
#
# 1. A start and a stop take no time, and what follows from an order or from the end of
#    a child has happened when the method returns. Time only comes in by `advance`.
# 2. The log says what the bodies of the children did, in order, in the words of
#    `tests.support.cast`. What happens at the same time is one entry, a `Together`.
# 3. Where this house differs from OTP, the model does what the house does, and says so
#    in a comment that begins with "Not OTP".
#
# The source is `supervisor.erl`: `do_restart`, `restart`, `restart_multiple_children`,
# `terminate_children`, `do_auto_shutdown`, `add_restart`; and Elixir's
# `dynamic_supervisor.ex`.
"""A model of supervisors, to compare the real ones with."""

import math
from collections import deque
from collections.abc import Iterator
from typing import Literal, TypeAlias, final

import attrs

from crew_supervisors import AutoShutdown, RestartType, Strategy

Act: TypeAlias = Literal["up", "fail", "decline", "return early"]
Ending: TypeAlias = Literal["returned", "failed", "gave up"]
Condition: TypeAlias = Literal["running", "backoff", "stopped", "failed"]
Answer: TypeAlias = Literal[
    "done",
    "waits for the group",
    "declined",
    "did not start",
    "no such child",
    "runs already",
    "known already",
    "too many",
    "must be stopped first",
    "supervisor has ended",
]


@final
@attrs.frozen
class Options:
    """What a supervisor is told about all its children."""

    strategy: Strategy = "one_for_one"
    max_restarts: int = 3
    within: float = 5
    auto_shutdown: AutoShutdown = "never"
    max_children: int | None = None


@final
@attrs.frozen
class Spec:
    """A child; with ``options`` it is a supervisor of ``children``."""

    name: str
    restart: RestartType = "permanent"
    significant: bool = False
    delay: float = 0
    """Seconds before each restart."""
    options: Options | None = None
    children: tuple["Spec", ...] = ()


@final
@attrs.frozen
class Together:
    """What happened at the same time: each part has an order, the parts have none."""

    parts: tuple[tuple["Entry", ...], ...]


Entry: TypeAlias = str | Together


@final
@attrs.define(eq=False)
class World:
    """Time, the scripts of the children and the log: what all supervisors share."""

    scripts: dict[str, deque[Act]]
    """How the next incarnations of each child start; those after them come up."""
    now: float = 0
    log: list[Entry] = attrs.field(factory=list[Entry], init=False)

    def next_act(self, name: str) -> Act:
        script = self.scripts.get(name)
        return script.popleft() if script else "up"


@final
@attrs.define(eq=False)
class Child:
    """One child of a supervisor."""

    spec: Spec
    condition: Condition = "stopped"
    incarnation: int = 0
    deadline: float = math.inf
    """When it is restarted, if it waits for that on its own."""
    has_caller: bool = False
    """Whether somebody waits for its start, which a group restart will do."""
    is_fresh: bool = True
    """Whether it has never been up, nor declined."""
    team: "Supervisor | None" = None
    """The supervisor that it is, while it is up."""


@final
@attrs.define(eq=False)
class Supervisor:
    """One incarnation of a supervisor."""

    world: World
    options: Options
    parent: "Supervisor | None" = None
    name: str = "top"
    children: dict[str, Child] = attrs.field(factory=dict[str, Child], init=False)
    ended: Ending | Literal["stopped"] | None = attrs.field(default=None, init=False)
    _restarts: list[float] = attrs.field(factory=list[float], init=False)
    _group_deadline: float = attrs.field(default=math.inf, init=False)
    """When the members of a group restart, who are those in backoff, are started."""

    @property
    def is_grouped(self) -> bool:
        """Whether a restart may be one of several children."""
        return self.options.strategy in {"one_for_all", "rest_for_one"}

    # --- orders ---

    def start(self, spec: Spec) -> Answer:
        """Do what ``start_child`` does."""
        if self.ended is not None:
            return "supervisor has ended"
        known = self.children.get(spec.name)
        if known is not None:
            is_up = known.condition != "stopped"
            # Not OTP: a child that waits for its restart is one that runs already.
            return "runs already" if is_up else "known already"
        limit = self.options.max_children
        if limit is not None and len(self.children) >= limit:
            return "too many"
        child = self.children[spec.name] = Child(spec)
        return self._start_for_caller(child)

    def stop(self, name: str) -> Answer:
        """Do what ``terminate_child`` does."""
        if self.ended is not None:
            return "supervisor has ended"
        child = self.children.get(name)
        if child is None:
            return "no such child"
        self._stop_child(child)
        self._forget_if_due(child)
        if not self._waiting():
            self._group_deadline = math.inf
        return "done"

    def restart(self, name: str) -> Answer:
        """Do what ``restart_child`` does."""
        child = self._stopped_child(name)
        if not isinstance(child, Child):
            return child
        return self._start_for_caller(child)

    def remove(self, name: str) -> Answer:
        """Do what ``delete_child`` does."""
        child = self._stopped_child(name)
        if not isinstance(child, Child):
            return child
        del self.children[name]
        return "done"

    def stop_all(self, ended: Ending | Literal["stopped"] = "stopped") -> None:
        """End the supervisor: what OTP does in ``terminate``."""
        self.ended = ended
        self._group_deadline = math.inf
        alive = [each for each in self.children.values() if each.condition == "running"]
        if self.options.strategy == "dynamic":
            self._stop_together(alive)
        for child in reversed(self.children.values()):
            self._stop_child(child)

    def end_child(self, name: str, ending: Ending) -> None:
        """Let a running child end by itself."""
        self.world.log.append(f"{ending} {name}")
        self._ended(self.children[name], ending)

    # --- time ---

    def deadlines(self) -> Iterator[float]:
        """Yield when something will happen by itself, here and below."""
        yield self._group_deadline
        for child in self.children.values():
            yield child.deadline
            if child.team is not None:
                yield from child.team.deadlines()

    def advance(self, now: float) -> None:
        """Let it be *now*, and do the restarts that are due."""
        self.world.now = now
        if self._group_deadline <= now:
            self._group_deadline = math.inf
            self._start_group()
        for child in tuple(self.children.values()):
            if child.deadline <= now:
                child.deadline = math.inf
                self._start_again(child)
            elif child.team is not None:
                child.team.advance(now)

    # --- starts and stops ---

    def _start_for_caller(self, child: Child) -> Answer:
        child.has_caller = True
        if self._group_takes(child):
            child.condition = "backoff"
            return "waits for the group"
        return self._attempt_for_caller(child)

    def _attempt_for_caller(self, child: Child) -> Answer:
        child.has_caller = False
        answer = self._attempt(child)
        if answer != "done":
            self._forget_if_due(child)
        return answer

    def _waiting(self) -> list[Child]:
        return [each for each in self.children.values() if each.condition == "backoff"]

    def _group_takes(self, child: Child) -> bool:
        # Not OTP: there, a group restart that has failed lets others pass.
        waiting = self._waiting() if self.is_grouped else []
        if self.options.strategy == "one_for_all":
            return bool(waiting)
        order = list(self.children)
        position = order.index(child.spec.name)
        return any(order.index(each.spec.name) < position for each in waiting)

    def _attempt(self, child: Child) -> Answer:
        """Start an incarnation."""
        name, log = child.spec.name, self.world.log
        child.incarnation += 1
        child.condition = "stopped"
        act = self.world.next_act(name)
        if act == "decline":
            log.append(f"declined {name}")
            child.is_fresh = False
            return "declined"
        if act != "up" or not self._start_team(child):
            log.append(f"no start {name}")
            return "did not start"
        log.append(f"up {name}")
        child.condition = "running"
        child.is_fresh = False
        return "done"

    def _start_team(self, child: Child) -> bool:
        """Start what is below; all of it, or nothing."""
        spec = child.spec
        if spec.options is None:
            return True
        team = Supervisor(self.world, spec.options, self, spec.name)
        for below in spec.children:
            if team.start(below) == "did not start":
                team.stop_all()
                return False
        child.team = team
        return True

    def _stop_child(self, child: Child) -> None:
        if child.condition == "running":
            if child.team is not None:
                child.team.stop_all()
            self.world.log.append(f"stopped {child.spec.name}")
        child.team = None
        child.deadline = math.inf
        child.has_caller = False
        if child.condition != "failed":
            child.condition = "stopped"

    def _stop_together(self, children: list[Child]) -> None:
        log, parts = self.world.log, list[tuple[Entry, ...]]()
        for child in children:
            self.world.log = []
            self._stop_child(child)
            parts.append(tuple(self.world.log))
        self.world.log = log
        log.append(Together(tuple(parts)))

    def _forget_if_due(self, child: Child) -> None:
        # Not OTP, but Elixir: a dynamic child may be restarted, though never by hand.
        is_due = child.spec.restart == "temporary" or self.options.strategy == "dynamic"
        if (is_due or child.is_fresh) and child.condition == "stopped":
            self.children.pop(child.spec.name, None)

    def _stopped_child(self, name: str) -> Child | Answer:
        if self.ended is not None:
            return "supervisor has ended"
        child = self.children.get(name)
        if child is None:
            return "no such child"
        if child.condition != "stopped":
            return "must be stopped first"
        return child

    # --- ends ---

    def _ended(self, child: Child, ending: Ending) -> None:
        child.team = None
        child.condition = "stopped"
        restart = child.spec.restart
        if restart == "permanent" or (restart == "transient" and ending == "failed"):
            self._restart(child)
            return
        self._forget_if_due(child)
        if child.spec.significant and self._shuts_down():
            self._end("returned")

    def _shuts_down(self) -> bool:
        if self.options.auto_shutdown == "all_significant":
            return not any(
                each.spec.significant and each.condition != "stopped"
                for each in self.children.values()
            )
        return self.options.auto_shutdown == "any_significant"

    def _end(self, ending: Ending) -> None:
        """End by itself, and have the supervisor above know."""
        self.stop_all(ending)
        if self.parent is not None:
            self.parent.end_child(self.name, ending)

    # --- restarts ---

    def _spend(self, child: Child) -> bool:
        """Count a restart; if it is one too many, give up."""
        now, options = self.world.now, self.options
        self._restarts = [t for t in self._restarts if t >= now - options.within]
        self._restarts.append(now)
        if len(self._restarts) <= options.max_restarts:
            return True
        child.condition = "failed"
        self._end("gave up")
        return False

    def _restart(self, child: Child) -> None:
        if not self._spend(child):
            return
        if self.is_grouped:
            # Not OTP: a restart may wait; then the longest wait counts.
            due = self.world.now + child.spec.delay
            if self._group_deadline < math.inf:
                due = max(due, self._group_deadline)
            self._gather_group(child)
            self._group_deadline = due
        else:
            child.condition = "backoff"
            child.deadline = self.world.now + child.spec.delay
        self.advance(self.world.now)

    def _start_again(self, child: Child) -> None:
        answer = self._attempt(child)
        if answer == "did not start":
            self._restart(child)
        elif answer == "declined":
            self._forget_if_due(child)

    def _gather_group(self, failed: Child) -> None:
        """Stop those who are restarted with *failed*; temporary ones are forgotten."""
        members = list(self.children.values())
        if self.options.strategy == "rest_for_one":
            members = members[members.index(failed) :]
        for child in reversed(members):
            if child.condition != "backoff":
                self._stop_child(child)
                self._forget_if_due(child)
                child.condition = "backoff"  # those too who were stopped before

    def _start_group(self) -> None:
        for child in self._waiting():
            if child.has_caller:
                self._attempt_for_caller(child)
            elif self._attempt(child) == "did not start":
                self._restart(child)
                return
