# Attempts that are made ready ahead: their task actors live already, each with a process
# that waits for its task, and nothing of them counts as begun.
#
# 1. An attempt is made ready under the id that it will have. So its process is used by
#    that attempt or by none: there is nothing to hand over, and nothing to mix up.
# 2. A warm attempt holds a place of the crew's pool until it begins, when it has a slot
#    for attempts, or until nothing of it lives. An attempt begins with another actor only
#    after that.
# 3. A run has none of them left when it ends.
"""The warm attempts of a run."""

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, final

import attrs

from crew_actors.actors import Ref
from crew_actors.model import AttemptId, RunId, RunState, TaskId, attempt_id, upcoming
from crew_actors.runs._inputs import make_early_job
from crew_actors.runs._messages import BeginAttempt, Discard, TaskMessage
from crew_actors.runs._port import AttemptPort
from crew_actors.runs._slots import Slots
from crew_actors.runs._task import WarmOrder, Work
from crew_actors.runtimes import WarmRuntime

if TYPE_CHECKING:
    from crew_actors.runs._work import RunWork

LOOKED_AT: Final = 64
"""Tasks of which it is found out whether they can be made ready: those that come next."""


@attrs.define(eq=False)
class _Warm:
    actor: Ref[TaskMessage]
    port: AttemptPort
    is_discarded: bool = False


@final
@attrs.define(eq=False)
class WarmAttempts:
    """The warm attempts of one run. Only its actor calls this."""

    places: Slots | None
    """Of the crew's pool; None: it has none."""
    _warm: dict[AttemptId, _Warm] = attrs.field(
        factory=dict[AttemptId, _Warm], init=False
    )

    async def keep(self, work: "RunWork") -> None:
        """Make ready what probably comes next, as far as there is room; discard others."""
        if self.places is None:
            return
        state = work.state
        coming = {
            attempt_id(task, state.tasks[task].attempts + 1): task
            for task in islice(upcoming(state), LOOKED_AT)
        }
        for attempt in self._warm.keys() - coming.keys():
            self._discard(self._warm[attempt], "its task does not come next any more")
        for attempt, task in coming.items():
            if attempt in self._warm:
                continue
            runtime = _warm_runtime(work, state, task)
            if runtime is None:
                continue
            if not self.places.take(work.run, work.tell_of_slot):
                return
            try:
                await self._make(work, task, attempt, runtime)
            except BaseException:  # whatever it was: the place is not used
                self._give_back()
                raise

    async def _make(
        self, work: "RunWork", task: TaskId, attempt: AttemptId, runtime: WarmRuntime
    ) -> None:
        port = work.port_of(task, attempt)
        order = WarmOrder(
            port=port,
            early=partial(make_early_job, port, work.state, work.order),
            runtime=runtime,
        )
        self._warm[attempt] = _Warm(await work.spawn(order), port)

    def is_going(self, attempt: AttemptId) -> bool:
        """Tell whether *attempt* was made ready, and is being discarded."""
        one = self._warm.get(attempt)
        return one is not None and one.is_discarded

    def port_of(self, attempt: AttemptId) -> AttemptPort | None:
        """Return the port of *attempt*, if it is warm."""
        one = self._warm.get(attempt)
        return None if one is None else one.port

    def begin(self, attempt: AttemptId, work: Work) -> Ref[TaskMessage] | None:
        """Let *attempt* begin, and return its actor; None if it is not warm."""
        one = self._warm.pop(attempt, None)
        if one is None:
            return None
        self._give_back()
        one.actor.tell_system(BeginAttempt(work))
        return one.actor

    def ended(self, attempt: AttemptId) -> None:
        """Take in that nothing of *attempt* lives any more; it has not begun."""
        if self._warm.pop(attempt, None) is not None:
            self._give_back()

    def discard_all(self, why: str) -> bool:
        """Discard what is warm; True if nothing of it lives."""
        for one in self._warm.values():
            self._discard(one, why)
        return not self._warm

    def release(self, run: RunId) -> None:
        """Give back all places. Nothing of the run lives."""
        for _ in self._warm:
            self._give_back()
        self._warm.clear()
        if self.places is not None:
            self.places.forget(run)

    def _discard(self, one: _Warm, why: str) -> None:
        if not one.is_discarded:
            one.is_discarded = True
            one.actor.tell_system(Discard(why))

    def _give_back(self) -> None:
        assert self.places is not None
        self.places.give_back()


def _warm_runtime(work: "RunWork", state: RunState, task: TaskId) -> WarmRuntime | None:
    """Return what can make *task* ready ahead, if anything can.

    Where it works must be known before its dependencies have ended, and the time that
    its process may take must not run out while it waits.
    """
    planned = state.tasks[task].plan
    runtime = work.order.runtime_of(planned)
    if not isinstance(runtime, WarmRuntime):
        return None
    if state.plan.workspace != "shared" and state.plan.base is not None:
        return None
    if planned.command is None or planned.command.timeout is not None:
        return None
    return runtime
