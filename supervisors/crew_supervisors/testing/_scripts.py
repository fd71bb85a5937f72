# Children that do what a script says, and log it.
#
# 1. A script is one run of the body, as data. The n-th run follows the n-th script; the
#    last script serves for all runs after it.
# 2. The log tells what bodies did, not what a supervisor says that they did. Each run
#    begins with `started` and ends with `returned`, `failed`, `declined` or `ended`
#    (by cancellation).
# 3. A name is used for one child only, also in several supervisors.
"""Scripted children."""

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Literal, TypeAlias, TypedDict, Unpack, final

import attrs
import trio

from crew_supervisors import (
    Backoff,
    Child,
    ChildSpec,
    DeclineStart,
    OnFailure,
    RestartType,
    StopPolicy,
)
from crew_supervisors._child import enclosing_child

from ._errors import ScriptedFailure

StepKind: TypeAlias = Literal[
    "started", "up", "asked", "cancelled", "returned", "failed", "declined", "ended"
]
ENDS: Final = frozenset({"returned", "failed", "declined", "ended"})


@final
@attrs.frozen(kw_only=True)
class Script:
    """One run of a child. Times are virtual seconds.

    It waits ``start_after``, says that it is up, stays up for ``run_for``, and then does
    what ``then`` says. A child that is never ``up`` does the same without saying so.

    Raises:
      ValueError: a child declines, but only after it was up.
    """

    start_after: float = 0.0
    up: bool = True
    value: object = None
    """What it reports as it is up, which `Supervisor.start` returns."""
    run_for: float | None = None
    """None: until it is stopped if it is up, else not at all."""
    then: Literal["return", "fail", "decline"] = "return"
    error: Callable[[], BaseException] = ScriptedFailure
    """Makes what it raises: a class of exceptions, or a function."""
    on_stop: Literal["return", "ignore", "fail"] = "return"
    """What it does when it is asked or cancelled. ``ignore``: it goes on when it is
    asked, and ends when it is cancelled."""
    stop_after: float = 0.0
    """Seconds between being asked and its end."""
    cleanup: float = 0.0
    """Seconds between its cancellation and its end, behind a shield. With more than the
    patience of its supervisor it is stuck."""

    def __attrs_post_init__(self) -> None:
        if self.then == "decline" and self.up:
            message = (
                "a child that is up cannot decline; write up=False, then='decline'"
            )
            raise ValueError(message)


@final
@attrs.frozen
class Step:
    """What a scripted child did."""

    time: float
    child: str
    incarnation: int
    kind: StepKind
    error: str | None = None
    """The type of what it raised."""

    def __str__(self) -> str:
        return f"{self.child} {self.kind}"


class _SpecFields(TypedDict, total=False):
    """The fields of `ChildSpec` that a script leaves open."""

    restart: RestartType
    stop: StopPolicy
    backoff: Backoff | None
    significant: bool
    on_failure: tuple[OnFailure, ...]


@final
@attrs.define(eq=False)
class ScriptedChildren:
    """Makes specs of scripted children, and keeps their common log."""

    limit: int = 10_000
    """So many steps are kept, the last ones."""
    forgotten: int = attrs.field(default=0, init=False)
    """How many were dropped because there were more."""
    _steps: deque[Step] = attrs.field(factory=deque[Step], init=False, repr=False)
    _scripts: dict[str, deque[Script]] = attrs.field(
        factory=dict[str, deque[Script]], init=False, repr=False
    )

    def spec(
        self,
        name: str,
        *scripts: Script,
        listens: bool = True,
        **fields: Unpack[_SpecFields],
    ) -> ChildSpec:
        """Return the spec of a child that follows *scripts*; without one it just runs.

        One that *listens* takes its `Child`, so that it is asked before it is cancelled.
        The other *fields* are those of `ChildSpec`. The child always reports that it is
        up. A second spec for a name begins its scripts again.
        """
        self._scripts[name] = deque(scripts or (Script(),))
        run = partial(self._listening, name) if listens else partial(self._deaf, name)
        return ChildSpec(name, run, **fields)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The kept steps of all children, oldest first."""
        return tuple(self._steps)

    def order(self, *kinds: StepKind) -> tuple[str, ...]:
        """Return steps as ``"db up"``, oldest first: all, or those of *kinds*."""
        return tuple(
            str(step) for step in self._steps if not kinds or step.kind in kinds
        )

    def running(self) -> frozenset[str]:
        """Return the names of the children whose body runs."""
        last = {step.child: step.kind for step in self._steps}
        return frozenset(name for name, kind in last.items() if kind not in ENDS)

    def clear(self) -> None:
        """Forget what was logged."""
        self._steps.clear()
        self.forgotten = 0

    async def _listening(
        self, name: str, *, child: Child, task_status: trio.TaskStatus[object]
    ) -> None:
        await self._play(name, child, task_status)

    async def _deaf(self, name: str, *, task_status: trio.TaskStatus[object]) -> None:
        await self._play(name, None, task_status)

    async def _play(
        self, name: str, child: Child | None, status: trio.TaskStatus[object]
    ) -> None:
        record = enclosing_child()
        scripts = self._scripts[name]
        script = scripts.popleft() if len(scripts) > 1 else scripts[0]
        run = _Run(
            script,
            child,
            status,
            partial(self._note, name, 0 if record is None else record.incarnation),
        )
        await run.play()

    def _note(
        self, name: str, incarnation: int, kind: StepKind, error: str | None = None
    ) -> None:
        if len(self._steps) >= self.limit:
            self._steps.popleft()
            self.forgotten += 1
        self._steps.append(Step(trio.current_time(), name, incarnation, kind, error))


@final
@attrs.define(eq=False)
class _Run:
    """One run of a scripted body."""

    script: Script
    child: Child | None
    status: trio.TaskStatus[object]
    note: Callable[..., None]
    _was_asked: bool = attrs.field(default=False, init=False)

    async def play(self) -> None:
        """Do what the script says."""
        self.note("started")
        try:
            end = await self._live()
            failure = self.script.error() if end == "fail" else None
        except trio.Cancelled:
            self.note("cancelled")
            if self.script.cleanup > 0:
                # Bound: the script's own.
                with trio.CancelScope(shield=True):
                    await trio.sleep(self.script.cleanup)
            if self.script.on_stop != "fail":
                self.note("ended")
                raise
            end, failure = "fail", self.script.error()
        if failure is not None:
            self.note("failed", type(failure).__name__)
            raise failure
        if end == "decline":
            self.note("declined")
            message = "its script says so"
            raise DeclineStart(message)
        self.note("returned")

    async def _live(self) -> Literal["return", "fail", "decline"]:
        """Go through the script; return how it ends."""
        script = self.script
        if await self._has_to_stop(script.start_after):
            return await self._stop()
        if script.up:
            self.note("up")
            self.status.started(script.value)
        seconds = script.run_for
        if seconds is None:
            seconds = math.inf if script.up else 0.0
        if await self._has_to_stop(seconds):
            return await self._stop()
        return script.then

    async def _has_to_stop(self, seconds: float) -> bool:
        """Wait so long, or until it is asked to stop and obeys."""
        if seconds <= 0:
            return False
        deadline = trio.current_time() + seconds
        if self.child is not None and not self._was_asked:
            with trio.move_on_at(deadline):
                await self.child.stopping.wait()
                self._was_asked = True
                self.note("asked")
                if self.script.on_stop != "ignore":
                    return True
        await trio.sleep_until(deadline)
        return False

    async def _stop(self) -> Literal["return", "fail"]:
        await trio.sleep(self.script.stop_after)
        return "fail" if self.script.on_stop == "fail" else "return"
