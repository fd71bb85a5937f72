import pytest
from tests.commands.samples import (
    artifact,
    beginning,
    completed,
    failed,
    plan,
    planned,
    progress,
    recorded,
    started,
    whole_run,
)

from crew_actors.model import (
    ArtifactWritten,
    CancelRequested,
    Event,
    HeartbeatChanged,
    ProcessEnded,
    ProcessStarted,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
    TaskCancelled,
    TaskId,
    TaskNeedsAttention,
    TaskSkipped,
    Usage,
    UsageReported,
    attempt_id,
    fold,
)
from crew_actors.observe import Narrator, Saying, describe, event_line

MAP = TaskId("map")
FIRST = attempt_id(MAP, 1)


def heartbeat(level: str, seconds: float) -> HeartbeatChanged:
    assert level in {"stale", "healthy"}
    return HeartbeatChanged(
        task=MAP,
        attempt=FIRST,
        level="stale" if level == "stale" else "healthy",
        silent_for=seconds,
    )


def ended(*survivors: str) -> ProcessEnded:
    return ProcessEnded(
        task=MAP,
        attempt=FIRST,
        pid=7,
        outcome="exit 0",
        containment="warden",
        survivors=survivors,
    )


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (beginning()[0], Saying("run", "created: team duo, 2 tasks")),
        (RunStarted(), Saying("run", "started")),
        (RunCompleted(summary="s"), Saying("run", "completed")),
        (RunFailed(why="w"), Saying("run", "failed: w")),
        (RunBlocked(why="w"), Saying("run", "blocked: w")),
        (RunCancelled(why="w"), Saying("run", "cancelled: w")),
        (CancelRequested(why="w"), Saying("run", "asked to stop: w")),
        (started("map"), Saying("map", "running")),
        (started("map", 2), Saying("map", "running, attempt 2")),
        (
            ProcessStarted(
                task=MAP, attempt=FIRST, pid=7, create_time=0, containment="warden"
            ),
            Saying("map", "process 7 started, contained by warden"),
        ),
        (ended(), Saying("map", "process 7 ended: exit 0")),
        (
            ended("8 sh", "9 sh"),
            Saying("map", "process 7 ended: exit 0; still alive: 8 sh, 9 sh"),
        ),
        (progress("map", "\x1b[1mhi"), Saying("map", "hi")),
        (
            UsageReported(task=MAP, attempt=FIRST, usage=Usage(input=1, output=2)),
            Saying("map", "used 1 in, 2 out"),
        ),
        (
            UsageReported(task=MAP, attempt=FIRST, usage=Usage(cost=0.5)),
            Saying("map", "used 0 in, 0 out, cost 0.5000"),
        ),
        (heartbeat("healthy", 0), Saying("map", "shows signs of life again")),
        (
            heartbeat("stale", 61),
            Saying("map", "no sign of life for 1 min 01 s (stale)"),
        ),
        (
            ArtifactWritten(task=MAP, attempt=FIRST, artifact=artifact("map")),
            Saying("map", "wrote result.md, 2.0 KiB"),
        ),
        (completed("map"), Saying("map", "completed")),
        (failed("map"), Saying("map", "failed: it broke")),
        (
            TaskNeedsAttention(task=MAP, attempt=FIRST, why="w"),
            Saying("map", "needs attention: w"),
        ),
        (TaskCancelled(task=MAP, attempt=None, why="w"), Saying("map", "cancelled: w")),
        (TaskSkipped(task=MAP, why="w"), Saying("map", "skipped: w")),
    ],
)
def test_each_event_says_what_happened(event: Event, said: Saying) -> None:
    assert describe(event) == said


def test_an_event_line_begins_with_its_number() -> None:
    (first, *_) = recorded(beginning())
    number, moment, subject, *_ = event_line(first).split()
    assert (number, subject) == ("1", "run:")
    assert moment.count(":") == 2


def told(events: list[Event], *, every: float = 1.0) -> list[str]:
    narrator, lines = Narrator(), list[str]()
    before = recorded(events, every=every)
    for index, one in enumerate(before):
        state = fold(before[: index + 1])
        assert state is not None
        narrator, line = narrator.tell(one, state)
        if line is not None:
            lines.append(line.strip())
    return lines


def test_a_run_is_told_by_its_changes_of_status() -> None:
    assert told(whole_run(well=False)) == [
        "2.0 s  map: running (map-agent)",
        "3.0 s  map: counting",
        "4.0 s  map: completed (after 2.0 s)",
        "5.0 s  write: running (write-agent)",
        "6.0 s  write: failed: it broke (after 1.0 s)",
    ]


def test_progress_of_a_task_is_told_at_most_once_in_five_seconds() -> None:
    chosen = plan(planned("map"), planned("other"))
    chatter: list[Event] = []
    for number in range(12):
        chatter += [progress("map", f"m{number}"), progress("other", f"o{number}")]
    events = [*beginning(chosen), started("map"), started("other"), *chatter]
    lines = [line.split()[-1] for line in told(events, every=0.5)]
    assert lines[2:] == ["m0", "o0", "m5", "o5", "m10", "o10"]


def test_progress_without_a_word_is_not_told() -> None:
    events = [*beginning(), started("map"), progress("map", " \x1b[2K\n")]
    assert len(told(events)) == 1


def test_what_came_too_late_is_not_told() -> None:
    events = [*beginning(), started("map"), completed("map"), failed("map")]
    assert told([*events, started("write")])[-2:] == [
        "3.0 s  map: completed (after 1.0 s)",
        "5.0 s  write: running (write-agent)",
    ]


def test_a_process_that_cannot_be_killed_is_told() -> None:
    events = [*beginning(), started("map"), ended(), ended("8 sh")]
    assert told(events)[1:] == [
        "4.0 s  map: process 7 ended: exit 0; still alive: 8 sh"
    ]


def test_a_silent_agent_and_a_stop_are_told() -> None:
    events = [
        *beginning(),
        started("map"),
        heartbeat("stale", 60),
        CancelRequested(why="enough"),
        TaskCancelled(task=TaskId("write"), attempt=None, why="enough"),
    ]
    assert told(events)[1:] == [
        "3.0 s  map: no sign of life for 1 min 00 s (stale)",
        "4.0 s  run: asked to stop: enough",
        "5.0 s  write: cancelled: enough",
    ]
