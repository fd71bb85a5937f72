# What follows from a silence. This file neither waits nor reads a clock.
#
# 1. Silence alone makes a level worse, up to `stale`. `Dead` is a verdict: somebody has
#    been asked whether the thing lives, or there is nobody to ask.
# 2. A yes is no sign of life: the level is `stale`, for `dead` seconds. Then, and `dead`
#    seconds after each verdict, the question is asked again.
# 3. Only a sign of life, or a yes, makes a level better.
# 4. Verdicts make a streak as long as there are not more than `dead` seconds of life
#    between two of them. A yes ends it.
# 5. Time that was lost to all, as in the suspend of a laptop, is nobody's silence.
"""Pure rules: levels, questions, verdicts and dead letters of one watched thing."""

import enum
import math
from typing import Final, final

import attrs

from ._levels import Level, Thresholds, level_at, next_change

LATE: Final = 1.0
"""Seconds behind its deadline that make a wake-up late, and seconds of suspend that
count as one. Schedulers and clocks are off by less."""


@final
class Question(enum.Enum):
    """What has to be asked before a silence is judged."""

    NOTHING = enum.auto()
    ACTIVITY = enum.auto()
    """Whether there was a sign of life that nobody has told."""
    LIFE = enum.auto()
    """The same, and then whether the thing lives."""


def lost_time(begin: float, deadline: float, now: float, suspended: float) -> float:
    """Return how much of a wait from *begin* to *now* counts as nobody's silence.

    All of it, or nothing: after a wait that should have ended at *deadline* nobody can
    tell when the interruption began. *suspended* is how long the machine is known to
    have been suspended meanwhile; clocks that stand still then make no wait late.
    """
    if now - deadline > LATE or suspended > LATE:
        return now - begin
    return 0.0


@final
@attrs.frozen
class DeadLetterRule:
    """Which verdicts in a row make a dead letter.

    The one of number *streak*, and each after it, but none within *cooldown* seconds of
    the last letter. So none is missed for good: the next verdict makes up for it.

    Raises:
      ValueError: *streak* is less than 1, or *cooldown* is negative or no number.
    """

    streak: int = 3
    cooldown: float = 60.0

    def __attrs_post_init__(self) -> None:
        if not (self.streak >= 1 and self.cooldown >= 0):
            message = f"{self} must have streak >= 1, and cooldown >= 0 in seconds"
            raise ValueError(message)


@final
@attrs.define
class Streak:
    """Counts verdicts in a row. Holds no clock."""

    rule: DeadLetterRule
    count: int = attrs.field(default=0, init=False)
    _letter_at: float | None = attrs.field(default=None, init=False)

    def end(self) -> None:
        """Note that it was alive after all."""
        self.count = 0

    def extend(self, now: float) -> bool:
        """Count a verdict; tell whether a dead letter is due."""
        self.count += 1
        if self.count < self.rule.streak:
            return False
        if self._letter_at is not None and now < self._letter_at + self.rule.cooldown:
            return False
        self._letter_at = now
        return True


@final
@attrs.frozen
class Finding:
    """What is so after a look."""

    before: Level
    level: Level
    is_letter_due: bool = False


@final
@attrs.define
class Vigil:
    """The state of watching one thing. Times are seconds, and must not decrease."""

    thresholds: Thresholds
    streak: Streak
    level: Level = attrs.field(default=Level.HEALTHY, init=False)
    """The level of the last finding."""
    last_sign: float = attrs.field(default=0.0, init=False)
    _life_began: float = attrs.field(default=math.inf, init=False)
    """When the watch began, or the last verdict; infinity before there is one."""
    _answered_at: float | None = attrs.field(default=None, init=False)
    """When it was last asked for life; None if never since the last sign."""
    _is_better: bool = attrs.field(default=False, init=False)
    """Whether there was a sign of life since the last finding."""

    def begin(self, now: float) -> None:
        """Begin to watch: the silence is counted from now."""
        self.level = Level.HEALTHY
        self._life_began = now
        self.sign(now)

    def sign(self, now: float) -> None:
        """Note a sign of life."""
        if now - self._life_began > self.thresholds.dead:
            self.streak.end()
        self.last_sign = now
        self._answered_at = None
        self._is_better = True

    def lose(self, seconds: float, now: float) -> None:
        """Note that the last *seconds* before *now* are nobody's silence."""
        self.last_sign = min(now, self.last_sign + seconds)
        self._life_began = min(now, self._life_began + seconds)
        if self._answered_at is not None:
            self._answered_at = min(now, self._answered_at + seconds)

    def next_look(self, now: float) -> float:
        """Return the moment at which silence alone calls for the next look."""
        if self._answered_at is not None:
            return self._answered_at + self.thresholds.dead
        level = level_at(self.last_sign, now, self.thresholds)
        if level.is_worse_than(self.level):
            return now  # whoever looks was busy when it changed
        return next_change(self.last_sign, now, self.thresholds)

    def question(self, now: float) -> Question:
        """Return what has to be asked before `conclude` at *now*."""
        level = level_at(self.last_sign, now, self.thresholds)
        if level is not Level.DEAD:
            is_worse = level.is_worse_than(self.level)
            return Question.ACTIVITY if is_worse else Question.NOTHING
        if self._answered_at is None:
            return Question.LIFE
        is_due = now >= self._answered_at + self.thresholds.dead
        return Question.LIFE if is_due else Question.NOTHING

    def conclude(self, now: float, *, lives: bool | None = None) -> Finding:
        """Judge the silence; *lives* is the answer, if it was asked for life."""
        before, level = self.level, level_at(self.last_sign, now, self.thresholds)
        is_letter_due = False
        if level is Level.DEAD and lives is not None:
            self._answered_at = now
            if lives:
                level = Level.STALE
                self.streak.end()
            else:
                self._life_began = now
                is_letter_due = self.streak.extend(now)
        elif level is Level.DEAD:
            level = before  # the last answer still counts
        elif not self._is_better and before.is_worse_than(level):
            level = before
        self.level = level
        self._is_better = False
        return Finding(before, level, is_letter_due)
