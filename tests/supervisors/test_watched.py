"""A child that is found dead fails, and its supervisor does what its policy says."""

import functools
import gc
import pickle
import weakref

import pytest
import trio
import trio.testing
from tests.supervisors._watching import DEAD, SHORT, Notes
from trio.testing import MockClock

from crew_supervisors import (
    KILL,
    Backoff,
    Child,
    ChildSpec,
    ChildStartFailed,
    DeadLetterRule,
    Grace,
    HeartbeatLost,
    Level,
    RestartLimitReached,
    open_supervisor,
    watched,
)


async def test_a_silent_child_is_cancelled_and_restarted(
    autojump_clock: MockClock,
) -> None:
    notes = Notes()
    spec = ChildSpec("agent", watched(notes.silent, thresholds=SHORT))
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(spec)
        await trio.sleep(50)
    assert notes.born == [0, DEAD]
    ((at, error),) = notes.failures()
    assert at == DEAD
    assert isinstance(error, HeartbeatLost)
    assert (error.child, error.silence) == ("agent", DEAD)


async def test_the_consequence_is_the_policy_of_the_supervisor(
    autojump_clock: MockClock,
) -> None:
    """Backoff, restart type and restart limit: as for any other failure."""
    notes = Notes()
    body = watched(notes.silent, thresholds=SHORT)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_supervisor(
            on_event=notes.events.append, max_restarts=1, within=100
        ) as sup:
            await sup.start(ChildSpec("once", body, restart="temporary"))
            await trio.sleep(40)
            assert len(notes.failures()) == 1
            backoff = Backoff(first=5, jitter=0)
            await sup.start(ChildSpec("agent", body, backoff=backoff))
            await trio.sleep_forever()
    (reached,) = caught.value.exceptions
    assert isinstance(reached, RestartLimitReached)
    assert isinstance(reached.__cause__, HeartbeatLost)
    assert notes.born == [0, 40, pytest.approx(75)]


async def test_a_beat_of_the_child_is_a_sign_of_life(autojump_clock: MockClock) -> None:
    notes = Notes()

    async def beating(*, child: Child) -> None:
        for _ in range(20):
            await trio.sleep(3)
            child.beat()
        await trio.sleep(4)
        child.beat()
        await trio.sleep(1)

    spec = ChildSpec(
        "agent",
        watched(beating, thresholds=SHORT, on_level=notes.level),
        (),
        "transient",
    )
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(spec)
        await trio.sleep(60.5)
        (info,) = sup.children()
        assert info.last_beat == 60
        await trio.sleep(100)
    assert [(round(at, 6), level) for at, level in notes.levels] == [
        (63, Level.WARN),
        (64, Level.HEALTHY),
    ]
    assert not notes.failures()


async def test_each_incarnation_has_notices_of_its_own(
    autojump_clock: MockClock,
) -> None:
    notes = Notes()
    body = watched(notes.silent, thresholds=SHORT, on_level=notes.level)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body))
        await trio.sleep(40)
    assert [level for _, level in notes.levels] == [
        Level.WARN,
        Level.STALE,
        Level.DEAD,
        Level.WARN,
        Level.STALE,
    ]


async def test_dead_again_after_each_restart_makes_a_dead_letter(
    autojump_clock: MockClock,
) -> None:
    notes = Notes()
    body = watched(notes.silent, thresholds=SHORT, on_dead_letter=notes.letter)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body))
        await trio.sleep(170)
    assert [(round(e.time), e.streak) for e in notes.letters] == [(90, 3), (150, 5)]
    assert round(notes.letters[0].last_sign) == 60


async def test_children_of_the_same_spec_have_streaks_of_their_own(
    autojump_clock: MockClock,
) -> None:
    notes = Notes()
    rule = DeadLetterRule(streak=2)
    body = watched(
        notes.silent, thresholds=SHORT, on_dead_letter=notes.letter, dead_letters=rule
    )
    async with open_supervisor(on_event=notes.events.append) as sup:
        for name in "ab":
            await sup.start(ChildSpec(name, body, restart="temporary"))
        await trio.sleep(100)
    assert len(notes.failures()) == 2
    assert not notes.letters


async def test_the_probe_is_asked_with_what_the_child_reported(
    autojump_clock: MockClock,
) -> None:
    notes = Notes()
    asked: list[tuple[str, object]] = []

    async def agent(*, child: Child, task_status: trio.TaskStatus[str]) -> None:
        await trio.sleep(1)
        task_status.started("the process")
        await trio.sleep_forever()

    async def activity(value: object) -> bool:
        asked.append(("activity", value))
        return False

    async def probe(value: object) -> bool:
        asked.append(("probe", value))
        return True

    body = watched(
        agent, thresholds=SHORT, activity=activity, probe=probe, on_level=notes.level
    )
    async with open_supervisor(on_event=notes.events.append) as sup:
        assert await sup.start(ChildSpec("agent", body)) == "the process"
        await trio.sleep(50)
    at, level = notes.levels[0]
    assert (round(at, 6), level) == (4, Level.WARN)  # silent since it is up
    assert not notes.failures()
    what = [name for name, _ in asked]
    assert what == ["activity", "activity", "activity", "probe"]
    assert {value for _, value in asked} == {"the process"}


async def test_a_child_that_does_not_come_up_is_found_dead_too(
    autojump_clock: MockClock,
) -> None:
    """Nobody is asked about what is not up yet."""
    notes = Notes()

    async def never_up(*, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep_forever()

    async def not_asked(value: object) -> bool:
        raise AssertionError

    body = watched(never_up, thresholds=SHORT, activity=not_asked, probe=not_asked)
    async with open_supervisor(on_event=notes.events.append) as sup:
        with pytest.raises(ChildStartFailed) as caught:
            await sup.start(ChildSpec("agent", body))
        assert isinstance(caught.value.__cause__, HeartbeatLost)


async def test_a_body_without_a_sign_of_life_is_refused() -> None:
    with pytest.raises(ValueError, match=r"child\.beat"):
        watched(trio.sleep_forever)


async def test_to_the_supervisor_it_looks_like_the_body_alone(
    autojump_clock: MockClock,
) -> None:
    """A body that takes no child is cancelled at once, and one that does is asked."""
    notes = Notes()

    async def deaf(seconds: float) -> None:
        await trio.sleep(seconds)

    async def polite(*, child: Child) -> None:
        await child.stopping.wait()
        await trio.sleep(1)

    async def active(value: object) -> bool:
        assert value is None
        return True

    async with open_supervisor(on_event=notes.events.append) as sup:
        body = watched(deaf, activity=active)
        await sup.start(ChildSpec("deaf", body, (1e6,), stop=Grace(50)))
        await sup.start(ChildSpec("polite", watched(polite), stop=Grace(50)))
        await trio.sleep(100)
        reports = [await sup.stop(name) for name in ("deaf", "polite")]
    assert [(r.end, r.took) for r in reports] == [("cancelled", 0), ("returned", 1)]


async def test_what_the_body_raises_and_returns_is_what_comes_out(
    autojump_clock: MockClock,
) -> None:
    error = ValueError("its own")

    async def body(*, child: Child) -> int:
        await trio.sleep(1)
        if child.incarnation == 1:
            raise error
        return 7

    notes = Notes()
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", watched(body), restart="transient"))
        await trio.sleep(10)
        assert sup.counts().active == 0
    assert notes.failures() == [(1, error)]
    assert error.__cause__ is None


async def test_it_runs_without_a_supervisor_as_well(autojump_clock: MockClock) -> None:
    notes = Notes()

    async def active(value: object) -> bool:
        return False

    async def agent(number: int) -> int:
        await trio.sleep(number)
        return number

    body = watched(agent, thresholds=SHORT, activity=active)
    assert await body(7) == 7
    with pytest.raises(HeartbeatLost, match="child 'agent' gave no sign"):
        await body(70)
    with trio.move_on_after(5) as scope:
        await body(70)
    assert scope.cancelled_caught
    anonymous = functools.partial(agent, 70)
    with pytest.raises(HeartbeatLost, match="partial"):
        await watched(anonymous, thresholds=SHORT, activity=active)()
    assert not notes.levels


async def test_what_the_body_raises_when_it_is_cancelled_is_the_cause(
    autojump_clock: MockClock,
) -> None:
    async def messy(*, child: Child) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("broken in cleanup")

    notes = Notes()
    spec = ChildSpec("agent", watched(messy, thresholds=SHORT), (), "temporary")
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(spec)
        await trio.sleep(40)
    ((_, error),) = notes.failures()
    assert isinstance(error, HeartbeatLost)
    assert str(error.__cause__) == "broken in cleanup"


async def test_a_body_that_ends_just_before_it_is_cancelled_has_not_died(
    autojump_clock: MockClock,
) -> None:
    async def too_late(*, child: Child) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(DEAD + 1)

    notes = Notes()
    async with open_supervisor(on_event=notes.events.append) as sup:
        body = watched(too_late, thresholds=SHORT)
        await sup.start(ChildSpec("agent", body, restart="temporary"))
        await trio.sleep(40)
    assert not notes.failures()


async def test_a_child_that_is_asked_to_stop_is_not_watched_any_more(
    autojump_clock: MockClock,
) -> None:
    """Its stop policy decides, and no error comes out of the stop."""
    notes = Notes()
    body = watched(notes.silent, thresholds=SHORT, on_level=notes.level)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body, stop=Grace(50)))
        await trio.sleep(4)
        report = await sup.stop("agent")
        assert (report.end, report.took) == ("cancelled", 50)
        await trio.sleep(100)
    assert [level for _, level in notes.levels] == [Level.WARN]


async def test_a_death_before_the_stop_stays_one(autojump_clock: MockClock) -> None:
    async def slow_to_end(*, child: Child) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)

    notes = Notes()
    body = watched(slow_to_end, thresholds=SHORT)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body))
        await trio.sleep(31)
        report = await sup.stop("agent")
    assert report.end == "failed"
    assert report.error is not None
    assert report.error.startswith("HeartbeatLost")


async def test_a_suspend_kills_nobody(mock_clock: MockClock) -> None:
    notes = Notes()
    body = watched(notes.silent, thresholds=SHORT, on_level=notes.level)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body, stop=KILL))
        for jump in (3.5, 3, 20, 100_000, 23, 100_000, 23):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(jump)
        await trio.testing.wait_all_tasks_blocked()
        assert not notes.failures()
    assert [level for _, level in notes.levels] == [Level.WARN, Level.STALE]


async def test_nothing_is_kept_of_a_child_that_is_forgotten(
    autojump_clock: MockClock,
) -> None:
    class Thing:
        pass

    things: list[weakref.ref[Thing]] = []

    async def agent(*, child: Child) -> None:
        thing = Thing()
        things.append(weakref.ref(thing))
        await trio.sleep_forever()

    notes = Notes()
    body = watched(agent, thresholds=SHORT)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body, restart="temporary"))
        await trio.sleep(40)
        notes.events.clear()
        gc.collect()
        assert things[0]() is None


def test_the_error_survives_pickle() -> None:
    error = HeartbeatLost("agent", 300.0)
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert (copy.child, copy.silence) == ("agent", 300.0)
