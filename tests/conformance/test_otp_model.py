"""The model of OTP says what OTP's source says. Nothing here runs a supervisor."""

from collections import deque

import pytest
from tests.support.otp_model import (
    Act,
    Ending,
    Options,
    Spec,
    Supervisor,
    Together,
    World,
)

from crew_supervisors import AutoShutdown, RestartType, Strategy


def top_with(
    options: Options, *specs: Spec, scripts: dict[str, list[Act]] | None = None
) -> Supervisor:
    """Return a supervisor whose children have been started, with a new log."""
    world = World({name: deque(acts) for name, acts in (scripts or {}).items()})
    top = Supervisor(world, options)
    for spec in specs:
        top.start(spec)
    world.log.clear()
    return top


def conditions(supervisor: Supervisor) -> dict[str, str]:
    return {name: child.condition for name, child in supervisor.children.items()}


@pytest.mark.parametrize(
    ("strategy", "log"),
    [
        ("one_for_one", ["failed b", "up b"]),
        ("dynamic", ["failed b", "up b"]),
        ("rest_for_one", ["failed b", "stopped c", "up b", "up c"]),
        (
            "one_for_all",
            ["failed b", "stopped c", "stopped a", "up a", "up b", "up c"],
        ),
    ],
)
def test_the_strategies(strategy: Strategy, log: list[str]) -> None:
    top = top_with(Options(strategy), *map(Spec, "abc"))
    top.end_child("b", "failed")
    assert top.world.log == log


@pytest.mark.parametrize(
    ("restart", "ending", "fate"),
    [
        ("permanent", "returned", "running"),
        ("permanent", "gave up", "running"),
        ("transient", "returned", "stopped"),
        ("transient", "gave up", "stopped"),
        ("transient", "failed", "running"),
        ("temporary", "returned", None),
        ("temporary", "failed", None),
    ],
)
def test_the_restart_types(
    restart: RestartType, ending: Ending, fate: str | None
) -> None:
    top = top_with(Options(), Spec("a", restart))
    top.end_child("a", ending)
    assert conditions(top).get("a") == fate


@pytest.mark.parametrize(("pause", "ended"), [(2.5, "gave up"), (2.6, None)])
def test_the_intensity(pause: float, ended: str | None) -> None:
    top = top_with(Options(max_restarts=2, within=5), Spec("a"))
    for number in range(3):
        top.advance(number * pause)
        top.end_child("a", "failed")
    assert top.ended == ended


def test_a_group_that_fails_to_start_is_tried_again() -> None:
    for strategy, again in (
        ("one_for_all", ["stopped a", "up a"]),
        ("rest_for_one", []),
    ):
        options = Options(
            "one_for_all" if strategy == "one_for_all" else "rest_for_one"
        )
        top = top_with(options, *map(Spec, "abc"), scripts={"b": ["up", "fail"]})
        top.end_child("a", "failed")
        assert top.world.log == [
            *("failed a", "stopped c", "stopped b", "up a", "no start b"),
            *again,
            *("up b", "up c"),
        ]


@pytest.mark.parametrize(
    ("mode", "ended_after"), [("any_significant", 1), ("all_significant", 2)]
)
def test_auto_shutdown(mode: AutoShutdown, ended_after: int) -> None:
    specs = [Spec(name, "transient", significant=True) for name in "ab"]
    top = top_with(Options(auto_shutdown=mode), *specs)
    for number, name in enumerate("ab"):
        if top.ended is None:
            top.end_child(name, "returned")
        assert (top.ended == "returned") == (number + 1 >= ended_after)


def test_a_team_that_gave_up_is_a_child_that_ended() -> None:
    team = Spec("team", options=Options(max_restarts=0), children=(Spec("a"),))
    top = top_with(Options(), team)
    below = top.children["team"].team
    assert below is not None
    below.end_child("a", "failed")
    assert top.world.log == ["failed a", "gave up team", "up a", "up team"]
    assert below.ended == "gave up"
    assert top.children["team"].incarnation == 2


def test_a_team_starts_as_a_whole_or_not_at_all() -> None:
    team = Spec("team", options=Options(), children=(Spec("a"), Spec("b")))
    top = Supervisor(World({"b": deque(["fail"])}), Options())
    assert top.start(team) == "did not start"
    assert top.world.log == ["up a", "no start b", "stopped a", "no start team"]
    assert top.children == {}


def test_the_orders_and_their_answers() -> None:
    top = top_with(Options(), Spec("a"))
    assert top.start(Spec("a")) == "runs already"
    assert (top.restart("a"), top.remove("a")) == ("must be stopped first",) * 2
    assert (top.stop("a"), top.stop("a")) == ("done", "done")
    assert top.start(Spec("a")) == "known already"
    assert (top.restart("a"), top.stop("a"), top.remove("a")) == ("done",) * 3
    assert (top.stop("a"), top.restart("a"), top.remove("a")) == ("no such child",) * 3
    top.stop_all()
    assert top.start(Spec("a")) == "supervisor has ended"
    assert (top.stop("a"), top.restart("a")) == ("supervisor has ended",) * 2


def test_a_backoff_is_over_when_time_has_come() -> None:
    top = top_with(Options("rest_for_one"), Spec("a", delay=3), Spec("b"))
    top.end_child("a", "failed")
    assert conditions(top) == {"a": "backoff", "b": "backoff"}
    assert top.start(Spec("c")) == "waits for the group"
    assert min(top.deadlines()) == 3
    top.advance(2.9)
    assert conditions(top) == {"a": "backoff", "b": "backoff", "c": "backoff"}
    top.stop("b")
    top.advance(3)
    assert conditions(top) == {"a": "running", "b": "stopped", "c": "running"}


def test_dynamic_children_stop_together_and_are_forgotten() -> None:
    top = top_with(Options("dynamic", max_children=2), *map(Spec, "ab"))
    assert top.start(Spec("c")) == "too many"
    top.stop("a")
    assert conditions(top) == {"b": "running"}
    top.start(Spec("c"))
    top.world.log.clear()
    top.stop_all()
    assert top.world.log == [Together((("stopped b",), ("stopped c",)))]
