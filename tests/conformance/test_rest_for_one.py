"""OTP's rules for rest_for_one (``rest_for_one*``)."""

import pytest
import trio
from tests.support.cast import (
    Cast,
    Manner,
    always,
    fails,
    gives_up,
    incarnations,
    on_stage,
    settle,
    states,
)
from trio.testing import MockClock

from crew_supervisors import ChildRunning, SupervisorOptions


@pytest.mark.parametrize(
    ("name", "stops", "ups"), [("a", "dcb", "abcd"), ("b", "dc", "bcd"), ("d", "", "d")]
)
async def test_those_after_it_are_stopped_and_started_with_it(
    name: str, stops: str, ups: str
) -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abcd"), strategy="rest_for_one") as sup:
        await cast.end(name)
        assert cast.log == [
            f"failed {name}",
            *(f"stopped {each}" for each in stops),
            *(f"up {each}" for each in ups),
        ]
        assert incarnations(sup) == {each: 1 + (each in ups) for each in "abcd"}


async def test_after_means_first_started_after() -> None:
    """A child that was restarted, by itself or by hand, keeps its place."""
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc"), strategy="rest_for_one") as sup:
        await sup.stop("a")
        await sup.restart("a")
        cast.log.clear()
        await cast.end("b")
        assert cast.log == ["failed b", "stopped c", "up b", "up c"]


async def test_a_child_that_was_removed_and_started_again_is_the_last() -> None:
    cast = Cast()
    spec = cast.spec("a")
    async with on_stage(cast, spec, cast.spec("b"), strategy="rest_for_one") as sup:
        await sup.stop("a")
        await sup.remove("a")
        await sup.start(spec)
        cast.log.clear()
        await cast.end("b")
        assert cast.log == ["failed b", "stopped a", "up b", "up a"]


async def test_if_a_later_child_fails_its_restart_the_earlier_ones_stay() -> None:
    """OTP's rest_for_one_other_child_fails_restart."""
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b"), cast.spec("c", "up", "fail", "fail")),
        cast.spec("d"),
        strategy="rest_for_one",
    ) as sup:
        await cast.end("b")
        assert cast.log == [
            *("failed b", "stopped d", "stopped c"),
            *("up b", "no start c", "no start c", "up c", "up d"),
        ]
        assert incarnations(sup) == {"a": 1, "b": 2, "c": 4, "d": 2}


async def test_if_the_failed_child_fails_its_restart_it_is_tried_alone() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", "up", "fail"), cast.spec("c")),
        strategy="rest_for_one",
    ):
        await cast.end("b")
        assert cast.log == [
            *("failed b", "stopped c", "no start b", "up b", "up c"),
        ]


async def test_who_was_stopped_before_is_started_if_it_comes_after() -> None:
    """The edge of OTP, within the rest."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b"),
        cast.spec("c", restart="transient"),
        strategy="rest_for_one",
    ) as sup:
        await sup.stop("a")
        await cast.end("c", word="return")
        cast.log.clear()
        await cast.end("b")
        assert cast.log == ["failed b", "up b", "up c"]
        assert states(sup) == {"a": "stopped", "b": "running", "c": "running"}


async def test_temporary_children_after_it_are_stopped_and_forgotten() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", restart="temporary"),
        cast.spec("b"),
        cast.spec("c", restart="temporary"),
        cast.spec("d"),
        strategy="rest_for_one",
    ) as sup:
        await cast.end("b")
        assert cast.log == ["failed b", "stopped d", "stopped c", "up b", "up d"]
        assert incarnations(sup) == {"a": 1, "b": 2, "d": 2}


async def test_a_transient_child_that_returns_restarts_nobody() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", restart="transient"),
        cast.spec("b"),
        strategy="rest_for_one",
    ) as sup:
        await cast.end("a", word="return")
        assert states(sup) == {"a": "stopped", "b": "running"}
        assert cast.log == ["returned a"]


async def test_one_restart_of_many_counts_once_and_the_next_one_ends_it() -> None:
    """OTP's rest_for_one: children are gone, the limit counts both."""
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(
            cast, *map(cast.spec, "abc"), strategy="rest_for_one", max_restarts=2
        ):
            await cast.end("b", "c", "b")
    assert limits[0].child == "b"
    assert cast.log == [
        *("failed b", "stopped c", "up b", "up c"),
        *("failed c", "up c"),
        *("failed b", "stopped c", "stopped a"),
    ]


async def test_escalation_when_a_later_child_does_not_come_up_again() -> None:
    """OTP's rest_for_one_escalation."""
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(
            cast,
            cast.spec("a"),
            cast.spec("b", "up", *fails(9)),
            strategy="rest_for_one",
            max_restarts=4,
        ):
            await cast.end("a")
    assert limits[0].child == "b"
    assert cast.log == [
        *("failed a", "stopped b", "up a"),
        *["no start b"] * 4,
        "stopped a",
    ]


async def test_a_failure_of_an_earlier_child_widens_the_group(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b"), cast.spec("c", backoff=always(7))),
        strategy="rest_for_one",
        max_restarts=2,
    ) as sup:
        await cast.end("c")
        assert states(sup) == {"a": "running", "b": "running", "c": "backoff"}
        await trio.sleep(3)
        await cast.end("a")
        assert set(states(sup).values()) == {"backoff"}
        await trio.sleep(4)
        await settle()
        assert cast.log == ["failed c", "failed a", "stopped b", "up a", "up b", "up c"]
        assert cast.starts == {"a": [0, 7], "b": [0, 7], "c": [0, 7]}


async def test_a_failure_of_an_earlier_child_while_the_rest_starts_widens_the_group() -> (
    None
):
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc"), strategy="rest_for_one") as sup:
        cast.script("b", "hang")
        await cast.end("b")
        cast.log.clear()
        await cast.end("a")
        assert cast.log == ["failed a", "stopped b", "up a", "up b", "up c"]
        assert incarnations(sup) == {"a": 2, "b": 3, "c": 2}


async def test_a_failure_of_a_later_child_while_the_rest_is_stopped_counts_nothing(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b"), cast.spec("c", manner=Manner(cleanup=2))),
        strategy="rest_for_one",
        max_restarts=1,
    ) as sup:
        await cast.end("a")
        await cast.end("b")
        await trio.sleep(3)
        assert incarnations(sup) == {"a": 2, "b": 2, "c": 2}


async def test_difference_an_earlier_child_is_free_while_the_rest_waits(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", backoff=always(7)), cast.spec("c")),
        strategy="rest_for_one",
    ) as sup:
        await cast.end("b")
        await sup.stop("a")
        await sup.restart("a")
        assert trio.current_time() == 0
        with pytest.raises(ChildRunning):
            await sup.restart("c")
        await trio.sleep(7)
        await settle()
        assert incarnations(sup) == {"a": 2, "b": 2, "c": 2}


async def test_difference_the_member_that_failed_can_be_taken_out(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", backoff=always(7)), cast.spec("c")),
        strategy="rest_for_one",
    ) as sup:
        await cast.end("b")
        await sup.stop("b")
        await trio.sleep(10)
        assert states(sup) == {"a": "running", "b": "stopped", "c": "running"}


async def test_difference_a_group_without_members_holds_up_nobody(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a"), cast.spec("b", backoff=always(7)), strategy="rest_for_one"
    ) as sup:
        await cast.end("b")
        await sup.stop("b")
        await cast.end("a")
        await sup.start(cast.spec("c"))
        assert trio.current_time() == 0
        assert cast.starts == {"a": [0, 0], "b": [0, 0], "c": [0]}


async def test_a_stop_of_all_ends_a_waiting_rest(autojump_clock: MockClock) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", backoff=always(7)), cast.spec("c")),
        strategy="rest_for_one",
    ) as sup:
        await cast.end("b")
    assert cast.log == ["failed b", "stopped c", "stopped a"]
    assert set(states(sup).values()) == {"stopped"}


async def test_teams_after_it_are_restarted_as_a_whole() -> None:
    cast = Cast()
    options = SupervisorOptions(strategy="rest_for_one")
    team = cast.team("team", map(cast.spec, "bcd"), options=options)
    async with on_stage(
        cast, cast.spec("a"), team, cast.spec("e"), strategy="rest_for_one"
    ) as sup:
        await cast.end("c")
        assert cast.take() == ["failed c", "stopped d", "up c", "up d"]
        await cast.end("a")
        assert cast.take() == [
            *("failed a", "stopped e"),
            *("stopped d", "stopped c", "stopped b", "stopped team"),
            *("up a", "up b", "up c", "up d", "up team", "up e"),
        ]
        assert incarnations(sup) == {"a": 2, "team": 2, "e": 2}
