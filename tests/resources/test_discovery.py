"""Which files are there, tier by tier, and which of them may have their names."""

import os
import sys
from pathlib import Path

import pytest
from tests.resources._house import House, told

from crew_actors.places import Project
from crew_actors.resources import (
    Catalog,
    InvalidResource,
    UnknownResource,
    load_catalog,
)

AGENT = "---\nname: {}\ndescription: from {}\n---\nprompt\n"
posix = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes of POSIX")


def agent(name: str, origin: str = "here") -> str:
    return AGENT.format(name, origin)


def problems_of(catalog: Catalog) -> list[str]:
    return told(catalog.problems)


def test_folders_that_are_not_there_are_no_problem(house: House) -> None:
    catalog = house.load()
    assert catalog.problems == ()
    assert {one.source.tier for one in catalog.agents.values()} == {"builtin"}
    assert catalog.project == house.project


def test_without_a_project_there_are_two_tiers(house: House) -> None:
    house.user("agents/mine.md", agent("mine"))
    house.mine("agents/theirs.md", agent("theirs"))
    catalog = load_catalog(house.places, None)
    assert catalog.agent("mine").source.tier == "user"
    assert "theirs" not in catalog.agents
    assert catalog.project is None


def test_each_tier_adds_its_kinds(house: House) -> None:
    house.user("agents/a.md", agent("a"))
    house.user("teams/a.team.md", "---\nname: a\n---\n- a\n")
    house.user("workflows/a.workflow.md", "---\nname: a\n---\n## s\nrole: a\n")
    house.mine("agents/b.md", agent("b"))
    house.mine("teams/b.team.md", "---\nname: b\n---\n- b\n")
    house.mine("workflows/b.workflow.md", "---\nname: b\n---\n## s\nrole: b\n")
    catalog = house.load()
    assert catalog.problems == ()
    for name, tier in (("a", "user"), ("b", "project"), ("default", "builtin")):
        assert catalog.team(name).source.tier == tier
        assert catalog.workflow(name).source.tier == tier
    assert catalog.agent("a").source.tier == "user"
    assert catalog.agent("b").source.tier == "project"
    assert len(catalog.agent("b").source.sha256) == 64


def test_a_user_may_replace_a_builtin_and_it_is_said(house: House) -> None:
    house.user("agents/critic.md", agent("critic", "the user"))
    catalog = house.load()
    assert catalog.agent("critic").description == "from the user"
    assert catalog.agent("critic").source.replaces == "builtin"
    assert catalog.agent("planner").source.replaces is None
    assert catalog.problems == ()


@pytest.mark.parametrize("name", ["critic", "Critic", "mine", "MINE"])
def test_a_project_may_not_have_the_name_of_a_lower_tier(
    house: House, name: str
) -> None:
    house.user("agents/mine.md", agent("mine"))
    house.mine(f"agents/{name}.md", agent(name, "the project"))
    catalog = house.load()
    tier = "user" if name.lower() == "mine" else "builtin"
    assert catalog.agent(name.lower()).source.tier == tier
    assert all(one.source.tier != "project" for one in catalog.agents.values())
    assert problems_of(catalog) == [
        (
            f"{name}.md: error: name: {name.lower()!r} is the name of a {tier} agent; "
            "this file is ignored, give it another name"
        )
    ]


def test_a_user_may_use_another_case(house: House) -> None:
    house.user("agents/Critic.md", agent("Critic"))
    catalog = house.load()
    assert catalog.agent("Critic").source.tier == "user"
    assert catalog.agent("critic").source.tier == "builtin"
    assert catalog.problems == ()


def test_two_files_of_one_name_are_an_error_and_the_first_counts(house: House) -> None:
    house.user("agents/a.md", agent("a", "first"))
    house.user("agents/b.md", agent("a", "second"))
    house.user("agents/c.md", agent("A", "third"))
    catalog = house.load()
    assert catalog.agent("a").description == "from first"
    assert catalog.agent("A").description == "from third"
    assert (
        "b.md: error: name: 'a' is already defined in a.md; this file is ignored, "
        "give it another name"
    ) in problems_of(catalog)


def test_agents_of_claude_code_belong_to_the_project(house: House) -> None:
    house.in_project(".claude/agents/helper.md", agent("helper"))
    house.in_project(".claude/agents/planner.md", agent("planner"))
    house.in_project(".claude/agents/own.md", agent("own", "claude"))
    house.mine("agents/own.md", agent("own", "crew"))
    catalog = house.load()
    assert catalog.agent("helper").source.tier == "project"
    assert catalog.agent("own").description == "from crew"
    assert catalog.agent("planner").source.tier == "builtin"
    assert [problem.severity for problem in catalog.problems] == ["warning"] * 2


def test_the_layout_of_pi_crew_counts_where_ours_is_not_used(house: House) -> None:
    house.in_project(".pi/teams/agents/old.md", agent("old"))
    assert house.load().agent("old").source.tier == "project"
    (house.project.crew_dir / "runs").mkdir(parents=True)
    assert "old" in house.load().agents
    house.mine("teams/t.team.md", "---\nname: t\n---\n- a\n")
    assert "old" not in house.load().agents


def test_a_file_with_an_error_takes_its_name_and_is_not_used(house: House) -> None:
    house.user("agents/critic.md", "---\nname: critic\nmaxTurns: x\n---\n")
    catalog = house.load()
    assert "critic" not in catalog.agents
    with pytest.raises(InvalidResource) as invalid:
        catalog.agent("critic")
    assert [problem.field for problem in invalid.value.problems] == ["maxTurns"]


def test_a_file_may_switch_an_agent_off(house: House) -> None:
    house.user("agents/critic.md", "---\nname: critic\ndisabled: true\n---\n")
    house.user("agents/writer.md", "---\nname: writer\nenabled: false\n---\n")
    house.user("agents/analyst.md", "---\nname: analyst\nenabled: true\n---\n")
    catalog = house.load()
    assert catalog.problems == ()
    assert "analyst" in catalog.agents
    for name in ("critic", "writer"):
        with pytest.raises(InvalidResource, match="switched off by this file"):
            catalog.agent(name)


def test_a_file_whose_name_is_none_is_told_and_left_out(house: House) -> None:
    house.mine("agents/a b.md", agent("a b"))
    catalog = house.load()
    assert [problem.field for problem in catalog.problems] == ["name"]
    assert catalog.unusable == {}


def test_a_name_that_is_not_there_comes_with_the_nearest(house: House) -> None:
    catalog = house.load()
    with pytest.raises(UnknownResource) as unknown:
        catalog.team("defualt")
    assert unknown.value.nearest == "default"
    with pytest.raises(UnknownResource, match="there are: default, fast-fix"):
        catalog.workflow("zzz")


def test_files_that_are_none_of_a_folder_are_told(house: House) -> None:
    house.mine("agents/x.team.md", "")
    house.mine("teams/x.md", "")
    house.mine("teams/README.md", "")
    house.mine("agents/README.md", "")
    house.mine("agents/.hidden.md", "")
    house.mine("agents/notes.txt", "")
    assert problems_of(house.load()) == [
        "x.team.md: warning: is not read: teams and workflows have folders of their own",
        "x.md: warning: is not read: the name of a team ends in '.team.md'",
    ]


def test_a_file_that_is_not_utf_8_is_told_with_its_line(house: House) -> None:
    path = house.mine("agents/x.md", "")
    path.write_bytes(b"---\nname: \xff\n---\n")
    assert problems_of(house.load()) == [
        "x.md:2: error: is not UTF-8 from this line on"
    ]


def test_a_file_that_is_too_large_is_told(house: House) -> None:
    house.mine("agents/x.md", "x" * ((1 << 20) + 1))
    house.mine("agents/y.md", "---\nname: y\n---\n".ljust(1 << 20))
    catalog = house.load()
    assert problems_of(catalog) == [
        "x.md: error: cannot be read: it is larger than 1048576 bytes"
    ]
    assert "y" in catalog.agents


def test_a_folder_has_a_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crew_actors.resources._discover.MAX_FILES", 15)
    for number in range(16):
        house.mine(f"agents/a{number:02}.md", agent(f"a{number:02}"))
    catalog = house.load()
    assert problems_of(catalog) == [
        "agents: error: has 16 files; only the first 15 are read"
    ]
    assert "a14" in catalog.agents
    assert "a15" not in catalog.agents


@posix
def test_a_link_that_leads_out_of_its_folder_is_refused(house: House) -> None:
    secret = house.in_project("secret.md", agent("secret"))
    house.mine("agents/real.md", agent("real"))
    folder = house.project.crew_dir / "agents"
    (folder / "out.md").symlink_to(secret)
    (folder / "gone.md").symlink_to(folder / "nothing.md")
    (folder / "loop.md").symlink_to(folder / "loop.md")
    (folder / "in.md").symlink_to(folder / "real.md")
    catalog = house.load()
    assert "real" in catalog.agents
    assert "secret" not in catalog.agents
    said = problems_of(catalog)
    assert (
        "out.md: error: is a link that leads out of its folder; put the file itself "
        "here"
    ) in said
    assert "gone.md: error: cannot be read: No such file or directory" in said
    assert any(
        problem.startswith("loop.md: error: cannot be read: ") for problem in said
    )
    assert any("in.md:2: warning: name: 'real' is not what" in one for one in said)


@posix
def test_the_folders_of_a_project_must_lie_in_it(house: House) -> None:
    outside = house.root / "outside"
    outside.mkdir()
    (outside / "x.md").write_text(agent("x"))
    house.project.crew_dir.mkdir()
    (house.project.crew_dir / "agents").symlink_to(outside)
    catalog = house.load()
    assert problems_of(catalog) == [
        "agents: error: is a link that leads out of the project"
    ]
    assert "x" not in catalog.agents


@posix
def test_the_folders_of_a_user_may_lie_elsewhere(house: House) -> None:
    outside = house.root / "outside"
    outside.mkdir()
    (outside / "x.md").write_text(agent("x"))
    house.places.config.mkdir()
    (house.places.config / "agents").symlink_to(outside)
    assert house.load().agent("x").source.tier == "user"


@posix
def test_a_named_pipe_is_not_waited_for(house: House) -> None:
    house.mine("agents/real.md", agent("real"))
    os.mkfifo(house.project.crew_dir / "agents" / "pipe.md")
    assert problems_of(house.load()) == [
        "pipe.md: error: cannot be read: it is not a regular file"
    ]


@posix
def test_a_folder_that_loops_or_is_none_is_told_or_skipped(house: House) -> None:
    house.project.crew_dir.mkdir()
    (house.project.crew_dir / "agents").symlink_to(house.project.crew_dir / "agents")
    house.mine("teams", "a file")
    house.mine("workflows/w.workflow.md", "---\nname: w\n---\n## s\n")
    assert [str(one.path.name) for one in house.load().problems] == ["agents"]


def test_a_file_that_cannot_be_opened_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    house.mine("agents/x.md", agent("x"))
    monkeypatch.setattr("crew_actors.resources._discover.content_of", refuse)
    assert "x.md: error: cannot be read: Permission denied" in problems_of(house.load())


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 there")
def test_a_file_name_of_any_bytes_can_be_told(house: House) -> None:
    house.mine("agents/x.md", agent("x"))
    folder = os.fsencode(house.project.crew_dir / "agents")
    Path(os.fsdecode(folder + b"/\x1b[2J\xff.md")).write_text("---\nname: y\n---\n")
    catalog = house.load()
    assert "y" in catalog.agents
    assert r"\x1b[2J\udcff.md:2: warning: name" in str(catalog.problems[0])


def test_a_project_may_lie_anywhere(house: House) -> None:
    nowhere = Project(house.root / "nowhere", is_repository=False)
    assert load_catalog(house.places, nowhere).problems == ()
