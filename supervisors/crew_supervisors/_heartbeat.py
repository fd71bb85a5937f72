# Watches one thing for signs of life. What follows from a silence, `_vigil` decides.
#
# 1. The watcher sleeps until the next look; a beat while all is well only notes the
#    time. Nothing polls.
# 2. One notice for each change of level, in order.
# 3. Nobody is asked for longer than ASK_LIMIT. No answer is a no.
# 4. A wait that was interrupted by a suspend or a stall of the loop counts as no silence,
#    and a question that was is asked again.
"""Heartbeats: deadlines, levels, and questions before the worst is said."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final, final

import attrs
import trio

from ._levels import Level, Thresholds
from ._suspension import seconds_suspended
from ._vigil import DeadLetterRule, Question, Streak, Vigil, lost_time

ASK_LIMIT: Final = 5.0
"""Seconds after which one who was asked and has not answered counts as a no."""
_THRESHOLDS: Final = Thresholds()
_RULE: Final = DeadLetterRule()

log = logging.getLogger("crew_supervisors")

Asked = Callable[[], Awaitable[bool]]


@final
@attrs.frozen
class LevelChange:
    """The level of *name* has changed. Times are those of `trio.current_time`."""

    name: str
    before: Level
    level: Level
    time: float
    last_sign: float


@final
@attrs.frozen
class HeartbeatDeadLetter:
    """*name* was found dead once too often. Times are those of `trio.current_time`."""

    name: str
    time: float
    last_sign: float
    streak: int
    """How often in a row it was found dead."""
    stack: str | None = None
    """Where its task stands, if that was cancelled and has not ended since."""


@final
@attrs.define(eq=False, kw_only=True)
class HeartbeatWatcher:
    """Notices when something gives no sign of life, and when it does again.

    ``run`` is the body of a child; ``beat`` is a sign of life.

    ``activity`` is asked before a level gets worse, for a sign of life that calls no
    ``beat``: a yes is one. ``probe`` is asked before `Level.DEAD` is said, and every
    ``dead`` seconds from then on: a yes means that it lives, but is no sign of life. An
    answer that takes longer than 5 seconds is a no.

    ``on_level`` is awaited for each change of level, in order; ``on_dead_letter`` when
    ``dead_letters`` says so, before the notice of the same moment; None logs an error. Nothing
    is watched while they run, and what they raise ends ``run``. The streak outlives
    ``run``, and so the restarts of a child.
    """

    name: str
    thresholds: Thresholds = attrs.field(
        default=_THRESHOLDS, on_setattr=attrs.setters.frozen
    )
    activity: Asked | None = None
    probe: Asked | None = None
    on_level: Callable[[LevelChange], Awaitable[None]]
    on_dead_letter: Callable[[HeartbeatDeadLetter], Awaitable[None]] | None = None
    dead_letters: DeadLetterRule = attrs.field(
        default=_RULE, on_setattr=attrs.setters.frozen
    )
    suspended: Callable[[], float] = attrs.field(default=seconds_suspended, repr=False)
    """Tells how many seconds the machine has been suspended since some fixed moment."""
    _streak: Streak | None = attrs.field(default=None, repr=False, alias="streak")
    _vigil: Vigil = attrs.field(init=False, repr=False)
    _suspended_before: float = attrs.field(default=0.0, init=False, repr=False)
    _recovered: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        streak = Streak(self.dead_letters) if self._streak is None else self._streak
        self._vigil = Vigil(self.thresholds, streak)

    @property
    def level(self) -> Level:
        """The level that was last noticed."""
        return self._vigil.level

    @property
    def last_sign(self) -> float:
        """When the last sign of life was, without the time that was nobody's silence."""
        return self._vigil.last_sign

    def beat(self) -> None:
        """Note a sign of life. From any task of the trio run; not a checkpoint."""
        self._vigil.sign(trio.current_time())
        if self._vigil.level is not Level.HEALTHY:
            self._recovered.set()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Watch until cancelled. The silence is counted from now, or the last beat."""
        self._vigil.begin(trio.current_time())
        self._suspended_before = self.suspended()
        task_status.started()
        while True:
            await self._sleep()
            await self._look()

    async def _sleep(self) -> None:
        """Sleep until the next look is due, or until a beat after a silence."""
        asleep_at = trio.current_time()
        deadline = self._vigil.next_look(asleep_at)
        with trio.move_on_at(deadline):
            await self._recovered.wait()
        self._recovered = trio.Event()
        self._was_interrupted(asleep_at, deadline)

    def _was_interrupted(self, begin: float, deadline: float) -> bool:
        """Tell whether a wait was interrupted; if so, it was nobody's silence."""
        now, suspended = trio.current_time(), self.suspended()
        meanwhile = suspended - self._suspended_before
        self._suspended_before = suspended
        lost = lost_time(begin, deadline, now, meanwhile)
        if lost:
            self._vigil.lose(lost, now)
        return lost > 0

    async def _look(self) -> None:
        question = self._vigil.question(trio.current_time())
        lives: bool | None = None
        if question is not Question.NOTHING and await self._ask(self.activity):
            self._vigil.sign(trio.current_time())
        elif question is Question.LIFE:
            lives = await self._ask(self.probe)
        now = trio.current_time()
        finding = self._vigil.conclude(now, lives=lives)
        last_sign = self._vigil.last_sign
        if finding.is_letter_due:
            count = self._vigil.streak.count
            letter = HeartbeatDeadLetter(self.name, now, last_sign, count)
            await send_letter(letter, self.on_dead_letter)
        if finding.level is not finding.before:
            await self.on_level(
                LevelChange(self.name, finding.before, finding.level, now, last_sign)
            )

    async def _ask(self, asked: Asked | None) -> bool:
        if asked is None:
            return False
        while True:
            begin = trio.current_time()
            answer = False
            with trio.move_on_after(ASK_LIMIT):
                answer = await asked()
            if not self._was_interrupted(begin, begin + ASK_LIMIT):
                return answer


async def send_letter(
    letter: HeartbeatDeadLetter,
    receiver: Callable[[HeartbeatDeadLetter], Awaitable[None]] | None,
) -> None:
    """Hand *letter* over, or log it: nobody dies in silence twice."""
    if receiver is not None:
        await receiver(letter)
        return
    silence = letter.time - letter.last_sign
    log.error(
        "%s: no sign of life for %.0f s, found dead %d times in a row%s",
        letter.name,
        silence,
        letter.streak,
        f"; its task was cancelled and stands at\n{letter.stack}"
        if letter.stack
        else "",
    )
