"""`crew recommend` and `crew plan`."""

import json
import subprocess
from pathlib import Path

import attrs
import pytest

from crew_actors.commands import BadParameters, Context, load_action
from crew_actors.commands._goals import read_goals
from crew_actors.commands._graph import Preview
from crew_actors.commands._plan import PlanParameters, plan
from crew_actors.commands._recommend import (
    Recommended,
    RecommendParameters,
    quoted,
    recommend_team,
)
from crew_actors.model import GOAL_LIMIT
from crew_actors.observe import escaped, json_line


def asked(goal: str, context: Context) -> Recommended:
    return recommend_team(RecommendParameters(goal=goal), context)


def test_the_command_can_be_pasted(context: Context) -> None:
    found = asked("Fix the bug; it's $HOME", context)
    assert found.argv[:4] == ("crew", "run", "--team", "fast-fix")
    assert found.argv[-2:] == ("--", "Fix the bug; it's $HOME")
    action = load_action("recommend")
    text = action.text(found)
    assert text.splitlines()[-1] == f"  {found.command}"
    assert json.loads(json_line(found))["argv"] == list(found.argv)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "it's",
        "two\nlines",
        "-x",
        "tab\t'\\ $(id) `id` !",
        "\x1b[31m red",
        "\u202eturned\u0085",
        "Sửa lỗi 修复 🙂",
        "",
    ],
)
def test_a_shell_reads_what_was_quoted_and_a_person_sees_all(text: str) -> None:
    line = quoted(text)
    assert escaped(line) == line
    done = subprocess.run(
        ["bash", "-c", f"printf %s {line}"],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    assert done.stdout.decode() == text


def test_what_is_large_is_detached_and_in_worktrees(context: Context) -> None:
    where = attrs.evolve(context.project, is_repository=True)
    found = asked("Rewrite the scheduler", attrs.evolve(context, project=where))
    assert found.argv[2:-2] == (
        *("--team", "implementation", "--workspace", "worktree", "--detach"),
    )


def test_parts_side_by_side_become_goals(context: Context) -> None:
    found = asked('1. Explain a\n2. {"x": compare} b', context)
    goals = found.argv[2].removeprefix("--goals=")
    assert found.argv[:2] == ("crew", "parallel")
    read = [one.goal for one in read_goals(goals)]
    assert read == ["Explain a", '{"x": compare} b']
    text = load_action("recommend").text(found)
    assert "explorer" in text or "analyst" in text


def test_what_is_no_goal_is_refused(context: Context) -> None:
    for goal in (" ", "a\x00", "\udcff", "x" * (GOAL_LIMIT + 1)):
        with pytest.raises(BadParameters, match="goal"):
            asked(goal, context)


async def test_a_plan_is_shown_and_nothing_started(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(context.project.root)
    shown = await plan(PlanParameters(goal="x", team="survey", limit=2), context)
    assert isinstance(shown, Preview)
    assert shown.limit == 2
    assert shown.steps[-1].after == ("cartographer", "historian", "auditor", "tester")
    assert load_action("plan").text(shown).endswith("Nothing was started.")
    assert list(Path.cwd().iterdir()) == []
