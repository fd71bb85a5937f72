"""Events survive JSON; what is no event is refused with the path of each fault."""

import json
from typing import get_args

import attrs
import pytest
from hypothesis import given, strategies as st

from crew_actors.journal import (
    KINDS,
    MAX_EVENT,
    BadEvent,
    UnknownEvent,
    decode,
    encode,
    kind_of,
)
from crew_actors.model import (
    Artifact,
    AttemptFailed,
    AttemptId,
    BudgetSpent,
    BudgetWarned,
    Claim,
    ClaimExtended,
    CommandSpec,
    Event,
    Failure,
    FailureKind,
    HeartbeatChanged,
    PlannedTask,
    ProcessEnded,
    ProcessStarted,
    Progress,
    Question,
    QuestionAsked,
    ResultStored,
    RunCreated,
    RunFailed,
    RunPlan,
    TaskClaimed,
    TaskFailed,
    TaskId,
    TasksAdded,
    Usage,
    UsageReported,
    WorkspaceReleased,
)

_numbers = st.floats(allow_nan=False, allow_infinity=False)
_counts = st.integers(min_value=0, max_value=2**63 - 1)
_artifacts = st.builds(Artifact, size=_counts)
_commands = st.builds(
    CommandSpec, timeout=st.none() | _numbers, silence=st.none() | _numbers
)
_tasks = st.builds(PlannedTask, command=st.none() | _commands)
_plans = st.builds(
    RunPlan,
    tasks=st.lists(_tasks, max_size=2).map(tuple),
    limit=st.integers(1, 100),
    role_limits=st.dictionaries(st.text(), _counts, max_size=2),
)
_questions = st.builds(Question, asked_at=_numbers, deadline=_numbers)
_usages = st.builds(Usage, input=_counts, output=_counts, cost=_numbers)
_special: dict[type[Event], st.SearchStrategy[Event]] = {
    RunCreated: st.builds(RunCreated, plan=_plans),
    ProcessStarted: st.builds(ProcessStarted, pid=_counts, create_time=_numbers),
    ProcessEnded: st.builds(ProcessEnded, pid=_counts, took=_numbers),
    UsageReported: st.builds(UsageReported, usage=_usages),
    HeartbeatChanged: st.builds(HeartbeatChanged, silent_for=_numbers),
    BudgetWarned: st.builds(BudgetWarned, used=_numbers, limit=_numbers),
    BudgetSpent: st.builds(BudgetSpent, used=_numbers, limit=_numbers),
    AttemptFailed: st.builds(AttemptFailed, retry_at=_numbers),
    TasksAdded: st.builds(TasksAdded, tasks=st.lists(_tasks, max_size=2).map(tuple)),
    QuestionAsked: st.builds(QuestionAsked, question=_questions),
    ResultStored: st.builds(ResultStored, result=_artifacts),
    TaskClaimed: st.builds(TaskClaimed, claim=st.builds(Claim, until=_numbers)),
    ClaimExtended: st.builds(ClaimExtended, until=_numbers),
    WorkspaceReleased: st.builds(WorkspaceReleased, patch=st.none() | _artifacts),
}


def _events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Make events of one kind, with artifacts that fit into JSON."""
    if kind in _special:
        return _special[kind]
    fields = attrs.fields(kind)
    wanted = {
        field.name: _artifacts if field.type is Artifact else st.none() | _artifacts
        for field in fields
        if field.type in {Artifact, Artifact | None}
    }
    events: st.SearchStrategy[Event] = st.builds(kind, **wanted)
    return events


def test_each_member_of_event_has_a_name_on_disk() -> None:
    assert set(KINDS.values()) == set(get_args(Event))
    assert len(set(KINDS.values())) == len(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_events_survive_the_way_to_disk_and_back(name: str) -> None:
    @given(event=_events_of(KINDS[name]))
    def survives(event: Event) -> None:
        body = encode(event)
        assert decode(body) == event
        assert json.loads(body)["kind"] == name == kind_of(event)

    survives()


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownEvent, match=r"run\.forked") as caught:
        decode(b'{"kind":"run.forked"}')
    assert caught.value.kind == "run.forked"


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (
            '{"kind":"run.failed","why":1,"z":1,"y":2}',
            ["expected str, not int @ event.why", "unknown keys y, z @ event"],
        ),
        ('{"kind":"run.failed"}', ["required, and missing @ event.why"]),
        (
            (
                '{"kind":"attempt.usage","task":"a","attempt":"a.1",'
                '"usage":{"cost":"1","output":null}}'
            ),
            [
                "expected int, not nothing @ event.usage.output",
                "expected number, not str @ event.usage.cost",
            ],
        ),
        (
            (
                '{"kind":"process.ended","task":"a","attempt":"a.1","pid":true,'
                '"outcome":"exit 0","containment":"warden","survivors":"abc"}'
            ),
            [
                "expected int, not bool @ event.pid",
                "expected list, not str @ event.survivors",
            ],
        ),
        ("{}", ["it has no kind"]),
        ('{"kind":1}', ["it has no kind"]),
        ("[]", ["Expected `object`, got `array`"]),
        ('{"kind":"run', ["Input data was truncated"]),
    ],
)
def test_each_bad_field_is_named_with_its_path(body: str, problems: list[str]) -> None:
    with pytest.raises(BadEvent) as caught:
        decode(body.encode())
    assert sorted(caught.value.problems) == sorted(problems)
    assert problems[0] in str(caught.value)


def test_a_text_that_is_not_utf_8_is_no_event() -> None:
    with pytest.raises(BadEvent):
        decode(b'{"kind":"run.failed","why":"\xff"}')


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_is_not_written(number: float) -> None:
    usage = Usage(cost=number)
    event = UsageReported(task=TaskId("a"), attempt=AttemptId("a.1"), usage=usage)
    with pytest.raises(BadEvent, match=r"event\.usage\.cost"):
        encode(event)


@pytest.mark.parametrize("why", ["\ud800", object(), 2**70, 7])
def test_a_value_that_could_not_be_read_back_is_not_written(why: object) -> None:
    with pytest.raises(BadEvent):
        encode(RunFailed(why=why))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the fault under test


def test_an_event_above_the_size_limit_is_refused_both_ways() -> None:
    event = Progress(
        task=TaskId("a"), attempt=AttemptId("a.1"), text="x" * (MAX_EVENT + 1)
    )
    with pytest.raises(BadEvent, match="more than"):
        encode(event)
    with pytest.raises(BadEvent, match="more than"):
        decode(b" " * (MAX_EVENT + 1))


def test_an_unknown_value_of_a_closed_set_is_refused() -> None:
    failure = Failure(kind=FailureKind.EXIT, message="1")
    body = encode(
        TaskFailed(task=TaskId("a"), attempt=AttemptId("a.1"), failure=failure)
    )
    with pytest.raises(BadEvent, match=r"event\.failure\.kind"):
        decode(body.replace(b'"exit"', b'"melted"'))


@given(body=st.binary(max_size=60))
def test_no_bytes_at_all_break_the_decoder(body: bytes) -> None:
    with pytest.raises((BadEvent, UnknownEvent)):
        decode(body)
