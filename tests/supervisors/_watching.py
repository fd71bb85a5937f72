"""What is noted of a watched child."""

import math

import trio

from crew_supervisors import (
    Child,
    ChildFailed,
    Event,
    HeartbeatDeadLetter,
    Level,
    LevelChange,
    Thresholds,
)

SHORT = Thresholds(warn=3, stale=6, dead=30)
DEAD = math.nextafter(30, math.inf)


class Notes:
    """What was told, and when."""

    def __init__(self) -> None:
        self.levels: list[tuple[float, Level]] = []
        self.letters: list[HeartbeatDeadLetter] = []
        self.events: list[Event] = []
        self.born: list[float] = []

    async def level(self, change: LevelChange) -> None:
        assert change.name == "agent"
        self.levels.append((trio.current_time(), change.level))

    async def letter(self, letter: HeartbeatDeadLetter) -> None:
        assert letter.name == "agent"
        self.letters.append(letter)

    def failures(self) -> list[tuple[float, BaseException | None]]:
        return [(e.time, e.error) for e in self.events if isinstance(e, ChildFailed)]

    async def silent(self, *, child: Child) -> None:
        """Live, and say nothing."""
        self.born.append(trio.current_time())
        await trio.sleep_forever()
