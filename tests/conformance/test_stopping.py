"""OTP's rules about stopping, each under its own name (``sup_stop_*``, ``child_unlink``)."""

import pytest
import trio
from tests.support.cast import (
    Cast,
    Manner,
    Scripted,
    always,
    leaves,
    on_stage,
    settle,
    states,
)
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    KILL,
    ChildReport,
    ChildSpec,
    ChildStuck,
    Grace,
    RestartType,
    StopPolicy,
    open_supervisor,
)

POLITE = Manner(listens=True, cleanup=2)


async def test_children_stop_newest_first_one_after_the_other(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    specs = [cast.spec(name, manner=POLITE) for name in "abc"]
    async with on_stage(cast, *specs):
        pass
    assert cast.stops == {"c": [0], "b": [2], "a": [4]}
    assert cast.log == ["stopped c", "stopped b", "stopped a"]
    assert trio.current_time() == 6


@pytest.mark.parametrize(
    ("stop", "seconds"),
    [(KILL, 0), (Grace(0), 0), (Grace(3), 3), (Grace(60), 7), (FOREVER, 7)],
)
async def test_shutdown_brutal_timeout_and_infinity(
    autojump_clock: MockClock, stop: StopPolicy, seconds: float
) -> None:
    """What is asked to stop and takes seven seconds gets as much as its policy gives."""

    async def slow(*, child: object) -> None:
        await child.stopping.wait()  # type: ignore[attr-defined]
        await trio.sleep(7)

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", slow, stop=stop))
        await settle()
    assert trio.current_time() == seconds


async def test_each_child_is_stopped_by_its_own_policy(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    deaf = Manner(listens=True, deaf=True)
    async with on_stage(
        cast,
        cast.spec("forever", manner=POLITE, stop=FOREVER),
        cast.spec("killed", manner=deaf, stop=KILL),
        cast.spec("late", manner=deaf, stop=Grace(4)),
    ):
        pass
    assert cast.stops == {"late": [4], "killed": [4], "forever": [4]}
    assert trio.current_time() == 6


async def test_one_that_overslept_its_time_is_killed_and_the_others_are_not(
    autojump_clock: MockClock,
) -> None:
    """OTP's sup_stop_timeout."""
    cast = Cast()
    deaf = Manner(listens=True, deaf=True)
    async with on_stage(
        cast,
        cast.spec("a", manner=Manner(listens=True), stop=Grace(1)),
        cast.spec("b", manner=deaf, stop=Grace(1)),
    ) as sup:
        pass
    assert sup.report is not None
    assert sup.report.killed == ("b",)
    assert trio.current_time() == 1


@pytest.mark.parametrize("stop", [KILL, Grace(1), Grace(30)])
async def test_a_naughty_child_cannot_hang_the_stop_of_the_others(
    autojump_clock: MockClock, stop: StopPolicy
) -> None:
    """OTP's child_unlink: there the child unlinks itself, here it swallows its cancel."""
    cast = Cast()
    release = trio.Event()

    async def naughty() -> None:
        with trio.CancelScope(shield=True):
            await release.wait()

    async with on_stage(
        cast, cast.spec("a"), ChildSpec("naughty", naughty, stop=stop), cast.spec("b")
    ) as sup:
        sup.cancel()
        with trio.CancelScope(shield=True):
            await trio.sleep(40)
        stuck = [e.child for e in cast.events if isinstance(e, ChildStuck)]
        assert stuck == ["naughty"]
        assert cast.log == ["stopped b", "stopped a"]
        assert sup.report is not None
        assert [each.name for each in sup.report.stuck] == ["naughty"]
        release.set()


async def test_one_that_is_stuck_already_holds_up_no_stop(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    slow = Manner(cleanup=100)
    async with on_stage(
        cast, cast.spec("a"), cast.spec("stuck", manner=slow), cast.spec("b")
    ) as sup:
        assert (await sup.stop("stuck")).end == "stuck"
    assert cast.stops == {"stuck": [0], "b": [5], "a": [5]}
    assert sup.report is not None
    assert (sup.report.took, trio.current_time()) == (0, 100)


async def test_a_child_that_answers_the_stop_with_a_crash_is_reported() -> None:
    """OTP's shutdown_error."""
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", manner=Manner(listens=True, sore=True))
    ) as sup:
        report = await sup.stop("a")
    assert (report.end, report.error) == ("failed", "Scripted: a is sore")


async def test_a_crash_while_all_stop_does_not_stop_the_stop() -> None:
    cast = Cast()
    sore = Manner(sore=True)
    with pytest.raises(ExceptionGroup) as out:
        async with on_stage(
            cast, cast.spec("a"), cast.spec("b", manner=sore), cast.spec("c")
        ):
            pass
    assert cast.log == ["stopped c", "stopped b", "stopped a"]
    assert cast.top.report is not None
    assert [report.name for report in cast.top.report.failed] == ["b"]
    (error,) = leaves(out.value)
    assert isinstance(error, Scripted)


async def test_difference_what_children_raise_while_all_stop_comes_out() -> None:
    """OTP only reports it; a nursery raises it, and so does the block."""
    cast = Cast()
    sore = Manner(sore=True)
    with pytest.raises(ExceptionGroup) as out:
        async with on_stage(cast, *[cast.spec(name, manner=sore) for name in "ab"]):
            pass
    notes = [error.__notes__ for error in leaves(out.value)]
    assert len(notes) == 2
    assert all(len(each) == 1 for each in notes)
    assert "'b'" in notes[0][0]
    assert "'a'" in notes[1][0]


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("sore", [False, True])
async def test_a_child_that_was_told_to_stop_is_not_restarted(
    restart: RestartType, sore: bool
) -> None:
    cast = Cast()
    manner = Manner(listens=True, sore=sore)
    async with on_stage(
        cast, cast.spec("a", restart=restart, manner=manner), max_restarts=0
    ) as sup:
        report = await sup.stop("a")
        await settle()
        assert report.end == ("failed" if sore else "returned")
        assert cast.log == ["stopped a"]
        assert states(sup) == ({} if restart == "temporary" else {"a": "stopped"})


async def test_the_stop_passes_over_those_that_do_not_run() -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc")) as sup:
        await sup.stop("b")
    assert cast.log == ["stopped b", "stopped c", "stopped a"]


async def test_a_child_that_waits_for_its_restart_is_not_restarted_any_more(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", backoff=always(10)), cast.spec("b")
    ) as sup:
        await cast.end("a")
        await trio.sleep(5)
    assert cast.log == ["failed a", "stopped b"]
    assert states(sup) == {"a": "stopped", "b": "stopped"}
    assert trio.current_time() == 5


async def test_a_child_that_ends_while_another_one_stops_is_not_restarted(
    autojump_clock: MockClock,
) -> None:
    """OTP's sup_stop_race: its turn comes, and it is gone."""
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a"), cast.spec("b"), cast.spec("c", manner=POLITE)
    ) as sup:
        sup.cancel()
        with trio.CancelScope(shield=True):
            await settle()
            await cast.end("b", word="return")
    assert cast.log == ["returned b", "stopped c", "stopped a"]


async def test_a_child_that_is_stopped_twice_is_stopped_once(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    reports: list[ChildReport] = []

    async with on_stage(cast, cast.spec("a", manner=POLITE)) as sup:

        async def stop() -> None:
            reports.append(await sup.stop("a"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            nursery.start_soon(stop)
        reports.append(await sup.stop("a"))
    assert [report.end for report in reports] == ["returned"] * 2 + ["not_running"]
    assert cast.stops == {"a": [0]}


async def test_a_stop_before_a_child_is_up_ends_its_start() -> None:
    cast = Cast()
    async with on_stage(cast) as sup, trio.open_nursery() as nursery:

        async def start() -> None:
            with pytest.raises(Exception, match="stopped before it was up"):
                await sup.start(cast.spec("a", "hang"))

        nursery.start_soon(start)
        await settle()
        assert (await sup.stop("a")).end == "cancelled"
        assert sup.children() == ()


@pytest.mark.parametrize(
    ("grace", "deadline", "told_at"), [(10, 3, 3), (2, 7, 2), (4, 4, 4)]
)
async def test_difference_the_deadline_of_the_caller_is_a_grace_too(
    autojump_clock: MockClock, grace: float, deadline: float, told_at: float
) -> None:
    """OTP's terminate_child waits as long as the shutdown time says."""
    cast = Cast()
    deaf = Manner(listens=True, deaf=True)
    async with on_stage(cast, cast.spec("a", manner=deaf, stop=Grace(grace))) as sup:
        with trio.move_on_after(deadline):
            await sup.stop("a")
        await trio.sleep(10)
        assert cast.stops == {"a": [told_at]}
        assert states(sup) == {"a": "stopped"}


async def test_difference_a_child_that_cannot_be_asked_is_cancelled_at_once(
    autojump_clock: MockClock,
) -> None:
    """OTP's processes that do not trap exits die at once as well; cleanup has its time."""
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", manner=Manner(cleanup=4), stop=Grace(1))
    ) as sup:
        report = await sup.stop("a")
    assert (report.end, report.took, report.graceful) == ("cancelled", 4, False)
