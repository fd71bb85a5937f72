"""What OTP logs as progress, crash and shutdown reports is here an event each."""

import logging

import pytest
import trio
from tests.support.cast import (
    Cast,
    Manner,
    Scripted,
    Word,
    always,
    gives_up,
    on_stage,
    settle,
)
from trio.testing import MockClock

from crew_supervisors import (
    KILL,
    CancelCode,
    Child,
    ChildEnded,
    ChildFailed,
    ChildRestarting,
    ChildSpec,
    ChildStarted,
    ChildStopped,
    ChildStopping,
    ChildStuck,
    Grace,
    RestartType,
    SupervisorEnded,
    SupervisorEscalated,
    SupervisorOptions,
    SupervisorRestartingGroup,
    SupervisorStopping,
    open_supervisor,
)


def _kinds(cast: Cast) -> list[str]:
    return [type(event).__name__ for event in cast.events]


async def test_a_start_is_told_when_the_child_is_up() -> None:
    """The progress report."""
    cast = Cast()
    async with on_stage(cast, cast.spec("a"), name="top"):
        (event,) = cast.events
    assert isinstance(event, ChildStarted)
    assert (event.supervisor, event.child, event.incarnation) == ("top", "a", 1)


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("word", ["return", "fail"])
async def test_an_end_is_told_for_each_restart_type(
    restart: RestartType, word: Word
) -> None:
    """child_terminated; what returns is told as well, which OTP does for permanent."""
    cast = Cast()
    async with on_stage(cast, cast.spec("a", restart=restart)):
        await cast.end("a", word=word)
        is_restarted = restart == "permanent" or (restart, word) == (
            "transient",
            "fail",
        )
        assert _kinds(cast) == [
            "ChildStarted",
            "ChildFailed" if word == "fail" else "ChildEnded",
            *(["ChildRestarting", "ChildStarted"] if is_restarted else []),
        ]
        event = cast.events[1]
        assert isinstance(event, ChildFailed | ChildEnded)
        assert (event.child, event.incarnation) == ("a", 1)
        if isinstance(event, ChildFailed):
            assert event.summary == "Scripted: a was told to fail"
            assert isinstance(event.error, Scripted)


async def test_a_start_that_failed_is_told() -> None:
    """start_error."""
    cast = Cast()
    async with on_stage(cast, cast.spec("a", "up", "fail")):
        await cast.end("a")
        failed = [e for e in cast.events if isinstance(e, ChildFailed)]
        assert [e.while_starting for e in failed] == [False, True]
        assert [e.restarts for e in failed] == [0, 1]


async def test_a_failure_tells_how_many_restarts_in_a_row_came_before(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a", backoff=always(1)), max_restarts=9):
        for _ in range(3):
            await cast.end("a")
            await trio.sleep(1)
            await settle()
        await trio.sleep(60)  # a quiet time ends the row
        await cast.end("a")
        failed = [e.restarts for e in cast.events if isinstance(e, ChildFailed)]
        assert failed == [0, 1, 2, 0]


async def test_a_restart_tells_its_delay(autojump_clock: MockClock) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a", backoff=always(3)), cast.spec("b")):
        await cast.end("a", "b")
        restarting = [e for e in cast.events if isinstance(e, ChildRestarting)]
        assert [(e.child, e.delay) for e in restarting] == [("a", 3), ("b", 0)]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_a_group_restart_names_its_members(strategy: str) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b"),
        cast.spec("c", restart="temporary"),
        cast.spec("d"),
        strategy=strategy,
    ):
        await cast.end("b")
    (group,) = [e for e in cast.events if isinstance(e, SupervisorRestartingGroup)]
    assert group.members == (
        ("a", "b", "d") if strategy == "one_for_all" else ("b", "d")
    )


async def test_a_stop_is_told_when_it_is_ordered_and_when_it_is_done(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    slow = Manner(listens=True, cleanup=3)
    async with on_stage(cast, cast.spec("a", manner=slow)) as sup:
        await sup.stop("a")
    stopping, stopped = cast.events[1:3]
    assert isinstance(stopping, ChildStopping)
    assert isinstance(stopped, ChildStopped)
    assert (stopping.time, stopped.time, stopped.report.took) == (0, 3, 3)
    assert stopping.reason is stopped.report.reason


async def test_a_crash_while_stopping_is_told_as_one() -> None:
    """shutdown_error."""
    cast = Cast()
    async with on_stage(cast, cast.spec("a", manner=Manner(sore=True))) as sup:
        await sup.stop("a")
    (stopped,) = [e for e in cast.events if isinstance(e, ChildStopped)]
    assert (stopped.report.end, stopped.report.error) == (
        "failed",
        "Scripted: a is sore",
    )


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_difference_who_returns_when_it_is_stopped_made_no_error(
    restart: RestartType,
) -> None:
    """OTP reports a permanent child that answers the shutdown with ``normal``."""
    cast = Cast()
    spec = cast.spec("a", restart=restart, manner=Manner(listens=True))
    async with on_stage(cast, spec) as sup:
        report = await sup.stop("a")
    assert (report.end, report.error, report.graceful) == ("returned", None, True)


async def test_too_many_restarts_are_told_before_the_stop() -> None:
    """``reached_max_restart_intensity``."""
    cast = Cast()
    with gives_up():
        async with on_stage(cast, *map(cast.spec, "ab"), max_restarts=0):
            await cast.end("a")
    kinds = _kinds(cast)
    assert kinds[2:] == [
        "ChildFailed",
        "SupervisorEscalated",
        "SupervisorStopping",
        "ChildStopping",
        "ChildStopped",
        "SupervisorEnded",
    ]
    escalated = cast.events[3]
    assert isinstance(escalated, SupervisorEscalated)
    assert escalated.summary == "Scripted: a was told to fail"
    stopping = cast.events[4]
    assert isinstance(stopping, SupervisorStopping)
    assert stopping.reason.code is CancelCode.RESTART_LIMIT


async def test_the_end_is_told_with_a_report_of_the_stop(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    deaf = Manner(listens=True, deaf=True)
    with pytest.raises(ExceptionGroup):
        async with on_stage(
            cast,
            cast.spec("ok"),
            cast.spec("sore", manner=Manner(sore=True)),
            cast.spec("deaf", manner=deaf, stop=Grace(2)),
            cast.spec("stuck", manner=Manner(cleanup=60), stop=KILL),
            name="top",
        ) as sup:
            assert sup.report is None
    ended, late = cast.events[-2:]
    assert isinstance(ended, SupervisorEnded)
    assert isinstance(late, ChildStopped)  # what was stuck has ended after all
    assert (ended.time, late.time) == (7, 60)
    report = ended.report
    assert report is cast.top.report
    assert (report.supervisor, report.children, report.took) == ("top", 4, 7)
    assert report.killed == ("deaf",)
    assert [each.name for each in report.stuck] == ["stuck"]
    assert [each.name for each in report.failed] == ["sore"]
    assert report.reason.code is CancelCode.SHUTDOWN


async def test_who_is_stuck_is_named_with_its_stack(autojump_clock: MockClock) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a", manner=Manner(cleanup=60))) as sup:
        report = await sup.stop("a")
        assert (report.end, report.took) == ("stuck", 5)
        assert report.stack is not None
        assert "_leave_stage" in report.stack
    (stuck,) = [e for e in cast.events if isinstance(e, ChildStuck)]
    assert "_leave_stage" in stuck.stack


async def test_each_supervisor_tells_its_own_events() -> None:
    cast = Cast()
    team = cast.team("team", [cast.spec("a")], options=SupervisorOptions())
    async with on_stage(cast, team, name="top"):
        await cast.end("a")
    told = {(e.supervisor, e.child) for e in cast.events if isinstance(e, ChildStarted)}
    assert told == {("team", "a"), ("top", "team")}


async def test_without_a_handler_failures_are_logged_and_get_louder(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """OTP logs each crash as an error; here the first ones of a row are warnings."""
    cast = Cast()
    options = SupervisorOptions(max_restarts=9, log_error_after=2)
    caplog.set_level(logging.INFO, "crew_supervisors")
    async with open_supervisor(options) as sup:
        await sup.start(cast.spec("a"))
        for _ in range(4):
            await cast.end("a")
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "WARNING", "ERROR", "ERROR"]
    assert all("'a'" in record.getMessage() for record in caplog.records)


async def test_without_a_handler_what_goes_well_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cast = Cast()
    caplog.set_level(logging.DEBUG, "crew_supervisors")
    async with open_supervisor() as sup:
        await sup.start(cast.spec("a", restart="transient"))
        await sup.start(cast.spec("b"))
        await cast.end("a", word="return")
        await sup.stop("b")
    assert not caplog.records


async def test_a_handler_that_raises_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: object) -> None:
        raise ValueError

    cast = Cast()
    async with open_supervisor(on_event=broken) as sup:
        await sup.start(cast.spec("a"))
        await cast.end("a")
        assert cast.log == ["up a", "failed a", "up a"]
    assert len(caplog.records) == 1


async def test_events_come_in_the_order_of_what_happened() -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "ab"), strategy="one_for_all"):
        await cast.end("a")
        told = [
            f"{type(event).__name__} {event.child}"
            for event in cast.events
            if isinstance(event, ChildStarted | ChildFailed | ChildStopped)
        ]
    assert told[:6] == [
        *("ChildStarted a", "ChildStarted b", "ChildFailed a"),
        *("ChildStopped b", "ChildStarted a", "ChildStarted b"),
    ]


async def test_the_last_events_are_kept_without_their_errors() -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a")) as sup:
        await cast.end("a")
        kept = [e for e in sup.recent_events() if isinstance(e, ChildFailed)]
        assert [(e.child, e.error) for e in kept] == [("a", None)]


async def test_difference_a_child_may_say_that_it_is_alive(
    autojump_clock: MockClock,
) -> None:
    """OTP leaves that to the child."""
    async with open_supervisor() as sup:

        async def busy(*, child: Child) -> None:
            await trio.sleep(3)
            child.beat()
            await trio.sleep_forever()

        await sup.start(ChildSpec("a", busy))
        assert sup.children()[0].last_beat is None
        await trio.sleep(4)
        assert sup.children()[0].last_beat == 3
