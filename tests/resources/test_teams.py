"""One team from one markdown file."""

import pytest
from hypothesis import given, strategies as st
from tests.resources._house import team_of

from crew_actors.resources import Role

PI_CREW_TEAM = """---
name: shop
description: Builds: carefully
defaultWorkflow: default
workspaceMode: single
maxConcurrency: 3
triggers: build, make
---

The roles:

- explorer: agent=scout maps the code
- builder: agent=executor model=big/one skills=a, b maxConcurrency=2 builds it
- checker: looks   twice skills=false
- verifier

---
"""


def roles(body: str) -> tuple[tuple[Role, ...], list[str]]:
    team, problems = team_of(f"---\nname: x\n---\n{body}\n")
    return team.roles, problems


def test_a_file_of_pi_crew_loads_unchanged() -> None:
    team, problems = team_of(PI_CREW_TEAM, "shop")
    assert team.name == "shop"
    assert team.workflow == "default"
    assert team.max_concurrency == 3
    assert team.roles == (
        Role(name="explorer", agent="scout", description="maps the code", line=12),
        Role(
            name="builder",
            agent="executor",
            description="builds it",
            model="big/one",
            skills=("a", "b"),
            max_concurrency=2,
            line=13,
        ),
        Role(
            name="checker",
            agent="checker",
            description="looks twice",
            skills=(),
            line=14,
        ),
        Role(name="verifier", agent="verifier", line=15),
    )
    assert problems == ["shop.team.md:7: warning: triggers: has no effect here"]


def test_the_shorter_name_of_the_default_workflow_counts_too() -> None:
    team, problems = team_of("---\nworkflow: w\n---\n- a\n")
    assert team.workflow == "w"
    assert problems == []


def test_worktrees_are_asked_for_in_vain() -> None:
    team, problems = team_of("---\nworkspaceMode: worktree\n---\n- a\n")
    assert team.unused == {"workspaceMode": "worktree"}
    assert problems == ["x.team.md:2: warning: workspaceMode: has no effect here"]
    _, problems = team_of("---\nworkspaceMode: tree\n---\n- a\n")
    assert problems[0] == (
        "x.team.md:2: error: workspaceMode: expects single or worktree, not 'tree' "
        "(did you mean 'worktree'?)"
    )


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("- agent=a agent=b", "4: warning: this item is no role; it is ignored"),
        ("- a: agent=a agent=b", "4: error: a: agent is set twice"),
        ("- a: skills=a skills=b", "4: error: a: skills is set twice"),
        (
            "- a: agnet=b does",
            (
                "4: warning: a: 'agnet' is not known, and is taken as description "
                "(did you mean 'agent'?)"
            ),
        ),
        (
            "- a: maxConcurrency=0",
            "4: error: a.maxConcurrency: expects a whole number from 1 to 1024, not '0'",
        ),
        (
            "- a: maxConcurrency=x",
            "4: error: a.maxConcurrency: expects a whole number from 1 to 1024, not 'x'",
        ),
        (
            "- a/b: agent=c",
            (
                "4: error: role: 'a/b' is no name; a name has letters, digits, '-' and "
                "'_', at most 64, and begins with a letter or a digit"
            ),
        ),
        ("- see https://x.y", "4: warning: this item is no role; it is ignored"),
        (
            "```\n- a",
            "4: error: this code fence has no end; roles below it would not be seen",
        ),
    ],
)
def test_a_line_that_is_no_good_role_is_told(row: str, problem: str) -> None:
    _, problems = roles(row)
    assert problems == [f"x.team.md:{problem}"]


def test_an_example_in_a_code_fence_is_no_role() -> None:
    found, problems = roles("```\n- a: agent=b\n```\n- c")
    assert [role.name for role in found] == ["c"]
    assert problems == []


def test_the_number_of_roles_has_a_bound() -> None:
    found, problems = roles("\n".join(f"- r{number}" for number in range(1001)))
    assert found == ()
    assert problems == ["x.team.md: error: has more than 1000 roles"]


_NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,9}", fullmatch=True)
_SKILLS = st.lists(_NAMES, unique=True, min_size=1).filter(lambda one: one != ["false"])
_WORDS = st.lists(st.sampled_from(["maps", "the", "code,", "(all)"]), max_size=5)


@given(_NAMES, _NAMES, st.none() | _SKILLS, _WORDS)
def test_what_is_written_of_a_role_is_read_back(
    name: str, agent: str, skills: list[str] | None, words: list[str]
) -> None:
    said = "" if skills is None else f"skills={', '.join(skills)} "
    found, problems = roles(f"- {name}: agent={agent} {said}{' '.join(words)}")
    assert problems == []
    assert found == (
        Role(
            name=name,
            agent=agent,
            description=" ".join(words),
            skills=None if skills is None else tuple(skills),
            line=4,
        ),
    )
