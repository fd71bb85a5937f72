# Ask one of several models: the best that can be had now.
#
# 1. What may pass (a limit, an overload, silence) is asked again, after the cool-down
#    that all agents of the crew share, or of the next model if that is free.
# 2. What does not pass (no key, no money) rules its model out for this attempt.
# 3. What is wrong with the question itself is nobody's fault but ours: it is not asked
#    again.
"""Ask models, with others in reserve."""

import random
from collections.abc import Awaitable, Callable
from typing import Final, final

import attrs
import trio

from crew_actors.llm import Delta, Ended, ModelRef, Models, ReplyFailed, Request
from crew_actors.model import FailureKind
from crew_actors.runtimes._seen import Tries
from crew_actors.runtimes._stage import Stage

TRIES: Final = 6
"""Times that one question is asked, over all models."""

PATIENCE: Final = 120.0
"""Seconds that a model which is left alone is waited for; who asks for more has failed."""

_RULED_OUT: Final = frozenset({FailureKind.AUTH, FailureKind.BILLING})
_JITTER: Final = 0.2


@final
@attrs.define(eq=False)
class Asker:
    """Asks for one agent."""

    _models: Models = attrs.field(alias="models")
    _candidates: list[ModelRef] = attrs.field(alias="candidates")
    """The best first. There is at least one."""
    _stage: Stage = attrs.field(alias="stage")
    _random: Callable[[], float] = attrs.field(alias="random", default=random.random)

    @property
    def model(self) -> ModelRef:
        """The model that is asked next, if it can be had."""
        return self._candidates[0]

    async def ask(
        self,
        make: Callable[[ModelRef], Request],
        hear: Callable[[Delta], Awaitable[None]],
    ) -> Ended:
        """Ask, and have each piece of the reply heard as it comes; return its end.

        Pieces of a reply that breaks off have been heard, and are void. Cancelled, the
        connection is closed.

        Raises:
          ReplyFailed: nobody answers, or what is asked cannot be.
        """
        tries = 0
        while True:
            model = await self._free()
            try:
                ended = await self._once(model, make(model), hear)
            except ReplyFailed as error:
                tries += 1
                self._models.cooldowns.failed(model, error, trio.current_time())
                if tries == TRIES or not self._goes_on(model, error):
                    raise
                await self._stage.see(Tries(f"{model.name}: {error}"))
            else:
                self._models.cooldowns.answered(model)
                return ended

    def _goes_on(self, model: ModelRef, error: ReplyFailed) -> bool:
        """Tell whether another try makes sense."""
        if error.kind in _RULED_OUT and len(self._candidates) > 1:
            self._candidates.remove(model)
            return True
        return error.passes

    async def _free(self) -> ModelRef:
        """Wait for a model that is not left alone; the first of those that are free."""
        until = {one: self._models.cooldowns.until(one) for one in self._candidates}
        now = trio.current_time()
        free = [one for one in self._candidates if until[one] <= now]
        if free:
            return free[0]
        soonest = min(self._candidates, key=lambda one: until[one])
        wait = until[soonest] - now
        if wait > PATIENCE:
            message = f"{soonest.name} is to be left alone for {wait:.0f} seconds"
            raise ReplyFailed(FailureKind.RATE_LIMIT, message)
        await self._stage.progress(f"{soonest.name} is asked in {wait:.0f} seconds")
        # Not all agents that wait for it come back in the same moment.
        await trio.sleep(wait * (1 + _JITTER * self._random()))
        return soonest

    async def _once(
        self,
        model: ModelRef,
        request: Request,
        hear: Callable[[Delta], Awaitable[None]],
    ) -> Ended:
        async with self._models.ask(model, request) as deltas:
            async for delta in deltas:
                if isinstance(delta, Ended):
                    return delta
                await hear(delta)
        message = "the reply has no end"  # which `Models.ask` rules out
        raise ReplyFailed(FailureKind.OVERLOADED, message)
