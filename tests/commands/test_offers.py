"""Tasks that wait for somebody outside, as they are shown and told."""

from tests.support.plans import (
    after,
    completed,
    created,
    outside,
    plan,
    started,
    task,
)

from crew_actors.model import (
    ClaimExtended,
    ClaimReleased,
    Event,
    Progress,
    Recorded,
    RunStarted,
    RunState,
    TaskClaimed,
    TaskId,
    attempt_id,
    new_claim,
)
from crew_actors.observe import Narrator, describe, rows

A = TaskId("a")
ONE = attempt_id(A, 1)
CLAIMED = TaskClaimed(task=A, attempt=ONE, claim=new_claim("ann", "t", 1100.0))
RELEASED = ClaimReleased(task=A, attempt=ONE, why="no time")


def told(state: RunState, *events: Event) -> list[str]:
    """Tell what follows *state* in lines."""
    narrator = Narrator()
    lines: list[str] = []
    for event in events:
        state = after(state, event)
        narrator, line = narrator.tell(Recorded(state.seq, 1001.0, event), state)
        lines += (line or "").splitlines()
    return [line.strip().partition("  ")[2] for line in lines]


def last(state: RunState) -> str:
    return rows(state, 1001.0)[0].last


def test_that_a_task_waits_for_a_worker_is_told_once() -> None:
    state = created(plan(outside("a"), task("b"), outside("c", "b")))
    lines = told(state, RunStarted(), started("b"), completed("b"))
    assert [line for line in lines if "waits for" in line] == [
        f"a: waits for a worker: crew claim {state.run} a --owner …",
        f"c: waits for a worker: crew claim {state.run} c --owner …",
    ]


def test_a_task_that_is_given_back_waits_again() -> None:
    lines = told(created(plan(outside("a"))), RunStarted(), CLAIMED, RELEASED)
    assert [line.split(":")[1].strip() for line in lines] == [
        "waits for a worker",
        "claimed by ann, until " + lines[1].split("until ")[1].split(":")[0],
        "given back",
        "waits for a worker",
    ]


def test_the_row_of_a_task_tells_who_has_it() -> None:
    state = after(created(plan(outside("a"))), RunStarted())
    assert last(state) == "waits for a worker: `crew claim`"
    state = after(state, CLAIMED)
    assert last(state) == "claimed by ann"
    said = Progress(task=A, attempt=ONE, text="half of it")
    assert last(after(state, said)) == "half of it"
    assert last(after(state, said, RELEASED)) == "waits for a worker: `crew claim`"


def test_events_of_claims_are_told_in_words() -> None:
    extended = ClaimExtended(task=A, attempt=ONE, until=1100.0)
    assert describe(CLAIMED).text.startswith("claimed by ann, until ")
    assert describe(extended).text.startswith("its claim holds until ")
    assert describe(RELEASED).text == "given back: no time"
    bare = ClaimReleased(task=A, attempt=ONE, why="")
    assert describe(bare).text == "given back"
