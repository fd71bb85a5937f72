# How long a live agent may go on. Pure.
#
# It is told when it comes to its limit, and may then bring its work to an end; who does
# not is stopped a few turns later.
"""The turns and tokens of a live agent."""

from typing import Final, Literal, TypeAlias

import attrs

from crew_actors.model import Usage

TURNS: Final = 100
"""Answers of the model after which an agent is told to end, where its file says nothing."""

GRACE: Final = 5
"""Turns that it then has, with nothing but the tool for its result."""

SHARE: Final = 0.8
"""The part of the run's tokens after which it is told to end."""

Stage: TypeAlias = Literal["work", "wrap_up", "over"]


@attrs.frozen(kw_only=True)
class Budget:
    """What one attempt may use."""

    turns: int = TURNS
    tokens: int | None = None
    """What is left to its run; None without a limit."""

    def stage(self, turns: int, used: Usage, told_at: int | None) -> Stage:
        """Tell what is due before the next turn.

        Args:
          turns: answers of the model so far.
          used: by this attempt so far.
          told_at: turns when it was told to end; None if it was not.
        """
        if told_at is not None:
            return "over" if turns >= told_at + GRACE else "wrap_up"
        total = used.input + used.output
        spent = self.tokens is not None and total >= SHARE * self.tokens
        return "wrap_up" if spent or turns >= self.turns else "work"
