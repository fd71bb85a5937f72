"""Plans of all kinds, drawn by chance."""

import attrs
from hypothesis import strategies as st

from crew_actors.model import Limits, PlannedTask, RunPlan, TaskId
from tests.support.plans import outside, plan, task

_ROLES = ("x", "y")
_MAYBE = st.booleans()


@st.composite
def tasks(draw: st.DrawFn) -> tuple[PlannedTask, ...]:
    """Draw an acyclic graph of tasks: one may need those before it."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 6)))]
    found: list[PlannedTask] = []
    for number, name in enumerate(names):
        needs = st.lists(st.sampled_from(names[:number] or [""]), max_size=2)
        make = outside if draw(st.integers(0, 3)) == 0 else task
        made = make(
            name,
            *sorted(set(draw(needs)) - {""}),
            role=draw(st.sampled_from(_ROLES)),
        )
        found.append(
            attrs.evolve(
                made,
                writes=draw(st.booleans()),
                outputs=draw(st.sampled_from([(), (), ("a",), ("a/b",), ("c",)])),
                group=draw(st.sampled_from([None, "g", "h"])),
            )
        )
    return tuple(found)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    """Draw how much a run may use."""
    return Limits(
        attempts=draw(st.integers(1, 3)),
        run_seconds=draw(st.sampled_from([None, None, 200.0])),
        tokens=draw(st.sampled_from([None, None, 60])),
        cost=draw(st.sampled_from([None, None, 3.0])),
    )


@st.composite
def plans(draw: st.DrawFn) -> RunPlan:
    """Draw a plan, of any kind."""
    drawn = draw(tasks())
    adaptive = [None, None, *(one.id for one in drawn if not one.external)]
    made = plan(
        *drawn,
        limit=draw(st.integers(1, 3)),
        on_failure=draw(st.sampled_from(["drain", "fail_fast"])),
        role_limits={"x": draw(st.integers(1, 2))} if draw(_MAYBE) else None,
        limits=draw(limits()),
    )
    return attrs.evolve(
        made,
        approve=draw(_MAYBE),
        adaptive=draw(st.sampled_from(adaptive)),
        templates={"x": task("template", role="x")},
    )


def more_tasks(state_of: int, by: TaskId) -> tuple[PlannedTask, ...]:
    """Plan two tasks, one after the other, as the result of *by* says."""
    first, second = f"more-{state_of}-a", f"more-{state_of}-b"
    return (
        task(first, by, role="x"),
        attrs.evolve(task(second, first, role="y"), group="g"),
    )
