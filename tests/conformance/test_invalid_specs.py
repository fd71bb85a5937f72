"""OTP's check of specs and flags (``child_specs*``, ``sup_flags``, ``*_faulty_specs``).

OTP's suite tries each field with each wrong value, alone. Here all combinations of right
and wrong values are tried, and every wrong field must be told, in order, and no other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given, strategies as st
from tests.support.cast import Cast, on_stage

from crew_supervisors import (
    FOREVER,
    KILL,
    Backoff,
    BadSpec,
    ChildSpec,
    Grace,
    RestartType,
    StopPolicy,
    SupervisorOptions,
    check_specs,
    open_supervisor,
    supervise,
)


async def body() -> None:
    await trio.sleep_forever()


RIGHT: Mapping[str, Sequence[object]] = {
    "name": ("a", "with space", "ä", "x" * 1000),
    "run": (body, trio.sleep_forever),
    "args": ((), (1,)),
    "restart": ("permanent", "transient", "temporary"),
    "stop": (Grace(0), Grace(5), Grace(0.5), KILL, FOREVER),
    "backoff": (None, Backoff(), Backoff(first=0, cap=0, factor=1, jitter=0)),
    "significant": (False,),
    "on_failure": ((),),
}
WRONG: Mapping[str, Sequence[object]] = {
    "name": ("", None, 3, b"a", ("a",)),
    "run": (None, "body", 3, ()),
    "args": (None, [1], "ab", {}),
    "restart": ("prmanent", "", None, True, 1, ["permanent"]),
    "stop": (
        Grace(-1),
        Grace(float("inf")),
        Grace(float("nan")),
        None,
        5,
        "kill",
        True,
    ),
    "backoff": (3, "fast", Backoff(first=-1), Backoff(factor=0.5), Backoff(jitter=2)),
    "significant": (None, 1, "yes"),
    "on_failure": (None, [], "stop", (ValueError,)),
}
OPTIONS_RIGHT: Mapping[str, Sequence[object]] = {
    "name": ("top", "a"),
    "strategy": ("one_for_one", "one_for_all", "rest_for_one", "dynamic"),
    "max_restarts": (0, 1, 10**9),
    "within": (0.001, 5, 3600.0),
    "auto_shutdown": ("never",),
    "max_children": (None,),
    "on_outer_cancel": (Grace(0), Grace(5), KILL),
    "log_error_after": (0, 3),
}
OPTIONS_WRONG: Mapping[str, Sequence[object]] = {
    "name": ("", None, 3),
    "strategy": ("simple_one_for_one", "", None, 1, ["one_for_one"]),
    "max_restarts": (-1, 1.5, None, "3", True),
    "within": (0, -5, float("inf"), float("nan"), None, "5"),
    "auto_shutdown": ("always", "", None, True),
    "max_children": (-1, 1.5, "3", True),
    "on_outer_cancel": (Grace(-1), FOREVER, None, 5),
    "log_error_after": (-1, 0.5, None),
}


def mixed(
    right: Mapping[str, Sequence[object]], wrong: Mapping[str, Sequence[object]]
) -> st.SearchStrategy[dict[str, tuple[object, bool]]]:
    """Make values of all fields, each with whether it is right."""
    return st.fixed_dictionaries(
        {
            field: st.one_of(
                st.sampled_from([(value, True) for value in right[field]]),
                st.sampled_from([(value, False) for value in wrong[field]]),
            )
            for field in right
        }
    )


def values_of(drawn: Mapping[str, tuple[object, bool]]) -> dict[str, Any]:
    return {field: value for field, (value, _) in drawn.items()}


def wrong_fields_of(drawn: Mapping[str, tuple[object, bool]]) -> list[str]:
    return [field for field, (_, is_right) in drawn.items() if not is_right]


def told(problems: Sequence[object]) -> list[str]:
    """Return the fields that *problems* are about, each once."""
    fields = [
        str(getattr(problem, "field", "")).partition(".")[0].partition("[")[0]
        for problem in problems
    ]
    return list(dict.fromkeys(fields))


@given(mixed(RIGHT, WRONG))
def test_each_wrong_field_of_a_spec_is_told_and_no_other(
    drawn: dict[str, tuple[object, bool]],
) -> None:
    spec = ChildSpec(**values_of(drawn))
    assert sorted(told(check_specs([spec]))) == sorted(wrong_fields_of(drawn))


@given(mixed(OPTIONS_RIGHT, OPTIONS_WRONG))
def test_each_wrong_option_is_told_and_no_other(
    drawn: dict[str, tuple[object, bool]],
) -> None:
    options = SupervisorOptions(**values_of(drawn))
    assert sorted(told(check_specs([], options))) == sorted(wrong_fields_of(drawn))


@given(st.lists(mixed(RIGHT, WRONG), max_size=4))
def test_the_problems_of_many_specs_come_in_the_order_of_the_specs(
    all_drawn: list[dict[str, tuple[object, bool]]],
) -> None:
    specs = [
        attrs.evolve(ChildSpec(**values_of(drawn)), name=f"child {number}")
        for number, drawn in enumerate(all_drawn)
    ]
    expected = [
        repr(f"child {number}")
        for number, drawn in enumerate(all_drawn)
        if set(wrong_fields_of(drawn)) - {"name"}
    ]
    found = [problem.child for problem in check_specs(specs)]
    assert list(dict.fromkeys(found)) == [f"child {name}" for name in expected]


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG.items() for value in values],
)
async def test_a_wrong_field_alone_starts_nothing(field: str, value: object) -> None:
    """OTP's child_specs: one wrong field after the other."""
    cast = Cast()
    fields: dict[str, Any] = {field: value}
    wrong = attrs.evolve(cast.spec("b"), **fields)
    async with on_stage(cast) as sup:
        with pytest.raises(BadSpec) as bad:
            await sup.start(wrong)
        assert told(bad.value.problems) == [field]
        assert sup.children() == ()
    with pytest.raises(BadSpec):
        await supervise([cast.spec("a"), wrong])
    assert cast.log == []  # not even the right one


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in OPTIONS_WRONG.items() for value in values],
)
async def test_a_wrong_option_alone_opens_nothing(field: str, value: object) -> None:
    """OTP's sup_flags."""
    fields: dict[str, Any] = {field: value}
    options = SupervisorOptions(**fields)
    with pytest.raises(BadSpec) as bad:
        async with open_supervisor(options):
            pytest.fail("it was opened")
    assert told(bad.value.problems) == [field]
    cast = Cast()
    with pytest.raises(BadSpec):
        await supervise([cast.spec("a")], options)
    assert cast.log == []


def test_two_specs_of_one_name_are_refused() -> None:
    """``duplicate_child_name``."""
    specs = [ChildSpec("a", body), ChildSpec("b", body), ChildSpec("a", body)]
    (problem,) = check_specs(specs)
    assert (problem.field, problem.value) == ("name", "'a'")


def test_what_is_no_spec_is_told() -> None:
    """``invalid_child_spec``."""
    problems = check_specs(["child4", None, ChildSpec("a", body)])  # type: ignore[list-item]  # wrong on purpose
    assert [problem.field for problem in problems] == ["spec", "spec"]


def test_right_specs_have_no_problems() -> None:
    restarts: tuple[RestartType, ...] = ("permanent", "transient", "temporary")
    stops: tuple[StopPolicy, ...] = (Grace(0), KILL, FOREVER)
    specs = [
        ChildSpec(f"{restart}{number}", body, restart=restart, stop=stop)
        for restart in restarts
        for number, stop in enumerate(stops)
    ]
    assert check_specs(specs, SupervisorOptions()) == ()


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_max_children_is_for_dynamic_supervisors(strategy: Any) -> None:
    options = SupervisorOptions(strategy=strategy, max_children=3)
    assert told(check_specs([], options)) == ["max_children"]
    dynamic = SupervisorOptions(strategy="dynamic", max_children=3)
    assert check_specs([], dynamic) == ()


def test_each_problem_names_the_value_and_the_way_out() -> None:
    """OTP answers with the first problem only, as a tuple."""
    spec = ChildSpec("a", body, restart="often", stop=Grace(-1))  # type: ignore[arg-type]  # wrong on purpose
    assert [str(problem) for problem in check_specs([spec])] == [
        (
            "child 'a': restart = 'often': is no restart type; "
            "use 'permanent', 'transient' or 'temporary'"
        ),
        (
            "child 'a': stop.seconds = -1: is no time; "
            "use seconds, 0 or more, KILL or FOREVER"
        ),
    ]
