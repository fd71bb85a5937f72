"""Who listens to a watched child may fail or be slow; what cannot be ended is told."""

import logging
import math

import pytest
import trio
from tests.supervisors._watching import DEAD, SHORT, Notes
from trio.testing import MockClock

from crew_supervisors import (
    Child,
    ChildSpec,
    DeadLetterRule,
    HeartbeatDeadLetter,
    HeartbeatLost,
    Level,
    LevelChange,
    open_supervisor,
    watched,
)


async def test_what_a_listener_raises_fails_the_child(
    autojump_clock: MockClock,
) -> None:
    """So a listener can make an earlier level the end."""
    notes = Notes()
    enough = ValueError("stale is enough")

    async def listen(change: LevelChange) -> None:
        if change.level is Level.STALE:
            raise enough

    body = watched(notes.silent, thresholds=SHORT, on_level=listen)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body, restart="temporary"))
        await trio.sleep(10)
    assert notes.failures() == [(math.nextafter(6, 7), enough)]


async def test_what_listeners_and_body_raise_is_all_told(
    autojump_clock: MockClock,
) -> None:
    async def listen(notice: LevelChange | HeartbeatDeadLetter) -> None:
        if isinstance(notice, HeartbeatDeadLetter):
            raise KeyError("listener")

    async def messy(*, child: Child) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("body")

    body = watched(
        messy,
        thresholds=SHORT,
        on_level=listen,
        on_dead_letter=listen,
        dead_letters=DeadLetterRule(streak=1),
    )
    with pytest.raises(HeartbeatLost) as caught:
        await body(child=None)
    with pytest.RaisesGroup(KeyError, ValueError):
        raise caught.value.__cause__ or AssertionError


async def test_a_slow_listener_holds_no_consequence_up(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes()

    async def slow(change: LevelChange) -> None:
        await notes.level(change)
        await trio.sleep_forever()

    body = watched(notes.silent, thresholds=SHORT, on_level=slow)
    async with open_supervisor(on_event=notes.events.append) as sup:
        await sup.start(ChildSpec("agent", body))
        await trio.sleep(36)
    assert notes.born == [0, DEAD + 5]
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 3
    assert "took more than 5 s for a change of level" in warnings[0].getMessage()


async def test_a_body_that_cannot_be_cancelled_makes_a_dead_letter_with_its_stack(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    release = trio.Event()

    async def stubborn(*, child: Child) -> None:
        with trio.CancelScope(shield=True):
            await release.wait()

    notes = Notes()
    specs = [
        ChildSpec(
            "agent",
            watched(stubborn, thresholds=SHORT, on_dead_letter=notes.letter),
            restart="temporary",
        ),
        ChildSpec("logged", watched(stubborn, thresholds=SHORT), restart="temporary"),
    ]
    async with open_supervisor(on_event=notes.events.append) as sup:
        for spec in specs:
            await sup.start(spec)
        await trio.sleep(1_000)
        alive = sup.counts()
        release.set()
    assert alive.active == 2  # never two incarnations
    (letter,) = notes.letters
    assert (letter.time, letter.streak) == (DEAD + 5, 1)
    assert letter.stack is not None
    assert "stubborn" in letter.stack
    (record,) = caplog.records
    assert "its task was cancelled and stands at\n" in record.getMessage()
    assert "stubborn" in record.getMessage()
