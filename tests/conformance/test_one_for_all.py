"""OTP's rules for one_for_all (``one_for_all*``)."""

from collections import Counter

import pytest
import trio
from tests.support.cast import (
    Cast,
    Manner,
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
    CancelCode,
    ChildFailed,
    ChildRunning,
    ChildSpec,
    ChildStopping,
    Grace,
    SupervisorOptions,
)


@pytest.mark.parametrize(("name", "stops"), [("a", "cb"), ("b", "ca"), ("c", "ba")])
async def test_all_others_are_stopped_newest_first_then_all_start_in_order(
    name: str, stops: str
) -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc"), strategy="one_for_all") as sup:
        await cast.end(name)
        assert cast.log == [
            f"failed {name}",
            *(f"stopped {each}" for each in stops),
            *("up a", "up b", "up c"),
        ]
        assert incarnations(sup) == {"a": 2, "b": 2, "c": 2}
        assert set(states(sup).values()) == {"running"}


async def test_the_others_are_stopped_by_their_own_policies(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b", manner=Manner(listens=True, cleanup=2)),
        cast.spec("c", manner=Manner(listens=True, deaf=True), stop=Grace(3)),
        strategy="one_for_all",
    ):
        cast.tell("a")
        await trio.sleep(10)
        assert cast.stops == {"c": [3], "b": [3]}
        assert cast.starts == {"a": [0, 5], "b": [0, 5], "c": [0, 5]}
        reasons = [e.reason for e in cast.events if isinstance(e, ChildStopping)]
        assert [reason.code for reason in reasons] == [CancelCode.SIBLING_FAILED] * 2


async def test_a_child_is_started_again_when_the_one_before_is_up(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc"), strategy="one_for_all") as sup:
        cast.script("b", "hang")
        await cast.end("a")
        assert cast.log[-1] == "up a"
        assert states(sup) == {"a": "running", "b": "starting", "c": "backoff"}


@pytest.mark.parametrize("word", ["return", "fail"])
async def test_a_permanent_child_that_ends_anyhow_restarts_all(word: Word) -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "ab"), strategy="one_for_all") as sup:
        await cast.end("b", word=word)
        assert incarnations(sup) == {"a": 2, "b": 2}


async def test_a_transient_child_that_returns_restarts_nobody() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", restart="transient"),
        cast.spec("b"),
        strategy="one_for_all",
    ) as sup:
        await cast.end("a", word="return")
        assert states(sup) == {"a": "stopped", "b": "running"}
        assert cast.log == ["returned a"]


async def test_a_stop_by_name_restarts_nobody() -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc"), strategy="one_for_all") as sup:
        await sup.stop("a")
        await settle()
        assert states(sup) == {"a": "stopped", "b": "running", "c": "running"}
        await sup.restart("a")
        assert cast.log == ["stopped a", "up a"]


async def test_who_was_stopped_before_is_started_with_the_others() -> None:
    """An edge of OTP: it starts every child whose spec it has."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b", restart="transient"),
        cast.spec("c"),
        strategy="one_for_all",
    ) as sup:
        await sup.stop("a")
        await cast.end("b", word="return")
        cast.log.clear()
        await cast.end("c")
        assert cast.log == ["failed c", "up a", "up b", "up c"]
        assert incarnations(sup) == {"a": 2, "b": 2, "c": 2}


async def test_if_another_child_fails_its_restart_all_are_stopped_and_retried() -> None:
    """OTP's one_for_all_other_child_fails_restart."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b", "up", "fail"),
        cast.spec("c"),
        strategy="one_for_all",
    ) as sup:
        await cast.end("c")
        assert cast.log == [
            *("failed c", "stopped b", "stopped a"),
            *("up a", "no start b", "stopped a"),
            *("up a", "up b", "up c"),
        ]
        assert incarnations(sup) == {"a": 3, "b": 3, "c": 2}


async def test_if_the_first_child_fails_its_restart_nobody_else_is_started() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", "up", "return early", "fail"),
        cast.spec("b"),
        strategy="one_for_all",
    ) as sup:
        await cast.end("b")
        assert cast.log == [
            *("failed b", "stopped a", "no start a", "no start a"),
            *("up a", "up b"),
        ]
        assert incarnations(sup) == {"a": 4, "b": 2}


async def test_a_child_that_fails_while_the_group_starts_begins_it_again() -> None:
    cast = Cast()
    async with on_stage(
        cast, *map(cast.spec, "abc"), strategy="one_for_all", max_restarts=2
    ) as sup:
        cast.script("b", "hang")
        await cast.end("c")
        cast.log.clear()
        await cast.end("a")
        assert cast.log == ["failed a", "stopped b", "up a", "up b", "up c"]
        assert set(states(sup).values()) == {"running"}


async def test_a_child_that_fails_while_the_group_is_stopped_counts_nothing(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b"),
        cast.spec("c", manner=Manner(cleanup=2)),
        strategy="one_for_all",
        max_restarts=1,
    ) as sup:
        await cast.end("a")  # c takes two seconds to stop
        await cast.end("b")
        await trio.sleep(3)
        await settle()
        assert set(states(sup).values()) == {"running"}
        assert cast.log == [
            *("failed a", "failed b", "stopped c", "up a", "up b", "up c"),
        ]
    failed = [e.child for e in cast.events if isinstance(e, ChildFailed)]
    assert failed == ["a", "b"]


async def test_temporary_children_are_stopped_and_forgotten() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", restart="temporary"),
        cast.spec("b"),
        cast.spec("c", restart="temporary"),
        strategy="one_for_all",
    ) as sup:
        await cast.end("b")
        assert cast.log == ["failed b", "stopped c", "stopped a", "up b"]
        assert states(sup) == {"b": "running"}


async def test_a_temporary_child_that_fails_restarts_nobody() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", restart="temporary"),
        cast.spec("b"),
        strategy="one_for_all",
    ) as sup:
        await cast.end("a")
        assert cast.log == ["failed a"]
        assert incarnations(sup) == {"b": 1}


async def test_teams_are_restarted_as_a_whole() -> None:
    cast = Cast()
    team = cast.team("team", [cast.spec("b"), cast.spec("c")])
    async with on_stage(cast, cast.spec("a"), team, strategy="one_for_all"):
        await cast.end("a")
        assert cast.log == [
            *("failed a", "stopped c", "stopped b", "stopped team"),
            *("up a", "up b", "up c", "up team"),
        ]


async def test_escalation_stops_all_that_run() -> None:
    cast = Cast()
    with gives_up() as limits:
        async with on_stage(
            cast,
            *(cast.spec("a"), cast.spec("b", "up", "fail"), cast.spec("c")),
            strategy="one_for_all",
            max_restarts=1,
        ) as sup:
            await cast.end("a")
    assert cast.log == [
        *("failed a", "stopped c", "stopped b", "up a", "no start b", "stopped a"),
    ]
    assert limits[0].child == "b"
    assert states(sup) == {"a": "stopped", "b": "failed", "c": "stopped"}


async def test_an_endless_loop_of_group_restarts_can_be_ended() -> None:
    """OTP's hanging_restart_loop."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b", "up", *fails(5_000)),
        strategy="one_for_all",
        max_restarts=10**9,
    ):
        cast.tell("a")
        while len(cast.log) < 50:
            await trio.lowlevel.checkpoint()
    assert cast.log.count("up a") == cast.log.count("stopped a")


async def test_difference_the_backoff_of_who_failed_holds_up_all(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", backoff=always(100)),
        cast.spec("b", backoff=always(7)),
        strategy="one_for_all",
    ) as sup:
        await cast.end("b")
        assert states(sup) == {"a": "backoff", "b": "backoff"}
        await trio.sleep(7)
        await settle()
        assert cast.starts == {"a": [0, 7], "b": [0, 7]}


async def test_difference_a_waiting_member_can_be_taken_out(
    autojump_clock: MockClock,
) -> None:
    """In OTP only the one that failed its restart waits, and stopping it ends it all."""
    cast = Cast()
    spec = cast.spec("b", backoff=always(7))
    async with on_stage(
        cast, cast.spec("a"), spec, cast.spec("c"), strategy="one_for_all"
    ) as sup:
        await cast.end("b")
        cast.log.clear()
        for order in (sup.restart, sup.remove):
            with pytest.raises(ChildRunning):
                await order("a")
        await sup.stop("a")
        await trio.sleep(7)
        await settle()
        assert cast.log == ["up b", "up c"]
        assert states(sup) == {"a": "stopped", "b": "running", "c": "running"}


async def test_difference_if_all_members_are_taken_out_nobody_is_started(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", backoff=always(7)), cast.spec("b"), strategy="one_for_all"
    ) as sup:
        await cast.end("a")
        await sup.stop("b")
        await sup.stop("a")
        await sup.restart("a")  # there is no group any more that it could wait for
        assert trio.current_time() == 0
        await trio.sleep(10)
        assert states(sup) == {"a": "running", "b": "stopped"}


async def test_difference_a_child_started_meanwhile_joins_the_group_at_its_end(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", backoff=always(7)), cast.spec("b"), strategy="one_for_all"
    ) as sup:
        await cast.end("a")
        cast.log.clear()
        assert await sup.start(cast.spec("c")) == "value of c"
        assert trio.current_time() == 7
        assert cast.log == ["up a", "up b", "up c"]


async def test_difference_a_new_child_that_does_not_start_concerns_its_caller_only(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", backoff=always(7)),
        strategy="one_for_all",
        max_restarts=1,
    ) as sup:
        await cast.end("a")
        with pytest.raises(Exception, match="did not start"):
            await sup.start(cast.spec("b", "fail"))
        await settle()
        assert states(sup) == {"a": "running"}


async def test_a_stop_of_all_ends_a_group_that_waits(autojump_clock: MockClock) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", backoff=always(7)), cast.spec("b"), strategy="one_for_all"
    ) as sup:
        await cast.end("a")
    assert cast.log == ["failed a", "stopped b"]
    assert states(sup) == {"a": "stopped", "b": "stopped"}
    assert trio.current_time() == 0


async def test_a_stop_of_all_ends_a_group_that_is_being_stopped(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    slow = Manner(cleanup=2)
    async with on_stage(
        cast,
        cast.spec("a"),
        *(cast.spec(name, manner=slow) for name in "bc"),
        strategy="one_for_all",
    ):
        await cast.end("a")
    assert cast.log == ["failed a", "stopped c", "stopped b"]
    assert trio.current_time() == 4


async def test_a_stop_of_all_ends_a_group_that_is_being_started() -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc"), strategy="one_for_all"):
        cast.script("b", "hang")
        await cast.end("a")
        cast.log.clear()
    assert cast.log == ["stopped b", "stopped a"]


async def test_a_member_that_is_stuck_is_never_doubled(
    autojump_clock: MockClock,
) -> None:
    """Two incarnations never run at once; the group waits for the old one to end."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("b", manner=Manner(cleanup=100)),
        strategy="one_for_all",
    ) as sup:
        await cast.end("a")
        await trio.sleep(50)
        assert sup.children()[1].stuck
        assert cast.starts == {"a": [0], "b": [0]}
        await trio.sleep(60)
        assert cast.starts == {"a": [0, 100], "b": [0, 100]}


async def test_a_large_group_may_fail_while_it_starts() -> None:
    """Starts come in waves, and a failure between two waves begins them anew."""
    begun: Counter[int] = Counter()
    over: Counter[int] = Counter()

    async def body(number: int) -> None:
        begun[number] += 1
        if number == 0 and begun[0] in {2, 3}:
            over[number] += 1
            raise ValueError
        try:
            await trio.sleep_forever()
        finally:
            over[number] += 1

    cast = Cast()
    async with on_stage(cast, strategy="one_for_all") as sup:
        for number in range(300):
            await sup.start(ChildSpec(str(number), body, (number,)))
        await sup.start(cast.spec("crash"))
        await settle()
        await cast.end("crash")
        assert begun[0] == 4
        assert set(states(sup).values()) == {"running"}
        assert all(begun[number] - over[number] == 1 for number in range(300))


async def test_a_team_with_one_for_all_below_a_one_for_one() -> None:
    cast = Cast()
    options = SupervisorOptions(strategy="one_for_all")
    team = cast.team("team", [cast.spec("b"), cast.spec("c")], options=options)
    async with on_stage(cast, cast.spec("a"), team) as sup:
        await cast.end("b")
        assert cast.log == ["failed b", "stopped c", "up b", "up c"]
        assert incarnations(sup) == {"a": 1, "team": 1}
