"""What follows from a silence, as pure rules."""

import itertools
import math
import time

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crew_supervisors import DeadLetterRule, Level, Thresholds
from crew_supervisors._suspension import clocks, seconds_suspended
from crew_supervisors._vigil import LATE, Finding, Question, Streak, Vigil, lost_time

SHORT = Thresholds(warn=3, stale=6, dead=30)


def after(seconds: float) -> float:
    """Return the first moment behind a border."""
    return math.nextafter(seconds, math.inf)


def vigil(rule: DeadLetterRule | None = None) -> Vigil:
    made = Vigil(SHORT, Streak(rule or DeadLetterRule()))
    made.begin(0)
    return made


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("other", Level)
def test_levels_are_ordered_as_they_are_written(level: Level, other: Level) -> None:
    order = list(Level)
    is_worse = order.index(level) > order.index(other)
    assert level.is_worse_than(other) is is_worse


@pytest.mark.parametrize(
    ("now", "question"),
    [
        (3, Question.NOTHING),
        (after(3), Question.ACTIVITY),
        (30, Question.ACTIVITY),
        (after(30), Question.LIFE),
    ],
)
def test_a_worse_level_is_asked_about_first(now: float, question: Question) -> None:
    assert vigil().question(now) is question


def test_a_yes_counts_until_dead_seconds_later() -> None:
    watch = vigil()
    assert watch.conclude(31, lives=True) == Finding(Level.HEALTHY, Level.STALE)
    assert watch.next_look(31) == 61
    assert watch.question(math.nextafter(61, 0)) is Question.NOTHING
    assert watch.conclude(60) == Finding(Level.STALE, Level.STALE)
    assert watch.question(61) is Question.LIFE


def test_the_dead_are_asked_about_again_and_come_back_as_stale() -> None:
    watch = vigil()
    assert watch.conclude(31, lives=False).level is Level.DEAD
    assert watch.question(60.9) is Question.NOTHING
    assert watch.conclude(60.9).level is Level.DEAD
    assert watch.question(61) is Question.LIFE
    assert watch.conclude(61, lives=True) == Finding(Level.DEAD, Level.STALE)


def test_an_answer_is_not_needed_where_there_was_a_sign_meanwhile() -> None:
    watch = vigil()
    watch.sign(31)
    assert watch.conclude(31.5, lives=False) == Finding(Level.HEALTHY, Level.HEALTHY)


def test_no_level_gets_better_without_a_sign_or_a_yes() -> None:
    """Lost time may round a silence down by a little."""
    watch = vigil()
    watch.conclude(after(6))
    watch.lose(1, after(6))
    assert watch.conclude(after(6)) == Finding(Level.STALE, Level.STALE)


def letters(watch: Vigil, times: list[float]) -> list[float]:
    return [now for now in times if watch.conclude(now, lives=False).is_letter_due]


def test_the_third_verdict_in_a_row_makes_a_dead_letter() -> None:
    assert letters(vigil(DeadLetterRule(cooldown=1e9)), [31, 61, 91, 121]) == [91]


def test_a_letter_that_the_cooldown_held_back_is_made_up_for() -> None:
    """The number that makes it due is a limit, and not the one number that counts."""
    watch = vigil(DeadLetterRule(streak=2, cooldown=60))
    assert letters(watch, [31, 61, 91]) == [61]
    assert not letters(watch, [math.nextafter(121, 0)])
    assert letters(watch, [151]) == [151]
    watch = vigil(DeadLetterRule(streak=1, cooldown=60))
    assert letters(watch, [40, math.nextafter(100, 0)]) == [40]
    watch = vigil(DeadLetterRule(streak=1, cooldown=60))
    assert letters(watch, [40, 100]) == [40, 100]


def test_an_infinite_cooldown_leaves_one_letter() -> None:
    watch = vigil(DeadLetterRule(streak=1, cooldown=math.inf))
    assert letters(watch, [31, 1e6, 1e9]) == [31]


def test_a_short_life_between_two_verdicts_does_not_end_the_streak() -> None:
    watch = vigil()
    watch.conclude(31, lives=False)
    watch.sign(40)
    watch.sign(61)  # 30 seconds after the verdict
    assert watch.conclude(92, lives=False).level is Level.DEAD
    assert watch.streak.count == 2


def test_a_life_longer_than_dead_ends_the_streak() -> None:
    watch = vigil()
    watch.conclude(31, lives=False)
    watch.sign(61.1)
    watch.conclude(92, lives=False)
    assert watch.streak.count == 1


def test_a_yes_ends_the_streak() -> None:
    watch = vigil()
    watch.conclude(31, lives=False)
    watch.conclude(61, lives=True)
    watch.conclude(91, lives=False)
    assert watch.streak.count == 1


def test_the_time_between_two_watches_is_no_life() -> None:
    watch = vigil()
    watch.conclude(31, lives=False)
    watch.begin(1_000)
    watch.conclude(1_031, lives=False)
    assert watch.streak.count == 2


@pytest.mark.parametrize(("streak", "cooldown"), [(0, 60), (3, -1), (3, math.nan)])
def test_a_senseless_rule_for_dead_letters_is_refused(
    streak: int, cooldown: float
) -> None:
    with pytest.raises(ValueError, match="streak >= 1, and cooldown >= 0"):
        DeadLetterRule(streak, cooldown)


@pytest.mark.parametrize(
    ("now", "suspended", "lost"),
    [
        (20, 0, 0),
        (20 + LATE, 0, 0),
        (after(20 + LATE), 0, after(20 + LATE) - 10),
        (15, LATE, 0),
        (15, LATE + 0.1, 5),
        (9_999, 0, 9_989),
        (20, -5, 0),
    ],
)
def test_an_interrupted_wait_is_lost_as_a_whole(
    now: float, suspended: float, lost: float
) -> None:
    assert lost_time(10, 20, now, suspended) == lost


def test_a_lost_time_puts_off_whatever_was_due() -> None:
    watch = vigil()
    watch.conclude(31, lives=True)
    watch.lose(1_000, 1_040)
    assert watch.next_look(1_040) == 1_061
    watch.sign(1_040)
    watch.lose(100, 1_041)
    assert watch.last_sign == 1_041


def test_a_pair_of_clocks_tells_of_a_suspend_where_there_is_one() -> None:
    assert clocks({"CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "x"}) == (
        "CLOCK_BOOTTIME",
        "CLOCK_MONOTONIC",
    )
    assert clocks({"CLOCK_MONOTONIC", "CLOCK_UPTIME_RAW"}) == (
        "CLOCK_MONOTONIC",
        "CLOCK_UPTIME_RAW",
    )
    assert clocks({"CLOCK_MONOTONIC"}) is None
    assert seconds_suspended(None) == 0
    before = seconds_suspended()
    assert abs(seconds_suspended() - before) < 0.1
    assert (seconds_suspended() == 0) <= (clocks(vars(time)) is None)


class Watching(RuleBasedStateMachine):
    """Any order of signs, looks and lost time keeps the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.watch = vigil(DeadLetterRule(streak=2, cooldown=50))
        self.letters: list[float] = []

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def sign(self) -> None:
        self.watch.sign(self.now)

    @rule(seconds=st.floats(0, 1e5))
    def lose(self, seconds: float) -> None:
        level = self.watch.level
        silence = self.now - self.watch.last_sign
        self.now += seconds
        self.watch.lose(seconds, self.now)
        assert self.now - self.watch.last_sign == pytest.approx(silence)
        assert self.watch.level is level

    @rule(lives=st.booleans())
    def look(self, lives: bool) -> None:
        silence = self.now - self.watch.last_sign
        asked = self.watch.question(self.now) is Question.LIFE
        found = self.watch.conclude(self.now, lives=lives if asked else None)
        is_better = found.before.is_worse_than(found.level)
        assert not is_better or (asked and lives) or silence <= 100
        if found.level is Level.DEAD and found.before is not Level.DEAD:
            assert asked
            assert not lives
            assert silence >= 30 - 1e-6
        if found.is_letter_due:
            assert found.level is Level.DEAD
            assert self.watch.streak.count >= 2
            self.letters.append(self.now)
        assert self.watch.question(self.now) is Question.NOTHING

    @invariant()
    def letters_keep_the_cooldown(self) -> None:
        assert all(b >= a + 50 for a, b in itertools.pairwise(self.letters))

    @invariant()
    def what_is_next_is_worth_a_look(self) -> None:
        if self.watch._is_better:  # a sign wakes the watcher without a deadline
            return
        at = self.watch.next_look(self.now)
        if self.watch.question(self.now) is Question.NOTHING:
            assert at > self.now
            assert self.watch.question(at + 1e-6) is not Question.NOTHING
        else:
            assert at <= self.now


TestWatching = Watching.TestCase
