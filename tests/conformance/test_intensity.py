"""OTP's rules about the restart intensity (``multiple_restarts``, ``*_escalation``)."""

import pytest
import trio
from tests.support.cast import (
    Cast,
    Word,
    always,
    fails,
    gives_up,
    incarnations,
    on_stage,
    settle,
    states,
)
from trio.testing import MockClock

from crew_supervisors import (
    ChildRestarting,
    RestartLimitReached,
    RestartType,
    Strategy,
    SupervisorEscalated,
    SupervisorOptions,
)

STRATEGIES: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one", "dynamic"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("allowed", [0, 1, 3])
async def test_one_restart_more_than_allowed_ends_the_supervisor(
    strategy: Strategy, allowed: int
) -> None:
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(
            cast, cast.spec("a"), strategy=strategy, max_restarts=allowed
        ) as sup:
            for number in range(allowed):
                await cast.end("a")
                assert incarnations(sup) == {"a": number + 2}
            await cast.end("a")
    assert cast.log == ["failed a", "up a"] * allowed + ["failed a"]
    (limit,) = limits
    assert (limit.child, limit.max_restarts, limit.within) == ("a", allowed, 5)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("within", "is_too_much"), [(1, False), (1.999, False), (2, True), (2.5, True)]
)
async def test_a_restart_exactly_one_period_ago_still_counts(
    autojump_clock: MockClock, strategy: Strategy, within: float, is_too_much: bool
) -> None:
    """Restarts at 1, 2 and 3, two allowed: the first is two seconds old at the third."""
    cast = Cast()
    limits: list[BaseException] = []
    try:
        async with on_stage(
            cast, cast.spec("a"), strategy=strategy, max_restarts=2, within=within
        ):
            for _ in range(3):
                await trio.sleep(1)
                await cast.end("a")
    except* RestartLimitReached as group:
        limits.extend(group.exceptions)
    assert bool(limits) == is_too_much


async def test_the_window_slides(autojump_clock: MockClock) -> None:
    """It is no counter that is reset: each restart is forgotten on its own."""
    cast = Cast()
    times = [
        0,
        4,
        6,
        9.5,
        11.5,
    ]  # of any three, first and third are more than 5 s apart
    with gives_up():
        async with on_stage(cast, cast.spec("a"), max_restarts=2, within=5) as sup:
            for time in times:
                await trio.sleep(time - trio.current_time())
                await cast.end("a")
            assert incarnations(sup) == {"a": 6}
            await trio.sleep(3)  # 9.5, 11.5 and 14.5: exactly five
            await cast.end("a")
    assert trio.current_time() == 14.5


async def test_all_children_share_one_limit() -> None:
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(cast, *map(cast.spec, "abc"), max_restarts=2):
            await cast.end("a", "b", "c")
    assert limits[0].child == "c"
    assert cast.log == [
        *("failed a", "up a", "failed b", "up b", "failed c"),
        *("stopped b", "stopped a"),
    ]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_the_restart_of_a_group_is_one_restart(strategy: Strategy) -> None:
    cast = Cast()
    async with on_stage(
        cast, *map(cast.spec, "abcd"), strategy=strategy, max_restarts=2
    ) as sup:
        await cast.end("a")
        await cast.end("a")
        assert set(incarnations(sup).values()) == {3}
    assert sum(isinstance(event, ChildRestarting) for event in cast.events) == 2


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_each_attempt_of_a_failing_restart_counts(strategy: Strategy) -> None:
    cast = Cast()
    with gives_up():
        async with on_stage(
            cast, cast.spec("a", "up", *fails(9)), strategy=strategy, max_restarts=3
        ):
            await cast.end("a")
    assert cast.log == ["failed a"] + ["no start a"] * 3


async def test_a_failing_restart_that_succeeds_in_the_end_is_inside_the_limit() -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", "up", "fail", "fail"), max_restarts=3
    ) as sup:
        await cast.end("a")
        assert cast.log == ["failed a", "no start a", "no start a", "up a"]
        assert incarnations(sup) == {"a": 4}


@pytest.mark.parametrize(
    ("restart", "word"),
    [("transient", "return"), ("temporary", "return"), ("temporary", "fail")],
)
async def test_an_end_without_a_restart_does_not_count(
    restart: RestartType, word: Word
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", restart=restart), cast.spec("b"), max_restarts=0
    ) as sup:
        await cast.end("a", word=word)
        assert states(sup)["b"] == "running"


async def test_a_restart_by_hand_does_not_count() -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a"), max_restarts=0) as sup:
        for _ in range(5):
            await sup.stop("a")
            await sup.restart("a")
        assert incarnations(sup) == {"a": 6}


@pytest.mark.parametrize("act", ["fail", "return early"])
async def test_a_failed_start_by_hand_does_not_count(act: str) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a"), max_restarts=0) as sup:
        for _ in range(5):
            await sup.stop("a")
            cast.script("a", "fail" if act == "fail" else "return early")
            with pytest.raises(Exception, match="did not start"):
                await sup.restart("a")
            assert states(sup) == {"a": "stopped"}


async def test_a_permanent_child_that_returns_uses_up_the_limit_too() -> None:
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(cast, cast.spec("a"), max_restarts=1):
            await cast.end("a", "a", word="return")
    assert limits[0].__cause__ is None  # nobody raised anything


async def test_each_supervisor_has_a_limit_of_its_own() -> None:
    cast = Cast()
    options = SupervisorOptions(max_restarts=1)
    async with on_stage(
        cast,
        cast.team("left", [cast.spec("a")], options=options),
        cast.team("right", [cast.spec("b")], options=options),
        max_restarts=0,
    ) as sup:
        await cast.end("a", "b")
        assert incarnations(sup) == {"left": 1, "right": 1}


async def test_a_restarted_supervisor_begins_with_its_whole_limit() -> None:
    cast = Cast()
    options = SupervisorOptions(max_restarts=1)
    async with on_stage(
        cast, cast.team("t", [cast.spec("a")], options=options), max_restarts=2
    ) as sup:
        await cast.end("a", "a")  # one more than allowed: the team is restarted
        assert incarnations(sup) == {"t": 2}
        await cast.end("a")  # one, as in the beginning
        assert incarnations(sup) == {"t": 2}
        await cast.end("a")
        assert incarnations(sup) == {"t": 3}


async def test_the_child_that_used_up_the_limit_has_failed() -> None:
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(cast, *map(cast.spec, "abc"), max_restarts=0) as sup:
            await cast.end("b")
    assert cast.log == ["failed b", "stopped c", "stopped a"]
    assert states(sup) == {"a": "stopped", "b": "failed", "c": "stopped"}
    assert str(limits[0].__cause__) == "b was told to fail"
    (event,) = [e for e in cast.events if isinstance(e, SupervisorEscalated)]
    assert (event.child, event.max_restarts, event.within) == ("b", 0, 5)


async def test_a_failing_group_restart_counts_each_attempt() -> None:
    """OTP's one_for_all_escalation: the second child does not come up again."""
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(
            cast,
            cast.spec("a"),
            cast.spec("b", "up", *fails(9)),
            strategy="one_for_all",
            max_restarts=3,
        ):
            await cast.end("a")
    assert limits[0].child == "b"
    again = ["stopped a", "up a", "no start b"]
    assert cast.log == [
        *("failed a", "stopped b", "up a", "no start b"),
        *again,
        *again,
        "stopped a",
    ]


async def test_a_long_backoff_keeps_a_child_inside_the_limit(
    autojump_clock: MockClock,
) -> None:
    """OTP has no backoff; with one, a child that always fails need never be too much."""
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", backoff=always(6)), max_restarts=1, within=5
    ) as sup:
        for _ in range(20):
            await cast.end("a")
            await trio.sleep(6)
            await settle()
        assert incarnations(sup) == {"a": 21}
