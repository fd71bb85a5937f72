"""Supervisors inside of supervisors."""

import functools

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    CancelCode,
    CancelReason,
    Child,
    ChildCounts,
    ChildSpec,
    ChildStartFailed,
    ChildStopped,
    Event,
    RestartLimitReached,
    RestartType,
    State,
    Supervisor,
    SupervisorsTooDeep,
    open_supervisor,
    supervise,
)
from crew_supervisors._supervisor import DEEPEST

USER = CancelReason(CancelCode.USER, "enough")


async def forever() -> None:
    await trio.sleep_forever()


async def crash() -> None:
    raise ValueError("boom")


async def test_a_nested_supervisor_stops_its_children_by_their_own_policies(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    reasons: list[object] = []

    async def polite(seconds: float, *, child: Child) -> None:
        await child.stopping.wait()
        reasons.append(child.stopping.reason)
        await trio.sleep(seconds)

    inner = (
        ChildSpec("a", polite, (1,), stop=FOREVER),
        ChildSpec("b", polite, (9,), stop=FOREVER),
    )
    team = functools.partial(supervise, on_event=events.append)
    async with open_supervisor() as top:
        await top.start(ChildSpec("team", team, (inner,), stop=FOREVER))
        report = await top.stop("team", USER)
    assert (report.end, report.took) == ("returned", 10)
    stopped = [(e.child, e.time) for e in events if isinstance(e, ChildStopped)]
    assert stopped == [("b", 9), ("a", 10)]
    assert reasons == [USER, USER]


async def test_a_nested_supervisor_that_was_asked_before_it_opened_stops_at_once() -> (
    None
):
    sup: Supervisor

    async def late(*, child: Child) -> None:
        await child.stopping.wait()
        await supervise([ChildSpec("a", forever)], child=child)

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("late", late, stop=FOREVER))
        assert (await sup.stop("late")).end == "returned"


async def test_all_supervisors_of_one_body_are_asked_to_stop(
    autojump_clock: MockClock,
) -> None:
    handles: list[Child] = []

    async def two(*, child: Child, task_status: trio.TaskStatus[object]) -> None:
        handles.append(child)
        specs = [ChildSpec("a", forever)]
        async with trio.open_nursery() as nursery:
            for name in ("first", "second", "third"):
                team = functools.partial(supervise, specs, name=name, child=child)
                sup = await nursery.start(team)
            sup.cancel()  # the third ends by itself, and is asked no more
            await trio.testing.wait_all_tasks_blocked()
            assert len(child.stopping._listeners) == 2
            task_status.started()

    with trio.fail_after(10):
        async with open_supervisor() as top:
            await top.start(ChildSpec("two", two, stop=FOREVER))
            assert (await top.stop("two")).end == "returned"
    assert handles[0].stopping._listeners == ()


async def test_a_nested_supervisor_has_the_name_of_its_child_spec() -> None:
    async with open_supervisor(name="top") as top:
        inner = await top.start(ChildSpec("team", supervise, ((),), stop=FOREVER))
        assert isinstance(inner, Supervisor)
        assert inner.name == "team"
        named = functools.partial(supervise, name="crew")
        inner = await top.start(ChildSpec("other", named, ((),), stop=FOREVER))
        assert isinstance(inner, Supervisor)
        assert inner.name == "crew"


async def test_a_nested_start_that_fails_names_both_children() -> None:
    async def bad(*, task_status: trio.TaskStatus[None]) -> None:
        raise ValueError("boom")

    inner = (ChildSpec("leaf", bad),)
    async with open_supervisor(on_event=lambda _: None) as top:
        with pytest.raises(ChildStartFailed, match=r"'team'.*'leaf'.*boom"):
            await top.start(ChildSpec("team", supervise, (inner,), stop=FOREVER))


async def test_a_limit_reached_below_is_a_failure_of_a_permanent_child(
    autojump_clock: MockClock,
) -> None:
    """Limits multiply: the inner one is reached once for each restart of the outer."""
    starts: list[float] = []

    async def flaky() -> None:
        starts.append(trio.current_time())
        await trio.sleep(1)
        raise ValueError("boom")

    quiet = functools.partial(
        supervise, max_restarts=1, within=9, on_event=lambda _: None
    )
    inner = (ChildSpec("flaky", flaky),)
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(
            name="top", max_restarts=2, within=99, on_event=lambda _: None
        ) as top:
            await top.start(ChildSpec("team", quiet, (inner,), stop=FOREVER))
            await trio.sleep_forever()
    assert starts == [0, 1, 2, 3, 4, 5]
    (limit,) = out.value.exceptions
    assert isinstance(limit, RestartLimitReached)
    assert (limit.supervisor, limit.child) == ("top", "team")
    (below,) = limit.__cause__.exceptions  # type: ignore[union-attr]  # it is a group
    assert isinstance(below, RestartLimitReached)
    assert isinstance(below.__cause__, ValueError)


@pytest.mark.parametrize(
    ("restart", "state"), [("transient", State.STOPPED), ("temporary", None)]
)
async def test_a_limit_reached_below_ends_a_transient_child_for_good(
    restart: RestartType, state: State | None
) -> None:
    """As in OTP, where such a supervisor ends with the reason ``shutdown``."""
    quiet = functools.partial(supervise, max_restarts=0, on_event=lambda _: None)
    inner = (ChildSpec("crash", crash),)
    async with open_supervisor(on_event=lambda _: None) as top:
        await top.start(ChildSpec("team", quiet, (inner,), restart, FOREVER))
        await trio.testing.wait_all_tasks_blocked()
        expected = [] if state is None else [state]
        assert [info.state for info in top.children()] == expected


async def test_children_added_later_are_lost_when_the_supervisor_is_restarted() -> None:
    inners: list[Supervisor] = []

    async def team(*, child: Child, task_status: trio.TaskStatus[Supervisor]) -> None:
        class Status:
            def started(self, value: Supervisor | None = None) -> None:
                assert value is not None
                inners.append(value)
                task_status.started(value)

        specs = [ChildSpec("fixed", forever)]
        await supervise(specs, child=child, task_status=Status())

    async with open_supervisor(on_event=lambda _: None) as top:
        first = await top.start(ChildSpec("team", team, stop=FOREVER))
        assert isinstance(first, Supervisor)
        await first.start(ChildSpec("added", forever))
        first.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert [info.name for info in inners[-1].children()] == ["fixed"]
        assert len(inners) == 2


async def test_the_tree_shows_what_runs_below() -> None:
    async with open_supervisor(name="top") as top:
        await top.start(ChildSpec("a", forever))
        inner = (ChildSpec("x", forever), ChildSpec("y", forever))
        await top.start(ChildSpec("team", supervise, (inner,), stop=FOREVER))
        await top.start(ChildSpec("b", forever))
        assert str(top.tree()).splitlines() == [
            "top [running]",
            "├─ a [running]",
            "├─ team [running]",
            "│  └─ team [running]",
            "│     ├─ x [running]",
            "│     └─ y [running]",
            "└─ b [running]",
        ]
        assert top.counts() == ChildCounts(3, 3, 1, 2)
        await top.stop("team")
        assert top.counts() == ChildCounts(3, 2, 1, 2)
        assert [len(node.children) for node in top.tree().children] == [0, 0, 0]


async def test_the_tree_counts_restarts() -> None:
    runs: list[str] = []

    async def once() -> None:
        runs.append("x")
        if len(runs) == 1:
            raise ValueError
        await trio.sleep_forever()

    async with open_supervisor(on_event=lambda _: None) as top:
        await top.start(ChildSpec("once", once))
        await trio.testing.wait_all_tasks_blocked()
        assert str(top.tree()).splitlines()[1] == "└─ once [running] restarts=1"


async def dig(depth: int, reached: list[int], hold: trio.Event) -> None:
    reached.append(depth)
    async with open_supervisor() as sup:
        spec = ChildSpec("below", dig, (depth + 1, reached, hold), "temporary")
        await sup.start(spec)
        await hold.wait()


async def test_nesting_too_deep_is_refused_well_before_trio_breaks() -> None:
    reached: list[int] = []
    errors: list[BaseException] = []

    async def deepest(depth: int) -> None:
        reached.append(depth)
        try:
            async with open_supervisor() as sup:
                await sup.start(ChildSpec("x", deepest, (depth + 1,), "temporary"))
                await trio.sleep_forever()
        except SupervisorsTooDeep as error:
            errors.append(error)

    with trio.CancelScope() as scope:
        async with open_supervisor() as sup:
            await sup.start(ChildSpec("x", deepest, (1,), "temporary"))
            await trio.testing.wait_all_tasks_blocked()
            assert str(sup.tree()).count("x [running]") == DEEPEST - 1
            scope.cancel()  # and the whole depth can be cancelled
    (error,) = errors
    assert isinstance(error, SupervisorsTooDeep)
    assert error.limit == DEEPEST
    assert max(reached) == DEEPEST
    assert "further up" in str(error)


async def test_a_deep_tree_stops_by_itself_and_in_order() -> None:
    reached: list[int] = []
    hold = trio.Event()
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("below", dig, (1, reached, hold), "temporary"))
        await trio.testing.wait_all_tasks_blocked()
    assert max(reached) == DEEPEST


async def test_supervisors_opened_in_one_task_count_as_nested() -> None:
    async def open_more(left: int) -> None:
        async with open_supervisor():
            if left:
                await open_more(left - 1)

    await open_more(DEEPEST - 1)
    with pytest.raises(ExceptionGroup) as out:
        await open_more(DEEPEST)
    assert out.value.subgroup(SupervisorsTooDeep) is not None


async def test_a_task_started_into_an_outer_nursery_is_not_nested() -> None:
    """Its context is inherited, its place in the tree is not."""
    async with trio.open_nursery() as outer:
        finished = trio.Event()

        async def next_one(left: int) -> None:
            async with open_supervisor() as sup:
                if left:
                    spec = ChildSpec("hop", hop, (left,), "temporary")
                    await sup.start(spec)
                else:
                    finished.set()

        async def hop(left: int, *, task_status: trio.TaskStatus[None]) -> None:
            outer.start_soon(next_one, left - 1)
            task_status.started()

        outer.start_soon(next_one, DEEPEST + 5)
        await finished.wait()
