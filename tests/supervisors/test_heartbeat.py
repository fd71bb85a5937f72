"""Levels are pure and exact; the watcher sleeps, notices once, and asks first."""

import math

import pytest
import trio
import trio.testing
from hypothesis import given, strategies as st
from trio.testing import MockClock

from crew_supervisors import (
    ChildSpec,
    HeartbeatWatcher,
    Level,
    LevelChange,
    Thresholds,
    level_at,
    open_supervisor,
)
from crew_supervisors._levels import next_change

SHORT = Thresholds(warn=3, stale=6, dead=30)


def after(seconds: float) -> float:
    """Return the first moment behind a border."""
    return math.nextafter(seconds, math.inf)


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (0, Level.HEALTHY),
        (30, Level.HEALTHY),
        (after(30), Level.WARN),
        (60, Level.WARN),
        (after(60), Level.STALE),
        (300, Level.STALE),
        (after(300), Level.DEAD),
        (1e9, Level.DEAD),
    ],
)
def test_each_border_belongs_to_the_better_level(age: float, level: Level) -> None:
    assert level_at(0, age, Thresholds()) is level


@given(
    st.tuples(*[st.floats(0, 1e6)] * 3).map(sorted),
    st.floats(0, 1e9),
    st.floats(0, 1e9),
)
def test_nothing_changes_before_the_next_change_and_then_it_does(
    limits: list[float], last: float, silence: float
) -> None:
    thresholds = Thresholds(*limits)
    now = last + silence
    level = level_at(last, now, thresholds)
    change = next_change(last, now, thresholds)
    assert change > now
    if change < math.inf:
        assert level_at(last, math.nextafter(change, 0), thresholds) is level
        assert level_at(last, change, thresholds) is not level
    else:
        assert level is Level.DEAD


@pytest.mark.parametrize(
    "limits", [(3, 2, 9), (-1, 2, 3), (1, 2, math.inf), (1, math.nan, 3)]
)
def test_thresholds_that_do_not_rise_are_refused(
    limits: tuple[float, float, float],
) -> None:
    with pytest.raises(ValueError, match="warn <= stale <= dead"):
        Thresholds(*limits)


class Watched:
    """A watcher, and what it noticed."""

    def __init__(self, answers: list[bool] | None = None) -> None:
        self.notices: list[tuple[float, Level]] = []
        self.asked: list[float] = []
        self.answers = answers
        self.watcher = HeartbeatWatcher(
            name="agent",
            thresholds=SHORT,
            probe=None if answers is None else self.probe,
            on_level=self.note,
        )

    async def note(self, change: LevelChange) -> None:
        assert change.name == "agent"
        assert change.before is not change.level
        self.notices.append((change.time, change.level))

    async def probe(self) -> bool:
        assert self.answers is not None
        self.asked.append(trio.current_time())
        return self.answers.pop(0)


async def test_silence_is_noticed_once_for_each_level(
    autojump_clock: MockClock,
) -> None:
    watched = Watched()
    with trio.move_on_after(1_000):
        await watched.watcher.run()
    assert watched.notices == [
        (after(3), Level.WARN),
        (after(6), Level.STALE),
        (after(30), Level.DEAD),
    ]


async def test_a_beat_puts_the_next_border_off(autojump_clock: MockClock) -> None:
    watched = Watched()
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.watcher.run)
        for _ in range(10):
            await trio.sleep(3)
            watched.watcher.beat()
        assert watched.notices == []
        await trio.sleep(4)
        nursery.cancel_scope.cancel()
    assert watched.notices == [(after(33), Level.WARN)]


async def test_a_beat_after_a_silence_is_noticed_at_once(
    autojump_clock: MockClock,
) -> None:
    watched = Watched()
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.watcher.run)
        await trio.sleep(10)
        watched.watcher.beat()
        await trio.sleep(1)
        assert watched.notices[2:] == [(10, Level.HEALTHY)]
        await trio.sleep(40)
        watched.watcher.beat()  # also the dead come back
        await trio.sleep(1)
        assert [level for _, level in watched.notices[-2:]] == [
            Level.DEAD,
            Level.HEALTHY,
        ]
        nursery.cancel_scope.cancel()


async def test_the_probe_is_asked_before_dead_is_said(
    autojump_clock: MockClock,
) -> None:
    """A yes counts for `dead` seconds, and the level stays `stale` meanwhile."""
    watched = Watched([True, True, False])
    with trio.move_on_after(1_000):
        await watched.watcher.run()
    first = after(30)
    assert watched.asked == [first, first + 30, first + 30 + 30]
    assert [level for _, level in watched.notices] == [
        Level.WARN,
        Level.STALE,
        Level.DEAD,
    ]
    assert watched.notices[-1][0] == watched.asked[-1]


async def test_a_beat_ends_what_a_probe_has_granted(autojump_clock: MockClock) -> None:
    watched = Watched([True, False])
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.watcher.run)
        await trio.sleep(40)
        watched.watcher.beat()
        await trio.sleep(40)
        nursery.cancel_scope.cancel()
    assert watched.asked == [after(30), after(70)]


async def test_a_probe_that_does_not_answer_counts_as_a_no(
    autojump_clock: MockClock,
) -> None:
    notices: list[tuple[float, Level]] = []

    async def note(change: LevelChange) -> None:
        notices.append((change.time, change.level))

    async def mute() -> bool:
        await trio.sleep(math.inf)
        return True

    watcher = HeartbeatWatcher(
        name="agent", thresholds=SHORT, probe=mute, on_level=note
    )
    with trio.move_on_after(100):
        await watcher.run()
    assert notices[2:] == [(after(30) + 5, Level.DEAD)]


async def test_a_beat_while_the_probe_is_asked_wins(autojump_clock: MockClock) -> None:
    levels: list[Level] = []

    async def note(change: LevelChange) -> None:
        levels.append(change.level)

    async def slow() -> bool:
        await trio.sleep(1)
        watcher.beat()
        return False

    watcher = HeartbeatWatcher(
        name="agent", thresholds=SHORT, probe=slow, on_level=note
    )
    with trio.move_on_after(32):
        await watcher.run()
    assert levels == [Level.WARN, Level.STALE, Level.HEALTHY]


async def test_a_suspended_machine_is_nobodys_silence(mock_clock: MockClock) -> None:
    """The clock jumps over all borders at once, as after the suspend of a laptop."""
    watched = Watched()
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.watcher.run)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(100_000)
        await trio.testing.wait_all_tasks_blocked()
        assert watched.notices == []
        mock_clock.jump(2.5)
        await trio.testing.wait_all_tasks_blocked()
        assert watched.notices == []
        mock_clock.jump(1)
        await trio.testing.wait_all_tasks_blocked()
        assert [level for _, level in watched.notices] == [Level.WARN]
        nursery.cancel_scope.cancel()


async def test_a_suspend_does_not_use_up_what_a_probe_has_granted(
    mock_clock: MockClock,
) -> None:
    watched = Watched([True, False])
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.watcher.run)
        for seconds in (3.5, 3, 24):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(seconds)
        await trio.testing.wait_all_tasks_blocked()
        assert len(watched.asked) == 1
        mock_clock.jump(5_000)
        await trio.testing.wait_all_tasks_blocked()
        assert [level for _, level in watched.notices] == [Level.WARN, Level.STALE]
        mock_clock.jump(31)
        await trio.testing.wait_all_tasks_blocked()
        assert watched.notices[-1][1] is Level.DEAD
        nursery.cancel_scope.cancel()


async def test_a_watcher_is_a_child_like_any_other(autojump_clock: MockClock) -> None:
    """What its consequence raises is a failure, and it starts afresh."""
    levels: list[Level] = []

    async def note(change: LevelChange) -> None:
        levels.append(change.level)
        if change.level is Level.STALE:
            raise ValueError

    watcher = HeartbeatWatcher(name="agent", thresholds=SHORT, on_level=note)
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("heartbeat", watcher.run))
        await trio.sleep(10)
    assert levels == [Level.WARN, Level.STALE, Level.WARN]
