"""OTP's rules about orders at run time (``child_adm*``, ``count_children``, ...)."""

import pytest
from tests.support.cast import (
    Cast,
    Status,
    always,
    incarnations,
    on_stage,
    settle,
    states,
    until_over,
)
from trio.testing import MockClock

from crew_supervisors import (
    CancelCode,
    CancelReason,
    ChildExists,
    ChildRunning,
    ChildSpec,
    ChildStartFailed,
    NoSuchChild,
    Strategy,
    Supervisor,
    SupervisorStopped,
)

STRATEGIES: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one", "dynamic"]
CALM: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one"]


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_who_is_not_known_cannot_be_found(strategy: Strategy) -> None:
    """``not_found``."""
    async with on_stage(Cast(), strategy=strategy) as sup:
        for order in (sup.stop, sup.restart, sup.remove):
            with pytest.raises(NoSuchChild) as missing:
                await order("nobody")
            assert missing.value.child == "nobody"


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_who_runs_cannot_be_started_again(strategy: Strategy) -> None:
    """``already_started``."""
    cast = Cast()
    spec = cast.spec("a")
    async with on_stage(cast, spec, strategy=strategy) as sup:
        with pytest.raises(ChildExists) as exists:
            await sup.start(spec)
        assert exists.value.running
        assert incarnations(sup) == {"a": 1}


@pytest.mark.parametrize("strategy", CALM)
async def test_who_is_stopped_cannot_be_started_but_restarted(
    strategy: Strategy,
) -> None:
    """``already_present``."""
    cast = Cast()
    spec = cast.spec("a")
    async with on_stage(cast, spec, strategy=strategy) as sup:
        await sup.stop("a")
        with pytest.raises(ChildExists) as exists:
            await sup.start(spec)
        assert not exists.value.running
        assert await sup.restart("a") == "value of a"
        assert incarnations(sup) == {"a": 2}


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_who_runs_can_neither_be_restarted_nor_removed(
    strategy: Strategy,
) -> None:
    """``running``."""
    cast = Cast()
    async with on_stage(cast, cast.spec("a"), strategy=strategy) as sup:
        for order in (sup.restart, sup.remove):
            with pytest.raises(ChildRunning) as running:
                await order("a")
            assert running.value.state == "running"
        assert incarnations(sup) == {"a": 1}


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_who_waits_can_neither_be_restarted_nor_removed(
    autojump_clock: MockClock, strategy: Strategy
) -> None:
    """``restarting``."""
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", backoff=always(9)), strategy=strategy
    ) as sup:
        await cast.end("a")
        for order in (sup.restart, sup.remove):
            with pytest.raises(ChildRunning) as running:
                await order("a")
            assert running.value.state == "backoff"
        assert states(sup) == {"a": "backoff"}


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_difference_who_waits_runs_already(
    autojump_clock: MockClock, strategy: Strategy
) -> None:
    """OTP says ``already_present`` of a child that is restarting."""
    cast = Cast()
    spec = cast.spec("a", backoff=always(9))
    async with on_stage(cast, spec, strategy=strategy) as sup:
        await cast.end("a")
        with pytest.raises(ChildExists) as exists:
            await sup.start(spec)
        assert exists.value.running


@pytest.mark.parametrize("strategy", CALM)
async def test_a_stop_of_who_is_stopped_is_fine(strategy: Strategy) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a"), strategy=strategy) as sup:
        await sup.stop("a")
        assert (await sup.stop("a")).end == "not_running"
        assert cast.log == ["stopped a"]


@pytest.mark.parametrize("strategy", CALM)
async def test_who_is_removed_is_forgotten(strategy: Strategy) -> None:
    cast = Cast()
    spec = cast.spec("a")
    async with on_stage(cast, spec, strategy=strategy) as sup:
        await sup.stop("a")
        await sup.remove("a")
        assert sup.children() == ()
        with pytest.raises(NoSuchChild):
            await sup.restart("a")
        await sup.start(spec)
        assert incarnations(sup) == {"a": 1}


@pytest.mark.parametrize("strategy", CALM)
async def test_a_restart_by_hand_that_fails_leaves_the_child_stopped(
    strategy: Strategy,
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a"), cast.spec("b", "up", "fail"), strategy=strategy
    ) as sup:
        await sup.stop("b")
        with pytest.raises(ChildStartFailed):
            await sup.restart("b")
        assert states(sup) == {"a": "running", "b": "stopped"}
        await sup.restart("b")
        assert cast.log == ["stopped b", "no start b", "up b"]


async def test_who_ended_by_itself_can_be_restarted_or_removed() -> None:
    cast = Cast()
    specs = [cast.spec(name, restart="transient") for name in "ab"]
    async with on_stage(cast, *specs) as sup:
        await cast.end("a", "b", word="return")
        await sup.restart("a")
        await sup.remove("b")
        assert states(sup) == {"a": "running"}


# --- lists ---


async def test_counts_are_specs_active_supervisors_and_workers() -> None:
    """``count_children``."""
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b"), cast.team("t", []), cast.team("u", [])),
    ) as sup:
        await sup.stop("a")
        await sup.stop("t")
        counts = sup.counts()
    assert (counts.specs, counts.active) == (4, 2)
    assert (counts.supervisors, counts.workers) == (2, 2)


async def test_who_waits_is_counted_as_a_spec_only(autojump_clock: MockClock) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a", backoff=always(9))) as sup:
        await cast.end("a")
        counts = sup.counts()
    assert (counts.specs, counts.active, counts.workers) == (1, 0, 1)


async def test_temporary_children_are_counted_while_they_run() -> None:
    cast = Cast()
    names = [f"c{number}" for number in range(50)]
    async with on_stage(
        cast, *(cast.spec(name, restart="temporary") for name in names)
    ) as sup:
        assert sup.counts().active == 50
        for name in names[:20]:
            cast.tell(name)
        for name in names[20:40]:
            await sup.stop(name)
        await settle()
        assert (sup.counts().specs, sup.counts().active) == (10, 10)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_difference_children_are_listed_oldest_first(strategy: Strategy) -> None:
    """which_children begins with the newest."""
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "cab"), strategy=strategy) as sup:
        await cast.end("c")
        assert [info.name for info in sup.children()] == ["c", "a", "b"]


async def test_the_list_tells_what_runs_and_what_does_not(
    autojump_clock: MockClock,
) -> None:
    """``which_children``: a pid, ``undefined`` or ``restarting``."""
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b"), cast.spec("c", backoff=always(9))),
        cast.spec("d", restart="temporary"),
    ) as sup:
        await sup.stop("b")
        await cast.end("c", "d")
        assert states(sup) == {"a": "running", "b": "stopped", "c": "backoff"}


# --- from anywhere, at any time ---


async def test_difference_a_child_may_give_orders_to_its_own_supervisor() -> None:
    """OTP deadlocks here, as its supervisor waits for a child that starts."""
    cast = Cast()

    async def manager(sup: Supervisor, *, task_status: Status) -> None:
        await sup.start(cast.spec("helper"))
        await sup.stop("helper")
        await sup.restart("helper")
        task_status.started()
        assert sup.counts().specs == 2
        await until_over()

    async with on_stage(cast) as sup:
        await sup.start(ChildSpec("manager", manager, (sup,)))
        assert states(sup) == {"manager": "running", "helper": "running"}


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_supervisor_that_stops_takes_no_more_orders(
    autojump_clock: MockClock, strategy: Strategy
) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a"), strategy=strategy) as sup:
        pass
    for order in (sup.start(cast.spec("b")), sup.restart("a")):
        with pytest.raises(SupervisorStopped):
            await order
    assert cast.log == ["stopped a"]


async def test_the_reason_of_a_stop_is_told(autojump_clock: MockClock) -> None:
    cast = Cast()
    reason = CancelReason(CancelCode.USER, "enough")
    async with on_stage(cast, cast.spec("a")) as sup:
        assert (await sup.stop("a", reason)).reason == reason
        sup.cancel(reason)
        await until_over()
    assert sup.report is not None
    assert sup.report.reason == reason


async def test_children_added_at_run_time_are_lost_when_the_supervisor_restarts() -> (
    None
):
    """OTP's tree."""
    cast = Cast()
    team = cast.team("team", [cast.spec("a")])
    async with on_stage(cast, team) as sup:
        await cast.supervisors["team"].start(cast.spec("extra"))
        await sup.stop("team")
        await sup.restart("team")
        assert states(cast.supervisors["team"]) == {"a": "running"}


async def test_children_stopped_at_run_time_run_when_the_supervisor_restarts() -> None:
    cast = Cast()
    team = cast.team("team", map(cast.spec, "ab"))
    async with on_stage(cast, team) as sup:
        await cast.supervisors["team"].stop("a")
        await cast.supervisors["team"].remove("a")
        await sup.stop("team")
        await sup.restart("team")
        assert list(states(cast.supervisors["team"])) == ["a", "b"]
