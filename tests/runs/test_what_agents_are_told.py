"""What files say of skills, memory and results reaches the agent of a run."""

import json
from pathlib import Path

import attrs
import pytest
from tests.support.crews import finish
from tests.support.plans import plan, task

from crew_actors.journal import ArtifactStore
from crew_actors.model import FailureKind, Limits, RetryPolicy, RunStatus, TaskId
from crew_actors.places import Places, find_project
from crew_actors.runs import open_crew
from crew_actors.runtimes import Completed, Job, Outcome, Port, prompt_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / ".crew").mkdir(parents=True)
    return project


AGENT = """\
---
name: teller
skills: evidence, gone
memory: project
---

You tell.
"""
TEAM = "---\nname: t\nworkflow: t\n---\n\n- worker: agent=teller\n"
WORKFLOW = """\
---
name: t
---

## worker
constraints: be quick
outputSchema: {"type": "object", "required": ["n"]}

Tell of {goal}.
"""


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_what_files_say_reaches_the_agent(folder: Path) -> None:
    own = folder / ".crew"
    put(own / "agents" / "teller.md", AGENT)
    put(own / "teams" / "t.team.md", TEAM)
    put(own / "workflows" / "t.workflow.md", WORKFLOW)
    put(own / "memory" / "teller" / "MEMORY.md", "The tests are slow.")
    seen: list[str] = []

    async def agent(job: Job, port: Port) -> Outcome:
        seen.append(prompt_of(job))
        return Completed(text='{"n": 1}')

    places = Places(config=folder.parent / "config", data=folder.parent / "data")
    async with open_crew(
        find_project(folder), places=places, functions={"teller": agent}
    ) as crew:
        run = await crew.start(goal="the bug", team="t")
        await run.wait()
    assert run.state.status is RunStatus.COMPLETED
    (prompt,) = seen
    for part in (
        "For each claim give its evidence",
        "(Not found, so do without: gone.)",
        "The tests are slow.",
        "/project/.crew/memory/teller/MEMORY.md",
        "Tell of the bug.",
        "- be quick",
        '```json\n{"type": "object", "required": ["n"]}\n```',
    ):
        assert part in prompt


async def test_a_result_of_another_form_fails_and_is_tried_again(folder: Path) -> None:
    said = iter(["no data", "[]", 'Now:\nRESULT: {"n": 7}'])

    async def agent(job: Job, port: Port) -> Outcome:
        return Completed(text=next(said))

    asked = attrs.evolve(
        task("a"), output_schema='{"type": "object", "required": ["n"]}'
    )
    whole = attrs.evolve(
        plan(asked, limits=Limits(attempts=3)), retry=RetryPolicy(first=0.0)
    )
    run = await finish(folder, whole, worker=agent)
    done = run.state.tasks[TaskId("a")]
    assert run.state.status is RunStatus.COMPLETED
    assert done.attempts == 3
    assert done.data is not None
    assert json.loads(await ArtifactStore(run.folder).read(done.data)) == {"n": 7}


async def test_without_another_attempt_the_failure_says_what_is_wrong(
    folder: Path,
) -> None:
    async def agent(job: Job, port: Port) -> Outcome:
        return Completed(text="{}")

    asked = attrs.evolve(task("a"), output_schema='{"required": ["n"]}')
    run = await finish(folder, plan(asked), worker=agent)
    failure = run.state.tasks[TaskId("a")].failure
    assert failure is not None
    assert failure.kind is FailureKind.INVALID
    assert "the value has no 'n'" in failure.message
