"""What a later event makes needless goes when a journal is too large; nothing else."""

import sqlite3
from collections.abc import Callable

import attrs
import pytest
import trio
from hypothesis import given, strategies as st

from crew_actors.journal import (
    AfterGap,
    JournalCorrupt,
    Lease,
    RunFolder,
    advance_over,
    encode,
    kind_of,
    newest_events,
    open_journal,
    read_events,
    read_state,
    repair_journal,
)
from crew_actors.journal._compaction import (
    KEPT_EVENTS,
    SLICE_EVENTS,
    Needless,
    remove,
    runs_of,
)
from crew_actors.journal._schema import create_tables
from crew_actors.model import (
    Artifact,
    AttemptId,
    AttemptStarted,
    Claim,
    ClaimExtended,
    ClaimReleased,
    Event,
    HeartbeatChanged,
    PlannedTask,
    ProcessEnded,
    ProcessStarted,
    Progress,
    Recorded,
    RunCreated,
    RunFailed,
    RunId,
    RunPlan,
    RunStarted,
    RunState,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskId,
    Usage,
    UsageReported,
)

Progresses = Callable[[int], Progress]

TASKS = ("a", "b")


def _created() -> RunCreated:
    tasks = tuple(
        PlannedTask(id=TaskId(name), step=name, role="r", agent="x", title="t")
        for name in TASKS
    )
    plan = RunPlan(goal="g", team="t", workflow="w", tasks=tasks)
    return RunCreated(run=RunId("r"), workspace="/", plan=plan)


def _events_of(name: str, number: int, text: str) -> st.SearchStrategy[Event]:
    task, attempt = TaskId(name), AttemptId(f"{name}.{number}")
    result = Artifact(name="r", path="artifacts/r", size=1, sha256="00")
    talk: list[Event] = [
        Progress(task=task, attempt=attempt, text=text),
        HeartbeatChanged(task=task, attempt=attempt, level="warn", silent_for=9.0),
        HeartbeatChanged(task=task, attempt=attempt, level="healthy", silent_for=0.0),
        ClaimExtended(task=task, attempt=attempt, until=float(len(text))),
    ]
    rest: list[Event] = [
        AttemptStarted(task=task, attempt=attempt),
        TaskClaimed(
            task=task,
            attempt=attempt,
            claim=Claim(owner="o", token_sha256="00", until=0.0),
        ),
        ClaimReleased(task=task, attempt=attempt, why="w"),
        ProcessStarted(
            task=task, attempt=attempt, pid=7, create_time=1.0, containment="warden"
        ),
        ProcessEnded(
            task=task, attempt=attempt, pid=7, outcome="exit 0", containment="warden"
        ),
        UsageReported(task=task, attempt=attempt, usage=Usage(input=1)),
        TaskCompleted(task=task, attempt=attempt, result=result),
        TaskCancelled(task=task, attempt=None, why="enough"),
    ]
    return st.sampled_from(talk * 4 + rest)


EVENTS = st.one_of(
    st.builds(_events_of, st.sampled_from(TASKS), st.integers(1, 2), st.text()).flatmap(
        lambda events: events
    ),
    st.sampled_from([RunStarted(), RunFailed(why="no")]),
)


def _fold(events: list[Recorded]) -> RunState:
    state: RunState | None = None
    for recorded in events:
        state = advance_over(state, recorded)
    assert state is not None
    return attrs.evolve(state, dropped=0)


def _find(events: list[Recorded]) -> list[int]:
    needless = Needless()
    found = (
        needless.take(
            each.seq,
            kind_of(each.event),
            getattr(each.event, "task", None),
            getattr(each.event, "attempt", None),
        )
        for each in events
    )
    return [seq for seq in found if seq is not None]


@given(st.lists(EVENTS, max_size=60))
def test_the_state_is_the_same_without_the_events_that_are_needless(
    rest: list[Event],
) -> None:
    events = [
        Recorded(seq, float(seq), event)
        for seq, event in enumerate([_created(), RunStarted(), *rest], start=1)
    ]
    gone = set(_find(events))
    by_number = {each.seq: each.event for each in events}
    kinds = Progress | HeartbeatChanged | ClaimExtended
    assert all(isinstance(by_number[n], kinds) for n in gone)
    assert events[-1].seq not in gone
    left: list[Recorded] = []
    missing = 0
    for each in events:
        if each.seq in gone:
            missing += 1
            continue
        left.append(AfterGap(each.seq, each.at, each.event, compacted=missing))
        missing = 0
    assert _fold(left) == _fold(events)


def test_of_what_an_attempt_says_only_the_last_is_needed() -> None:
    task, attempt = TaskId("a"), AttemptId("a.1")
    events: list[Event] = [_created(), AttemptStarted(task=task, attempt=attempt)]
    for number in range(10):
        events.append(Progress(task=task, attempt=attempt, text=str(number)))
        events.append(UsageReported(task=task, attempt=attempt, usage=Usage()))
    recorded = [Recorded(seq, 0.0, event) for seq, event in enumerate(events, start=1)]
    assert _find(recorded) == list(range(3, 20, 2))


def test_of_the_extensions_of_a_claim_only_the_last_is_needed() -> None:
    task, attempt = TaskId("a"), AttemptId("a.1")
    claim = Claim(owner="o", token_sha256="00", until=0.0)
    events: list[Event] = [
        _created(),
        TaskClaimed(task=task, attempt=attempt, claim=claim),
        *(ClaimExtended(task=task, attempt=attempt, until=n) for n in range(3)),
        ClaimReleased(task=task, attempt=attempt, why="w"),
        ClaimExtended(task=task, attempt=attempt, until=9.0),
    ]
    recorded = [Recorded(seq, 0.0, event) for seq, event in enumerate(events, start=1)]
    assert _find(recorded) == [3, 4]


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_gaps_are_joined_in_whatever_order_they_come(
    one: set[int], other: set[int]
) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(db)
    remove(db, sorted(one), 1.0)
    remove(db, sorted(other - one), 2.0)
    gaps = db.execute("SELECT first, last FROM gaps ORDER BY first").fetchall()
    db.close()
    assert gaps == runs_of(sorted(one | other))


async def _talk(
    folder: RunFolder, lease: Lease, count: int, *, compact_at: int = 1
) -> int:
    """Write a run whose only attempt says *count* things; tell what was compacted."""
    task, attempt = TaskId("a"), AttemptId("a.1")
    async with open_journal(
        folder, lease=lease, create=True, compact_at=compact_at
    ) as journal:
        await journal.post(_created())
        await journal.post(RunStarted())
        await journal.post(AttemptStarted(task=task, attempt=attempt))
        for number in range(count):
            await journal.post(
                Progress(task=task, attempt=attempt, text=f"{number} {'x' * 100}")
            )
        await journal.flush()
        return journal.compacted


COUNT = KEPT_EVENTS + 3 * SLICE_EVENTS


async def test_a_large_journal_is_compacted_and_its_readers_are_told(
    folder: RunFolder, lease: Lease
) -> None:
    removed = await _talk(folder, lease, COUNT)
    assert removed >= 2 * SLICE_EVENTS
    events = list(read_events(folder))
    assert len(events) == COUNT + 3 - removed
    assert sum(e.compacted for e in events if isinstance(e, AfterGap)) == removed
    expected = 1
    for each in events:
        missing = each.compacted if isinstance(each, AfterGap) else 0
        assert each.seq == expected + missing
        expected = each.seq + 1
    assert expected == COUNT + 4
    state = read_state(folder)
    assert state.seq == COUNT + 3
    assert state.tasks[TaskId("a")].progress.startswith(f"{COUNT - 1} ")


async def test_a_reader_in_the_middle_of_a_gap_is_told_of_the_rest_of_it(
    folder: RunFolder, lease: Lease
) -> None:
    removed = await _talk(folder, lease, COUNT)
    (first,) = read_events(folder, since=100, limit=1)
    assert isinstance(first, AfterGap)
    assert first.seq - first.compacted == 101
    assert first.compacted == removed - 97
    newest = newest_events(folder, KEPT_EVENTS + SLICE_EVENTS)
    assert type(newest[0]) is Recorded
    assert [each.seq for each in newest][-1] == COUNT + 3
    everything = newest_events(folder, COUNT)
    assert any(isinstance(each, AfterGap) for each in everything)


async def test_a_journal_that_is_small_enough_keeps_everything(
    folder: RunFolder, lease: Lease
) -> None:
    assert await _talk(folder, lease, COUNT, compact_at=1 << 30) == 0
    assert [each.seq for each in read_events(folder)] == list(range(1, COUNT + 4))


async def test_a_subscriber_behind_a_compaction_gets_each_event_that_is_left_once(
    folder: RunFolder, lease: Lease
) -> None:
    task, attempt = TaskId("a"), AttemptId("a.1")
    async with open_journal(folder, lease=lease, create=True, compact_at=1) as journal:
        await journal.post(_created())
        await journal.post(AttemptStarted(task=task, attempt=attempt))
        slow = journal.events()
        seen = [(await anext(slow)).seq, (await anext(slow)).seq]
        for number in range(COUNT):
            await journal.post(Progress(task=task, attempt=attempt, text=str(number)))
        await journal.flush()
        with trio.fail_after(20):
            while seen[-1] < journal.last:
                recorded = await anext(slow)
                missing = recorded.compacted if isinstance(recorded, AfterGap) else 0
                assert recorded.seq == seen[-1] + missing + 1
                seen.append(recorded.seq)
        assert journal.compacted > 0
        assert len(seen) == journal.last - journal.compacted


async def test_a_compacted_journal_goes_on_under_its_next_owner(
    folder: RunFolder, lease: Lease
) -> None:
    removed = await _talk(folder, lease, COUNT)
    before = read_state(folder)
    async with open_journal(folder, lease=lease, compact_at=1) as journal:
        assert journal.compacted == removed
        for number in range(2 * SLICE_EVENTS):
            await journal.post(
                Progress(
                    task=TaskId("a"), attempt=AttemptId("a.1"), text=f"again {number}"
                )
            )
        await journal.flush()
        assert journal.compacted > removed
    after = read_state(folder)
    assert after.seq == before.seq + 2 * SLICE_EVENTS
    assert after.tasks[TaskId("a")].progress == f"again {2 * SLICE_EVENTS - 1}"
    assert repair_journal(folder, now=1.0).problems == ()


async def test_the_file_becomes_smaller(folder: RunFolder, lease: Lease) -> None:
    await _talk(folder, lease, COUNT * 3)
    kept = sum(len(encode(each.event)) for each in read_events(folder))
    assert folder.database.stat().st_size < 2 * kept + (1 << 21)


async def test_a_compaction_that_fails_ends_the_journal(
    folder: RunFolder, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("crew_actors.journal._compaction.remove", broken)
    with pytest.raises(JournalCorrupt, match="I/O"):
        await _talk(folder, lease, COUNT)
    assert len(list(read_events(folder))) > KEPT_EVENTS


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM gaps",
        "UPDATE gaps SET last = last - 1",
        "UPDATE gaps SET first = first + 1",
        "UPDATE gaps SET last = last + 1",
        "UPDATE gaps SET why = 'eaten'",
    ],
)
async def test_a_gap_that_does_not_fit_is_corrupt_and_can_be_repaired(
    folder: RunFolder, lease: Lease, statement: str
) -> None:
    await _talk(folder, lease, COUNT)
    before = read_state(folder)
    db = sqlite3.connect(folder.database, isolation_level=None)
    db.execute(statement)
    db.close()
    with pytest.raises(JournalCorrupt):
        list(read_events(folder))
    assert repair_journal(folder, now=1.0).lost
    assert read_state(folder) == before
    (first,) = (each for each in read_events(folder) if isinstance(each, AfterGap))
    assert first.lost
