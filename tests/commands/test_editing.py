"""`crew create`, `crew update`, `crew delete`."""

import io
import json
from pathlib import Path

import pytest
from tests.resources._house import told

from crew_actors import cli
from crew_actors.commands import BadParameters, Context
from crew_actors.commands._create import CreateParameters, create
from crew_actors.commands._delete import DeleteParameters, NotConfirmed, delete
from crew_actors.commands._edited import edited_text
from crew_actors.commands._reading import read_text
from crew_actors.commands._update import UpdateParameters, update
from crew_actors.resources import StillReferenced, load_catalog


@pytest.fixture(autouse=True)
def here(context: Context, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(context.project.root)
    monkeypatch.setenv("CREW_HOME", str(context.places.config.parent))
    return context.project.root


def run(*args: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        patch.setattr("sys.stderr", err)
        code = cli.main(args)
    return code, out.getvalue(), err.getvalue()


def test_from_nothing_to_a_team_and_back(here: Path) -> None:
    assert run("create", "agent", "mine", "--from", "explorer")[0] == 0
    code, out, _ = run("create", "team", "duo", "--from", "fast-fix", "--json")
    made = json.loads(out)
    assert (code, made["did"], made["tier"]) == (0, "created", "project")
    assert made["path"] == str(here / ".crew/teams/duo.team.md")
    content = here / "duo.md"
    text = (here / ".crew/teams/duo.team.md").read_text()
    content.write_text(text.replace("agent=explorer", "agent=mine"))
    code, out, _ = run("update", "team", "duo", "--content-file", str(content))
    assert code == 0
    assert "team duo updated: .crew/teams/duo.team.md\n  backup: .crew/teams/" in out
    args = ("update", "agent", "mine", "--rename", "scout")
    code, _, err = run(*args)
    assert code == 2
    assert "--update-references" in err
    code, out, _ = run(*args, "--update-references")
    assert code == 0
    assert out.splitlines()[0] == "agent scout renamed: .crew/agents/scout.md"
    assert "removed: .crew/agents/mine.md" in out
    assert "changed: .crew/teams/duo.team.md" in out
    assert "named by: team 'duo'" in out
    assert run("delete", "agent", "scout", "--confirm")[0] == 2
    code, out, _ = run("delete", "agent", "scout", "--confirm", "--force")
    assert code == 0
    assert "still named by: team 'duo'" in out
    assert run("delete", "team", "duo", "--confirm")[0] == 0
    assert run("delete", "team", "duo", "--confirm")[0] == 2
    assert list(here.glob(".crew/*/*.md")) == []


def test_a_dry_run_shows_what_would_be_and_writes_nothing(
    here: Path, context: Context
) -> None:
    code, out, _ = run("create", "agent", "mine", "--dry-run", "--description", "d")
    assert code == 0
    assert "    +description: d\n" in out
    assert out.endswith("Nothing was written.\n")
    assert not (here / ".crew").exists()
    create(CreateParameters(kind="agent", name="mine"), context)
    asked = UpdateParameters(kind="agent", name="mine", set="model=m", dry_run=True)
    result = update(asked, context)
    assert not result.written
    assert "+model: m" in result.files[0].diff
    assert load_catalog(context.places, context.project).agent("mine").model is None


def test_deleting_needs_a_confirmation(context: Context) -> None:
    made = create(CreateParameters(kind="agent", name="mine"), context)
    asked = DeleteParameters(kind="agent", name="mine")
    with pytest.raises(NotConfirmed, match="--confirm") as caught:
        delete(asked, context)
    assert str(made.path) in str(caught.value)
    assert made.path.exists()


def test_what_stands_in_is_told(context: Context) -> None:
    asked = CreateParameters(kind="agent", name="writer", from_="writer", scope="user")
    create(asked, context)
    gone = DeleteParameters(kind="agent", name="writer", confirm=True)
    assert "its name now means the builtin one" in edited_text(delete(gone, context))


def test_what_would_be_deleted_is_shown(context: Context) -> None:
    made = create(CreateParameters(kind="agent", name="a"), context)
    before = made.path.read_text()
    shown = delete(DeleteParameters(kind="agent", name="a", dry_run=True), context)
    assert (shown.written, made.path.read_text()) == (False, before)
    assert "-name: a" in edited_text(shown)
    assert "Nothing was written." in edited_text(shown)
    with pytest.raises(NotConfirmed):
        delete(DeleteParameters(kind="agent", name="a"), context)


def test_a_reference_prevents_deletion_also_with_confirmation(
    context: Context,
) -> None:
    create(CreateParameters(kind="workflow", name="w", from_="fast-fix"), context)
    create(CreateParameters(kind="team", name="t", from_="fast-fix"), context)
    update(UpdateParameters(kind="team", name="t", set="workflow=w"), context)
    with pytest.raises(StillReferenced):
        delete(DeleteParameters(kind="workflow", name="w", confirm=True), context)


def test_values_have_commas_between(context: Context) -> None:
    made = create(CreateParameters(kind="agent", name="a"), context)
    asked = UpdateParameters(
        kind="agent", name="a", set="description=One, two=no? three, maxTurns=3,tools="
    )
    with pytest.raises(Exception, match="no key 'two'"):
        update(asked, context)
    asked = UpdateParameters(
        kind="agent",
        name="a",
        set="tools=read, bash,skills=git,maxTurns=3,description= One, 2=3",
    )
    result = update(asked, context)
    agent = load_catalog(context.places, context.project).agent("a")
    assert (agent.tools, agent.max_turns) == (("read", "bash"), 3)
    assert agent.description == "One, 2=3"
    assert told(result.warnings) == ["a.md: warning: skills: no skill is called 'git'"]
    again = update(asked, context)
    assert (again.written, again.files) == (False, ())
    assert "is like that already" in edited_text(again)
    assert made.path.read_text().count("tools") == 1


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({}, "nothing is to be changed"),
        ({"set": "x"}, "key=value, not 'x'"),
        ({"set": "model=a,model=b"}, "given twice"),
        ({"set": "model=a", "update_references": True}, "goes with --rename"),
        ({"content": "x", "content_file": "x"}, "use one of them"),
        ({"content_file": "none"}, "No such file"),
    ],
)
def test_a_change_that_cannot_be_understood_is_refused(
    args: dict[str, str], match: str, context: Context
) -> None:
    with pytest.raises(BadParameters, match=match):
        update(UpdateParameters(kind="agent", name="a", **args), context)  # type: ignore[arg-type]  # a table of texts and flags


def test_a_copy_and_a_content_are_too_much(context: Context) -> None:
    asked = CreateParameters(kind="agent", name="a", from_="writer", content="x")
    with pytest.raises(BadParameters, match="--from"):
        create(asked, context)


def test_a_file_may_come_from_the_standard_input(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "text").write_bytes(b"\xef\xbb\xbfDo it.\n")
    with (here / "text").open("rb") as file:

        def standard(*_: object, **__: object) -> io.BufferedReader:
            return file

        monkeypatch.setattr("builtins.open", standard)
        assert read_text("create", "--content-file", "-", limit=99) == "Do it.\n"


def test_what_is_no_text_or_too_long_is_refused(here: Path) -> None:
    path = here / "x"
    path.write_bytes(b"a\xff")
    with pytest.raises(BadParameters, match="byte 2 is not UTF-8"):
        read_text("create", "--content-file", str(path), limit=9)
    path.write_bytes(b"0123456789")
    with pytest.raises(BadParameters, match="more than 9 bytes"):
        read_text("create", "--content-file", str(path), limit=9)
