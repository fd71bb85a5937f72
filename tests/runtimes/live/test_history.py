"""A conversation stays one that providers take, however it is shortened."""

from collections.abc import Sequence

from hypothesis import given, strategies as st

from crew_actors.llm import Call, Entry, Prompt, Reply, Result, Results
from crew_actors.model import Usage
from crew_actors.runtimes.live._budget import GRACE, Budget
from crew_actors.runtimes.live._history import History

TASK = "the task, which is never shortened"
texts = st.text("ab \n", max_size=40).map(lambda text: text * 60)


@st.composite
def turns(draw: st.DrawFn) -> list[Entry]:
    """Draw what can be said: prompts, replies, and replies with their results."""
    found: list[Entry] = []
    for number in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["prompt", "reply", "calls"]))
        if kind == "prompt":
            found.append(Prompt(draw(texts)))
        elif kind == "reply":
            found.append(Reply(text=draw(texts)))
        else:
            names = [f"{number}-{one}" for one in range(draw(st.integers(1, 3)))]
            calls = tuple(Call(id=one, name="read", arguments="{}") for one in names)
            found.append(Reply(text=draw(texts), calls=calls))
            results = (Result(call=one, name="read", text=draw(texts)) for one in names)
            found.append(Results(tuple(results)))
    return found


def is_well_formed(entries: Sequence[Entry]) -> bool:
    """Tell whether each reply with calls is followed by their results, and by all."""
    for before, entry in zip([None, *entries], entries, strict=False):
        calls = [call.id for call in before.calls] if isinstance(before, Reply) else []
        given_ = (
            [one.call for one in entry.results] if isinstance(entry, Results) else []
        )
        if calls != given_:
            return False
    last = entries[-1]
    return not (isinstance(last, Reply) and last.calls)


@given(turns(), st.integers(0, 4000))
def test_a_shortened_conversation_is_well_formed_and_begins_with_the_task(
    entries: list[Entry], most: int
) -> None:
    history = History(TASK)
    for entry in entries:
        history.add(entry)
    before = history.tokens()
    shorter = history.shorten(most)
    told = history.entries()
    assert is_well_formed(told)
    assert isinstance(told[0], Prompt)
    assert told[0].text.startswith(TASK)
    assert shorter == (history.tokens() < before)


@given(turns())
def test_what_was_said_last_is_kept(entries: list[Entry]) -> None:
    history = History(TASK)
    for entry in entries:
        history.add(entry)
    history.shorten(0)
    if entries and isinstance(entries[-1], Prompt | Reply):
        assert history.entries()[-1] == entries[-1]


def test_what_fits_is_not_shortened() -> None:
    history = History(TASK)
    history.add(Prompt("x" * 4000))
    assert not history.shorten(history.tokens())
    assert history.entries() == (Prompt(TASK), Prompt("x" * 4000))


def test_each_dropped_step_leaves_a_line() -> None:
    history = History(TASK)
    for number in range(4):
        call = Call(id=f"{number}", name="read", arguments=f'{{"path":"{number}"}}')
        history.add(Reply(text=f"I look at {number}.", calls=(call,)))
        result = Result(call=call.id, name="read", text="y" * 4000, ok=number > 0)
        history.add(Results((result,)))
    assert history.shorten(100)
    first = history.entries()[0]
    assert isinstance(first, Prompt)
    assert '- You said: I look at 0.\n- You used read: {"path":"0"} (failed)' in (
        first.text
    )
    assert '- You used read: {"path":"1"} (done)' in first.text


def test_what_a_provider_counts_corrects_the_guess() -> None:
    history = History("x" * 7000)
    guess = history.tokens()
    history.counted(guess * 2)
    assert history.tokens() == guess * 2
    history.counted(10**9)  # as no provider counts
    assert history.tokens() == guess * 4


def test_an_agent_works_then_wraps_up_then_is_over() -> None:
    budget = Budget(turns=3, tokens=1000)
    used = Usage(input=100, output=10)
    assert budget.stage(2, used, None) == "work"
    assert budget.stage(3, used, None) == "wrap_up"
    assert budget.stage(3 + GRACE - 1, used, 3) == "wrap_up"
    assert budget.stage(3 + GRACE, used, 3) == "over"
    assert budget.stage(1, Usage(input=700, output=100), None) == "wrap_up"
    assert Budget(turns=3).stage(1, Usage(input=10**9), None) == "work"
