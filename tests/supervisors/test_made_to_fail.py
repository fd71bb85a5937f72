"""A child that is made to fail from outside of its body."""

import pytest
import trio
from trio.testing import MockClock

from crew_supervisors import (
    KILL,
    CancelCode,
    Child,
    ChildFailed,
    ChildSpec,
    ChildStuck,
    Event,
    OnFailure,
    State,
    StopErrors,
    open_supervisor,
)
from crew_supervisors._agenda import FEW_TIMERS
from crew_supervisors._restart import parts_of


class Body:
    """Keeps its handles; ends as its way says."""

    def __init__(self, at_the_end: Exception | None = None) -> None:
        self.handles: list[Child] = []
        self.at_the_end = at_the_end

    async def run(self, *, child: Child) -> None:
        self.handles.append(child)
        try:
            await trio.sleep_forever()
        finally:
            if self.at_the_end is not None:
                raise self.at_the_end


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_it_fails_with_that_error_and_is_restarted(
    autojump_clock: MockClock,
) -> None:
    body, events, error = Body(), list[Event](), ValueError("no")
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", body.run, restart="transient"))
        await settle()
        body.handles[0].fail(error)
        body.handles[0].fail(KeyError())  # it fails already
        await settle()
        (failed,) = [e for e in events if isinstance(e, ChildFailed)]
        assert failed.error is error
        assert sup.children()[0].incarnation == 2
        body.handles[0].fail(KeyError())  # that incarnation is over
        await settle()
        assert sup.children()[0].incarnation == 2


async def test_what_the_body_raises_meanwhile_is_the_cause(
    autojump_clock: MockClock,
) -> None:
    sore = KeyError("sore")
    body, events = Body(sore), list[Event]()
    with pytest.raises(ExceptionGroup):  # it is sore at its last stop, too
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("a", body.run))
            await settle()
            body.handles[0].fail(ValueError())
            await settle()
    (failed,) = [e for e in events if isinstance(e, ChildFailed)]
    assert isinstance(failed.error, ValueError)
    assert failed.error.__cause__ is sore


async def test_the_rules_of_its_spec_answer(autojump_clock: MockClock) -> None:
    body = Body()
    rule = OnFailure(ValueError, "stop")
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", body.run, on_failure=(rule,)))
        await settle()
        body.handles[0].fail(ValueError())
        await settle()
        assert sup.children()[0].state is State.STOPPED


async def test_one_that_was_told_to_stop_does_not_fail_any_more(
    autojump_clock: MockClock,
) -> None:
    body, events = Body(), list[Event]()
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", body.run))
        await settle()
        sup.cancel()
        body.handles[0].fail(ValueError())
    assert not [e for e in events if isinstance(e, ChildFailed)]


async def test_a_stop_that_comes_before_its_end_reports_the_failure(
    autojump_clock: MockClock,
) -> None:
    body = Body()
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", body.run))
        await settle()
        body.handles[0].fail(ValueError())
        report = await sup.stop("a")
        assert (report.end, report.error) == ("failed", "ValueError")
        assert not report.graceful
        assert sup.children()[0].state is State.STOPPED


async def test_one_that_runs_on_is_named(autojump_clock: MockClock) -> None:
    release, events = trio.Event(), list[Event]()
    handles: list[Child] = []

    async def body(*, child: Child) -> None:
        handles.append(child)
        with trio.CancelScope(shield=True):
            await release.wait()

    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", body, restart="transient"))
        await settle()
        handles[0].fail(ValueError())
        await trio.sleep(60)
        (stuck,) = [e for e in events if isinstance(e, ChildStuck)]
        assert (stuck.time, stuck.reason.code) == (5, CancelCode.FAILED)
        assert "release.wait()" in stuck.stack
        assert len(handles) == 1  # never two at the same time
        release.set()
        await settle()
        assert len(handles) == 2


async def test_a_failure_while_all_stop_comes_out_once(
    autojump_clock: MockClock,
) -> None:
    body = Body(KeyError())
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", body.run))
            await settle()
            body.handles[0].fail(ValueError())
    (errors,) = out.value.exceptions
    assert isinstance(errors, StopErrors)
    (error,) = errors.exceptions
    assert isinstance(error, ValueError)
    assert isinstance(error.__cause__, KeyError)


async def test_its_own_error_is_not_its_own_cause(autojump_clock: MockClock) -> None:
    error = ValueError()
    body, events = Body(error), list[Event]()
    with pytest.raises(ExceptionGroup):  # it raises the same at its last stop
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("a", body.run))
            await settle()
            body.handles[0].fail(error)
            await settle()
    failed = [e for e in events if isinstance(e, ChildFailed)]
    assert failed[0].error is error
    assert error.__cause__ is None


async def test_a_cause_that_is_there_is_kept_beside_what_the_body_raises(
    autojump_clock: MockClock,
) -> None:
    error, sore = ValueError(), KeyError()
    error.__cause__ = LookupError()
    body, events = Body(sore), list[Event]()
    with pytest.raises(ExceptionGroup):
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("a", body.run))
            await settle()
            body.handles[0].fail(error)
            await settle()
    failed = next(e for e in events if isinstance(e, ChildFailed)).error
    assert failed is not None
    assert parts_of(failed) == (error, sore)


async def test_ten_thousand_failures_leave_nothing_behind(
    autojump_clock: MockClock,
) -> None:
    """Neither timers nor errors: what is kept has a bound."""
    handles: list[Child] = []

    async def body(*, child: Child) -> None:
        handles[:] = [child]
        await trio.sleep_forever()

    async with open_supervisor(max_restarts=20_000, on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", body, stop=KILL))
        for _ in range(2_000):
            await settle()
            handles[0].fail(ValueError())
        await settle()
        assert sup.children()[0].incarnation == 2_001
        assert len(sup._engine.agenda._timers) <= 2 * FEW_TIMERS
