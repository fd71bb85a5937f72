"""Trees of supervisors, scripts of their children, and what happens to them.

Hypothesis makes them for the comparison of real supervisors with the model of OTP.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import attrs
from hypothesis import strategies as st

from crew_supervisors import (
    FOREVER,
    KILL,
    AutoShutdown,
    RestartType,
    StopPolicy,
    Strategy,
)
from tests.support import otp_model as model
from tests.support.cast import Manner

DEEPEST: Final = 2  # teams below the supervisor at the top
TINY: Final = 2.0**-20  # seconds; sums of some are exact

Happening: TypeAlias = Literal[
    "fail",
    "return",
    "wait",
    "stop",
    "restart",
    "restart any",
    "remove",
    "remove any",
    "start",
    "start again",
]


@attrs.frozen
class Drawn:
    """A child as hypothesis draws it: without its name."""

    restart: RestartType
    significant: bool
    delay: float
    options: model.Options | None
    children: tuple["Drawn", ...]


@attrs.frozen
class Step:
    """One thing that happens. Numbers choose among what there is then."""

    what: Happening
    who: int
    where: int = 0


@attrs.frozen
class Scene:
    """A tree, scripts and steps."""

    top: model.Options
    children: tuple[model.Spec, ...]
    extras: tuple[model.Spec, ...]
    scripts: tuple[tuple[model.Act, ...], ...]
    manners: tuple[Manner, ...]
    policies: tuple[StopPolicy | None, ...]
    steps: tuple[Step, ...]


STRATEGIES: tuple[Strategy, ...] = (
    "one_for_all",
    "rest_for_one",
    "one_for_one",
    "dynamic",
)
RESTARTS: tuple[RestartType, ...] = ("permanent", "transient", "temporary")
ACTS: tuple[model.Act, ...] = ("up", "up", "up", "fail", "decline", "return early")
STEPS: tuple[Happening, ...] = (
    *("fail", "fail", "fail", "fail", "return", "return", "wait", "wait"),
    *("stop", "stop", "restart", "restart", "restart any", "remove", "remove any"),
    *("start", "start", "start again"),
)
STEP = st.builds(Step, st.sampled_from(STEPS), st.integers(0, 20), st.integers(0, 5))


@st.composite
def drawn_options(draw: st.DrawFn, limits: Sequence[int]) -> model.Options:
    strategy = draw(st.sampled_from(STRATEGIES))
    auto_shutdown: AutoShutdown = "never"
    max_children: int | None = None
    if strategy == "dynamic":
        max_children = draw(st.sampled_from((None, 4, 5)))  # specs are at most four
    else:
        auto_shutdown = draw(
            st.sampled_from(("never", "any_significant", "all_significant"))
        )
    return model.Options(
        strategy,
        draw(st.sampled_from(limits)),
        draw(st.sampled_from((2, 1, 5))),
        auto_shutdown,
        max_children,
    )


@st.composite
def drawn_child(draw: st.DrawFn, depth: int) -> Drawn:
    is_team = depth > 0 and draw(st.integers(0, 2)) == 2
    return Drawn(
        draw(st.sampled_from(RESTARTS)),
        draw(st.booleans()),
        draw(st.sampled_from((0, 1, 2))),
        draw(drawn_options((1, 0, 2, 3))) if is_team else None,
        tuple(draw(drawn_children(depth - 1))) if is_team else (),
    )


@st.composite
def drawn_children(draw: st.DrawFn, depth: int) -> list[Drawn]:
    return [draw(drawn_child(depth)) for _ in range(draw(st.integers(0, 4)))]


@st.composite
def drawn_script(draw: st.DrawFn) -> tuple[model.Act, ...]:
    """Most children come up at first; otherwise there is soon nobody left."""
    acts = draw(st.lists(st.sampled_from(ACTS), max_size=6))
    return tuple(acts) if draw(st.integers(0, 4)) == 4 else ("up", *acts)


def unlike_others(delay: float, number: int) -> float:
    """Make the delays of children different: no two restarts are due at one time."""
    return delay and delay + (1 + number * 40_503 % 65_521) * TINY


def named(
    drawn: Drawn,
    above: model.Options,
    numbers: Iterator[int],
    *,
    is_extra: bool = False,
) -> model.Spec:
    """Return the spec of a child that is allowed below a supervisor like *above*."""
    number = next(numbers)
    return model.Spec(
        f"{'x' if is_extra else 't' if drawn.options else 'c'}{number}",
        drawn.restart,
        drawn.significant
        and drawn.restart != "permanent"
        and above.auto_shutdown != "never",
        unlike_others(drawn.delay, number),
        drawn.options,
        tuple(named(each, drawn.options or above, numbers) for each in drawn.children),
    )


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    numbers = itertools.count()
    top = draw(drawn_options((5, 8, 3, 2, 1, 0)))
    children = tuple(
        named(each, top, numbers) for each in draw(drawn_children(DEEPEST))
    )
    extras = tuple(
        named(each, model.Options(), numbers, is_extra=True)
        for each in draw(st.lists(drawn_child(0), max_size=2))
    )
    count = next(numbers)
    length = draw(st.integers(0, 40))  # lists that may be short are short
    manner = st.builds(Manner, listens=st.booleans(), sore=st.booleans())
    policy = st.sampled_from((None, KILL, FOREVER))
    return Scene(
        top,
        children,
        extras,
        tuple(draw(drawn_script()) for _ in range(count)),
        tuple(draw(manner) for _ in range(count)),
        tuple(draw(policy) for _ in range(count)),
        tuple(draw(STEP) for _ in range(length)),
    )
