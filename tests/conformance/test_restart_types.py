"""The table of OTP: restart type by ending.

``permanent/transient/temporary`` by ``normal/shutdown/abnormal``, ``temporary_bystander``
and ``do_not_save_child_specs_for_temporary_children``.
"""

from typing import Literal

import pytest
import trio
from tests.support.cast import Cast, incarnations, on_stage, settle, states

from crew_supervisors import (
    ChildExists,
    ChildSpec,
    RestartType,
    Strategy,
    SupervisorOptions,
    open_supervisor,
)

How = Literal["returned", "failed", "gave up", "shut down by itself", "told to stop"]
Fate = Literal["restarted", "stopped", "forgotten"]

TABLE: list[tuple[RestartType, How, Fate]] = [
    ("permanent", "returned", "restarted"),
    ("permanent", "failed", "restarted"),
    ("permanent", "gave up", "restarted"),
    ("permanent", "shut down by itself", "restarted"),
    ("permanent", "told to stop", "stopped"),
    ("transient", "returned", "stopped"),
    ("transient", "failed", "restarted"),
    ("transient", "gave up", "stopped"),
    ("transient", "shut down by itself", "stopped"),
    ("transient", "told to stop", "stopped"),
    ("temporary", "returned", "forgotten"),
    ("temporary", "failed", "forgotten"),
    ("temporary", "gave up", "forgotten"),
    ("temporary", "shut down by itself", "forgotten"),
    ("temporary", "told to stop", "forgotten"),
]


def _child(cast: Cast, restart: RestartType, how: How) -> ChildSpec:
    if how == "gave up":
        options = SupervisorOptions(max_restarts=0)
        return cast.team("a", [cast.spec("x")], restart=restart, options=options)
    if how == "shut down by itself":
        options = SupervisorOptions(auto_shutdown="any_significant")
        below = cast.spec("x", restart="transient", significant=True)
        return cast.team("a", [below], restart=restart, options=options)
    return cast.spec("a", restart=restart)


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize(("restart", "how", "fate"), TABLE)
async def test_the_restart_type_and_the_ending_decide(
    restart: RestartType, how: How, fate: Fate, strategy: Strategy
) -> None:
    cast = Cast()
    async with on_stage(
        cast, _child(cast, restart, how), strategy=strategy, max_restarts=1
    ) as sup:
        if how == "told to stop":
            await sup.stop("a")
        elif how == "failed":
            await cast.end("a")
        elif how == "returned":
            await cast.end("a", word="return")
        else:
            await cast.end("x", word="fail" if how == "gave up" else "return")
        if fate == "restarted":
            assert states(sup) == {"a": "running"}
            assert incarnations(sup) == {"a": 2}
        elif fate == "stopped":
            assert states(sup) == {"a": "stopped"}
            assert incarnations(sup) == {"a": 1}
        else:
            assert sup.children() == ()
        assert cast.log.count("up a") == (fate == "restarted")


@pytest.mark.parametrize(
    ("restart", "how", "fate"), [row for row in TABLE if row[1] != "told to stop"]
)
async def test_a_dynamic_child_is_restarted_or_forgotten(
    restart: RestartType, how: How, fate: Fate
) -> None:
    cast = Cast()
    async with on_stage(cast, _child(cast, restart, how), strategy="dynamic") as sup:
        if how in {"failed", "returned"}:
            await cast.end("a", word="fail" if how == "failed" else "return")
        else:
            await cast.end("x", word="fail" if how == "gave up" else "return")
        expected = {"a": "running"} if fate == "restarted" else {}
        assert states(sup) == expected


@pytest.mark.parametrize(("restart", "how", "fate"), TABLE)
async def test_what_a_second_start_of_the_same_spec_finds(
    restart: RestartType, how: How, fate: Fate
) -> None:
    """already_started, already_present, or nothing: a temporary spec is not saved."""
    cast = Cast()
    spec = _child(cast, restart, how)
    async with on_stage(cast, spec) as sup:
        if how == "told to stop":
            await sup.stop("a")
        elif how in {"failed", "returned"}:
            await cast.end("a", word="fail" if how == "failed" else "return")
        else:
            await cast.end("x", word="fail" if how == "gave up" else "return")
        if fate == "forgotten":
            await sup.start(spec)
        else:
            with pytest.raises(ChildExists) as exists:
                await sup.start(spec)
            assert exists.value.running == (fate == "restarted")


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_a_bystander_is_restarted_unless_it_is_temporary(
    strategy: Strategy, restart: RestartType
) -> None:
    """OTP's temporary_bystander."""
    cast = Cast()
    async with on_stage(
        cast, cast.spec("a"), cast.spec("b", restart=restart), strategy=strategy
    ) as sup:
        await cast.end("a")
        if restart == "temporary":
            assert cast.log == ["failed a", "stopped b", "up a"]
            assert incarnations(sup) == {"a": 2}
        else:
            assert cast.log == ["failed a", "stopped b", "up a", "up b"]
            assert incarnations(sup) == {"a": 2, "b": 2}


@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_a_cancellation_that_is_not_ours_is_a_failure(
    restart: RestartType,
) -> None:
    """An exit signal from anywhere else is abnormal to OTP; so is a stray Cancelled."""
    starts: list[str] = []

    async def child() -> None:
        starts.append("a")
        if len(starts) == 1:
            error: BaseException | None = None
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.sleep_forever()
                except trio.Cancelled as cancelled:
                    error = cancelled
            assert error is not None
            raise error
        await trio.sleep_forever()

    found: dict[str, str] = {}
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", child, restart=restart))
        await settle()
        found = states(sup)
    assert starts == ["a", "a"]
    assert found == {"a": "running"}  # the block was not ended by it


@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_a_group_of_errors_is_a_failure(restart: RestartType) -> None:
    starts: list[str] = []

    async def child() -> None:
        starts.append("a")
        if len(starts) == 1:
            raise ExceptionGroup("two", [ValueError(), KeyError()])
        await trio.sleep_forever()

    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", child, restart=restart))
        await settle()
        assert starts == ["a", "a"]


async def test_difference_a_child_cannot_return_with_a_reason() -> None:
    """OTP knows ``normal``, ``shutdown`` and ``{shutdown, Term}``: here all return."""
    cast = Cast()
    async with on_stage(cast, cast.spec("a", restart="transient")) as sup:
        await cast.end("a", word="return")
        assert states(sup) == {"a": "stopped"}
        assert [type(event).__name__ for event in cast.events] == [
            "ChildStarted",
            "ChildEnded",
        ]
