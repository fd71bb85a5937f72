"""OTP's rules about significant children and auto_shutdown (``significant_*``)."""

import pytest
import trio
from tests.support.cast import (
    Cast,
    Manner,
    Scripted,
    Word,
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
    AutoShutdown,
    BadSpec,
    CancelCode,
    ChildSpec,
    OnFailure,
    RestartType,
    Strategy,
    Supervisor,
    SupervisorOptions,
    check_specs,
    supervise,
)

STRATEGIES: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one"]
MODES: list[AutoShutdown] = ["any_significant", "all_significant"]


def _has_shut_down(sup: Supervisor) -> bool:
    return (
        sup.report is not None
        and sup.report.reason.code is CancelCode.AUTO_SHUTDOWN
        and sup.report.stuck == ()
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("restart", "word", "ends_it"),
    [
        ("transient", "return", True),
        ("transient", "fail", False),
        ("temporary", "return", True),
        ("temporary", "fail", True),
    ],
)
async def test_the_own_end_of_the_only_significant_child(
    strategy: Strategy,
    mode: AutoShutdown,
    restart: RestartType,
    word: Word,
    ends_it: bool,
) -> None:
    """significant_{transient,temporary} by ending."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("s", restart=restart, significant=True),
        cast.spec("b"),
        strategy=strategy,
        auto_shutdown=mode,
    ) as sup:
        cast.tell("s", word)
        with trio.CancelScope(shield=True):
            await settle()
        if ends_it:
            assert cast.log[1:] == ["stopped b", "stopped a"]
            assert _has_shut_down(sup)
        else:
            assert cast.log[-1] in {"up s", "up b"}
            assert incarnations(sup)["s"] == 2
    assert _has_shut_down(sup) == ends_it


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_any_significant_is_the_first_of_them(strategy: Strategy) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec(n, restart="transient", significant=True) for n in "abc"),
        strategy=strategy,
        auto_shutdown="any_significant",
    ) as sup:
        cast.tell("b", "return")
        await until_over()
    assert cast.log == ["returned b", "stopped c", "stopped a"]
    assert _has_shut_down(sup)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_all_significant_is_the_last_of_them(strategy: Strategy) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("x"),
        *(cast.spec(n, restart="transient", significant=True) for n in "abc"),
        strategy=strategy,
        auto_shutdown="all_significant",
    ) as sup:
        await cast.end("b", "a", word="return")
        assert states(sup) == {
            "x": "running",
            "a": "stopped",
            "b": "stopped",
            "c": "running",
        }
        cast.tell("c", "return")
        await until_over()
    assert cast.log == ["returned b", "returned a", "returned c", "stopped x"]
    assert _has_shut_down(sup)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_a_stop_by_name_is_no_own_end(
    mode: AutoShutdown, restart: RestartType
) -> None:
    """significant_terminate: only what a child does by itself counts."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("s", restart=restart, significant=True),
        cast.spec("a"),
        auto_shutdown=mode,
    ) as sup:
        await sup.stop("s")
        await settle()
        assert states(sup)["a"] == "running"
    assert not _has_shut_down(sup)


async def test_a_stop_by_name_is_not_waited_for_by_all_significant() -> None:
    """The last one that ends by itself counts, whatever became of the others."""
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec(n, restart="transient", significant=True) for n in "ab"),
        auto_shutdown="all_significant",
    ) as sup:
        await sup.stop("a")
        cast.tell("b", "return")
        await until_over()
    assert _has_shut_down(sup)


async def test_if_the_last_one_is_stopped_by_name_the_supervisor_stays() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec(n, restart="transient", significant=True) for n in "ab"),
        auto_shutdown="all_significant",
    ) as sup:
        await cast.end("a", word="return")
        await sup.stop("b")
        await settle()
        assert set(states(sup).values()) == {"stopped"}
    assert not _has_shut_down(sup)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_a_stop_as_a_sibling_is_no_own_end(
    mode: AutoShutdown, strategy: Strategy, restart: RestartType
) -> None:
    """significant_bystander."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a"),
        cast.spec("s", restart=restart, significant=True),
        strategy=strategy,
        auto_shutdown=mode,
    ) as sup:
        await cast.end("a")
        expected = ["failed a", "stopped s", "up a"]
        if restart == "transient":
            expected.append("up s")
        assert cast.log == expected
        assert states(sup)["a"] == "running"
    assert not _has_shut_down(sup)


@pytest.mark.parametrize("mode", MODES)
async def test_an_end_without_significance_ends_nothing(mode: AutoShutdown) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("s", restart="transient", significant=True),
        cast.spec("a", restart="transient"),
        cast.spec("b", restart="temporary"),
        auto_shutdown=mode,
    ) as sup:
        await cast.end("a", "b", word="return")
        assert states(sup) == {"s": "running", "a": "stopped"}


@pytest.mark.parametrize("mode", MODES)
async def test_without_significant_children_nothing_ends_by_itself(
    mode: AutoShutdown,
) -> None:
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a", restart="transient"), auto_shutdown=mode
    ) as sup:
        await cast.end("a", word="return")
        assert states(sup) == {"a": "stopped"}
    assert not _has_shut_down(sup)


@pytest.mark.parametrize("mode", MODES)
async def test_who_declines_has_not_ended(mode: AutoShutdown) -> None:
    cast = Cast()
    spec = cast.spec("s", "decline", restart="transient", significant=True)
    async with on_stage(cast, spec, auto_shutdown=mode) as sup:
        await settle()
        assert states(sup) == {"s": "stopped"}


@pytest.mark.parametrize("mode", MODES)
async def test_who_declines_its_restart_has_not_ended(mode: AutoShutdown) -> None:
    cast = Cast()
    spec = cast.spec("s", "up", "decline", restart="transient", significant=True)
    async with on_stage(cast, spec, auto_shutdown=mode) as sup:
        await cast.end("s")
        assert cast.log == ["failed s", "declined s"]
        assert states(sup) == {"s": "stopped"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_a_first_start_that_fails_is_no_end(
    mode: AutoShutdown, restart: RestartType
) -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a"), auto_shutdown=mode) as sup:
        with pytest.raises(Exception, match="did not start"):
            await sup.start(cast.spec("s", "fail", restart=restart, significant=True))
        await settle()
        assert states(sup) == {"a": "running"}


async def test_one_that_waits_for_its_restart_is_alive_to_all_significant(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec("a", restart="transient", significant=True, backoff=always(5)),
        cast.spec("b", restart="transient", significant=True),
        auto_shutdown="all_significant",
    ) as sup:
        await cast.end("a")
        await cast.end("b", word="return")
        assert states(sup) == {"a": "backoff", "b": "stopped"}
        await trio.sleep(5)
        await settle()
        cast.tell("a", "return")
        await until_over()
    assert _has_shut_down(sup)


async def test_a_restarted_significant_child_counts_again() -> None:
    cast = Cast()
    async with on_stage(
        cast,
        *(cast.spec(n, restart="transient", significant=True) for n in "ab"),
        auto_shutdown="all_significant",
    ) as sup:
        await cast.end("a", word="return")
        await sup.restart("a")
        await cast.end("b", word="return")
        assert states(sup) == {"a": "running", "b": "stopped"}
        cast.tell("a", "return")
        await until_over()
    assert _has_shut_down(sup)


@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_a_significant_supervisor_that_gave_up_has_ended_by_itself(
    restart: RestartType,
) -> None:
    """To OTP it ended with ``shutdown``, which is an orderly end."""
    cast = Cast()
    team = cast.team(
        "team",
        [cast.spec("a")],
        restart=restart,
        significant=True,
        options=SupervisorOptions(max_restarts=0),
    )
    async with on_stage(cast, team, auto_shutdown="any_significant") as sup:
        cast.tell("a")
        await until_over()
    assert cast.log == ["failed a", "gave up team"]
    assert _has_shut_down(sup)


async def test_a_shutdown_goes_up_through_significant_supervisors() -> None:
    """significant_upgrade: each level ends in order, and the one above hears of it."""
    cast = Cast()
    options = SupervisorOptions(auto_shutdown="any_significant")
    inner = cast.team(
        "inner",
        [cast.spec("a", restart="transient", significant=True), cast.spec("b")],
        restart="transient",
        significant=True,
        options=options,
    )
    outer = cast.team(
        "outer",
        [cast.spec("c"), inner],
        restart="transient",
        significant=True,
        options=options,
    )
    async with on_stage(
        cast, cast.spec("d"), outer, auto_shutdown="all_significant"
    ) as sup:
        cast.tell("a", "return")
        await until_over()
    assert cast.log == [
        *("returned a", "stopped b", "returned inner"),
        *("stopped c", "returned outer", "stopped d"),
    ]
    assert _has_shut_down(sup)


async def test_a_permanent_supervisor_that_shut_down_is_restarted() -> None:
    cast = Cast()
    options = SupervisorOptions(auto_shutdown="any_significant")
    below = cast.spec("a", restart="transient", significant=True)
    async with on_stage(cast, cast.team("team", [below], options=options)) as sup:
        await cast.end("a", word="return")
        assert cast.log == ["returned a", "returned team", "up a", "up team"]
        assert incarnations(sup) == {"team": 2}


async def test_a_supervisor_that_shut_down_has_returned_also_with_sore_children() -> (
    None
):
    """OTP ends it with ``shutdown``, and only reports what children did meanwhile."""
    cast = Cast()
    options = SupervisorOptions(auto_shutdown="any_significant")
    team = cast.team(
        "team",
        [
            cast.spec("sore", manner=Manner(sore=True)),
            cast.spec("a", restart="transient", significant=True),
        ],
        restart="transient",
        options=options,
    )
    async with on_stage(cast, team) as sup:
        await cast.end("a", word="return")
        assert states(sup) == {"team": "stopped"}
        assert incarnations(sup) == {"team": 1}


async def test_too_many_restarts_of_a_significant_child_are_no_shutdown() -> None:
    cast = Cast()
    with gives_up():
        async with on_stage(
            cast,
            cast.spec("s", restart="transient", significant=True),
            auto_shutdown="any_significant",
            max_restarts=1,
        ):
            await cast.end("s", "s")


async def test_the_children_are_stopped_newest_first_by_their_policies(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    slow = Manner(listens=True, cleanup=2)
    async with on_stage(
        cast,
        *(cast.spec(name, manner=slow) for name in "abc"),
        cast.spec("s", restart="temporary", significant=True),
        auto_shutdown="any_significant",
    ):
        cast.tell("s")
        await until_over()
    assert cast.log == ["failed s", "stopped c", "stopped b", "stopped a"]
    assert trio.current_time() == 6


async def test_supervise_returns_when_it_shut_down() -> None:
    cast = Cast()
    async with trio.open_nursery() as nursery:
        specs = [cast.spec("s", restart="transient", significant=True), cast.spec("a")]
        options = SupervisorOptions(auto_shutdown="any_significant")
        await nursery.start(supervise, specs, options)
        await cast.end("s", word="return")
        assert not nursery.child_tasks
    assert cast.log == ["up s", "up a", "returned s", "stopped a"]


async def test_a_failure_that_its_spec_answers_with_stop_is_an_own_end() -> None:
    """Not in OTP: a rule for one type of errors makes it an orderly end."""
    cast = Cast()
    async with on_stage(
        cast,
        cast.spec(
            "s",
            restart="transient",
            significant=True,
            on_failure=(OnFailure(Scripted, "stop"),),
        ),
        cast.spec("a"),
        auto_shutdown="any_significant",
    ) as sup:
        cast.tell("s")
        await until_over()
    assert cast.log == ["failed s", "stopped a"]
    assert _has_shut_down(sup)


# --- what does not go together ---


def test_a_permanent_child_cannot_be_significant() -> None:
    """It would never end by itself."""
    (problem,) = check_specs([ChildSpec("a", trio.sleep_forever, significant=True)])
    assert problem.field == "significant"


@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_a_supervisor_that_never_shuts_down_takes_no_significant_child(
    restart: RestartType,
) -> None:
    cast = Cast()
    spec = cast.spec("a", restart=restart, significant=True)
    (problem,) = check_specs([spec], SupervisorOptions())
    assert problem.field == "significant"
    async with on_stage(cast) as sup:
        with pytest.raises(BadSpec):
            await sup.start(spec)
    with pytest.raises(BadSpec):
        await supervise([spec])
    assert cast.log == []


@pytest.mark.parametrize("mode", MODES)
def test_a_dynamic_supervisor_never_shuts_down_by_itself(mode: AutoShutdown) -> None:
    """OTP's newest release and Elixir's DynamicSupervisor refuse it too."""
    options = SupervisorOptions(strategy="dynamic", auto_shutdown=mode)
    (problem,) = check_specs([], options)
    assert problem.field == "auto_shutdown"
