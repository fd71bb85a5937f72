"""Five layers become one, and a project may only tighten."""

import os
import pickle
from pathlib import Path

import pytest

from crew_actors.config import (
    BadSettings,
    LimitSettings,
    Settings,
    all_keys,
    load_config,
    load_settings,
    user_file,
    variable_of,
)
from crew_actors.model import Limits, RetryPolicy
from crew_actors.places import Places, Project


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(config=tmp_path / "user", data=tmp_path / "data")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path.resolve() / "project"
    (root / ".crew").mkdir(parents=True)
    return Project(root, is_repository=False)


def user(places: Places, text: str) -> Path:
    path = user_file(places)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def own(project: Project, text: str) -> Path:
    path = project.crew_dir / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_there_are_the_defaults(places: Places) -> None:
    assert load_settings(places) == Settings()
    assert Settings().run_limits() == Limits()
    assert Settings().retry_policy() == RetryPolicy()
    assert Settings().limits.slots == max(2, (os.cpu_count() or 1) - 2)


def test_what_is_set_is_read(places: Places) -> None:
    user(
        places,
        'team = "review"\nagent_runtime = "claude"\nlimit = 3\nsweep = false\n'
        "[limits]\ncost = 5\ntokens = 10\n[retry]\nfirst = 2.5\n"
        '[run]\nworkspace = "worktree"\n',
    )
    settings = load_settings(places)
    assert settings.team == "review"
    assert settings.agent_runtime == "claude"
    assert settings.limit == 3
    assert not settings.sweep
    assert settings.run_limits() == Limits(cost=5.0, tokens=10)
    assert settings.retry_policy() == RetryPolicy(first=2.5)
    assert settings.run.workspace == "worktree"


def test_the_later_layer_wins_and_is_told(places: Places, project: Project) -> None:
    path = user(places, "limit = 9\n[limits]\ntokens = 100\ncost = 7\nattempts = 9\n")
    mine = own(project, "[limits]\ntokens = 90\ncost = 6\n")
    found = load_config(
        places,
        project=project,
        environ={"CREW_LIMITS_COST": "6.5", "CREW_LIMIT": ""},
        flags={"limits.attempts": 4, "team": None},
    )
    assert found.problems == ()
    told = {
        name: (one.value, one.layer, one.where, one.line)
        for name, one in found.entries.items()
    }
    assert told["limit"] == (9, "user", str(path), 1)
    assert told["limits.tokens"] == (90, "project", str(mine), 2)
    assert told["limits.cost"] == (6.5, "environment", "CREW_LIMITS_COST", None)
    assert told["limits.attempts"] == (4, "flags", "--limits.attempts", None)
    assert told["team"] == (None, "built-in", "", None)
    assert found.settings.limits == LimitSettings(
        slots=found.settings.limits.slots, tokens=90, cost=6.5, attempts=4
    )


_HOSTILE = """\
team = "evil"
agent_runtime = "evil"
sweep = false
limit = 100
[limits]
cost = "none"
tokens = 1000
question_seconds = 3600
[retry]
first = 0
[run]
detach = true
on_failure = "drain"
workspace = "shared"
approve = false
[journal]
compact_at = 1048576
[env]
PATH = "/evil"
[hooks]
start = "evil"
"""


def test_a_hostile_project_changes_nothing(places: Places, project: Project) -> None:
    text = 'limit = 2\n[limits]\ncost = 5\ntokens = 10\n[run]\nworkspace = "worktree"\n'
    user(places, f'{text}approve = true\non_failure = "fail_fast"\n')
    alone = load_settings(places)
    path = own(project, _HOSTILE)
    found = load_config(places, project=project)
    assert found.settings == alone
    assert found.warnings == found.problems
    assert len(found.warnings) == 15
    assert {one.where for one in found.warnings} == {str(path)}
    by_key = {one.key: one for one in found.warnings}
    assert str(by_key["team"]) == (
        f"{path}:1: team = 'evil' is ignored: a project may not set team; "
        "to have it, `crew config set team` sets it for you alone"
    )
    assert str(by_key["limits.cost"]) == (
        f"{path}:6: limits.cost = none is ignored: a project may only lower it, "
        "and it is 5.0 (user)"
    )
    assert by_key["run.workspace"].line == 14
    assert "only make it stricter" in by_key["run.workspace"].message
    assert "unknown setting 'hooks'" in by_key["hooks"].message
    assert load_settings(places, project=project) == alone


@pytest.mark.parametrize("name", all_keys())
def test_each_key_follows_its_rule(name: str, places: Places, project: Project) -> None:
    """What a project sets is used only if it is at least as tight."""
    key = all_keys()[name]
    section, _, last = name.rpartition(".")
    head = f"[{section}]\n" if section else ""
    values = {
        "text": ('"a"', '"b"'),
        "flag": ("true", "false"),
        "whole": (str(key.least or 1), str((key.least or 1) + 1)),
        "number": (f"{key.least or 0.1:g}", f"{(key.least or 0) + 0.5:g}"),
        "choice": tuple(f'"{one}"' for one in reversed(key.choices)),
    }
    tight, loose = values[key.kind]
    for mine, theirs, used in (
        (loose, tight, key.project != "never"),
        (tight, loose, False),
    ):
        user(places, f"{head}{last} = {mine}\n")
        own(project, f"{head}{last} = {theirs}\n")
        found = load_config(places, project=project)
        assert found.entries[name].layer == ("project" if used else "user")
        assert len(found.warnings) == (0 if used else 1)
    own(project, f"{head}{last} = {tight}\n")
    same = load_config(places, project=project)
    assert same.settings == load_config(places).settings


@pytest.mark.parametrize("name", all_keys())
def test_each_key_can_be_set_by_a_variable(name: str, places: Places) -> None:
    key = all_keys()[name]
    texts = {"text": "some", "flag": "yes", "whole": "1", "number": "1"}
    text = texts.get(key.kind) or key.choices[-1]
    if name == "journal.compact_at":
        text = "1048576"
    found = load_config(places, environ={variable_of(name): text})
    assert found.problems == ()
    assert found.entries[name].layer == "environment"


def test_every_problem_is_named_at_once_and_the_rest_is_kept(places: Places) -> None:
    path = user(
        places,
        'taem = "x"\nlimit = true\nagent_runtime = 3\nsweep = 1\n'
        "[limits]\ntokens = 7\ncost = -1\nslots = 1_000_000\ntoken = 3\n"
        '[run]\nworkspace = "worktre"\n',
    )
    all_of_them = "`crew config list` tells all"
    with pytest.raises(BadSettings) as bad:
        load_settings(places)
    assert str(bad.value).splitlines() == [
        f"{path}:1: unknown setting 'taem'; did you mean 'team'? {all_of_them}",
        f"{path}:2: limit must be a whole number or 'none', not True",
        f"{path}:3: agent_runtime must be a text of at most 200 characters, not 3",
        f"{path}:4: sweep must be true or false, not 1",
        f"{path}:7: limits.cost must be at least 0, not -1",
        f"{path}:8: limits.slots must be at most 1,024, not 1,000,000",
        f"{path}:9: unknown setting 'limits.token'; did you mean 'limits.tokens'? {all_of_them}",
        f"{path}:11: run.workspace must be one of shared, worktree, not 'worktre'; did you mean 'worktree'?",
    ]
    again = pickle.loads(pickle.dumps(bad.value))
    assert str(again) == str(bad.value)
    found = load_config(places)
    assert found.settings.limits.tokens == 7
    assert found.problems == bad.value.problems
    assert found.problems[0].nearest == "team"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("limits.concurrency", "limit"),
        ("limits.global", "limits.slots"),
        ("tokens", "limits.tokens"),
        ("retry.retries", "limits.attempts"),
        ("run.worksapce", "run.workspace"),
        ("zzz.aproove", "run.approve"),
    ],
)
def test_the_nearest_name_is_told(wrong: str, right: str, places: Places) -> None:
    found = load_config(places, flags={wrong: 1})
    (problem,) = found.problems
    assert problem.nearest == right
    assert problem.severity == "error"


def test_a_name_like_no_other_has_no_nearest(places: Places) -> None:
    (problem,) = load_config(places, flags={"qqqqqqqq": 1}).problems
    assert problem.nearest is None
    assert str(problem) == (
        "--qqqqqqqq: unknown setting 'qqqqqqqq'; `crew config list` tells all"
    )


def test_a_secret_in_a_wrong_place_is_not_told(places: Places) -> None:
    user(places, 'api_key = "abcdef123456"\n')
    found = load_config(places)
    assert "abcdef" not in repr(found)


def test_a_long_value_is_cut_where_it_is_told(places: Places, project: Project) -> None:
    own(project, f'team = "{"x" * 500}"\n')
    (warning,) = load_config(places, project=project).warnings
    assert "xxx… is ignored" in warning.message
    assert len(warning.message) < 250
    user(places, f'limit = "{"x" * 500}"\n')
    assert len(load_config(places).problems[0].message) < 300


def test_a_table_is_no_value(places: Places) -> None:
    user(places, "[limit]\na = 1\n")
    assert load_config(places).problems[0].message.endswith("not a table")


def test_a_value_of_any_type_can_be_told(places: Places) -> None:
    user(places, "team = 1979-05-27\nlimit = inf\nsweep = [1]\n")
    problems = load_config(places).problems
    assert [one.value for one in problems] == [
        "datetime.date(1979, 5, 27)",
        "inf",
        "[1]",
    ]


def test_a_variable_that_sets_nothing_is_a_warning(places: Places) -> None:
    environ = {"CREW_LIMITS_TOKNS": "3", "CREW_RUN": "20261123", "CREW_HOME": "/x"}
    found = load_config(places, environ=environ)
    assert list(map(str, found.problems)) == [
        "CREW_LIMITS_TOKNS: this variable sets nothing; did you mean CREW_LIMITS_TOKENS?"
    ]
    assert found.checked() == found.settings
    odd = load_config(places, environ={"CREW_JOURNAL_QQQQQQ": "3"})
    assert str(odd.problems[0]) == "CREW_JOURNAL_QQQQQQ: this variable sets nothing"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\n= 1", 2), ("limits = 3", 1), ("limit = 1\nlimit = 2\n", 2)],
)
def test_a_file_that_is_wrong_is_a_clear_error(
    places: Places, text: str, line: int
) -> None:
    path = user(places, text)
    with pytest.raises(BadSettings, match=r"config\.toml") as bad:
        load_settings(places)
    assert bad.value.problems[0].line == line
    assert bad.value.problems[0].where == str(path)


def test_a_file_that_is_no_text_is_a_clear_error(places: Places) -> None:
    path = user(places, "limit = 1\n")
    path.write_bytes(b"limit = 1\n\xff\xfe")
    with pytest.raises(BadSettings, match=r":2: is not UTF-8"):
        load_settings(places)
    path.write_bytes(b"#" * (300 << 10))
    with pytest.raises(BadSettings, match="more than 262,144 bytes"):
        load_settings(places)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadSettings, match="regular file"):
        load_settings(places)


def test_a_pipe_is_not_waited_for(places: Places) -> None:
    path = user(places, "")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadSettings, match="not a regular file"):
        load_settings(places)


def test_a_projects_file_must_lie_in_the_project(
    places: Places, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.toml").write_text("limit = 1\n")
    path = project.crew_dir / "config.toml"
    path.symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(BadSettings, match="leads out of the project"):
        load_settings(places, project=project)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(BadSettings, match="cannot be read"):
        load_settings(places, project=project)


def test_a_limit_that_a_project_means_is_not_lost_in_silence(
    places: Places, project: Project
) -> None:
    own(project, '[limits]\ncost = "five"\n')
    with pytest.raises(
        BadSettings, match="cost must be a number or 'none', not 'five'"
    ):
        load_settings(places, project=project)


def test_a_limit_can_be_lifted_by_a_later_layer(places: Places) -> None:
    user(places, "[limits]\ncost = 5\n")
    environ = {"CREW_LIMITS_COST": "none"}
    assert load_settings(places, environ=environ).limits.cost is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("limits.cost = -1\n", 1),
        ("\nlimits = { cost = -1 }\n", 2),
        ('[limits]\n"cost" = -1\n', 2),
        ('team = """\ncost = 3\n[limits]\ncost = 3"""\n[limits]\n\ncost = -1\n', 7),
        ("[ limits ]\n# cost = 1\n  cost=-1\n", 3),
    ],
)
def test_the_line_is_told_however_it_is_written(
    places: Places, text: str, line: int
) -> None:
    user(places, text)
    (problem,) = (one for one in load_config(places).problems if "cost" in one.key)
    assert problem.line == line


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "1e999", "99999999999999999999"]
)
def test_a_number_is_finite(places: Places, value: str) -> None:
    for name in ("CREW_LIMITS_COST", "CREW_LIMITS_TOKENS"):
        (problem,) = load_config(places, environ={name: value}).problems
        assert problem.severity == "error"
