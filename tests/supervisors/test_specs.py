"""Specs and options are checked before anything starts."""

import itertools
import math
import pickle
from typing import Any

import pytest
import trio
from hypothesis import given, strategies as st

from crew_supervisors import (
    FOREVER,
    KILL,
    Backoff,
    BadSpec,
    CancelCode,
    CancelReason,
    ChildExists,
    ChildRunning,
    ChildSpec,
    ChildStartFailed,
    FailureEscalated,
    Grace,
    NoSuchChild,
    RestartLimitReached,
    SpecProblem,
    SupervisorError,
    SupervisorsTooDeep,
    SupervisorStopped,
    TooManyChildren,
    WrongThread,
    check_specs,
    open_supervisor,
    supervise,
)


async def body() -> None:
    await trio.sleep_forever()


GOOD: dict[str, Any] = {"name": "a", "run": body}

BAD: dict[str, list[Any]] = {
    "name": ["", 3, None],
    "run": [None, 7],
    "args": [["x"], "x"],
    "restart": ["always", None],
    "stop": [5, None, Grace(-1), Grace(math.inf), Grace(math.nan), Grace(True)],
    "backoff": [
        1.0,
        Backoff(first=-1),
        Backoff(cap=math.nan),
        Backoff(factor=0.5),
        Backoff(jitter=1.5),
        Backoff(jitter=-0.1),
        Backoff(reset_after=-1),
    ],
    "significant": [1, True],
}


def fields_of(problems: tuple[SpecProblem, ...]) -> list[str]:
    return [problem.field.split(".")[0] for problem in problems]


def test_a_good_spec_has_no_problems() -> None:
    specs = [
        ChildSpec("a", body),
        ChildSpec("b", body, (1,), "transient", KILL, Backoff(), significant=True),
        ChildSpec("c", body, restart="temporary", stop=FOREVER),
    ]
    assert check_specs(specs) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in BAD.items() for value in values],
)
def test_each_bad_value_is_named_with_its_field_and_a_way_out(
    field: str, value: object
) -> None:
    fields: dict[str, Any] = {**GOOD, field: value}
    (problem,) = check_specs([ChildSpec(**fields)])
    assert problem.field.split(".")[0] == field
    assert problem.remedy
    assert str(problem).startswith(f"child {problem.child.removeprefix('child ')}: ")
    assert problem.value in str(problem)


@given(
    st.fixed_dictionaries({}, optional={f: st.sampled_from(v) for f, v in BAD.items()})
)
def test_all_problems_come_at_once(bad: dict[str, Any]) -> None:
    found = fields_of(check_specs([ChildSpec(**{**GOOD, **bad})]))
    expected = set(bad)
    if bad.get("significant") is True and "restart" in bad:
        expected.discard("significant")  # it needs a permanent child to be wrong
    assert set(found) == expected


def test_each_pair_of_equal_names_is_a_problem() -> None:
    specs = [ChildSpec(name, body) for name in ("a", "b", "a", "a")]
    problems = check_specs(specs)
    assert [(p.child, p.field) for p in problems] == [("child 'a'", "name")] * 2


def test_what_is_no_spec_is_a_problem() -> None:
    (problem,) = check_specs([body])  # type: ignore[list-item]  # the point of the test
    assert problem.field == "spec"


def test_a_coroutine_is_not_a_function() -> None:
    running = body()
    (problem,) = check_specs([ChildSpec("a", running)])  # type: ignore[arg-type]  # the point of the test
    running.close()
    assert problem.message == "runs already"


def test_a_significant_child_cannot_be_permanent() -> None:
    (problem,) = check_specs([ChildSpec("a", body, significant=True)])
    assert "permanent" in problem.message


def test_a_long_value_is_cut() -> None:
    (problem,) = check_specs([ChildSpec("a", body, restart="x" * 999)])  # type: ignore[arg-type]  # the point of the test
    assert len(problem.value) < 100


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", ""),
        ("name", 3),
        ("strategy", "nonsense"),
        ("strategy", None),
        ("auto_shutdown", "always"),
        ("max_children", 5),
        ("log_error_after", -1),
        ("max_restarts", -1),
        ("max_restarts", 1.5),
        ("max_restarts", True),
        ("within", 0),
        ("within", -1),
        ("within", math.inf),
        ("on_outer_cancel", FOREVER),
        ("on_outer_cancel", 5),
        ("on_outer_cancel", Grace(-1)),
    ],
)
async def test_a_bad_option_opens_nothing(option: str, value: object) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(BadSpec) as refused:
        async with open_supervisor(**options):
            pytest.fail("the block was entered")
    (problem,) = refused.value.problems
    assert problem.field.split(".")[0] == option


async def test_all_bad_options_come_at_once() -> None:
    options: dict[str, Any] = {"strategy": "x", "max_restarts": -1, "within": 0}
    with pytest.raises(BadSpec) as refused:
        await supervise((), **options)
    found = [problem.field for problem in refused.value.problems]
    assert found == ["strategy", "max_restarts", "within"]
    assert str(refused.value).count("\n") == 2


async def test_a_bad_spec_starts_nothing() -> None:
    async with open_supervisor() as sup:
        with pytest.raises(BadSpec):
            await sup.start(ChildSpec("", body))
        assert sup.children() == ()


async def test_a_significant_child_is_refused_where_nothing_shuts_down() -> None:
    spec = ChildSpec("a", body, restart="transient", significant=True)
    async with open_supervisor() as sup:
        with pytest.raises(BadSpec, match="significant"):
            await sup.start(spec)
    with pytest.raises(BadSpec, match="significant"):
        await supervise([spec])


async def test_supervise_checks_all_children_before_it_starts_one() -> None:
    started: list[str] = []

    async def note() -> None:
        started.append("x")

    specs = [ChildSpec("good", note), ChildSpec("", body), ChildSpec("good", note)]
    with pytest.raises(BadSpec) as refused:
        await supervise(specs)
    assert len(refused.value.problems) == 2
    assert started == []


@pytest.mark.parametrize(
    ("children", "message"),
    [
        ((ChildSpec(name, body) for name in "ab"), "only once"),
        (ChildSpec("a", body), "one spec"),
        (7, "no collection"),
    ],
    ids=["generator", "one spec", "number"],
)
async def test_what_is_no_collection_of_specs_is_refused(
    children: Any, message: str
) -> None:
    with pytest.raises(BadSpec, match=f"{message}.*pass a tuple"):
        await supervise(children)


async def test_a_reason_that_is_none_is_refused() -> None:
    reason: Any = "lunch"
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", body))
        with pytest.raises(TypeError, match="CancelReason"):
            await sup.stop("a", reason)
        with pytest.raises(TypeError, match="'lunch'"):
            sup.cancel(reason)
        assert sup.counts().active == 1


PROBLEM = SpecProblem("child 'a'", "name", "''", "is no name", "give it one")
ERRORS: list[SupervisorError] = [
    BadSpec((PROBLEM,)),
    ChildStartFailed("a", "s", "why"),
    ChildExists("a", "s", True),
    ChildExists("a", "s", False),
    ChildRunning("a", "s", "running"),
    NoSuchChild("a", "s"),
    RestartLimitReached("a", "s", 3, 5.0),
    FailureEscalated("a", "s"),
    TooManyChildren("s", 3),
    WrongThread("s"),
    SupervisorStopped("s"),
    SupervisorsTooDeep("s", 50),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_pickle(error: SupervisorError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_every_error_class_is_tested_for_pickle() -> None:
    assert {type(error) for error in ERRORS} == set(SupervisorError.__subclasses__())


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (CancelReason(CancelCode.USER), "user"),
        (CancelReason(CancelCode.USER, "enough"), "user: enough"),
        (CancelReason(CancelCode.USER, "enough", "cli"), "user: enough (by cli)"),
    ],
)
def test_a_reason_reads_as_a_line(reason: CancelReason, text: str) -> None:
    assert str(reason) == text


def test_specs_are_values() -> None:
    for one, two in itertools.pairwise([Grace(5), Grace(5.0)]):
        assert one == two
    assert repr(KILL) == "KILL"
    assert repr(FOREVER) == "FOREVER"
    assert ChildSpec("a", body) == ChildSpec("a", body)
