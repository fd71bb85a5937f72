"""OTP's rules about ``ignore`` (``sup_start_ignore_*``, ``restart_ignore``)."""

from contextlib import suppress

import pytest
import trio
from tests.support.cast import (
    Cast,
    Status,
    always,
    gives_up,
    incarnations,
    on_stage,
    settle,
    states,
    until_over,
)
from trio.testing import MockClock

from crew_supervisors import (
    ChildDeclined,
    ChildExists,
    ChildSpec,
    ChildStartFailed,
    DeclineStart,
    RestartType,
    Strategy,
    Supervisor,
    SupervisorError,
    open_supervisor,
    supervise,
)

STRATEGIES: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_who_declines_is_kept_and_does_not_run(
    strategy: Strategy, restart: RestartType
) -> None:
    """sup_start_ignore_child."""
    cast = Cast()
    async with on_stage(cast, strategy=strategy, max_restarts=0) as sup:
        assert await sup.start(cast.spec("a", "decline", restart=restart)) is None
        await sup.start(cast.spec("b"))
        assert states(sup) == {"a": "stopped", "b": "running"}
        counts = sup.counts()
    assert (counts.specs, counts.active, counts.workers) == (2, 1, 2)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_temporary_child_that_declines_is_forgotten(strategy: Strategy) -> None:
    """sup_start_ignore_temporary_child_start_child."""
    cast = Cast()
    async with on_stage(cast, strategy=strategy) as sup:
        spec = cast.spec("a", "decline", restart="temporary")
        assert await sup.start(spec) is None
        assert sup.children() == ()


async def test_one_of_many_may_decline_and_the_others_start() -> None:
    """sup_start_ignore_temporary_child: the specs of a supervisor."""
    cast = Cast()
    specs = [
        *(cast.spec("a"), cast.spec("b", "decline")),
        *(cast.spec("c", "decline", restart="temporary"), cast.spec("d")),
    ]
    async with on_stage(cast, cast.team("team", specs)):
        assert states(cast.supervisors["team"]) == {
            "a": "running",
            "b": "stopped",
            "d": "running",
        }


async def test_who_declined_can_be_restarted_by_hand() -> None:
    cast = Cast()
    async with on_stage(cast) as sup:
        spec = cast.spec("a", "decline", "decline")
        await sup.start(spec)
        with pytest.raises(ChildExists) as exists:
            await sup.start(spec)
        assert not exists.value.running
        assert await sup.restart("a") is None
        assert states(sup) == {"a": "stopped"}
        assert await sup.restart("a") == "value of a"
        assert incarnations(sup) == {"a": 3}


async def test_who_declined_can_be_removed() -> None:
    cast = Cast()
    async with on_stage(cast) as sup:
        await sup.start(cast.spec("a", "decline"))
        await sup.remove("a")
        assert sup.children() == ()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_who_declines_its_restart_is_left_alone(
    strategy: Strategy, restart: RestartType
) -> None:
    """restart_ignore: no second try, and it costs the one restart that it was."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", "up", "decline", restart=restart),
        strategy=strategy,
        max_restarts=1,
    ) as sup:
        await cast.end("a")
        assert cast.log == ["failed a", "declined a"]
        assert states(sup) == {"a": "stopped"}
        await sup.restart("a")
        assert incarnations(sup) == {"a": 3}


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_if_one_declines_in_a_group_the_others_go_on(strategy: Strategy) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", "up", "decline"), cast.spec("c")),
        strategy=strategy,
    ) as sup:
        await cast.end("a")
        assert cast.log == [
            *("failed a", "stopped c", "stopped b"),
            *("up a", "declined b", "up c"),
        ]
        assert states(sup) == {"a": "running", "b": "stopped", "c": "running"}


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_who_declined_is_tried_again_with_the_next_group(
    strategy: Strategy,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", "up", "decline"), cast.spec("c")),
        strategy=strategy,
    ) as sup:
        await cast.end("a", "a")
        assert set(states(sup).values()) == {"running"}
        assert incarnations(sup) == {"a": 3, "b": 3, "c": 3}


async def test_one_for_all_tries_who_declined_again_when_another_one_fails() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", "up", "decline")),
        cast.spec("c", "up", "fail"),
        strategy="one_for_all",
    ):
        await cast.end("a")
        assert cast.log == [
            *("failed a", "stopped c", "stopped b"),
            *("up a", "declined b", "no start c", "stopped a"),
            *("up a", "up b", "up c"),
        ]


async def test_rest_for_one_leaves_who_declined_when_a_later_one_fails() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec("a"), cast.spec("b", "up", "decline")),
        cast.spec("c", "up", "fail"),
        strategy="rest_for_one",
    ) as sup:
        await cast.end("a")
        assert cast.log == [
            *("failed a", "stopped c", "stopped b"),
            *("up a", "declined b", "no start c", "up c"),
        ]
        assert states(sup) == {"a": "running", "b": "stopped", "c": "running"}


async def test_a_whole_team_may_decline() -> None:
    """sup_start_ignore_init."""
    cast = Cast()
    async with on_stage(cast) as sup:
        assert await sup.start(cast.team("team", [cast.spec("a")], "decline")) is None
        assert states(sup) == {"team": "stopped"}
        assert cast.log == ["declined team"]


async def test_once_up_nobody_can_decline() -> None:
    """It is a failure like any other, and counts."""
    cast = Cast()
    with gives_up():
        async with on_stage(cast, cast.spec("a"), max_restarts=1):
            await cast.end("a", "a", word="decline")
    assert cast.log == ["failed a", "up a", "failed a"]


async def test_the_event_says_who_declined_and_why() -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a", "up", "decline")):
        await cast.end("a")
    declined = [e for e in cast.events if isinstance(e, ChildDeclined)]
    assert [(e.child, e.incarnation, e.why) for e in declined] == [
        ("a", 2, "a does not want to")
    ]


async def test_a_declined_restart_after_a_backoff_is_one_too(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", "up", "decline", backoff=always(5)), max_restarts=1
    ) as sup:
        await cast.end("a")
        await trio.sleep(5)
        await settle()
        assert states(sup) == {"a": "stopped"}
        assert cast.starts == {"a": [0, 5]}


async def test_a_group_that_holds_only_the_refusal_is_one_too() -> None:
    """What is raised inside of a nursery comes out as a group of one."""
    starts: list[int] = []

    async def shy(*, task_status: Status) -> None:
        starts.append(1)
        async with trio.open_nursery():
            raise DeclineStart("not me")

    async with open_supervisor(on_event=lambda _: None) as sup:
        assert await sup.start(ChildSpec("a", shy)) is None
        assert states(sup) == {"a": "stopped"}


async def test_difference_a_body_that_is_up_at_once_cannot_decline() -> None:
    """In OTP every child has an ``init``."""

    async def shy() -> None:
        raise DeclineStart("too late")

    with gives_up():
        async with open_supervisor(max_restarts=0, on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", shy))
            await until_over()


async def test_who_declines_at_the_moment_of_its_stop_has_not_failed(
    autojump_clock: MockClock,
) -> None:
    """Whatever of the two comes first: nothing is raised, and nobody is told to fail."""

    async def late(*, task_status: Status) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        raise DeclineStart("too late")

    async with trio.open_nursery() as nursery:
        async with open_supervisor(on_event=lambda _: None) as sup:
            nursery.start_soon(_start, sup, ChildSpec("a", late))
            nursery.start_soon(_start, sup, ChildSpec("b", late))
            await trio.sleep(1)
        assert sup.report is not None
        assert sup.report.failed == ()


async def _start(sup: Supervisor, spec: ChildSpec) -> None:
    with suppress(SupervisorError):
        await sup.start(spec)


async def test_a_refusal_is_no_start_that_failed() -> None:
    cast = Cast()
    async with trio.open_nursery() as nursery:
        try:
            sup = await nursery.start(supervise, [cast.spec("a", "decline")])
        except ChildStartFailed:  # pragma: no cover  # what must not be
            pytest.fail("a refusal is no failure")
        sup.cancel()
