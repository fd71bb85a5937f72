"""One agent from one markdown file."""

import pytest
from hypothesis import given, strategies as st
from tests.resources._house import agent_of, team_of, workflow_of

from crew_actors.model import CommandSpec

PI_CREW_AGENT = """---
name: scout
description: Fast look: where is X?
model: false
fallbackModels: small/fast, "large/slow"
thinking: high
tools: read, grep, find, ls
extensions:
skills: read-only-explorer
systemPromptMode: replace
inheritProjectContext: true
inheritSkills: true
triggers: "find, where", locate
maxTurns: 6
cost: cheap
---

You look.
"""

CLAUDE_AGENT = """---
name: scout
description: "Use PROACTIVELY when: something is lost\\nExample: keys"
tools:
  - Read
  - Grep
model: inherit
color: cyan
hooks:
  PreToolUse:
    - matcher: Bash
---
You look.
"""


def command(*lines: str) -> str:
    return "\n".join(["---", "name: x", "runtime: command", *lines, "---", ""])


def test_a_file_of_pi_crew_loads_unchanged() -> None:
    agent, problems = agent_of(PI_CREW_AGENT, "scout")
    assert agent.name == "scout"
    assert agent.description == "Fast look: where is X?"
    assert agent.model is None
    assert agent.fallback_models == ("small/fast", "large/slow")
    assert agent.tools == ("read", "grep", "find", "ls")
    assert agent.skills == ("read-only-explorer",)
    assert agent.max_turns == 6
    assert agent.prompt == "You look."
    assert agent.runtime is None
    assert agent.command is None
    assert agent.unused == {
        "thinking": "high",
        "extensions": "",
        "systemPromptMode": "replace",
        "inheritProjectContext": "true",
        "inheritSkills": "true",
        "triggers": '"find, where", locate',
        "cost": "cheap",
    }
    assert problems == [
        (
            "scout.md:6: warning: thinking, inheritSkills, triggers, cost: "
            "have no effect here"
        )
    ]


def test_a_file_of_claude_code_loads() -> None:
    agent, problems = agent_of(CLAUDE_AGENT, "scout")
    assert agent.description == "Use PROACTIVELY when: something is lost\nExample: keys"
    assert agent.tools == ("read", "grep")
    assert agent.model is None
    assert agent.unused["hooks"] == "PreToolUse:\n    - matcher: Bash"
    assert problems == ["scout.md:8: warning: color, hooks: have no effect here"]


def test_a_command_agent_has_all_that_its_process_needs() -> None:
    agent, problems = agent_of(
        command(
            'command: ["{python}", "tool.py", "{task_file}", "-v", "-v"]',
            "input: file",
            "output: jsonl",
            "env: TOKEN, HOST",
            "timeout: 600",
            "silence: 1.5",
        )
    )
    assert problems == []
    assert agent.runtime == "command"
    assert agent.command == CommandSpec(
        argv=("{python}", "tool.py", "{task_file}", "-v", "-v"),
        input="file",
        output="jsonl",
        env=("TOKEN", "HOST"),
        timeout=600.0,
        silence=1.5,
    )


@pytest.mark.parametrize(
    ("argument", "way"),
    [("{task}", "argument"), ("{task_file}", "file"), ("x", "none")],
)
def test_the_placeholder_tells_how_the_prompt_comes_in(argument: str, way: str) -> None:
    agent, problems = agent_of(command(f'command: ["tool", "{argument}"]'))
    assert problems == []
    assert agent.command is not None
    assert agent.command.input == way


def test_a_program_alone_needs_no_list() -> None:
    agent, problems = agent_of(command("command: true", "input: stdin"))
    assert problems == []
    assert agent.command == CommandSpec(argv=("true",), input="stdin")


def test_a_program_called_false_is_no_switch_in_a_list() -> None:
    agent, problems = agent_of(command('command: ["false"]'))
    assert problems == []
    assert agent.command == CommandSpec(argv=("false",))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            (),
            (
                'x.md:1: error: command: needs the program and its arguments: ["program", '
                '"argument"]'
            ),
        ),
        (
            ("command: []",),
            (
                'x.md:4: error: command: needs the program and its arguments: ["program", '
                '"argument"]'
            ),
        ),
        (
            ("command: python -m tool",),
            'x.md:4: error: command: is a list; write ["python", "-m", "tool"]',
        ),
        (
            ("command: python, -m",),
            'x.md:4: error: command: is a list; write ["python", "-m"]',
        ),
        (
            ('command: ["{pyton}"]',),
            (
                "x.md:4: error: command: {pyton} is no placeholder; there are: {python} "
                "{task} {task_file} {workspace} {goal} (did you mean '{python}'?)"
            ),
        ),
        (
            ('command: ["{zzz}"]',),
            (
                "x.md:4: error: command: {zzz} is no placeholder; there are: {python} "
                "{task} {task_file} {workspace} {goal}"
            ),
        ),
        (
            ("command: [{python}]",),
            (
                "x.md:4: error: command: expects texts, not keys with values; put quotes "
                "around each"
            ),
        ),
        (
            ("command: [x]", "input: argument"),
            "x.md:5: error: input: argument needs {task} in the command",
        ),
        (
            ('command: [x, "{task}"]', "input: stdin"),
            "x.md:5: error: input: {task} in the command needs 'input: argument'",
        ),
        (
            ("command: [x]", "input: sdtin"),
            (
                "x.md:5: error: input: expects argument or stdin or file or none, not "
                "'sdtin' (did you mean 'stdin'?)"
            ),
        ),
        (
            ("command: [x]", "output: xml"),
            "x.md:5: error: output: expects text or jsonl, not 'xml'",
        ),
        (
            ("command: [x]", "env: KEY=1"),
            (
                "x.md:5: error: env: 'KEY=1' cannot be the name of a variable; values have "
                "no place"
            ),
        ),
        (
            ("command: [x]", "timeout: 0"),
            (
                "x.md:5: error: timeout: expects seconds, more than 0 and up to 604800, "
                "not '0'"
            ),
        ),
        (
            ("command: [x]", "silence: inf"),
            (
                "x.md:5: error: silence: expects seconds, more than 0 and up to 604800, "
                "not 'inf'"
            ),
        ),
    ],
)
def test_a_command_that_cannot_work_says_what_is_wrong(
    lines: tuple[str, ...], problem: str
) -> None:
    _, problems = agent_of(command(*lines))
    assert problem in problems


@pytest.mark.parametrize("name", ["pi", "claude", "codex", "gemini", "opencode"])
def test_an_agent_may_name_the_program_that_runs_it(name: str) -> None:
    agent, problems = agent_of(f"---\nname: x\nruntime: {name}\n---\n")
    assert (agent.runtime, agent.command, problems) == (name, None, [])


def test_an_acp_agent_has_a_command_and_is_told_its_task_there() -> None:
    file = "---\nname: x\nruntime: acp\ncommand: [my-agent, --acp]\ninput: stdin\n---\n"
    agent, problems = agent_of(file)
    assert agent.command is not None
    assert agent.command.argv == ("my-agent", "--acp")
    assert problems == ["x.md:5: error: input: is settled by 'runtime: acp'"]


def test_the_keys_of_a_command_need_its_runtime() -> None:
    agent, problems = agent_of('---\nname: x\ncommand: ["a"]\nenv:\n---\n')
    assert agent.command is None
    assert problems == ["x.md:3: error: command: needs 'runtime: command' beside it"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "runtime: comand",
            (
                "runtime: expects command or external or acp or llm or pi or claude or codex "
                "or gemini or opencode, not 'comand' (did you mean 'command'?)"
            ),
        ),
        (
            "maxTurns: many",
            "maxTurns: expects a whole number from 1 to 10000, not 'many'",
        ),
        ("maxTurns: 0", "maxTurns: expects a whole number from 1 to 10000, not '0'"),
        (
            "disabled: yes",
            "disabled: expects true or false, not 'yes' (did you mean 'true'?)",
        ),
        (
            "enabled: Off",
            "enabled: expects true or false, not 'Off' (did you mean 'false'?)",
        ),
        (
            "enabled: ture",
            "enabled: expects true or false, not 'ture' (did you mean 'true'?)",
        ),
        ("enabled: 7", "enabled: expects true or false, not '7'"),
        ('model: "a\\nb"', "model: expects one line"),
        (
            "tools: [a",
            "tools: is no YAML: expected ',' or ']', but got '<stream end>' in line 3",
        ),
        ("model:\n- a", "model: expects a text, not a list"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error(line: str, problem: str) -> None:
    _, problems = agent_of(f"---\nname: x\n{line}\n---\n")
    assert problems == [f"x.md:3: error: {problem}"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("toosl: a", "toosl: is not known, and has no effect (did you mean 'tools'?)"),
        (
            "max_turns: 3",
            "max_turns: is not known, and has no effect (did you mean 'maxTurns'?)",
        ),
        ("zzzzz: a", "zzzzz: is not known, and has no effect"),
        ("model: a b", "model: 'a b' is an unusual name for a model"),
        ("effort: high", "effort: has no effect here"),
        ("name: y", "name: 'y' is not what the file is called (did you mean 'y.md'?)"),
    ],
)
def test_what_its_author_should_know_is_a_warning(line: str, problem: str) -> None:
    agent, problems = agent_of(f"---\ndescription: d\n{line}\n---\n")
    assert problems == [f"x.md:3: warning: {problem}"]
    assert agent.description == "d"


@pytest.mark.parametrize("name", ["../x", "a/b", "a b", "-a", "é", "a" * 65, '"a\\nb"'])
def test_a_name_that_could_be_a_path_is_an_error(name: str) -> None:
    _, problems = agent_of(f"---\nname: {name}\n---\n")
    assert any(": error: name: " in problem for problem in problems)


def test_an_empty_value_is_as_good_as_none() -> None:
    text = '---\nname: ""\nmodel: ""\ntools:\nmaxTurns: ""\ndisabled:\nhooks:\n---\n'
    agent, problems = agent_of(text)
    assert (agent.name, agent.model, agent.tools, agent.max_turns) == (
        "x",
        None,
        None,
        None,
    )
    assert problems == []


@pytest.mark.parametrize("value", ["false", "[]"])
def test_none_at_all_is_something_else_than_nothing_said(value: str) -> None:
    agent, problems = agent_of(f"---\ntools: {value}\nskills: {value}\n---\n")
    assert agent.tools == ()
    assert agent.skills == ()
    assert problems == []


def test_the_older_name_of_a_key_counts_if_the_newer_is_not_there() -> None:
    agent, problems = agent_of("---\nskill: a, a, b\n---\n")
    assert agent.skills == ("a", "b")
    assert problems == []
    agent, problems = agent_of("---\nskill: a\nskills: b\n---\n")
    assert agent.skills == ("b",)
    assert problems == ["x.md:2: warning: skill: has no effect beside skills"]


_LINES = st.sampled_from(
    [
        "---",
        "name: x",
        "runtime: command",
        'command: ["{python}"]',
        "input: file",
        "tools: [a,",
        "- role: agent=x skills=a, b",
        "- role:",
        "## step",
        "role: a",
        "dependsOn: [step]",
        "```",
        "~~~",
        "  - x",
        "verify: maybe",
        "output: a/b",
        "maxConcurrency: 3",
        "",
    ]
)


@given(st.lists(_LINES | st.text(max_size=20), max_size=25).map("\n".join))
def test_no_text_makes_a_parser_raise(text: str) -> None:
    for parse in (agent_of, team_of, workflow_of):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "---\ntools: " + "[" * 60_000 + "\n---\n",
        "---\ntools:\n" + "- " * 30_000 + "\n---\n",
        "---\nname: x" + " " * 60_000 + "y\n---\n",
        "---\n---\n" + "## A\n\n\n\n\n\n\n" * 20_000,
        "---\n---\n" + "## a\nrole: b\n" * 20_000,
        "---\n---\n- a: " + "skills " * 50_000,
    ],
    ids=["flow", "items", "blanks", "headings", "steps", "settings"],
)
def test_the_time_to_read_a_file_grows_with_its_size_and_no_faster(text: str) -> None:
    """Quadratic reading would take minutes, and end the test run."""
    for parse in (agent_of, team_of, workflow_of):
        parse(text)
