"""OTP's rules about starting, each under its own name (``sup_start_*``, ``tree``)."""

import pytest
import trio
from tests.support.cast import Cast, Manner, Scripted, leaves, on_stage, settle, states
from trio.testing import MockClock

from crew_supervisors import (
    Backoff,
    ChildSpec,
    ChildStarted,
    ChildStartFailed,
    Grace,
    State,
    Supervisor,
    SupervisorOptions,
    open_supervisor,
    supervise,
)

Status = trio.TaskStatus[object]


async def test_a_supervisor_without_children_serves_until_it_is_left() -> None:
    async with open_supervisor() as sup:
        assert sup.children() == ()
        assert sup.counts().specs == 0
    assert sup.report is not None
    assert (sup.report.children, sup.report.stuck) == (0, ())


async def test_children_start_in_the_order_of_their_specs() -> None:
    cast = Cast()
    async with trio.open_nursery() as nursery:
        specs = [cast.spec(name) for name in "cab"]
        sup: Supervisor = await nursery.start(supervise, specs)
        assert cast.take() == ["up c", "up a", "up b"]
        sup.cancel()


async def test_a_child_is_started_when_the_one_before_is_up(
    autojump_clock: MockClock,
) -> None:
    times: list[tuple[str, float]] = []

    async def slow(name: str, *, task_status: Status) -> None:
        times.append((name, trio.current_time()))
        await trio.sleep(3)
        task_status.started()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        specs = [ChildSpec(name, slow, (name,)) for name in "abc"]
        sup: Supervisor = await nursery.start(supervise, specs)
        assert times == [("a", 0), ("b", 3), ("c", 6)]
        assert trio.current_time() == 9
        sup.cancel()


async def test_a_child_has_started_when_it_says_so_and_not_before() -> None:
    cast = Cast()
    async with on_stage(cast) as sup, trio.open_nursery() as nursery:
        nursery.start_soon(_start_in_vain, sup, cast.spec("a", "hang"))
        await settle()
        assert states(sup) == {"a": "starting"}
        assert not any(isinstance(event, ChildStarted) for event in cast.events)
        await sup.stop("a")


async def _start_in_vain(sup: Supervisor, spec: ChildSpec) -> None:
    with pytest.raises(ChildStartFailed, match="stopped before it was up"):
        await sup.start(spec)


async def test_a_start_returns_the_extra_value_of_the_child() -> None:
    cast = Cast()
    async with on_stage(cast) as sup:
        assert await sup.start(cast.spec("a")) == "value of a"


@pytest.mark.parametrize("act", ["fail", "return early"])
async def test_a_first_start_that_fails_tells_its_caller_and_leaves_nothing(
    act: str,
) -> None:
    cast = Cast()
    async with on_stage(cast, max_restarts=0) as sup:
        with pytest.raises(ChildStartFailed) as failed:
            await sup.start(cast.spec("a", "fail" if act == "fail" else "return early"))
        assert (failed.value.child, sup.children()) == ("a", ())
        assert isinstance(failed.value.__cause__, Scripted) == (act == "fail")
        assert cast.take() == ["no start a"]  # and no second try
        await sup.start(cast.spec("a"))  # the name is free


@pytest.mark.parametrize("act", ["fail", "return early"])
async def test_if_one_does_not_start_those_before_are_stopped_newest_first(
    act: str,
) -> None:
    cast = Cast()
    specs = [
        cast.spec("a"),
        cast.spec("b"),
        cast.spec("c", "fail" if act == "fail" else "return early"),
        cast.spec("d"),
    ]
    with pytest.raises(ChildStartFailed) as failed:
        await supervise(specs, on_event=cast.events.append)
    assert failed.value.child == "c"
    assert cast.log == ["up a", "up b", "no start c", "stopped b", "stopped a"]


async def test_a_start_of_many_that_fails_is_the_callers_error_also_with_sore_children() -> (
    None
):
    """What the others raise while they are stopped does not hide who did not start."""
    cast = Cast()
    specs = [cast.spec("a", manner=Manner(sore=True)), cast.spec("b", "fail")]
    with pytest.raises((ChildStartFailed, ExceptionGroup)) as failed:
        await supervise(specs, on_event=cast.events.append)
    assert any(isinstance(error, ChildStartFailed) for error in leaves(failed.value))


async def test_a_team_is_up_when_all_below_it_are() -> None:
    cast = Cast()
    inner = cast.team("inner", [cast.spec("b"), cast.spec("c")])
    async with on_stage(cast) as sup:
        value = await sup.start(cast.team("outer", [cast.spec("a"), inner]))
        assert value is cast.supervisors["outer"]
        assert cast.log == ["up a", "up b", "up c", "up inner", "up outer"]


async def test_a_team_does_not_start_if_one_below_it_does_not() -> None:
    cast = Cast()
    inner = cast.team("inner", [cast.spec("b"), cast.spec("c", "fail")])
    async with on_stage(cast) as sup:
        with pytest.raises(ChildStartFailed) as failed:
            await sup.start(cast.team("outer", [cast.spec("a"), inner]))
        assert failed.value.child == "outer"
        assert isinstance(failed.value.__cause__, ChildStartFailed)
        assert failed.value.__cause__.child == "inner"
        assert cast.log == [
            *("up a", "up b", "no start c", "stopped b", "no start inner"),
            *("stopped a", "no start outer"),
        ]
        assert sup.children() == ()


async def test_the_defaults_are_those_of_elixir_and_of_a_worker() -> None:
    """OTP: permanent, 5,000 ms. Elixir: 3 restarts in 5 s, where OTP has 1 in 5 s."""
    spec = ChildSpec("a", trio.sleep_forever)
    assert (spec.restart, spec.stop, spec.backoff) == ("permanent", Grace(5), None)
    assert not spec.significant
    options = SupervisorOptions()
    assert (options.strategy, options.auto_shutdown) == ("one_for_one", "never")
    assert (options.max_restarts, options.within) == (3, 5)
    assert options.max_children is None
    assert Backoff().first > 0


async def test_difference_a_body_that_cannot_say_so_is_up_at_once() -> None:
    """OTP has an ``init`` for every child; here a plain function is one as well."""
    async with open_supervisor() as sup:
        assert await sup.start(ChildSpec("a", trio.sleep_forever)) is None
        assert sup.children()[0].state is State.RUNNING


async def test_difference_a_start_that_hangs_holds_up_nobody_else() -> None:
    """OTP's supervisor answers nobody before ``init`` has returned."""
    cast = Cast()
    async with on_stage(cast) as sup, trio.open_nursery() as nursery:
        nursery.start_soon(_start_in_vain, sup, cast.spec("slow", "hang"))
        await settle()
        await sup.start(cast.spec("a"))
        await sup.stop("a")
        assert states(sup) == {"slow": "starting", "a": "stopped"}
        await sup.stop("slow")
        assert states(sup) == {"a": "stopped"}


async def test_difference_a_start_that_is_abandoned_is_undone() -> None:
    """A caller of OTP that is killed leaves the child running."""
    cast = Cast()
    async with on_stage(cast) as sup:
        with trio.move_on_after(0):
            await sup.start(cast.spec("a", "hang"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sup.start, cast.spec("b", "hang"))
            await settle()
            nursery.cancel_scope.cancel()
        await settle()
        assert sup.children() == ()
        assert cast.log == ["stopped b"]
