"""Which team fits a goal."""

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.resources._house import House

from crew_actors.places import Places
from crew_actors.resources import (
    Catalog,
    NoTeam,
    Recommendation,
    load_catalog,
    recommend,
)
from crew_actors.resources._goals import SCANNED, take_apart


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    nowhere = tmp_path_factory.mktemp("empty")
    return load_catalog(Places(nowhere / "config", nowhere / "data"), None)


def found(goal: str, catalog: Catalog, *, is_repository: bool = True) -> Recommendation:
    return recommend(goal, catalog, is_repository=is_repository)


@pytest.mark.parametrize(
    ("goal", "team", "action", "workspace", "confidence"),
    [
        ("Fix the typo in the README", "fast-fix", "run", "shared", "high"),
        ("Please fix the review page", "fast-fix", "run", "shared", "high"),
        ("Review the login for security holes", "review", "run", "shared", "high"),
        ("Review the fix for the bug", "review", "run", "shared", "medium"),
        ("Why does the build fail on Windows?", "research", "run", "shared", "high"),
        ("Compare both parsers", "research", "run", "shared", "high"),
        (
            "Explain how tasks end across all subsystems",
            *("parallel-research", "run", "shared", "medium"),
        ),
        ("Migrate storage to SQLite", "implementation", "run", "worktree", "high"),
        ("Add a --verbose option", "default", "run", "shared", "high"),
        ("Rename Foo to Bar everywhere", "default", "run", "worktree", "high"),
        ("Give me an overview of it", "survey", "run", "shared", "high"),
        ("hello", "default", "plan", "shared", "low"),
        ("Sửa lỗi đăng nhập và thêm kiểm thử", "default", "plan", "shared", "low"),
        ("修复登录错误", "default", "plan", "shared", "low"),
        ("أصلح الخطأ", "default", "plan", "shared", "low"),
        ("", "default", "plan", "shared", "low"),
        ("- explain a\n- compare b", "research", "parallel", "shared", "high"),
        ("About x:\n- explain a\n- compare b", "research", "run", "shared", "high"),
        ("- explain a\n- then compare b", "research", "run", "shared", "high"),
        ("use team review for this typo fix", "review", "run", "shared", "high"),
    ],
)
def test_a_goal_gets_the_team_for_it(  # noqa: PLR0917 - a table
    goal: str, team: str, action: str, workspace: str, confidence: str, catalog: Catalog
) -> None:
    result = found(goal, catalog)
    assert (result.team, result.action) == (team, action)
    assert (result.workspace, result.confidence) == (workspace, confidence)
    assert result.reasons
    assert result.workflow == catalog.teams[team].workflow


@pytest.mark.parametrize(
    ("goal", "kind", "parts"),
    [
        ("1. one thing\n2) two  things", "numbered", ["one thing", "two things"]),
        ("- a b\n* c d\n\n• e f", "bulleted", ["a b", "c d", "e f"]),
        (
            "fix the parser and add tests, then update the docs",
            "conjunction",
            ["fix the parser", "add tests", "update the docs"],
        ),
        (
            "Review the code; write a summary. Finally, update the index",
            "conjunction",
            ["Review the code", "write a summary", "update the index"],
        ),
        ("search and replace dialog", "atomic", ["search and replace dialog"]),
        ("the parser and the writer", "atomic", ["the parser and the writer"]),
        ("- only one", "atomic", ["- only one"]),
        ("  \n ", "atomic", []),
    ],
)
def test_a_goal_is_taken_apart(goal: str, kind: str, parts: list[str]) -> None:
    apart = take_apart(goal)
    assert (apart.kind, list(apart.parts)) == (kind, parts)


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("fix the parser", "executor"),
        ("review the parser", "reviewer"),
        ("review it for injection", "security-reviewer"),
        ("test the parser", "test-engineer"),
        ("document the parser", "writer"),
        ("verify the numbers", "verifier"),
        ("plan the move", "planner"),
        ("compare both", "analyst"),
        ("find dead code", "explorer"),
        ("something about tests", "test-engineer"),
        ("add tests", "executor"),
        ("anything", "executor"),
    ],
)
def test_a_part_gets_the_role_for_it(text: str, role: str, catalog: Catalog) -> None:
    goal = f"Team implementation:\n- {text}\n- {text}"
    result = found(goal, catalog)
    assert result.team == "implementation"
    assert [one.role for one in result.subtasks] == [role, role]


def test_a_large_goal_needs_no_terminal(catalog: Catalog) -> None:
    assert found("Rewrite the scheduler", catalog).detach
    assert not found("Fix a typo", catalog).detach
    assert found("Add this. " + "It is for people. " * 60, catalog).team == "default"


def test_without_a_repository_there_are_no_worktrees(catalog: Catalog) -> None:
    result = found("Rename Foo to Bar", catalog, is_repository=False)
    assert result.workspace == "shared"
    assert "no git repository" in result.reasons[-1]


def test_a_team_of_ones_own_is_found_by_its_triggers(house: House) -> None:
    house.mine(
        "teams/poets.team.md",
        "---\nworkflow: poem\ntriggers: rhyme, love poem\n---\n- bard: agent=writer\n",
    )
    house.mine("workflows/poem.workflow.md", "## bard\nrole: bard\n\n{goal}\n")
    catalog = house.load()
    result = found("Write a love  poem about trio", catalog)
    assert (result.team, result.workflow) == ("poets", "poem")
    assert "'love poem': a trigger of team poets" in result.reasons
    assert [one.role for one in result.subtasks] == ["bard"]
    assert found("Lovely poems", catalog).team == "default"


def test_what_cannot_be_used_is_not_recommended(catalog: Catalog, house: House) -> None:
    house.user(
        "teams/fast-fix.team.md", "---\nworkflow: nope\n---\n- a: agent=explorer\n"
    )
    house.user("workflows/review.workflow.md", "## nobody\nrole: nobody\n\nx\n")
    house.user("agents/critic.md", "---\ndisabled: true\n---\n")
    mine = house.load()
    assert found("Fix the typo", mine).team == "default"
    assert found("Review the code", mine).team == "default"
    assert found("Rewrite the scheduler", mine).team == "default"
    with pytest.raises(NoTeam, match="crew validate"):
        found("Fix it", attrs.evolve(catalog, teams={}))


def test_what_comes_late_is_not_read(catalog: Catalog) -> None:
    goal = "word " * (SCANNED // 5) + "review review"
    assert found(goal, catalog).team != "review"
    many = "\n".join(f"- compare {number} parts" for number in range(200))
    assert len(found(many, catalog).subtasks) == 50


@given(goal=st.text() | st.text("-*1.) \nandfixtheandadd,;?", max_size=200))
def test_any_text_gets_names_that_there_are(goal: str, catalog: Catalog) -> None:
    result = found(goal, catalog)
    roles = {role.name for role in catalog.team(result.team).roles}
    assert result.workflow in catalog.workflows
    assert {one.role for one in result.subtasks} <= roles
    assert result == found(goal, catalog)
