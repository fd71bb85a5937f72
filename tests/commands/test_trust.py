import pytest

from crew_actors.commands import Action, BadParameters, Context, asking, load_action
from crew_actors.commands._layout import is_terminal
from crew_actors.commands._trust import Trusted, TrustParameters, trust
from crew_actors.resources import UnknownResource

AGENT = """\
---
name: {name}
runtime: command
command: ["./{name}.sh"]
---
"""
TEAM = "---\nname: solo\ndescription: one\n---\n\n- one: agent=one\n"


@pytest.fixture(autouse=True)
def agents(context: Context) -> None:
    for kind in ("agents", "teams"):
        (context.project.crew_dir / kind).mkdir(parents=True)
    for name in ("one", "two"):
        path = context.project.crew_dir / "agents" / f"{name}.md"
        path.write_text(AGENT.format(name=name), encoding="utf-8")
        (context.project.root / f"{name}.sh").write_text("true", encoding="utf-8")
    team = context.project.crew_dir / "teams" / "solo.team.md"
    team.write_text(TEAM, encoding="utf-8")


def names(result: Trusted) -> tuple[list[str], list[str], list[str]]:
    groups = (result.granted, result.allowed, result.missing)
    granted, allowed, missing = ([one.agent for one in group] for group in groups)
    return granted, allowed, missing


def action() -> Action[TrustParameters, Trusted]:
    return load_action("trust")


def test_looking_allows_nothing(context: Context) -> None:
    trust(TrustParameters(), context)
    result = trust(TrustParameters(), context)
    assert names(result) == ([], [], ["one", "two"])
    assert action().exit_code(result) == 1
    lines = action().text(result).splitlines()
    assert lines[0].startswith("This project brings 2 commands")
    assert lines[1] == "  one: ./one.sh"
    assert lines[-1].endswith("answer at a terminal, or use --yes.")


def test_what_is_allowed_stays_allowed(context: Context) -> None:
    result = trust(TrustParameters(team="solo", yes=True), context)
    assert names(result) == (["one"], [], [])
    assert action().text(result).startswith("Allowed 1 command:\n  one: ./one.sh")
    assert action().exit_code(result) == 0
    again = trust(TrustParameters(team="solo"), context)
    assert names(again) == ([], ["one"], [])
    expected = "This project brings 1 command; you have allowed all of it."
    assert action().text(again) == expected


def test_content_that_has_changed_since_it_was_shown_is_not_allowed(
    context: Context,
) -> None:
    seen = trust(TrustParameters(), context).missing
    (context.project.root / "two.sh").write_text("rm -rf /", encoding="utf-8")
    agreed = ",".join(one.sha256 for one in seen)
    with pytest.raises(BadParameters, match=f"no command has the sum {seen[1].sha256}"):
        trust(TrustParameters(agreed=agreed), context)
    assert names(trust(TrustParameters(), context)) == ([], [], ["one", "two"])


def test_only_what_is_agreed_to_is_allowed(context: Context) -> None:
    one, _ = trust(TrustParameters(), context).missing
    result = trust(TrustParameters(agreed=f" {one.sha256}, "), context)
    assert names(result) == (["one"], [], ["two"])
    assert action().exit_code(result) == 1
    again = trust(TrustParameters(agreed=one.sha256), context)
    assert names(again) == ([], ["one"], ["two"])


def test_a_sum_that_no_command_has_is_wrong_use(context: Context) -> None:
    with pytest.raises(BadParameters, match="no command has the sum abc") as refused:
        trust(TrustParameters(agreed="abc"), context)
    assert refused.value.exit_code == 2


def test_a_project_without_commands_needs_no_trust(context: Context) -> None:
    result = trust(TrustParameters(team="survey"), context)
    assert action().text(result) == "This project brings no commands of its own."
    assert action().exit_code(result) == 0


def test_the_commands_of_an_unknown_team_are_not_looked_at(context: Context) -> None:
    with pytest.raises(UnknownResource):
        trust(TrustParameters(team="sol"), context)


@pytest.mark.parametrize(
    ("person", "says_yes", "missing"),
    [(False, True, ["one", "two"]), (True, False, ["one", "two"]), (True, True, [])],
)
def test_at_a_terminal_the_user_is_asked(
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    person: bool,
    says_yes: bool,
    missing: list[str],
) -> None:
    monkeypatch.setattr(asking, "can_ask", lambda: person)

    def answer(_: object) -> bool:
        return says_yes

    monkeypatch.setattr(asking, "agrees_to", answer)
    result = asking.trust_or_ask(TrustParameters(), context)
    assert names(result)[2] == missing


def test_the_user_is_not_asked_for_what_is_allowed(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "can_ask", lambda: pytest.fail("was asked"))
    result = asking.trust_or_ask(TrustParameters(yes=True), context)
    assert names(result)[2] == []


def test_whoever_is_no_person_is_not_asked() -> None:
    assert not asking.can_ask()
    assert not is_terminal(None)
