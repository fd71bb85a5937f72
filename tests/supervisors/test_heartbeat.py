"""Levels are pure and exact; the watcher sleeps, notices once, and asks first."""

import math

import pytest
import trio
import trio.testing
from hypothesis import given, strategies as st
from trio.testing import MockClock

from crew_supervisors import (
    ChildSpec,
    DeadLetterRule,
    HeartbeatDeadLetter,
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
    st.tuples(*[st.floats(0.001, 1e6)] * 3).map(sorted),
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
    "limits", [(3, 2, 9), (-1, 2, 3), (1, 2, math.inf), (1, math.nan, 3), (0, 0, 0)]
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
        return self.answers.pop(0) if self.answers else False


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
    assert watched.watcher.level is Level.DEAD


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
    with trio.move_on_after(100):
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


async def test_a_suspend_that_stops_the_clock_as_well_is_seen(
    autojump_clock: MockClock,
) -> None:
    """As on Linux: nothing is late, and only another clock tells."""
    watched = Watched()
    suspended = 0.0
    watched.watcher.suspended = lambda: suspended
    with trio.move_on_after(100):
        async with trio.open_nursery() as nursery:
            await nursery.start(watched.watcher.run)
            await trio.sleep(2.5)
            suspended = 3_600.0
    assert watched.notices == [
        (after(after(3) + 3), Level.WARN),
        (after(after(3) + 6), Level.STALE),
        (after(after(3) + 30), Level.DEAD),
    ]


async def test_a_question_that_a_suspend_interrupted_is_asked_again(
    autojump_clock: MockClock,
) -> None:
    watched = Watched()
    suspended = 0.0
    asked: list[float] = []

    async def interrupted() -> bool:
        nonlocal suspended
        asked.append(trio.current_time())
        if len(asked) == 1:
            suspended = 3_600.0
            await trio.sleep_forever()
        return True

    watched.watcher.suspended = lambda: suspended
    watched.watcher.probe = interrupted
    with trio.move_on_after(50):
        await watched.watcher.run()
    assert asked[:2] == [after(30), after(30) + 5]
    assert [level for _, level in watched.notices] == [Level.WARN, Level.STALE]


async def test_activity_is_asked_before_a_level_gets_worse_and_is_a_sign(
    autojump_clock: MockClock,
) -> None:
    watched = Watched([False])
    answers = [True, False, True, False, False, False]
    asked: list[float] = []

    async def activity() -> bool:
        asked.append(round(trio.current_time(), 6))
        return answers.pop(0)

    watched.watcher.activity = activity
    with trio.move_on_after(45):
        await watched.watcher.run()
    assert asked == [3, 6, 9, 12, 15, 39]
    assert watched.asked == [pytest.approx(39)]
    assert [(round(at, 6), level) for at, level in watched.notices] == [
        (6, Level.WARN),
        (9, Level.HEALTHY),
        (12, Level.WARN),
        (15, Level.STALE),
        (39, Level.DEAD),
    ]


async def test_the_third_verdict_in_a_row_makes_a_dead_letter(
    autojump_clock: MockClock,
) -> None:
    """One each further `dead` seconds, and never two within the cooldown."""
    watched = Watched()
    letters: list[HeartbeatDeadLetter] = []

    async def receive(letter: HeartbeatDeadLetter) -> None:
        letters.append(letter)

    watched.watcher.on_dead_letter = receive
    with trio.move_on_after(200):
        await watched.watcher.run()
    first = after(30)
    assert letters == [
        HeartbeatDeadLetter("agent", first + 60, 0, 3),
        HeartbeatDeadLetter("agent", first + 120, 0, 5),
    ]
    assert len(watched.notices) == 3


async def test_a_dead_letter_that_nobody_takes_is_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = HeartbeatWatcher(
        name="agent",
        thresholds=SHORT,
        on_level=Watched().note,
        dead_letters=DeadLetterRule(streak=2, cooldown=math.inf),
    )
    with trio.move_on_after(200):
        await watcher.run()
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == (
        "agent: no sign of life for 60 s, found dead 2 times in a row"
    )


async def test_the_streak_outlives_the_restarts_of_a_watcher(
    autojump_clock: MockClock,
) -> None:
    letters: list[HeartbeatDeadLetter] = []

    async def receive(letter: HeartbeatDeadLetter) -> None:
        letters.append(letter)

    async def give_up(change: LevelChange) -> None:
        if change.level is Level.DEAD:
            raise ValueError

    watcher = HeartbeatWatcher(
        name="agent", thresholds=SHORT, on_level=give_up, on_dead_letter=receive
    )
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("heartbeat", watcher.run))
        await trio.sleep(100)
    assert [letter.streak for letter in letters] == [3]


async def test_nothing_wakes_up_while_all_is_well(autojump_clock: MockClock) -> None:
    """A beat costs the watcher nothing: it looks once in `warn` seconds."""
    watched = Watched()
    looks = 0

    def count() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    watched.watcher.suspended = count
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.watcher.run)
        for _ in range(300):
            await trio.sleep(0.1)
            watched.watcher.beat()
        nursery.cancel_scope.cancel()
    assert looks <= 1 + 30 / 2.9


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
