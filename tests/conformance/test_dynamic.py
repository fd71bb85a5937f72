"""The rules of simple_one_for_one, and of Elixir's DynamicSupervisor."""

from functools import partial

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
    leaves,
    on_stage,
    settle,
    states,
)
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    KILL,
    ChildExists,
    ChildSpec,
    ChildStartFailed,
    Grace,
    NoSuchChild,
    RestartType,
    TooManyChildren,
)

DEAF = Manner(listens=True, deaf=True)
dynamic = partial(on_stage, strategy="dynamic")


async def test_one_spec_makes_many_children() -> None:

    async def body(kind: str, number: int) -> None:
        log.append(f"{kind} {number}")
        await trio.sleep_forever()

    cast = Cast()
    log: list[str] = []
    spec = ChildSpec("any", body, ("job",))
    names = [f"c{number}" for number in range(5)]
    async with dynamic(cast) as sup:
        for name in names:
            await sup.start(spec.named(name, len(log)))
            await settle()
        assert list(states(sup)) == names
        assert log == [f"job {number}" for number in range(5)]
        counts = sup.counts()
    assert (counts.specs, counts.active, counts.workers) == (5, 5, 5)


async def test_the_arguments_of_a_start_come_after_those_of_the_spec() -> None:
    """OTP appends the list of start_child/2 to the arguments of the spec."""
    cast = Cast()
    spec = cast.spec("c")
    named = spec.named("other", 1, "two")
    assert (named.name, named.args) == ("other", (*spec.args, 1, "two"))
    assert (named.run, named.restart) == (spec.run, spec.restart)
    assert spec.name == "c"


@pytest.mark.parametrize("name", ["a", "b", "c"])
async def test_only_the_child_that_failed_is_restarted(name: str) -> None:
    cast = Cast()
    async with dynamic(cast, *map(cast.spec, "abc")) as sup:
        await cast.end(name)
        assert cast.log == [f"failed {name}", f"up {name}"]
        assert incarnations(sup) == {n: 1 + (n == name) for n in "abc"}


@pytest.mark.parametrize(
    ("restart", "word", "is_kept"),
    [
        ("permanent", "return", True),
        ("permanent", "fail", True),
        ("transient", "return", False),
        ("transient", "fail", True),
        ("temporary", "return", False),
        ("temporary", "fail", False),
    ],
)
async def test_who_has_ended_for_good_is_forgotten(
    restart: RestartType, word: Word, is_kept: bool
) -> None:
    cast = Cast()
    async with dynamic(cast, cast.spec("a", restart=restart)) as sup:
        await cast.end("a", word=word)
        assert states(sup) == ({"a": "running"} if is_kept else {})


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("stop", [KILL, Grace(1), FOREVER])
async def test_who_was_stopped_is_forgotten(restart: RestartType, stop: Grace) -> None:
    """DynamicSupervisor's terminate_child; OTP keeps no spec of a dynamic child either."""
    cast = Cast()
    spec = cast.spec("a", restart=restart, stop=stop)
    async with dynamic(cast, spec) as sup:
        await sup.stop("a")
        assert sup.children() == ()
        with pytest.raises(NoSuchChild):
            await sup.restart("a")
        with pytest.raises(NoSuchChild):
            await sup.remove("a")
        with pytest.raises(NoSuchChild):
            await sup.stop("a")
        await sup.start(spec)  # the name is free


async def test_who_waits_for_its_restart_can_be_stopped(
    autojump_clock: MockClock,
) -> None:
    """DynamicSupervisor: terminates restarting child."""
    cast = Cast()
    async with dynamic(cast, cast.spec("a", backoff=always(5))) as sup:
        await cast.end("a")
        assert states(sup) == {"a": "backoff"}
        await sup.stop("a")
        assert sup.children() == ()
        await trio.sleep(10)
        assert cast.starts == {"a": [0]}


async def test_a_failing_restart_is_tried_again() -> None:
    cast = Cast()
    async with dynamic(cast, cast.spec("a", "up", "fail", "return early")) as sup:
        await cast.end("a")
        assert cast.log == ["failed a", "no start a", "no start a", "up a"]
        assert incarnations(sup) == {"a": 4}


async def test_too_many_restarts_end_the_supervisor() -> None:
    """simple_one_for_one_escalation, and "child triggers maximum restarts"."""
    cast = Cast()
    with gives_up():
        async with dynamic(cast, *map(cast.spec, "abc"), max_restarts=1) as sup:
            await cast.end("a", "b")
    assert cast.log[:3] == ["failed a", "up a", "failed b"]
    assert sorted(cast.log[3:]) == ["stopped a", "stopped c"]
    assert sup.report is not None


async def test_too_many_attempts_to_restart_end_the_supervisor() -> None:
    """DynamicSupervisor: "child triggers maximum intensity when trying again"."""
    cast = Cast()
    with gives_up():
        async with dynamic(cast, cast.spec("a", "up", *fails(9)), max_restarts=3):
            await cast.end("a")
    assert cast.log == ["failed a"] + ["no start a"] * 3


async def test_a_failed_first_start_leaves_nothing() -> None:
    cast = Cast()
    async with dynamic(cast, max_restarts=0) as sup:
        with pytest.raises(ChildStartFailed):
            await sup.start(cast.spec("a", "fail"))
        assert sup.children() == ()


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_who_declines_is_not_kept(restart: RestartType) -> None:
    """sup_start_ignore_*_child_start_child_simple."""
    cast = Cast()
    async with dynamic(cast) as sup:
        assert await sup.start(cast.spec("a", "decline", restart=restart)) is None
        assert sup.children() == ()
        assert sup.counts().specs == 0


@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_who_declines_its_restart_is_forgotten(restart: RestartType) -> None:
    """DynamicSupervisor: a restart that answers ``ignore`` removes the child."""
    cast = Cast()
    async with dynamic(cast, cast.spec("a", "up", "decline", restart=restart)) as sup:
        await cast.end("a")
        assert cast.log == ["failed a", "declined a"]
        assert sup.children() == ()


# --- max_children ---


async def test_no_more_children_than_allowed() -> None:
    cast = Cast()
    async with dynamic(cast, *map(cast.spec, "ab"), max_children=2) as sup:
        with pytest.raises(TooManyChildren) as full:
            await sup.start(cast.spec("c"))
        assert full.value.max_children == 2
        assert "max_children" in str(full.value)
        assert list(states(sup)) == ["a", "b"]
        assert cast.log == []


async def test_no_children_at_all_can_be_allowed() -> None:
    """DynamicSupervisor: "with max_children" begins with 0."""
    cast = Cast()
    async with dynamic(cast, max_children=0) as sup:
        with pytest.raises(TooManyChildren):
            await sup.start(cast.spec("a"))


async def test_a_child_that_waits_for_its_restart_counts(
    autojump_clock: MockClock,
) -> None:
    """DynamicSupervisor: "restarting on exit children counted in max_children"."""
    cast = Cast()
    async with dynamic(cast, cast.spec("a", backoff=always(9)), max_children=1) as sup:
        await cast.end("a")
        with pytest.raises(TooManyChildren):
            await sup.start(cast.spec("b"))


async def test_a_child_that_is_not_up_yet_counts() -> None:
    """DynamicSupervisor: "restarting on init children counted in max_children"."""
    cast = Cast()
    async with dynamic(cast, max_children=1) as sup, trio.open_nursery() as nursery:

        async def start() -> None:
            with pytest.raises(ChildStartFailed):
                await sup.start(cast.spec("a", "hang"))

        nursery.start_soon(start)
        await settle()
        with pytest.raises(TooManyChildren):
            await sup.start(cast.spec("b"))
        await sup.stop("a")
        await sup.start(cast.spec("b"))


@pytest.mark.parametrize("how", ["stop", "return", "decline", "fail"])
async def test_whoever_is_forgotten_makes_room(how: str) -> None:
    cast = Cast()
    async with dynamic(cast, max_children=1) as sup:
        for name in "abc":
            if how == "fail":
                with pytest.raises(ChildStartFailed):
                    await sup.start(cast.spec(name, "fail"))
            elif how == "decline":
                await sup.start(cast.spec(name, "decline"))
            else:
                await sup.start(cast.spec(name, restart="transient"))
            if how == "stop":
                await sup.stop(name)
            elif how == "return":
                await cast.end(name, word="return")
        assert sup.children() == ()


async def test_a_restart_needs_no_room() -> None:
    cast = Cast()
    async with dynamic(cast, cast.spec("a"), max_children=1) as sup:
        await cast.end("a", "a")
        assert incarnations(sup) == {"a": 3}


# --- the end ---


async def test_at_the_end_all_are_stopped_at_the_same_time(
    autojump_clock: MockClock,
) -> None:
    """simple_one_for_one_shutdown."""
    cast = Cast()
    polite = Manner(listens=True, cleanup=3)
    names = [f"c{number}" for number in range(300)]  # more than one wave
    async with dynamic(cast, *(cast.spec(name, manner=polite) for name in names)):
        pass
    assert trio.current_time() == 3
    assert all(cast.stops[name] == [0] for name in names)


async def test_at_the_end_each_has_its_own_policy_counted_from_the_beginning(
    autojump_clock: MockClock,
) -> None:
    """DynamicSupervisor: "terminates with mixed children"."""
    cast = Cast()
    slow = Manner(listens=True, cleanup=20)
    async with dynamic(
        cast,
        cast.spec("killed", manner=DEAF, stop=KILL),
        cast.spec("two", manner=DEAF, stop=Grace(2)),
        cast.spec("four", manner=DEAF, stop=Grace(4)),
        cast.spec("forever", manner=slow, stop=FOREVER),
    ) as sup:
        pass
    assert cast.stops == {"killed": [0], "two": [2], "four": [4], "forever": [0]}
    assert trio.current_time() == 20
    assert sup.report is not None
    assert sup.report.killed == ("two", "four")


async def test_at_the_end_what_waits_for_its_restart_is_left_alone(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with dynamic(cast, cast.spec("a", backoff=always(9)), cast.spec("b")) as sup:
        await cast.end("a")
    assert cast.log == ["failed a", "stopped b"]
    assert trio.current_time() == 0
    assert sup.report is not None
    assert sup.report.children == 1


async def test_at_the_end_a_crash_concerns_nobody_else() -> None:
    """sup_stop_non_shutdown_exit_dynamic."""
    cast = Cast()
    sore = Manner(sore=True)
    with pytest.raises(ExceptionGroup) as out:
        async with dynamic(
            cast,
            *(cast.spec(name, manner=sore) for name in "ab"),
            cast.spec("c"),
        ):
            pass
    assert sorted(cast.log) == ["stopped a", "stopped b", "stopped c"]
    assert sorted(map(str, leaves(out.value))) == ["a is sore", "b is sore"]
    assert cast.top.report is not None
    assert sorted(report.name for report in cast.top.report.failed) == ["a", "b"]


async def test_at_the_end_one_that_is_stuck_holds_up_no_report(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with dynamic(
        cast,
        cast.spec("a", manner=Manner(cleanup=100), stop=KILL),
        cast.spec("b"),
    ) as sup:
        pass
    assert sup.report is not None
    assert [each.name for each in sup.report.stuck] == ["a"]
    assert sup.report.took == 5
    assert trio.current_time() == 100


# --- differences ---


async def test_difference_dynamic_children_have_names() -> None:
    """OTP and Elixir know them by pid only, and two may have one id."""
    cast = Cast()
    async with dynamic(cast, cast.spec("a")) as sup:
        with pytest.raises(ChildExists):
            await sup.start(cast.spec("a"))


async def test_difference_each_dynamic_child_has_a_spec_of_its_own() -> None:
    """simple_one_for_one has one spec for all; DynamicSupervisor is as free as this."""
    cast = Cast()
    async with dynamic(
        cast,
        cast.spec("a", restart="permanent"),
        cast.spec("b", restart="temporary"),
        cast.team("t", [cast.spec("c")]),
    ) as sup:
        counts = sup.counts()
    assert (counts.workers, counts.supervisors) == (2, 1)
