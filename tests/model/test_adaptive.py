"""What an agent plans is understood, mended, or refused with the reason."""

import json

import pytest
from hypothesis import given, strategies as st
from tests.support.plans import task

from crew_actors.model import (
    MOST_TASKS,
    AdaptivePlan,
    AdaptiveTask,
    PlanUnreadable,
    TaskId,
    adaptive_tasks,
    parse_adaptive_plan,
    parse_task_id,
)

ROLES = ("explorer", "executor", "test-engineer", "reviewer")


def told(*phases: list[dict[str, object]]) -> str:
    return json.dumps({"phases": [{"tasks": tasks} for tasks in phases]})


def do(role: str = "executor", text: str = "do it") -> dict[str, object]:
    return {"role": role, "task": text}


def roles_of(plan: AdaptivePlan) -> list[list[str]]:
    return [[one.role for one in phase] for phase in plan.phases]


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "Here it is:\nADAPTIVE_PLAN_JSON_START\n{}\nADAPTIVE_PLAN_JSON_END\nGood luck",
        "Here it is:\n```json\n{}\n```\nGood luck",
        "ADAPTIVE_PLAN_JSON_START\n```json\n{}\n```\nADAPTIVE_PLAN_JSON_END",
        "My plan: {}",
    ],
)
def test_a_plan_is_found_in_what_surrounds_it(around: str) -> None:
    plan = parse_adaptive_plan(
        around.replace("{}", told([do("explorer")], [do(), do("reviewer")])), ROLES
    )
    assert roles_of(plan) == [["explorer"], ["executor", "reviewer"]]
    assert plan.repairs == ()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"tasks": [do("explorer")]}),
        "```\n" + json.dumps([{"tasks": [do("explorer")]}]) + "\n```",
    ],
)
def test_a_single_phase_and_a_list_of_phases_are_plans(text: str) -> None:
    assert roles_of(parse_adaptive_plan(text, ROLES)) == [["explorer"]]


def test_the_last_of_several_plans_counts() -> None:
    texts = (told([do("explorer")]), told([do("reviewer")]))
    text = "\n".join(f"```json\n{one}\n```" for one in texts)
    assert roles_of(parse_adaptive_plan(text, ROLES)) == [["reviewer"]]


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        ("developer", "executor"),
        ("QA", "test-engineer"),
        ("code_reviewer", "reviewer"),
        ("Scout", "explorer"),
        ("Test Engineer", "test-engineer"),
    ],
)
def test_other_names_of_roles_are_translated_and_that_is_told(
    named: str, taken: str
) -> None:
    plan = parse_adaptive_plan(told([do(named)]), ROLES)
    assert roles_of(plan) == [[taken]]
    assert plan.repairs == (f"phase 1, task 1: took role {named!r} for {taken!r}",)


def test_a_role_of_the_team_is_never_translated() -> None:
    plan = parse_adaptive_plan(told([do("qa")]), (*ROLES, "qa"))
    assert roles_of(plan) == [["qa"]]
    assert plan.repairs == ()


@given(st.data())
def test_a_plan_that_breaks_off_gives_whole_tasks_or_is_refused(
    data: st.DataObject,
) -> None:
    whole = told([do("explorer", 'see "{x"}')], [do(text="]"), do("reviewer")])
    cut = data.draw(st.integers(1, len(whole) - 1))
    complete = parse_adaptive_plan(whole, ROLES)
    try:
        plan = parse_adaptive_plan(whole[:cut], ROLES)
    except PlanUnreadable:
        return
    assert plan.repairs
    assert len(plan.phases) <= len(complete.phases)
    for phase, full in zip(plan.phases, complete.phases, strict=False):
        for one, meant in zip(phase, full, strict=False):
            assert one.role == meant.role
            assert one.text == meant.text


def test_a_text_that_breaks_off_is_never_taken_for_a_task() -> None:
    whole = told([do(text="delete nothing")], [do(text="delete all files but one")])
    plan = parse_adaptive_plan(whole[: whole.index(" but one")], ROLES)
    assert [[one.text for one in phase] for phase in plan.phases] == [
        ["delete nothing"]
    ]
    assert plan.repairs == ("left out what is not complete at the end of the plan",)


@pytest.mark.parametrize("start", ['{"tasks": [', '{"phases": [{"tasks": ['])
def test_half_of_the_only_phase_is_no_plan(start: str) -> None:
    text = start + json.dumps(do()) + ', {"role": "reviewer", "task": "check th'
    with pytest.raises(PlanUnreadable, match="the plan is no JSON"):
        parse_adaptive_plan(text, ROLES)


def test_brackets_that_are_missing_at_the_end_are_closed() -> None:
    plan = parse_adaptive_plan(told([do()], [do("reviewer")])[:-4], ROLES)
    assert roles_of(plan) == [["executor"], ["reviewer"]]
    assert plan.repairs == ("closed what the plan leaves open at its end",)


def test_whole_phases_before_a_broken_one_are_kept() -> None:
    plan = parse_adaptive_plan(told([do()], [do("wizard")], [do("reviewer")]), ROLES)
    assert roles_of(plan) == [["executor"]]
    (repair,) = plan.repairs
    assert repair.startswith("left out phase 2 and those after it")
    assert "no role 'wizard'" in repair


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I do not know.", "there is no plan in the result"),
        ("```json\nnot json\n```", "the plan is no JSON"),
        ('{"steps": []}', "the plan is not of the form"),
        ("```\n3\n```", "the plan is not of the form"),
        ('{"phases": []}', "the plan has no tasks"),
        ('{"phases": [{}]}', "phase 1 has no tasks"),
        ('{"phases": [{"tasks": ["x"]}]}', "phase 1, task 1 is no object"),
        (told([{"role": "executor"}]), "does not say what is to be done"),
        (told([{"role": "executor", "task": "  "}]), "does not say what is to be done"),
        (told([{"task": "x"}]), "names no role"),
        (told([do("wizard")]), "there is no role 'wizard'"),
        (told([do()] * (MOST_TASKS + 1)), "has 13 tasks; at most 12"),
        ("[" * 10_000 + "]" * 10_000, "there is no plan"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "the plan is no JSON"),
        ('{"a": "' + '\\"' * 150_000, "the plan is no JSON"),
        ("{" + " " * 500_000, "more than 400,000 characters"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_reason(
    text: str, why: str
) -> None:
    with pytest.raises(PlanUnreadable, match=why):
        parse_adaptive_plan(text, ROLES)


@given(st.text() | st.text('{}[]",: \\aphsestk`\n', max_size=200))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        plan = parse_adaptive_plan(text, ROLES)
    except PlanUnreadable:
        return
    assert all(plan.phases)


def test_phases_follow_each_other_and_their_tasks_go_together() -> None:
    plan = AdaptivePlan(
        phases=(
            (
                AdaptiveTask(role="explorer", text="look"),
                AdaptiveTask(role="executor", text="do", title="Do it"),
            ),
            (AdaptiveTask(role="reviewer", text="check"),),
        )
    )
    templates = {role: task(role, role=role) for role in ROLES}
    made = adaptive_tasks(plan, TaskId("assess"), templates)
    assert [(one.id, one.depends_on, one.group, one.prompt) for one in made] == [
        ("adaptive-01-explorer", ("assess",), "phase-1", "look"),
        ("adaptive-02-executor", ("assess",), "phase-1", "do"),
        (
            "adaptive-03-reviewer",
            ("adaptive-01-explorer", "adaptive-02-executor"),
            "phase-2",
            "check",
        ),
    ]
    assert [one.title for one in made] == [
        "explorer, phase 1",
        "Do it",
        "reviewer, phase 2",
    ]
    assert all(one.agent == f"{one.role}-agent" for one in made)


def test_the_ids_of_planned_tasks_are_ids_however_long_a_role_is() -> None:
    role = "r" * 64
    plan = AdaptivePlan(phases=((AdaptiveTask(role=role, text="x"),) * 3,))
    made = adaptive_tasks(plan, TaskId("a"), {role: task("t", role=role)})
    names = {parse_task_id(one.id) for one in made}
    assert len(names) == 3
