import pytest
from tests.commands.samples import (
    RUN,
    START,
    beginning,
    completed,
    failed,
    plan,
    planned,
    progress,
    started,
    state_of,
    whole_run,
)

from crew_actors.model import (
    Artifact,
    CancelRequested,
    Event,
    HeartbeatChanged,
    RunCancelled,
    TaskCancelled,
    TaskId,
    TaskNeedsAttention,
    TaskSkipped,
    TaskStatus,
    attempt_id,
)
from crew_actors.observe import Row, fit, headline, rows, tally, word

MAP = TaskId("map")
FIRST = attempt_id(MAP, 1)


def heartbeat(level: str) -> HeartbeatChanged:
    assert level in {"warn", "healthy"}
    return HeartbeatChanged(
        task=MAP,
        attempt=FIRST,
        level="warn" if level == "warn" else "healthy",
        silent_for=31.0,
    )


@pytest.mark.parametrize(
    ("events", "status", "elapsed", "last"),
    [
        ([], TaskStatus.QUEUED, "", ""),
        ([started("map")], TaskStatus.RUNNING, "8.0 s", ""),
        (
            [started("map"), progress("map", "half\x1b[2J done")],
            TaskStatus.RUNNING,
            "8.0 s",
            "half done",
        ),
        (
            [started("map"), progress("map", "half"), heartbeat("warn")],
            TaskStatus.RUNNING,
            "8.0 s",
            "no sign of life (warn); last: half",
        ),
        (
            [started("map"), heartbeat("warn"), heartbeat("healthy")],
            TaskStatus.RUNNING,
            "8.0 s",
            "",
        ),
        (
            [started("map"), heartbeat("warn"), completed("map")],
            TaskStatus.COMPLETED,
            "2.0 s",
            "result.md, 2.0 KiB",
        ),
        (
            [started("map"), failed("map", "exit 3\nat once")],
            TaskStatus.FAILED,
            "1.0 s",
            "exit 3 at once",
        ),
        (
            [
                started("map"),
                TaskNeedsAttention(task=MAP, attempt=FIRST, why="no result"),
            ],
            TaskStatus.NEEDS_ATTENTION,
            "1.0 s",
            "no result",
        ),
        ([TaskSkipped(task=MAP, why="of x")], TaskStatus.SKIPPED, "", "of x"),
        (
            [started("map"), TaskCancelled(task=MAP, attempt=FIRST, why="enough")],
            TaskStatus.CANCELLED,
            "1.0 s",
            "enough",
        ),
    ],
)
def test_a_row_tells_where_its_task_stands(
    events: list[Event], status: TaskStatus, elapsed: str, last: str
) -> None:
    state = state_of([*beginning(plan(planned("map"))), *events])
    (row,) = rows(state, START + 10)
    assert row == Row(
        status=status, task="map", agent="map-agent", elapsed=elapsed, last=last
    )


def test_each_status_has_an_icon_of_one_cell_and_a_word() -> None:
    for status in TaskStatus:
        row = Row(status=status, task="t", agent="a", elapsed="", last="")
        assert len(row.icon) == 1
        assert row.word == word(status)
    assert word(TaskStatus.NEEDS_ATTENTION) == "needs attention"


def test_a_table_that_fits_is_shown_whole() -> None:
    table = rows(state_of(whole_run()), START)
    assert fit(table, 2) == (table, "")


def test_a_small_screen_keeps_what_runs_and_what_went_wrong() -> None:
    chosen = plan(*(planned(name) for name in "abcdef"))
    events = [
        *beginning(chosen),
        *(started(name) for name in "abcd"),
        completed("a"),
        completed("b"),
        failed("d"),
    ]
    table = rows(state_of(events), START)
    kept, rest = fit(table, 3)
    assert [row.task for row in kept] == ["c", "d"]
    assert rest == "and 4 more: 2 queued, 2 completed"
    assert fit(table, 0) == (
        (),
        "and 6 more: 2 queued, 1 running, 2 completed, 1 failed",
    )


def test_a_tally_counts_in_a_fixed_order() -> None:
    statuses = [TaskStatus.FAILED, TaskStatus.QUEUED, TaskStatus.FAILED]
    assert tally(statuses) == "1 queued, 2 failed"
    assert tally([]) == ""


def test_the_headline_tells_the_run_its_team_and_its_age() -> None:
    state = state_of([*beginning(), started("map"), completed("map")])
    expected = f"run {RUN} · team duo · 1 of 2 tasks ended · 12 s"
    assert headline(state, START + 12) == expected


def test_the_headline_of_an_ended_run_stands_still() -> None:
    state = state_of(whole_run())
    assert headline(state, START + 100).endswith("2 of 2 tasks ended · 7.0 s")


def test_the_headline_says_that_the_run_is_stopping_until_it_has() -> None:
    stopping = [*beginning(), CancelRequested(why="enough\x07")]
    assert headline(state_of(stopping), START).endswith(" · stopping: enough")
    ended = state_of([*stopping, RunCancelled(why="enough")])
    assert "stopping" not in headline(ended, START)


def test_a_result_of_a_strange_name_is_shown_clean() -> None:
    artifact = Artifact(name="\x1b[2J.md", path="x", size=1, sha256="")
    end = completed("map")
    state = state_of(
        [
            *beginning(plan(planned("map"))),
            started("map"),
            type(end)(task=MAP, attempt=FIRST, result=artifact),
        ]
    )
    (row,) = rows(state, START)
    assert row.last == ".md, 1 byte"
