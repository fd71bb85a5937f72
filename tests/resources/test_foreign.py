"""Agent files of Claude Code and pi-crew are members of teams, with their limits kept."""

import pytest
from tests.resources._house import House, agent_of, told

from crew_actors.model import PlannedTask
from crew_actors.resources import plan_tasks

CLAUDE = """\
---
name: db-reader
description: "Use this agent when: data is to be looked at."
tools: Read, Glob, Grep, Bash, WebFetch
model: sonnet
color: green
---

You look at data.
"""
PI = """\
---
name: scout
description: Looks around
model: false
thinking: false
tools: read, grep, find, ls
systemPromptMode: replace
inheritProjectContext: true
inheritSkills: false
maxTurns: 6
---

You look around.
"""
TEAM = "---\nname: t\n---\n\n- build: agent={}\n"
WORKFLOW = "---\nname: t\n---\n\n## build\n\nBuild {goal}.\n"


def planned(house: House, agent: str) -> PlannedTask:
    house.mine("teams/t.team.md", TEAM.format(agent))
    house.mine("workflows/t.workflow.md", WORKFLOW)
    catalog = house.load()
    (task,) = plan_tasks(catalog, catalog.team("t"), catalog.workflow("t"), "g")
    return task


def test_an_agent_of_claude_code_is_a_member(house: House) -> None:
    house.in_project(".claude/agents/db-reader.md", CLAUDE)
    task = planned(house, "db-reader")
    assert task.instructions == "You look at data."
    assert task.tools == ("read", "find", "grep", "bash", "WebFetch")
    assert task.model == "sonnet"
    agent = house.load().agent("db-reader")
    assert agent.description == "Use this agent when: data is to be looked at."
    assert agent.source.tier == "project"
    assert told(house.load().problems) == [
        "db-reader.md:6: warning: color: has no effect here"
    ]


def test_an_agent_of_pi_crew_is_a_member_without_a_word(house: House) -> None:
    house.in_project(".pi/teams/agents/scout.md", PI)
    house.in_project(".pi/teams/teams/t.team.md", TEAM.format("scout"))
    house.in_project(".pi/teams/workflows/t.workflow.md", WORKFLOW)
    catalog = house.load()
    (task,) = plan_tasks(catalog, catalog.team("t"), catalog.workflow("t"), "g")
    assert (task.instructions, task.max_turns) == ("You look around.", 6)
    assert task.tools == ("read", "grep", "find", "ls")
    assert task.model is None
    assert told(catalog.problems) == []


@pytest.mark.parametrize(
    ("keys", "tools"),
    [
        ("tools: Read, MultiEdit, Edit", ("read", "edit")),
        ("tools: Read, Write\ndisallowedTools: Write", ("read",)),
        (
            "disallowedTools: Bash, Edit, Write",
            ("read", "grep", "find", "ls"),
        ),
        (
            "disallowedTools: Bash(rm *)",
            ("read", "grep", "find", "ls", "edit", "write"),
        ),
        ("disallowedTools:", None),
        ("tools: mcp__db__query", ("mcp__db__query",)),
    ],
)
def test_what_is_forbidden_is_not_allowed(
    keys: str, tools: tuple[str, ...] | None
) -> None:
    agent, problems = agent_of(f"---\nname: x\n{keys}\n---\n")
    assert agent.tools == tools
    assert problems == []


@pytest.mark.parametrize(
    "value", ["Read, Bash(git log, git diff:*)", '[Read, "Bash(git log *)"]']
)
def test_a_tool_that_is_allowed_for_some_uses_is_left_out_and_told(value: str) -> None:
    agent, problems = agent_of(f"---\nname: x\ntools: {value}\n---\n")
    assert agent.tools == ("read",)
    (problem,) = problems
    assert "allows Bash for some uses only; it is left out" in problem


def test_an_agent_in_plan_mode_may_change_nothing(house: House) -> None:
    text = "---\nname: looker\npermissionMode: {}\n---\nx\n"
    house.in_project(".claude/agents/looker.md", text.format("plan"))
    assert not planned(house, "looker").writes
    assert told(house.load().problems) == []
    house.in_project(".claude/agents/looker.md", text.format("acceptEdits"))
    assert planned(house, "looker").writes
    assert "permissionMode: has no effect here" in told(house.load().problems)[0]


def test_a_foreign_agent_may_not_take_the_name_of_another(house: House) -> None:
    house.in_project(
        ".claude/agents/planner.md", CLAUDE.replace("db-reader", "planner")
    )
    catalog = house.load()
    assert catalog.agent("planner").source.tier == "builtin"
    (problem,) = told(catalog.problems)[-1:]
    assert "warning: name: 'planner' is the name of a builtin agent" in problem


INLINE = """\
mcpServers:
  - tracker
  - browser:
      type: stdio
      command: npx
"""


@pytest.mark.parametrize(
    ("line", "servers", "problems"),
    [
        ("mcpServers: tracker, docs-2", ("tracker", "docs-2"), 0),
        ("mcpServers: false", (), 0),
        ("mcpServers: []", (), 0),
        ("mcpServers: tracker, 'npx -y evil'", ("tracker",), 1),
        (INLINE.strip(), (), 1),
    ],
)
def test_servers_are_named_and_never_described_by_a_file(
    house: House, line: str, servers: tuple[str, ...], problems: int
) -> None:
    text = CLAUDE.replace("color: green", line)
    house.in_project(".claude/agents/db-reader.md", text)
    assert planned(house, "db-reader").mcp == servers
    found = told(house.load().problems)
    assert len([one for one in found if "only names count" in one]) == problems
    assert len(found) == problems
