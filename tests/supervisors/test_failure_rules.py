"""What the rules of a child spec say about its failures."""

import logging
from collections.abc import Callable, Sequence

import pytest
import trio
from hypothesis import given, strategies as st
from trio.testing import MockClock

from crew_supervisors import (
    Backoff,
    BadSpec,
    CancelCode,
    ChildFailed,
    ChildRestarting,
    ChildSpec,
    Event,
    FailureEscalated,
    OnFailure,
    RestartLimitReached,
    State,
    SupervisorEnded,
    SupervisorEscalated,
    SupervisorOptions,
    check_specs,
    open_supervisor,
    supervise,
)
from crew_supervisors._rules import rule_for

STRICTNESS = ("restart", "stop", "escalate")
KINDS: tuple[type[Exception], ...] = (ValueError, KeyError, OSError, LookupError)


def always(_: OnFailure) -> bool:
    return True


def crashing(
    *errors: BaseException, log: list[float] | None = None
) -> Callable[[], object]:
    """Return a body that raises one error after the other, and then stays."""
    left = list(errors)

    async def run() -> None:
        if log is not None:
            log.append(trio.current_time())
        if left:
            raise left.pop(0)
        await trio.sleep_forever()

    return run


def spec(run: Callable[[], object], *rules: OnFailure, **more: object) -> ChildSpec:
    return ChildSpec("a", run, on_failure=rules, **more)  # type: ignore[arg-type]  # bodies and fields of these tests


# --- which rule answers ---


def test_the_first_rule_that_matches_answers() -> None:
    inner, outer = OnFailure(KeyError, "restart"), OnFailure(LookupError, "stop")
    assert rule_for((inner, outer), KeyError(), always) is inner
    assert rule_for((inner, outer), IndexError(), always) is outer
    assert rule_for((inner, outer), ValueError(), always) is None


def test_a_rule_may_name_several_types() -> None:
    rule = OnFailure((KeyError, ValueError), "stop")
    assert rule_for((rule,), ValueError(), always) is rule


def test_a_rule_without_restarts_left_hands_the_failure_on() -> None:
    inner = OnFailure(KeyError, "restart", max_restarts=1)
    outer = OnFailure(LookupError, "escalate")
    assert rule_for((inner, outer), KeyError(), lambda _: False) is outer
    assert rule_for((inner,), KeyError(), lambda _: False) is None


def test_a_group_of_errors_spends_one_restart_of_a_rule() -> None:
    spent: list[OnFailure] = []

    def spend(rule: OnFailure) -> bool:
        spent.append(rule)
        return True

    rule = OnFailure(KeyError, "restart", max_restarts=3)
    group = ExceptionGroup("", [KeyError(), ExceptionGroup("", [KeyError()])])
    assert rule_for((rule,), group, spend) is rule
    assert spent == [rule]


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), st.data())
def test_the_strictest_answer_of_a_group_counts(
    kinds: Sequence[type[Exception]], data: st.DataObject
) -> None:
    answers = {kind: data.draw(st.sampled_from(STRICTNESS)) for kind in KINDS}
    rules = tuple(OnFailure(kind, answers[kind]) for kind in KINDS)  # type: ignore[arg-type]  # one of the three
    error = ExceptionGroup("", [kind() for kind in kinds])
    found = rule_for(rules, error, always)
    # KeyError is tried before LookupError, of which it is one.
    expected = max((answers[kind] for kind in kinds), key=STRICTNESS.index)
    assert found is not None
    assert found.then == expected


# --- what follows ---


async def test_a_rule_may_restart_with_a_backoff_of_its_own(
    autojump_clock: MockClock,
) -> None:
    starts: list[float] = []
    rule = OnFailure(ConnectionError, "restart", backoff=Backoff(first=7, jitter=0))
    body = crashing(ConnectionError(), ValueError(), log=starts)
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(spec(body, rule))
        await trio.sleep(20)
    assert starts == [0, 7, 7]


async def test_stop_leaves_even_a_permanent_child_stopped() -> None:
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(spec(crashing(KeyError()), OnFailure(KeyError, "stop")))
        await trio.testing.wait_all_tasks_blocked()
        (info,) = sup.children()
        assert (info.state, info.restarts) == (State.STOPPED, 0)


async def test_escalate_stops_all_and_the_error_is_the_cause() -> None:
    error = KeyError("secret")
    events: list[Event] = []
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(name="top", on_event=events.append) as sup:
            await sup.start(ChildSpec("b", trio.sleep_forever))
            await sup.start(spec(crashing(error), OnFailure(KeyError, "escalate")))
            await trio.sleep_forever()
    (escalated,) = out.value.exceptions
    assert isinstance(escalated, FailureEscalated)
    assert escalated.__cause__ is error
    assert (escalated.child, escalated.supervisor) == ("a", "top")
    (said,) = [e for e in events if isinstance(e, SupervisorEscalated)]
    assert said.by_rule
    (ended,) = [e for e in events if isinstance(e, SupervisorEnded)]
    assert ended.reason.code is CancelCode.FAILURE_ESCALATED


async def test_the_restarts_of_a_rule_count_within_its_own_time(
    autojump_clock: MockClock,
) -> None:
    rule = OnFailure(ValueError, "restart", max_restarts=2, within=10)

    async def run() -> None:
        await trio.sleep(5)
        raise ValueError

    async with open_supervisor(max_restarts=99, on_event=lambda _: None) as sup:
        child = spec(run, rule, OnFailure(ValueError, "stop"))
        await sup.start(child)
        await trio.sleep(12)  # failures at 5 and 10: both are restarted
        assert sup.children()[0].state is State.RUNNING
        await trio.sleep(5)  # at 15, the one at 5 still counts
        assert sup.children()[0].state is State.STOPPED


async def test_a_used_up_rule_leaves_the_child_to_its_restart_type() -> None:
    rule = OnFailure(ValueError, "restart", max_restarts=0)
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(max_restarts=1, on_event=lambda _: None) as sup:
            await sup.start(spec(crashing(*[ValueError()] * 3), rule))
            await trio.sleep_forever()
    assert out.group_contains(RestartLimitReached)


async def test_restarts_by_a_rule_count_for_the_supervisor() -> None:
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(max_restarts=1, on_event=lambda _: None) as sup:
            rule = OnFailure(ValueError, "restart")
            await sup.start(spec(crashing(*[ValueError()] * 3), rule))
            await trio.sleep_forever()
    assert out.group_contains(RestartLimitReached)


async def test_a_rule_answers_a_restart_that_fails_to_come_up() -> None:
    incarnations: list[int] = []

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        incarnations.append(1)
        if len(incarnations) == 1:
            task_status.started()
            raise ValueError
        raise KeyError

    async with open_supervisor(on_event=lambda _: None) as sup:
        child = ChildSpec("a", run, on_failure=(OnFailure(KeyError, "stop"),))
        await sup.start(child)
        await trio.testing.wait_all_tasks_blocked()
        assert sup.children()[0].state is State.STOPPED
    assert len(incarnations) == 2


async def test_an_escalated_failure_restarts_a_transient_parent_spec() -> None:
    """Reaching the restart limit would not: OTP calls that an orderly end."""
    events: list[Event] = []
    inner = spec(crashing(KeyError()), OnFailure(KeyError, "escalate"))
    options = SupervisorOptions(name="team")
    team = ChildSpec("team", supervise, ((inner,), options), "transient")
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(team)
        await trio.testing.wait_all_tasks_blocked()
        assert sup.children()[0].incarnation == 2
    assert [type(e) for e in events if isinstance(e, ChildRestarting)]


# --- the log ---


async def test_the_level_of_the_log_rises_after_some_restarts_in_a_row(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        await trio.sleep(1)
        raise ValueError

    async with open_supervisor(max_restarts=99, log_error_after=2) as sup:
        await sup.start(ChildSpec("a", run))
        await trio.sleep(4.5)
    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.WARNING] * 2 + [logging.ERROR] * 2


async def test_quiet_time_ends_the_row(autojump_clock: MockClock) -> None:
    rows: list[int] = []
    pauses = [1, 1, 60, 1]

    async def run() -> None:
        await trio.sleep(pauses.pop(0) if pauses else 999)
        raise ValueError

    def note(event: Event) -> None:
        if isinstance(event, ChildFailed):
            rows.append(event.restarts)

    async with open_supervisor(max_restarts=99, on_event=note) as sup:
        await sup.start(ChildSpec("a", run))
        await trio.sleep(100)
    assert rows == [0, 1, 0, 1]


# --- bad rules ---


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([OnFailure(KeyError, "stop")], "on_failure"),
        (("stop",), "on_failure[0]"),
        ((OnFailure(KeyError, "stop"), OnFailure((), "stop")), "on_failure[1].errors"),
        ((OnFailure(BaseException, "stop"),), "on_failure[0].errors"),  # type: ignore[arg-type]  # the point
        ((OnFailure((KeyError, 3), "stop"),), "on_failure[0].errors"),  # type: ignore[arg-type]  # the point
        ((OnFailure(KeyError, "resume"),), "on_failure[0].then"),  # type: ignore[arg-type]  # the point
        ((OnFailure(KeyError, "stop", max_restarts=1),), "on_failure[0].then"),
        ((OnFailure(KeyError, "stop", backoff=Backoff()),), "on_failure[0].then"),
        (
            (OnFailure(KeyError, "restart", max_restarts=-1),),
            "on_failure[0].max_restarts",
        ),
        ((OnFailure(KeyError, "restart", within=0),), "on_failure[0].within"),
        (
            (OnFailure(KeyError, "restart", backoff=Backoff(first=-1)),),
            "on_failure[0].backoff.first",
        ),
    ],
)
def test_a_bad_rule_is_named(rules: tuple[OnFailure, ...], field: str) -> None:
    (problem,) = check_specs([ChildSpec("a", trio.sleep_forever, on_failure=rules)])
    assert problem.field == field


async def test_a_rule_cannot_restart_a_temporary_child() -> None:
    child = spec(
        trio.sleep_forever, OnFailure(KeyError, "restart"), restart="temporary"
    )
    async with open_supervisor() as sup:
        with pytest.raises(BadSpec, match="temporary"):
            await sup.start(child)
