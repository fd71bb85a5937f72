"""What rows of runs and tasks hold, as JSON."""

import json
from pathlib import Path
from typing import Any

import attrs
from tests.support.plans import RUN, after, created, failed, plan, started, task

from crew_actors.console._scopes import Scope
from crew_actors.console.feeds._json import to_json
from crew_actors.console.feeds._run import RunFeed
from crew_actors.console.feeds._shapes import run_head, task_row
from crew_actors.console.feeds._watch import Owner, RunWatch
from crew_actors.journal import RunFolder
from crew_actors.model import (
    Parent,
    Question,
    QuestionAsked,
    RunStarted,
    RunState,
    RunStatus,
    TaskId,
    TasksAdded,
    attempt_id,
)

no_crew: Any = None
A = TaskId("a")


def watch_of(state: RunState) -> RunWatch:
    watch = RunWatch(no_crew, RunFolder(Path("runs") / RUN))
    watch._show(state, Owner(7, here=False))
    return watch


def plain(value: object) -> Any:
    return json.loads(to_json(value))


def test_a_question_and_a_failure_are_told_in_full() -> None:
    state = after(created(plan(task("a"), task("b"))), RunStarted(), started("a"))
    question = Question(
        id="q1", text="Which?", choices=("x", "y"), asked_at=1.0, deadline=2.0
    )
    asked = QuestionAsked(task=A, attempt=attempt_id(A, 1), question=question)
    state = after(state, asked, started("b"), failed("b"))
    head = plain(run_head(state, RunStatus.RUNNING, Owner(7, here=True)))
    assert head["questions"] == 1
    assert head["counts"] == {"waiting": 1, "failed": 1}
    assert head["owner"] == {"pid": 7, "here": True}
    first, second = (plain(task_row(one)) for one in state.tasks.values())
    assert first["questions"] == [plain(question)]
    assert second["failure"] == {"kind": "exit", "message": "exit code 1"}
    assert first["claim"] is first["failure"] is None


def test_a_nested_run_names_its_parent_and_no_folder() -> None:
    parent = Parent(run=RUN, task=A, attempt=attempt_id(A, 1), folder="/somewhere")
    state = created(attrs.evolve(plan(task("a")), parent=parent))
    head = plain(run_head(state, RunStatus.QUEUED, None))
    assert head["parent"] == {"run": RUN, "task": "a", "attempt": "a.1"}


def test_tasks_that_are_added_come_with_the_new_order() -> None:
    state = after(created(plan(task("a"))), RunStarted())
    watch = watch_of(state)
    feed = RunFeed(watch.folder, no_crew)
    assert feed._take_note(watch, 1)
    watch._show(after(state, TasksAdded(by=A, tasks=(task("b", "a"),))), watch.owner)
    assert feed._take_note(watch, 2)
    changes = plain(feed.newer(1))
    assert changes["order"] == ["a", "b"]
    assert list(changes["tasks"]) == ["b"]
    assert changes["run"]["tasks"] == 2
    assert "order" not in plain(feed.newer(2))


def test_a_state_that_is_the_same_changes_nothing() -> None:
    watch = watch_of(after(created(plan(task("a"))), RunStarted()))
    feed = RunFeed(watch.folder, no_crew)
    assert feed._take_note(watch, 1)
    assert not feed._take_note(watch, 2)
    assert feed.newer(1) == {}


def test_half_a_character_and_no_number_can_be_shown() -> None:
    assert plain({"a": "\udc80", "b": Scope("runs").kind}) == {
        "a": "\udc80",
        "b": "runs",
    }
    assert plain(float("nan")) is None
