"""The rules that hold between resources."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.resources._house import House, told, workflow_of

from crew_actors.model import PlannedTask, TaskId
from crew_actors.resources import (
    InvalidResource,
    InvalidWorkflow,
    Problem,
    ResourceError,
    Role,
    Source,
    Step,
    Team,
    TrustStoreDamaged,
    UnknownResource,
    Workflow,
    plan_tasks,
    validate_all,
)
from crew_actors.resources._checks import team_problems, workflow_problems
from crew_actors.resources._problems import Findings, nearest

SOURCE = Source("user", Path("/files/w.workflow.md"), "0" * 64)


def workflow(*steps: Step) -> Workflow:
    return Workflow(name="w", steps=steps, source=SOURCE)


def graph(edges: Mapping[str, tuple[str, ...]]) -> Workflow:
    return workflow(
        *(
            Step(id=name, role="r", depends_on=after, line=number)
            for number, (name, after) in enumerate(edges.items(), start=1)
        )
    )


def wrong(subject: Workflow) -> list[str]:
    return told(workflow_problems(subject))


def test_a_workflow_without_steps_is_an_error() -> None:
    assert wrong(workflow()) == [
        "w.workflow.md: error: steps: has no steps; each begins with a heading '## step'"
    ]


def test_a_team_without_roles_is_an_error() -> None:
    team = Team(name="t", source=SOURCE)
    assert told(team_problems(team)) == [
        (
            "w.workflow.md: error: roles: has no roles; add lines of the form "
            "'- role: agent=name'"
        )
    ]


@pytest.mark.parametrize("second", ["a", "A"])
def test_a_step_or_role_that_stands_twice_names_the_other(second: str) -> None:
    steps = (Step(id="a", role="r", line=3), Step(id=second, role="r", line=9))
    assert wrong(workflow(*steps)) == [
        f"w.workflow.md:9: error: {second}: this step is already in line 3"
    ]
    roles = (Role(name="a", agent="x", line=3), Role(name=second, agent="x", line=9))
    assert told(team_problems(Team(name="t", roles=roles, source=SOURCE))) == [
        f"w.workflow.md:9: error: {second}: this role is already in line 3"
    ]


def test_a_step_whose_name_is_none_is_an_error() -> None:
    assert ":1: error: step: 'a b' is no name; " in wrong(graph({"a b": ()}))[0]


def test_a_dependency_on_nothing_names_the_nearest() -> None:
    assert wrong(graph({"explore": (), "plan": ("explroe", "zzz")})) == [
        (
            "w.workflow.md:2: error: plan: dependsOn: there is no step 'explroe' "
            "(did you mean 'explore'?)"
        ),
        "w.workflow.md:2: error: plan: dependsOn: there is no step 'zzz'",
    ]


@pytest.mark.parametrize(
    ("edges", "cycles"),
    [
        ({"a": ("a",)}, ["a -> a"]),
        ({"a": ("b",), "b": ("a",)}, ["a -> b -> a"]),
        ({"x": ("a",), "a": ("b",), "b": ("c",), "c": ("a",)}, ["a -> b -> c -> a"]),
        ({"a": ("b", "c"), "b": ("c",), "c": ()}, []),
        ({"a": ("a", "b"), "b": ("b",)}, ["a -> a", "b -> b"]),
    ],
)
def test_a_cycle_is_told_step_by_step(
    edges: dict[str, tuple[str, ...]], cycles: list[str]
) -> None:
    found = [one.partition("a cycle, ")[2] for one in wrong(graph(edges))]
    assert found == cycles


def test_a_long_cycle_is_shortened() -> None:
    names = [f"s{number}" for number in range(999)]
    after = [*names[1:], names[0]]
    edges = {name: (then,) for name, then in zip(names, after, strict=True)}
    (problem,) = wrong(graph(edges))
    assert problem.endswith("s10 -> s11 -> ... -> s0")


@given(st.data())
def test_a_graph_has_a_cycle_exactly_if_it_cannot_be_put_in_order(
    data: st.DataObject,
) -> None:
    names = [f"s{number}" for number in range(data.draw(st.integers(1, 7)))]
    some = st.lists(st.sampled_from(names), max_size=3, unique=True).map(tuple)
    edges = {name: data.draw(some) for name in names}
    left = dict(edges)
    while free := [name for name in left if not set(left[name]) & left.keys()]:
        for name in free:
            del left[name]
    assert bool(wrong(graph(edges))) == bool(left)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../x", "has a path separator"),
        ("a/b", "has a path separator"),
        ("a\\b", "has a path separator"),
        ("C:x", "has a path separator"),
        (".x", "is no name of a file"),
        ("..", "is no name of a file"),
        ("x.", "is no name of a file"),
        ("a\tb", "is no name of a file"),
        ("x" * 101, "is longer than 100 characters"),
    ],
)
def test_an_output_names_a_file_and_no_place(name: str, reason: str) -> None:
    (problem,) = wrong(workflow(Step(id="a", role="r", output=name, line=4)))
    assert problem.startswith("w.workflow.md:4: error: a: output: ")
    assert reason in problem


def test_outputs_and_what_reads_them_are_matched() -> None:
    steps = (
        Step(id="a", role="r", output="plan.md", line=1),
        Step(id="b", role="r", output="plan.md", reads=("plan.md", "plna.md"), line=2),
    )
    assert wrong(workflow(*steps)) == [
        "w.workflow.md:2: warning: b: output: 'plan.md' is also written by 'a'",
        (
            "w.workflow.md:2: warning: b: reads: no step writes 'plna.md' "
            "(did you mean 'plan.md'?)"
        ),
    ]


@pytest.mark.parametrize("word", ["{goals}", "{Goal}", "{{goal}}", "${goal}"])
def test_what_is_nearly_the_placeholder_is_a_warning(word: str) -> None:
    found, _ = workflow_of(f"---\nname: x\n---\n## a\nrole: r\n\nDo {word} {{id}}\n")
    assert told(workflow_problems(found)) == [
        (
            f"x.workflow.md:4: warning: a: {word} in the prompt is not the placeholder "
            "(did you mean '{goal}'?)"
        )
    ]


def broken_house(house: House) -> House:
    house.user("agents/bad.md", "---\nmaxTurns: x\n---\n")
    house.user(
        "teams/t.team.md",
        "---\nname: t\ndefaultWorkflow: w\n---\n- one: agent=exploer\n- two: agent=bad\n",
    )
    house.user(
        "teams/u.team.md", "---\nname: u\ndefaultWorkflow: reviw\n---\n- writer\n"
    )
    house.user("teams/v.team.md", "---\nname: v\ndefaultWorkflow: x\n---\n- writer\n")
    house.user("teams/free.team.md", "---\nname: free\n---\n- writer\n")
    house.user(
        "workflows/w.workflow.md", "---\n---\n## a\nrole: oen\n\n## one\n\n## b\n"
    )
    house.user("workflows/x.workflow.md", "---\n---\n")
    return house


def test_all_problems_are_told_at_once_in_the_order_of_files_and_lines(
    house: House,
) -> None:
    catalog = broken_house(house).load()
    config = house.places.config
    assert told(validate_all(catalog)) == [
        "bad.md:2: error: maxTurns: expects a whole number from 1 to 10000, not 'x'",
        (
            "t.team.md:5: error: one: there is no agent 'exploer' "
            "(did you mean 'explorer'?)"
        ),
        (
            "t.team.md:6: error: two: agent 'bad' cannot be used, see "
            f"{config / 'agents/bad.md'}"
        ),
        (
            "u.team.md: error: defaultWorkflow: there is no workflow 'reviw' "
            "(did you mean 'review'?)"
        ),
        (
            "v.team.md: error: defaultWorkflow: workflow 'x' cannot be used, see "
            f"{config / 'workflows/x.workflow.md'}"
        ),
        "w.workflow.md:3: error: a: team 't' has no role 'oen' (did you mean 'one'?)",
        (
            "w.workflow.md:8: error: b: team 't' has no role 'b' (the heading is a step; "
            "'###' would keep it as text)"
        ),
        (
            "x.workflow.md: error: steps: has no steps; each begins with a heading "
            "'## step'"
        ),
    ]


def test_a_plan_that_does_not_fit_is_refused_with_all_reasons(house: House) -> None:
    catalog = broken_house(house).load()
    with pytest.raises(InvalidWorkflow) as invalid:
        plan_tasks(catalog, catalog.team("t"), catalog.workflow("w"), "goal")
    assert [problem.line for problem in invalid.value.problems] == [5, 3, 8]
    assert str(invalid.value).startswith("workflow 'w' cannot be used:\n  ")


def test_a_role_that_the_workflow_does_not_use_may_lack_its_agent(house: House) -> None:
    house.user("agents/critic.md", "---\ndisabled: true\n---\n")
    catalog = house.load()
    team, flow = catalog.team("implementation"), catalog.workflow("implementation")
    assert len(plan_tasks(catalog, team, flow, "x")) == 1


def test_the_goal_is_filled_in_once_and_as_it_stands(house: House) -> None:
    house.user(
        "workflows/w.workflow.md",
        "---\n---\n## explore\nrole: explorer\nmodel: m\n\n{goal}, twice {goal}\n\n"
        "## do-it\nrole: executor\ndependsOn: explore\noutput: o.md\nreads: p\n"
        "verify: true\n\nDo {task}\n",
    )
    house.user(
        "teams/t.team.md",
        "---\n---\n- explorer: agent=explorer model=n\n- executor: agent=tool model=n\n",
    )
    house.user("agents/tool.md", '---\nruntime: command\ncommand: ["x"]\n---\nHi.\n')
    catalog = house.load()
    team, flow = catalog.team("t"), catalog.workflow("w")
    first, second = plan_tasks(catalog, team, flow, "use {goal} \\1 $x {0}")
    assert first.prompt == "use {goal} \\1 $x {0}, twice use {goal} \\1 $x {0}"
    assert (first.runtime, first.command, first.model) == ("agent", None, "m")
    assert first.instructions == catalog.agent("explorer").prompt
    assert second == PlannedTask(
        id=TaskId("do-it"),
        step="do-it",
        role="executor",
        agent="tool",
        title="Do it",
        depends_on=(TaskId("explore"),),
        prompt="Do {task}",
        instructions="Hi.",
        runtime="command",
        command=catalog.agent("tool").command,
        output="o.md",
        reads=("p",),
        model="n",
        verify=True,
    )


PROBLEM = Problem("error", Path("/x.md"), 3, "name", "is wrong", "name")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            UnknownResource("team", "revew", ["review", "default"]),
            "no team is called 'revew'; did you mean 'review'?",
        ),
        (UnknownResource("agent", "x", []), "no agent is called 'x'; there are: none"),
        (
            InvalidResource("agent", "a", [PROBLEM]),
            (
                "agent 'a' cannot be used:\n  /x.md:3: error: name: is wrong "
                "(did you mean 'name'?)"
            ),
        ),
        (
            InvalidWorkflow("w", [PROBLEM]),
            (
                "workflow 'w' cannot be used:\n  /x.md:3: error: name: is wrong "
                "(did you mean 'name'?)"
            ),
        ),
        (
            TrustStoreDamaged(Path("/t.json"), "is not JSON"),
            (
                "/t.json: is not JSON; mend the file, or delete it and agree again to the "
                "commands of each project"
            ),
        ),
    ],
)
def test_an_error_says_what_to_do_and_survives_pickle(
    error: ResourceError, text: str
) -> None:
    copy: object = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error) == text
    assert vars(copy) == vars(error)


def test_a_problem_without_a_line_or_a_field_names_the_file() -> None:
    problem = attrs.evolve(PROBLEM, line=None, field="", suggestion=None)
    assert str(problem) == "/x.md: error: is wrong"


def test_a_file_fails_by_errors_and_not_by_warnings() -> None:
    findings = Findings(Path("x"))
    findings.warning(1, "", "")
    assert [one.severity for one in findings.problems] == ["warning"]
    findings.error(1, "", "")
    assert [one.severity for one in findings.problems] == ["warning", "error"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("depends_on", "dependsOn"),
        ("DEPENDSON", "dependsOn"),
        ("dependOn", "dependsOn"),
        ("xyz", None),
    ],
)
def test_the_nearest_name_looks_through_case_and_dashes(
    name: str, meant: str | None
) -> None:
    assert nearest(name, ["dependsOn", "output"]) == meant
