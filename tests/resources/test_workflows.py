"""One workflow from one markdown file."""

import pytest
from hypothesis import given, strategies as st
from tests.resources._house import workflow_of

from crew_actors.resources import Step
from crew_actors.resources._sections import fenced

PI_CREW_WORKFLOW = """---
name: build
description: Explore: then plan
maxConcurrency: 2
---

# Build

## explore
role: explorer
parallelGroup: one
progress: true

Explore for: {goal}

## Notes

- keep it short

## plan
dependsOn: explore
output: plan.md
reads: map.md, "a, b.md"
model: big/one
skills: a, b
worktree: false
verify: true

Plan for: {goal}

## verify
role: verifier
dependsOn: plan, plan
output: false
reads: false
skills: false
task: Verify {goal}
"""


def steps(body: str) -> tuple[tuple[Step, ...], list[str]]:
    workflow, problems = workflow_of(f"---\nname: x\n---\n{body}")
    return workflow.steps, problems


def titles(body: str) -> list[str]:
    return [step.id for step in steps(body)[0]]


def test_a_file_of_pi_crew_loads_unchanged() -> None:
    workflow, problems = workflow_of(PI_CREW_WORKFLOW, "build")
    assert workflow.name == "build"
    assert workflow.description == "Explore: then plan"
    assert workflow.max_concurrency == 2
    assert workflow.steps == (
        Step(
            id="explore",
            role="explorer",
            prompt="Explore for: {goal}\n\n## Notes\n\n- keep it short",
            unused={"parallelGroup": "one", "progress": "true"},
            line=9,
        ),
        Step(
            id="plan",
            role="plan",
            depends_on=("explore",),
            output="plan.md",
            reads=("map.md", "a, b.md"),
            model="big/one",
            skills=("a", "b"),
            verify=True,
            prompt="Plan for: {goal}",
            unused={"worktree": "false"},
            line=20,
        ),
        Step(
            id="verify",
            role="verifier",
            depends_on=("plan",),
            skills=(),
            prompt="Verify {goal}",
            line=31,
        ),
    )
    assert problems == [
        "build.workflow.md:11: warning: parallelGroup, progress: have no effect here"
    ]


def test_a_heading_is_text_unless_a_key_of_steps_follows_it() -> None:
    body = "## a\nrole: x\n\ntext\n\n## Details\n\nmore: text\n\n## B\n\nrole: y\n"
    found, problems = steps(body)
    assert [step.id for step in found] == ["a", "B"]
    assert found[0].prompt == "text\n\n## Details\n\nmore: text"
    assert problems == []


def test_a_small_name_after_an_empty_line_begins_a_step_without_keys() -> None:
    body = "## a\nrole: x\n\ntext\n\n## verifier\n\nlook\n\ntext\n## not-this\n"
    found, _ = steps(body)
    assert [step.id for step in found] == ["a", "verifier"]
    assert found[1].role == "verifier"
    assert found[1].prompt == "look\n\ntext\n## not-this"


def test_without_any_key_each_heading_of_level_two_begins_a_step() -> None:
    assert titles("## one\n\ntext\n## Two\n### three\n# four\n##five\n") == [
        "one",
        "Two",
    ]


def test_a_step_without_text_is_given_the_goal() -> None:
    found, problems = steps("## a\nrole: x\n")
    assert found[0].prompt == "{goal}"
    assert problems == []
    assert steps("## a")[0][0].prompt == "{goal}"


def test_a_heading_above_the_first_step_is_told() -> None:
    found, problems = steps("## About This\n\ntext\n\n## a\nrole: x\n")
    assert [step.id for step in found] == ["a"]
    assert problems == [
        (
            "x.workflow.md:4: warning: this heading is no step: none of a step's keys "
            "follows it"
        )
    ]


@pytest.mark.parametrize("fence", ["```", "~~~", "````", "```markdown", "   ```"])
def test_a_heading_in_a_code_fence_begins_nothing(fence: str) -> None:
    close = fence.strip().removesuffix("markdown")
    body = f"## a\nrole: x\n\n{fence}\n## b\nrole: y\n{close}\n\n## c\nrole: z\n"
    assert titles(body) == ["a", "c"]


@pytest.mark.parametrize(
    ("rows", "inside", "open_fence"),
    [
        (["```", "~~~", "```", "x"], [True, True, True, False], None),
        (["````", "```", "````"], [True, True, True], None),
        (["```", "``` x", "```"], [True, True, True], None),
        (["``` a`b", "x"], [False, False], None),
        (["~~~ a`b", "x"], [True, True], 0),
        (["    ```", "x"], [False, False], None),
        (["x", "```"], [False, True], 1),
        (["```", "`````", "x"], [True, True, False], None),
    ],
)
def test_fences_open_and_close_as_in_markdown(
    rows: list[str], inside: list[bool], open_fence: int | None
) -> None:
    assert fenced(rows) == (inside, open_fence)


def test_a_fence_without_an_end_is_an_error() -> None:
    _, problems = steps("## a\nrole: x\n\n```\n\n## b\nrole: y\n")
    assert problems == [
        (
            "x.workflow.md:7: error: this code fence has no end; steps below it would not "
            "be seen"
        )
    ]


def test_keys_end_at_the_first_line_that_is_none() -> None:
    found, problems = steps("## a\nrole: x\nJust do it.\noutput: y\n")
    assert found[0].prompt == "Just do it.\noutput: y"
    found, _ = steps("## a\nrole: x\n- item\n")
    assert (found[0].role, found[0].prompt) == ("x", "- item")
    found, _ = steps("## a\nrole: x\n# Title\n")
    assert found[0].prompt == "# Title"
    assert problems == []


def test_keys_of_a_step_may_be_lists_of_yaml() -> None:
    body = "## a\ndependsOn:\n  - b\n  - c\nreads: [d,\n  e]\ntask: |\n  do\n  it\n"
    found, problems = steps(body)
    assert found[0].depends_on == ("b", "c")
    assert found[0].reads == ("d", "e")
    assert found[0].prompt == "do\nit"
    assert problems == []


def test_text_that_looks_like_a_key_stays_text() -> None:
    found, problems = steps("## a\n\nNote: look at x\n")
    assert found[0].prompt == "Note: look at x"
    assert problems == []


def test_a_misspelt_first_key_is_told() -> None:
    found, problems = steps("## a\ndependson: b\n\ntext\n")
    assert found[0].prompt == "text"
    assert problems == [
        (
            "x.workflow.md:5: warning: dependson: is not known, and has no effect "
            "(did you mean 'dependsOn'?)"
        )
    ]


def test_a_task_beside_a_text_is_told() -> None:
    found, problems = steps("## a\ntask: one\n\ntwo\n")
    assert found[0].prompt == "two"
    assert problems == [
        "x.workflow.md:5: warning: task: has no effect; the text below the keys is used"
    ]


def test_a_closing_row_of_hashes_is_no_part_of_the_name() -> None:
    assert titles("## a ##\nrole: x\n") == ["a"]


def test_the_number_of_steps_has_a_bound() -> None:
    found, problems = steps("".join(f"## s{number}\n" for number in range(1001)))
    assert found == ()
    assert problems == ["x.workflow.md: error: has more than 1000 steps"]


_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)
_PROSE = st.lists(
    st.sampled_from(
        ["Do it.", "", "Also: that", "### Part", "- item", "x\n    ## code"]
    ),
    max_size=6,
).map(lambda rows: "\n".join(rows).strip())


@given(st.dictionaries(_NAMES, st.tuples(_NAMES, _PROSE), min_size=1, max_size=5))
def test_steps_that_are_written_are_read_back(
    written: dict[str, tuple[str, str]],
) -> None:
    body = "".join(
        f"## {name}\nrole: {role}\n\n{prompt}\n\n"
        for name, (role, prompt) in written.items()
    )
    found, problems = steps(body)
    assert problems == []
    assert {step.id: (step.role, step.prompt) for step in found} == {
        name: (role, prompt or "{goal}") for name, (role, prompt) in written.items()
    }
