"""Create, update, rename and delete resources."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.resources._changing import AGENT, everything, make
from tests.resources._house import House

from crew_actors.resources import (
    AlreadyThere,
    BadChange,
    BuiltIn,
    Foreign,
    InvalidChange,
    InvalidResource,
    Kind,
    ResourceEditor,
    SeveralFiles,
    StillReferenced,
    UnknownResource,
    _change,
    validate_all,
)


def errors(house: House) -> list[str]:
    problems = validate_all(house.load())
    return [str(one) for one in problems if one.severity == "error"]


@pytest.mark.parametrize("kind", ["agent", "team", "workflow"])
@pytest.mark.parametrize("scope", ["project", "user"])
def test_a_plain_resource_can_be_used_at_once(
    kind: Kind, scope: Any, house: House
) -> None:
    edit = ResourceEditor(house.places, house.project)
    change = edit.create(kind, "mine", scope=scope, description="Is: mine")
    assert not change.path.exists()
    assert make(change) == (None,)
    catalog = house.load()
    find: dict[str, Callable[[str], Any]] = {
        "agent": catalog.agent,
        "team": catalog.team,
        "workflow": catalog.workflow,
    }
    found = find[kind]("mine")
    assert (found.description, found.source.tier) == ("Is: mine", scope)
    assert found.source.path == change.path
    assert errors(house) == []


def test_a_copy_has_its_own_name_and_the_rest_of_the_other(
    edit: ResourceEditor, house: House
) -> None:
    make(edit.create("workflow", "mine", source="review"))
    catalog = house.load()
    mine, review = catalog.workflow("mine"), catalog.workflow("review")
    assert mine.description == review.description
    assert [one.prompt for one in mine.steps] == [one.prompt for one in review.steps]


def test_nothing_is_copied_from_what_cannot_be_used(
    edit: ResourceEditor, house: House
) -> None:
    house.mine("agents/bad.md", "---\nruntime: nope\n---\n")
    with pytest.raises(InvalidResource):
        edit.create("agent", "mine", source="bad")
    with pytest.raises(UnknownResource):
        edit.create("agent", "mine", source="none")


def test_nothing_is_written_over(edit: ResourceEditor, house: House) -> None:
    with pytest.raises(AlreadyThere, match="crew update"):
        edit.create("agent", "maker")
    change = edit.create("agent", "late")
    house.mine("agents/late.md", "mine")
    with pytest.raises(AlreadyThere):
        make(change)
    assert change.path.read_text() == "mine"


def test_a_file_that_defines_another_name_is_not_written_over(
    edit: ResourceEditor, house: House
) -> None:
    house.mine("agents/late.md", AGENT.format("other"))
    with pytest.raises(AlreadyThere):
        edit.create("agent", "late")
    with pytest.raises(AlreadyThere):
        edit.update("agent", "maker", rename="late", update_references=True)


def test_an_unreadable_file_is_not_written_over(
    edit: ResourceEditor, house: House
) -> None:
    path = house.mine("agents/late.md", "")
    path.write_bytes(b"\xff")
    with pytest.raises(AlreadyThere):
        edit.create("agent", "late")


def test_a_project_cannot_take_the_name_of_a_builtin_or_user_resource(
    edit: ResourceEditor, house: House
) -> None:
    with pytest.raises(InvalidChange, match="the name of a builtin agent"):
        edit.create("agent", "Explorer")
    house.user("agents/own.md", AGENT.format("own"))
    with pytest.raises(InvalidChange, match="the name of a user agent"):
        edit.create("agent", "own")


def test_a_user_cannot_take_the_name_from_a_project_unawares(
    edit: ResourceEditor,
) -> None:
    with pytest.raises(InvalidChange, match=r"project.*the name of a user agent"):
        edit.create("agent", "maker", scope="user")


def test_a_user_may_stand_in_for_what_is_built_in(
    edit: ResourceEditor, house: House
) -> None:
    make(edit.create("agent", "explorer", source="explorer", scope="user"))
    assert house.load().agent("explorer").source.replaces == "builtin"


def test_what_would_be_invalid_is_not_written(edit: ResourceEditor) -> None:
    with pytest.raises(InvalidChange, match="there is no agent 'nobody'"):
        edit.create("team", "mine", content="- build: agent=nobody\n")
    with pytest.raises(InvalidChange, match=r"U\+001B"):
        edit.create("agent", "mine", description="\x1b[31m")
    with pytest.raises(InvalidChange, match="has no place"):
        edit.create("agent", "mine", description="\udcff")


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "-a", "a.team"])
def test_a_name_is_a_name(name: str, edit: ResourceEditor) -> None:
    with pytest.raises(BadChange, match="is no name"):
        edit.create("agent", name)
    with pytest.raises(BadChange, match="is no name"):
        edit.update("agent", "maker", rename=name or "?")


def test_a_content_with_another_name_is_refused(edit: ResourceEditor) -> None:
    with pytest.raises(BadChange, match="the content has the name 'other'"):
        edit.create("agent", "mine", content=AGENT.format("other"))
    with pytest.raises(BadChange, match="the content has the name 'other'"):
        edit.update("agent", "maker", content=AGENT.format("other"))


def test_too_much_is_refused(
    edit: ResourceEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadChange, match="larger than"):
        edit.create("agent", "mine", content="x" * ((1 << 20) + 1))
    monkeypatch.setattr(_change, "MAX_FILES", 1)
    with pytest.raises(BadChange, match="has 1 files"):
        edit.create("agent", "mine")


def test_nothing_is_written_outside_of_the_project(
    house: House, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    house.project.crew_dir.symlink_to(outside)
    edit = ResourceEditor(house.places, house.project)
    with pytest.raises(BadChange, match="leads out of the project"):
        edit.create("agent", "mine")
    assert list(outside.iterdir()) == []


def test_a_project_with_another_layout_keeps_it(house: House) -> None:
    house.in_project(".pi/teams/agents/there.md", AGENT.format("there"))
    make(ResourceEditor(house.places, house.project).create("agent", "mine"))
    assert {"there", "mine"} <= house.load().agents.keys()


def test_an_update_keeps_comments_body_and_mode_and_leaves_a_backup(
    edit: ResourceEditor, house: House
) -> None:
    path = house.project.crew_dir / "agents/maker.md"
    path.chmod(0o600)
    (backup,) = make(edit.update("agent", "maker", values={"description": "d, e"}))
    assert backup is not None
    assert backup.name.startswith("maker.md.bak-20260102T030405Z-")
    assert backup.read_text() == AGENT.format("maker")
    wanted = AGENT.format("maker\ndescription: d, e")
    assert path.read_text() == wanted
    assert (path.stat().st_mode & 0o777, backup.stat().st_mode & 0o777) == (
        0o600,
        0o600,
    )
    assert errors(house) == []


def test_an_update_that_changes_nothing_writes_nothing(edit: ResourceEditor) -> None:
    assert edit.update("agent", "maker", values={"model": ""}).files == ()
    assert edit.update("agent", "maker", rename="maker").files == ()


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"maxTurn": "3"}, "did you mean 'maxTurns'"),
        ({"name": "other"}, "--rename"),
        ({"description": "a\nname: b"}, "on one line"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    values: dict[str, str], match: str, edit: ResourceEditor
) -> None:
    with pytest.raises(BadChange, match=match):
        edit.update("agent", "maker", values=values)


def test_an_update_that_breaks_another_file_is_refused(
    edit: ResourceEditor, house: House
) -> None:
    before = everything(house.root)
    with pytest.raises(InvalidChange, match="has no role 'maker'"):
        edit.update(
            "team", "duo", content="---\nworkflow: pair\n---\n- build: agent=maker\n"
        )
    with pytest.raises(InvalidChange, match="agent 'maker' cannot be used"):
        edit.update("agent", "maker", values={"disabled": "true"})
    assert everything(house.root) == before


def test_a_file_with_errors_can_be_mended_but_not_left_with_one(
    edit: ResourceEditor, house: House
) -> None:
    house.mine("agents/bad.md", "---\nruntime: nope\nmaxTurns: x\n---\n")
    with pytest.raises(InvalidChange, match="runtime"):
        edit.update("agent", "bad", values={"maxTurns": "3"})
    make(edit.update("agent", "bad", values={"maxTurns": "3", "runtime": ""}))
    assert house.load().agent("bad").max_turns == 3


def test_what_is_built_in_or_foreign_is_left_alone(
    edit: ResourceEditor, house: House
) -> None:
    house.in_project(".claude/agents/theirs.md", AGENT.format("theirs"))
    for call in (edit.update, edit.delete):
        with pytest.raises(BuiltIn, match="--from explorer"):
            call("agent", "explorer")
        with pytest.raises(Foreign, match="another program"):
            call("agent", "theirs")
        with pytest.raises(UnknownResource, match="did you mean 'maker'"):
            call("agent", "makr")
        with pytest.raises(UnknownResource):
            call("agent", "maker", scope="user")


def test_two_files_of_one_name_need_a_scope(edit: ResourceEditor, house: House) -> None:
    user = house.user("agents/maker.md", AGENT.format("maker"))
    project = house.project.crew_dir / "agents/maker.md"
    with pytest.raises(SeveralFiles) as caught:
        edit.delete("agent", "maker")
    assert caught.value.paths == (user, project)
    assert str(user) in str(caught.value)
    change = edit.delete("agent", "maker", scope="project")
    assert (change.path, change.stands_in) == (project, "user")


def test_what_is_in_use_is_deleted_by_force_only(
    edit: ResourceEditor, house: House
) -> None:
    with pytest.raises(
        StillReferenced, match=r"team 'duo' \(.*duo.team.md:6\)"
    ) as caught:
        edit.delete("agent", "maker")
    assert [one.line for one in caught.value.references] == [6, 7]
    with pytest.raises(StillReferenced):
        edit.delete("workflow", "pair")
    change = edit.delete("agent", "maker", force=True)
    assert len(change.references) == 2
    (backup,) = make(change)
    assert not change.path.exists()
    assert backup is not None
    assert backup.read_text() == AGENT.format("maker")
    assert "maker" not in house.load().agents


def test_a_team_that_names_no_workflow_uses_its_namesake(
    edit: ResourceEditor, house: House
) -> None:
    house.mine("teams/pair.team.md", "- build: agent=maker\n- maker: x\n")
    make(edit.delete("team", "duo"))
    with pytest.raises(StillReferenced) as caught:
        edit.delete("workflow", "pair")
    assert [one.line for one in caught.value.references] == [None]
    make(edit.update("workflow", "pair", rename="two", update_references=True))
    assert house.load().team("pair").workflow == "two"
    make(edit.create("workflow", "pair", source="two"))
    make(edit.update("team", "pair", values={"defaultWorkflow": ""}))
    make(edit.update("team", "pair", rename="double"))
    assert house.load().team("double").workflow == "pair"


def test_a_user_file_gives_its_name_back_to_what_is_built_in(
    edit: ResourceEditor, house: House
) -> None:
    make(edit.create("agent", "explorer", source="explorer", scope="user"))
    change = edit.delete("agent", "explorer")
    assert (change.references, change.stands_in) == ((), "builtin")
    make(change)
    assert house.load().agent("explorer").source.tier == "builtin"


def test_a_new_name_needs_the_references_along(
    edit: ResourceEditor, house: House
) -> None:
    with pytest.raises(StillReferenced, match="--update-references"):
        edit.update("agent", "maker", rename="worker")
    change = edit.update(
        "agent",
        "maker",
        rename="worker",
        values={"description": "works"},
        update_references=True,
    )
    backups = make(change)
    assert sum(one is not None for one in backups) == 2
    catalog = house.load()
    assert catalog.agent("worker").description == "works"
    assert "maker" not in catalog.agents
    assert [role.agent for role in catalog.team("duo").roles] == ["worker", "worker"]
    assert [role.name for role in catalog.team("duo").roles] == ["build", "maker"]
    assert errors(house) == []


def test_references_of_another_tier_are_not_written(
    edit: ResourceEditor, house: House
) -> None:
    house.user("agents/shared.md", AGENT.format("shared"))
    house.mine("teams/solo.team.md", "- build: agent=shared\n")
    with pytest.raises(StillReferenced, match="by hand"):
        edit.update("agent", "shared", rename="other", update_references=True)


def test_a_new_name_that_is_taken_is_refused(
    edit: ResourceEditor, house: House
) -> None:
    house.mine("agents/other.md", AGENT.format("other"))
    before = everything(house.root)
    with pytest.raises(InvalidChange, match="the name of a builtin"):
        edit.update("agent", "other", rename="explorer")
    with pytest.raises(AlreadyThere):
        edit.update("agent", "other", rename="maker")
    assert everything(house.root) == before


def test_a_file_that_was_not_called_after_its_name_is_put_right(
    edit: ResourceEditor, house: House
) -> None:
    house.mine("agents/b.md", AGENT.format("a"))
    make(edit.update("agent", "a", rename="b"))
    assert house.load().agent("b").source.path.name == "b.md"
