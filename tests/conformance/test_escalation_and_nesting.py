"""OTP's rules about supervisors of supervisors (``tree``, ``*_escalation``)."""

import pytest
import trio
from tests.support.cast import (
    Cast,
    Manner,
    Scripted,
    always,
    gives_up,
    incarnations,
    leaves,
    on_stage,
    settle,
    states,
)
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    FailureEscalated,
    Grace,
    OnFailure,
    RestartLimitReached,
    RestartType,
    Strategy,
    SupervisorOptions,
)

ONCE = SupervisorOptions(max_restarts=0)


@pytest.mark.parametrize(
    ("restart", "state"), [("permanent", "running"), ("transient", "stopped")]
)
async def test_a_supervisor_that_gave_up_ends_in_good_order(
    restart: RestartType, state: str
) -> None:
    """OTP: reason ``shutdown``. A permanent spec restarts it, a transient one does not."""
    cast = Cast()
    team = cast.team("team", map(cast.spec, "ab"), restart=restart, options=ONCE)
    async with on_stage(cast, team) as sup:
        await cast.end("b")
        assert cast.log[:3] == ["failed b", "stopped a", "gave up team"]
        assert states(sup) == {"team": state}


async def test_a_temporary_supervisor_that_gave_up_is_forgotten() -> None:
    cast = Cast()
    team = cast.team("team", [cast.spec("a")], restart="temporary", options=ONCE)
    async with on_stage(cast, team) as sup:
        await cast.end("a")
        assert sup.children() == ()


@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_it_gave_up_also_if_its_children_raise_while_they_stop(
    restart: RestartType,
) -> None:
    """What children do while they are stopped is reported, and changes no ending."""
    cast = Cast()
    children = [cast.spec("sore", manner=Manner(sore=True)), cast.spec("a")]
    team = cast.team("team", children, restart=restart, options=ONCE)
    async with on_stage(cast, team, max_restarts=0) as sup:
        await cast.end("a")
        assert cast.log == ["failed a", "stopped sore", "gave up team"]
        assert "running" not in states(sup).values()


async def test_only_the_part_of_the_tree_that_failed_is_restarted() -> None:
    """OTP's tree."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.team("left", map(cast.spec, "ab")),
        cast.team("right", map(cast.spec, "cd"), options=ONCE),
    ) as sup:
        await cast.end("a")
        assert cast.take() == ["failed a", "up a"]
        await cast.end("c")
        assert cast.take() == [
            *("failed c", "stopped d", "gave up right", "up c", "up d", "up right"),
        ]
        assert incarnations(sup) == {"left": 1, "right": 2}


async def test_a_supervisor_that_gave_up_restarts_its_group() -> None:
    """OTP's tree, where the top is one_for_all."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.team("left", [cast.spec("a")]),
        cast.team("right", [cast.spec("b")], options=ONCE),
        strategy="one_for_all",
    ) as sup:
        await cast.end("b")
        assert cast.log == [
            *("failed b", "gave up right", "stopped a", "stopped left"),
            *("up a", "up left", "up b", "up right"),
        ]
        assert incarnations(sup) == {"left": 2, "right": 2}


async def test_an_escalation_goes_up_until_somebody_has_a_restart_left() -> None:
    cast = Cast()
    inner = cast.team("inner", [cast.spec("a")], options=ONCE)
    middle = cast.team("middle", [inner, cast.spec("b")], options=ONCE)
    async with on_stage(cast, cast.spec("c"), middle, max_restarts=1) as sup:
        await cast.end("a")
        assert cast.log == [
            *("failed a", "gave up inner", "stopped b", "gave up middle"),
            *("up a", "up inner", "up b", "up middle"),
        ]
        assert incarnations(sup) == {"c": 1, "middle": 2}


async def test_an_escalation_that_nobody_stops_comes_out_with_all_causes() -> None:
    cast = Cast()
    inner = cast.team("inner", [cast.spec("a")], options=ONCE)
    outer = cast.team("outer", [inner], options=ONCE)
    with gives_up() as limits:
        async with on_stage(cast, outer, max_restarts=0):
            await cast.end("a")
    names: list[str] = []
    error: BaseException | None = limits[0]
    while error is not None:
        found = leaves(error)[0]
        names.append(found.child if isinstance(found, RestartLimitReached) else "")
        error = found.__cause__
    assert names == ["outer", "inner", "a", ""]


@pytest.mark.parametrize(
    ("outside", "inside", "failures"), [(0, 0, 1), (1, 2, 6), (2, 1, 6)]
)
async def test_limits_multiply(outside: int, inside: int, failures: int) -> None:
    """(m + 1) restarts inside for each of the (n + 1) lives of the team."""
    cast = Cast()
    options = SupervisorOptions(max_restarts=inside)
    with gives_up():
        async with on_stage(
            cast,
            cast.team("team", [cast.spec("a")], options=options),
            max_restarts=outside,
        ):
            for _ in range(100):
                await cast.end("a")
    assert cast.log.count("failed a") == failures


async def test_a_team_that_does_not_start_again_counts_in_the_one_above() -> None:
    cast = Cast()
    below = cast.spec("a", "up", "fail", "fail", "fail")
    with gives_up() as limits:
        async with on_stage(
            cast, cast.team("team", [below], options=ONCE), max_restarts=2
        ):
            await cast.end("a")
    assert limits[0].child == "team"
    assert (
        cast.log
        == ["failed a", "gave up team"]
        + [
            "no start a",
            "no start team",
        ]
        * 2
    )


@pytest.mark.parametrize(
    "strategy", ["one_for_one", "one_for_all", "rest_for_one", "dynamic"]
)
async def test_a_tree_stops_from_its_newest_leaves_up(strategy: Strategy) -> None:
    cast = Cast()
    inner = cast.team("inner", map(cast.spec, "bc"))
    outer = cast.team("outer", [cast.spec("a"), inner, cast.spec("d")])
    async with on_stage(cast, outer, strategy=strategy):
        pass
    assert cast.log == [
        *("stopped d", "stopped c", "stopped b", "stopped inner"),
        *("stopped a", "stopped outer"),
    ]


async def test_each_level_stops_its_children_by_their_own_policies(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    slow = Manner(listens=True, cleanup=4)
    team = cast.team("team", [cast.spec(name, manner=slow) for name in "ab"])
    async with on_stage(cast, team) as sup:
        report = await sup.stop("team")
    assert (report.end, report.took) == ("returned", 8)
    assert cast.stops == {"b": [0], "a": [4]}


@pytest.mark.parametrize("depth", [1, 2, 4])
async def test_a_tree_has_no_more_time_after_a_cancellation_than_its_top(
    autojump_clock: MockClock, depth: int
) -> None:
    """In OTP a supervisor that is killed takes along all that is below it."""
    cast = Cast()
    deaf = Manner(listens=True, deaf=True, cleanup=1)
    spec = cast.spec("a", manner=deaf, stop=FOREVER)
    for number in range(depth):
        spec = cast.team(f"team {number}", [spec])
    with trio.move_on_after(1):
        async with on_stage(cast, spec, on_outer_cancel=Grace(3)):
            await trio.sleep_forever()
    assert cast.stops == {"a": [4]}
    assert trio.current_time() == 5
    assert cast.top.report is not None
    assert cast.top.report.stuck == ()


async def test_a_stop_ends_a_team_that_waits_for_a_restart_inside(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    team = cast.team("team", [cast.spec("a", backoff=always(9)), cast.spec("b")])
    async with on_stage(cast, team) as sup:
        await cast.end("a")
        await sup.stop("team")
        assert cast.log == ["failed a", "stopped b", "stopped team"]
        assert trio.current_time() == 0


async def test_a_sibling_can_be_a_whole_tree() -> None:
    cast = Cast()
    inner = cast.team("inner", [cast.spec("b")])
    outer = cast.team("outer", [inner])
    async with on_stage(cast, cast.spec("a"), outer, strategy="rest_for_one") as sup:
        await cast.end("a")
        assert cast.log == [
            *("failed a", "stopped b", "stopped inner", "stopped outer"),
            *("up a", "up b", "up inner", "up outer"),
        ]
        assert incarnations(sup) == {"a": 2, "outer": 2}


async def test_difference_the_limit_comes_out_as_an_error_at_the_top() -> None:
    """OTP's top supervisor ends with ``shutdown`` too, and its application with it."""
    cast = Cast()
    with pytest.raises(ExceptionGroup) as out:
        async with on_stage(cast, cast.spec("a"), max_restarts=0):
            await cast.end("a")
    (limit,) = leaves(out.value)
    assert isinstance(limit, RestartLimitReached)
    assert isinstance(limit.__cause__, Scripted)
    assert "allow more" in str(limit)


# --- OnFailure, which OTP does not have ---


@pytest.mark.parametrize(
    ("restart", "state", "incarnation"),
    [("permanent", "running", 2), ("transient", "running", 2)],
)
async def test_difference_a_failure_can_escalate_at_once(
    restart: RestartType, state: str, incarnation: int
) -> None:
    """And it is a failure: unlike a limit it restarts a transient spec above."""
    cast = Cast()
    below = cast.spec("a", on_failure=(OnFailure(Scripted, "escalate"),))
    team = cast.team("team", [below, cast.spec("b")], restart=restart)
    async with on_stage(cast, team) as sup:
        await cast.end("a")
        assert cast.log[:3] == ["failed a", "stopped b", "failed team"]
        assert states(sup) == {"team": state}
        assert incarnations(sup) == {"team": incarnation}


async def test_difference_an_escalated_failure_comes_out_with_its_cause() -> None:
    cast = Cast()
    with pytest.raises(ExceptionGroup) as out:
        async with on_stage(
            cast,
            cast.spec("a", on_failure=(OnFailure(Scripted, "escalate"),)),
            cast.spec("b"),
        ):
            await cast.end("a")
    (escalated,) = leaves(out.value)
    assert isinstance(escalated, FailureEscalated)
    assert escalated.child == "a"
    assert isinstance(escalated.__cause__, Scripted)
    assert cast.log == ["failed a", "stopped b"]
    assert states(cast.top) == {"a": "failed", "b": "stopped"}


async def test_difference_a_failure_can_count_as_an_orderly_end() -> None:
    cast = Cast()
    rules = (OnFailure(Scripted, "stop"),)
    async with on_stage(cast, cast.spec("a", on_failure=rules), max_restarts=0) as sup:
        await cast.end("a")
        await settle()
        assert states(sup) == {"a": "stopped"}
        assert cast.log == ["failed a"]
