"""Skills are found tier by tier, stay in their folders and are given within limits."""

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from tests.resources._house import House, told

from crew_actors.resources import Skill, Source, UnknownResource, plan_tasks
from crew_actors.resources._checks import validate_all
from crew_actors.resources._skills import (
    MAX_SKILLS,
    MAX_TEXT,
    MAX_TEXTS,
    skill_texts,
)

posix = pytest.mark.skipif(os.name == "nt", reason="needs links of POSIX")

TEXT = "---\nname: {}\ndescription: from {}\n---\n\nDo it well.\n"


def skill(name: str, text: str) -> Skill:
    return Skill(name=name, text=text, source=Source("user", Path(f"/s/{name}"), ""))


def test_each_tier_adds_its_skills(house: House) -> None:
    house.user("skills/mine/SKILL.md", TEXT.format("mine", "the user"))
    house.mine("skills/ours/SKILL.md", TEXT.format("ours", "the project"))
    house.in_project("skills/plain/SKILL.md", TEXT.format("plain", "the project"))
    house.in_project(".claude/skills/claude/SKILL.md", TEXT.format("claude", "it"))
    catalog = house.load()
    assert told(catalog.problems) == []
    tiers = {name: one.source.tier for name, one in catalog.skills.items()}
    assert tiers["mine"] == "user"
    assert {tiers[name] for name in ("ours", "plain", "claude")} == {"project"}
    assert tiers["evidence"] == "builtin"
    assert catalog.skill("mine").text == "Do it well."
    assert catalog.skill("mine").description == "from the user"


def test_a_user_may_replace_a_skill_and_a_project_may_not(house: House) -> None:
    house.user("skills/evidence/SKILL.md", "---\ndescription: x\n---\nMine.")
    house.mine("skills/Debugging/SKILL.md", "---\ndescription: x\n---\nTheirs.")
    catalog = house.load()
    assert catalog.skill("evidence").text == "Mine."
    assert catalog.skill("debugging").source.tier == "builtin"
    assert "Debugging" not in catalog.skills
    (problem,) = told(catalog.problems)
    assert problem == (
        "SKILL.md: error: name: 'debugging' is the name of a builtin skill; "
        "this file is ignored, give it another name"
    )


def test_what_another_program_repeats_is_a_warning_only(house: House) -> None:
    house.mine("skills/one/SKILL.md", "---\ndescription: x\n---\nOurs.")
    house.in_project(".claude/skills/one/SKILL.md", "---\ndescription: x\n---\nTheirs.")
    catalog = house.load()
    assert catalog.skill("one").text == "Ours."
    (problem,) = told(catalog.problems)
    assert "warning: name: 'one' is already defined in" in problem


def test_a_folder_without_the_file_is_no_skill_and_no_problem(house: House) -> None:
    house.in_project("skills/pottery.txt", "x")
    house.in_project("skills/empty/README.md", "x")
    catalog = house.load()
    assert catalog.problems == ()
    assert set(catalog.skills) == {"debugging", "evidence"}


def test_a_folder_in_place_of_the_file_is_told(house: House) -> None:
    (house.project.root / "skills" / "one" / "SKILL.md").mkdir(parents=True)
    catalog = house.load()
    assert "one" not in catalog.skills
    assert "it is not a regular file" in told(catalog.problems)[0]


def test_a_folder_of_skills_has_a_bound(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew_actors.resources._skills.MAX_FILES", 2)
    for name in "abc":
        house.mine(f"skills/{name}/SKILL.md", TEXT.format(name, "here"))
    catalog = house.load()
    assert {"a", "b", "debugging", "evidence"} == set(catalog.skills)
    (problem,) = told(catalog.problems)
    assert "has 3 entries; only the first 2 are looked at" in problem


@posix
def test_a_folder_that_leads_to_itself_is_told(house: House) -> None:
    loop = house.project.root / "skills"
    loop.symlink_to(loop)
    assert "cannot be read" in told(house.load().problems)[0]


@posix
def test_a_link_out_of_the_folder_is_refused(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the key is 1234")
    inside = house.mine(
        "skills/kept/SKILL.md", "---\ndescription: x\n---\nKept."
    ).parent.parent
    (inside / "leak").mkdir()
    (inside / "leak" / "SKILL.md").symlink_to(secret)
    (inside / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "SKILL.md").write_text("outside")
    catalog = house.load()
    assert {"leak", "again"}.isdisjoint(catalog.skills)
    assert "kept" in catalog.skills
    assert [problem.split(": ", 1)[1] for problem in told(catalog.problems)] == [
        "error: is a link that leads out of its folder"
    ] * 2


@posix
def test_a_folder_of_skills_that_leads_out_of_the_project_is_refused(
    house: House, tmp_path: Path
) -> None:
    outside = tmp_path / "outside" / "one"
    outside.mkdir(parents=True)
    (outside / "SKILL.md").write_text("x")
    (house.project.root / "skills").symlink_to(outside.parent)
    catalog = house.load()
    assert "one" not in catalog.skills
    assert "leads out of the project" in told(catalog.problems)[0]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("one", "---\nname: one\n---\n", "says nothing"),
        ("one", "\udcff", "is not UTF-8"),
        ("a b", "---\ndescription: x\n---\nx", "is no name"),
        ("one", "---\nname: two\n---\nx\n", "is not what its folder is called"),
        ("one", "---\nnane: one\n---\nx\n", "is not known"),
        ("one", "---\ndescription: x\n---\n\x1b[2J", "has no place in a text"),
    ],
)
def test_what_is_wrong_with_a_skill_is_told(
    house: House, name: str, text: str, says: str
) -> None:
    house.mine(f"skills/{name}/SKILL.md", text)
    catalog = house.load()
    (problem,) = told(catalog.problems)
    assert says in problem
    assert (name in catalog.skills) == ("warning" in problem)


def test_a_skill_that_is_not_there_is_a_clear_error(house: House) -> None:
    with pytest.raises(UnknownResource) as caught:
        house.load().skill("evidense")
    assert str(caught.value) == (
        "no skill is called 'evidense'; did you mean 'evidence'?"
    )


def test_a_skill_that_somebody_names_and_nobody_has_is_told(house: House) -> None:
    house.mine("agents/a.md", "---\nname: a\nskills: evidnce\n---\nx\n")
    house.mine("teams/t.team.md", "---\nname: t\n---\n- a: skills=nothing\n")
    house.mine(
        "workflows/t.workflow.md", "---\nname: t\n---\n\n## a\nskills: gone\n\nDo.\n"
    )
    problems = [p for p in told(validate_all(house.load())) if "no skill" in p]
    assert problems == [
        (
            "a.md: warning: skills: no skill is called 'evidnce' "
            "(did you mean 'evidence'?)"
        ),
        "t.team.md:4: warning: skills: no skill is called 'nothing'",
        "t.workflow.md:5: warning: skills: no skill is called 'gone'",
    ]


def test_a_task_is_planned_with_the_texts_of_its_skills(house: House) -> None:
    house.mine("agents/a.md", "---\nname: a\nskills: evidence, gone\n---\nx\n")
    house.mine("teams/t.team.md", "---\nname: t\n---\n- a\n")
    house.mine("workflows/t.workflow.md", "---\nname: t\n---\n\n## a\n\nDo.\n")
    catalog = house.load()
    (planned,) = plan_tasks(catalog, catalog.team("t"), catalog.workflow("t"), "g")
    assert planned.skills == ("evidence", "gone")
    (text,) = planned.skill_texts
    assert text.text == catalog.skill("evidence").text
    assert text.left_out == 0


@given(st.lists(st.integers(0, 2 * MAX_TEXT), max_size=2 * MAX_SKILLS))
def test_the_texts_keep_all_limits_and_count_what_is_left_out(
    sizes: list[int],
) -> None:
    skills = {f"s{i}": skill(f"s{i}", "x" * size) for i, size in enumerate(sizes)}
    chosen = skill_texts(skills, tuple(skills))
    assert len(chosen) == min(len(sizes), MAX_SKILLS)
    assert all(len(one.text) <= MAX_TEXT for one in chosen)
    assert sum(len(one.text) for one in chosen) <= MAX_TEXTS
    for one, size in zip(chosen, sizes, strict=False):
        assert len(one.text) + one.left_out == size
