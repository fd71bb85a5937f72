"""Faults at each await of the engine, in each strategy: what must hold, holds.

Each scenario runs once to count how often it gets to each point, and then once for each
of the first times, each point and each fault. A run has to end, so that nobody waits for
an answer for ever; it has to leave no task; and its history has to be in order.
"""

from contextlib import ExitStack
from random import Random
from typing import Literal, TypeAlias, get_args

import attrs
import pytest
from tests.support.supervisor_scenarios import (
    SCENARIOS,
    Injected,
    Scenario,
    Stage,
    Torn,
    many,
)

from crew_supervisors import Strategy, SupervisorStopped
from crew_supervisors._restart import leaves_of
from crew_supervisors.testing import (
    CANCEL,
    POINTS,
    Action,
    check_invariants,
    count_points,
    inject,
    no_task_left,
    run_virtual,
)

PAIRS = 15
"""So many pairs of faults are tried for each scenario and strategy."""
MOST = 6
"""A point is attacked the first so many times that it is reached."""
LIMIT = 1_000.0
"""Virtual seconds that no run needs."""

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
Fault: TypeAlias = Literal["cancel", "raise", "tear", "end"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
RAISED: dict[Fault, type[BaseException]] = {"raise": Injected, "tear": Torn}


@attrs.frozen
class Attack:
    """One fault at one point, one of the times that it is reached."""

    point: str
    nth: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.fault} at {self.point}, time {self.nth}"


def attacks_on(
    scenario: Scenario, strategy: Strategy, seed: int, points: tuple[str, ...] = POINTS
) -> list[Attack]:
    """Return each fault at each point, for the first times that it is reached."""

    async def run() -> dict[str, int]:
        with count_points() as counts:
            await Stage(strategy).play(scenario)
        return counts

    counts = run_virtual(run, seed=seed, limit=LIMIT)
    return [
        Attack(point, nth, fault)
        for point in points
        for nth in range(1, min(counts.get(point, 0), MOST) + 1)
        for fault in FAULTS
    ]


def problems_of(
    scenario: Scenario, strategy: Strategy, seed: int, *attacks: Attack
) -> list[str]:
    """Return what does not hold, if something does not."""
    try:
        run_virtual(
            attacked, scenario, Stage(strategy), *attacks, seed=seed, limit=LIMIT
        )
    except BaseException as error:  # noqa: BLE001  # all that is wrong is listed
        what = " and ".join(map(str, attacks))
        return [f"{scenario.__name__}, {strategy}: {what}: {error!r:.200}"]
    return []


def action_of(fault: Fault, stage: Stage) -> Action:
    if fault == "cancel":
        return CANCEL
    if fault in RAISED:
        return RAISED[fault]()

    def end() -> None:
        if stage.supervisor is not None:
            stage.supervisor.cancel()

    return end


async def attacked(scenario: Scenario, stage: Stage, *attacks: Attack) -> None:
    """Run *scenario* with all these faults, and check what must hold."""
    with no_task_left(), ExitStack() as faults:
        injections = [
            faults.enter_context(
                inject(each.point, action_of(each.fault, stage), nth=each.nth)
            )
            for each in attacks
        ]
        await stage.play(scenario)
    assert injections[0].has_happened or len(attacks) > 1
    concurrent = stage.starts_are_concurrent
    check_invariants(stage.probe, stage.kids, concurrent_starts=concurrent)
    assert len(stage.answers) == stage.asked
    if stage.supervisor is not None:
        assert all(not child.state.is_alive for child in stage.supervisor.children())
        assert stage.supervisor.report is not None
        with pytest.raises(SupervisorStopped):
            await stage.supervisor.start(stage.kids.spec("late"))
    for attack, injection in zip(attacks, injections, strict=True):
        if injection.has_happened and attack.fault in RAISED:
            assert is_told(stage, RAISED[attack.fault])


def has_leaf(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(leaf, kind) for leaf in leaves_of(error))


def is_told(stage: Stage, kind: type[BaseException]) -> bool:
    """Whether what was raised at the point came out somewhere."""
    if any(has_leaf(error, kind) for error in stage.came_out):
        return True
    if any(isinstance(answer, kind) for answer in stage.answers):
        return True
    return any(kind.__name__ in told for told in stage.told_failures())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_must_hold_holds_with_each_fault_at_each_await(
    scenario: Scenario, strategy: Strategy
) -> None:
    seed = SCENARIOS.index(scenario)
    problems: list[str] = []
    for attack in attacks_on(scenario, strategy, seed):
        problems += problems_of(scenario, strategy, seed, attack)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("strategy", ["one_for_all", "dynamic"])
def test_it_holds_in_the_breaks_between_waves_of_many(strategy: Strategy) -> None:
    attacks = attacks_on(many, strategy, 0, ("agenda.checkpoint",))
    assert attacks
    problems: list[str] = []
    for attack in attacks:
        problems += problems_of(many, strategy, 0, attack)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_holds_with_two_faults_in_one_run(strategy: Strategy) -> None:
    """Sampled, as there are too many pairs."""
    random = Random(strategy)
    problems: list[str] = []
    for scenario in SCENARIOS:
        attacks = attacks_on(scenario, strategy, 1)
        for _ in range(PAIRS):
            first, second = random.sample(attacks, 2)
            problems += problems_of(scenario, strategy, 1, first, second)
    assert not problems, "\n".join(problems)
