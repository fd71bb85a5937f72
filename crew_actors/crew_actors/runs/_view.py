"""What others may see of a run: an immutable state, replaced by its one owner."""

import attrs
import trio

from crew_actors.model import RunState


@attrs.define(eq=False)
class RunView:
    """The newest state of a run. Only the actor of the run writes to it."""

    _state: RunState | None = None
    error: BaseException | None = None
    """What ended the run's actor, if it was not the end of the run."""

    ended: trio.Event = attrs.field(factory=trio.Event)
    """Set when the state will not change any more."""

    @property
    def state(self) -> RunState:
        """The newest state. There is one as soon as the run has begun."""
        assert self._state is not None
        return self._state

    @state.setter
    def state(self, state: RunState) -> None:
        self._state = state
