"""A command agent: real processes, from start to the end of the whole tree."""

import json
import sys
from pathlib import Path

import attrs
import psutil
import pytest
import trio
from tests.support.command_bench import Bench

from crew_actors.model import Failure, FailureKind, TaskInput, Usage
from crew_actors.runtimes import Completed, DependencyResult, Failed, NoResult


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_what_a_text_agent_prints_is_its_result(bench: Bench) -> None:
    outcome = await bench.python("print('one'); print('two')")
    assert outcome == Completed(text="one\ntwo")
    assert bench.port.texts == ["one", "two"]
    assert bench.port.beats == 2
    (how,) = bench.port.ended
    assert how.returncode == 0
    assert how.report.survivors == ()


async def test_a_jsonl_agent_reports_as_it_goes(bench: Bench) -> None:
    program = """
import json, os, pathlib
pathlib.Path(os.environ["CREW_OUTPUT"], "a.txt").write_text("A")
for message in (
    {"type": "progress", "text": "half"},
    {"type": "usage", "input": 3, "output": 4},
    {"type": "artifact", "name": "a.txt", "path": "a.txt"},
    {"type": "artifact", "name": "b.txt", "path": "b.txt"},
    {"type": "result", "text": "done", "data": {"n": 1}},
):
    print(json.dumps(message))
"""
    outcome = await bench.python(program, output="jsonl")
    assert outcome == Completed(text="done", data={"n": 1})
    half, missing = bench.port.texts
    assert half == "half"
    assert missing.startswith("artifact 'b.txt' is not in the output folder: ")
    assert bench.port.used == [Usage(input=3, output=4)]
    assert bench.port.files == {"a.txt": b"A"}


async def test_an_agent_finds_its_ids_inputs_and_named_keys_and_no_others(
    bench: Bench,
) -> None:
    program = """
import json, os
inputs = json.load(open(os.environ["CREW_INPUTS"]))
names = sorted(n for n in os.environ if n.startswith("CREW") or n.endswith("KEY"))
print(json.dumps({"type": "result", "text": os.getcwd(), "data": [names, inputs]}))
"""
    dependencies = {
        "plan": DependencyResult(
            text="a plan", data=[1], artifacts=(("p.md", Path("/p.md")),)
        )
    }
    outcome = await bench.python(program, output="jsonl", dependencies=dependencies)
    assert isinstance(outcome, Completed)
    assert outcome.text == str(bench.folder)
    assert outcome.data == [
        [
            "CREW_ATTEMPT",
            "CREW_DEPTH",
            "CREW_INPUTS",
            "CREW_MARKER",
            "CREW_OUTPUT",
            "CREW_RUN",
            "CREW_RUN_FOLDER",
            "CREW_TASK",
            "CREW_WORKSPACE",
            "MY_KEY",
        ],
        {
            "goal": "the goal",
            "task": {"id": "try", "step": "try", "role": "worker", "title": "Try"},
            "dependencies": {
                "plan": {
                    "text": "a plan",
                    "data": [1],
                    "artifacts": [{"name": "p.md", "path": "/p.md"}],
                }
            },
        },
    ]


@pytest.mark.parametrize(
    ("task_input", "program"),
    [
        ("stdin", "import sys; print(sys.stdin.read())"),
        ("argument", "import sys; print(sys.argv[1])"),
        ("file", "import sys; print(open(sys.argv[1]).read())"),
    ],
)
async def test_a_task_reaches_the_agent_in_each_way(
    bench: Bench, task_input: TaskInput, program: str
) -> None:
    outcome = await bench.python(program, task_input=task_input)
    assert isinstance(outcome, Completed)
    assert "# Goal\n\nthe goal\n" in outcome.text
    assert "Do it well." in outcome.text


MORE_THAN_A_PIPE_HOLDS = "x" * 200_000


async def test_an_agent_that_does_not_read_its_input_still_succeeds(
    bench: Bench,
) -> None:
    job = bench.job(sys.executable, "-c", "print('ok')", task_input="stdin")
    outcome = await bench.run(attrs.evolve(job, goal=MORE_THAN_A_PIPE_HOLDS))
    assert outcome == Completed(text="ok")


async def test_an_agent_that_did_not_read_its_task_is_told_so_with_no_result(
    bench: Bench,
) -> None:
    job = bench.job(sys.executable, "-c", "pass", task_input="stdin")
    outcome = await bench.run(attrs.evolve(job, goal=MORE_THAN_A_PIPE_HOLDS))
    assert isinstance(outcome, NoResult)
    assert outcome.why.endswith("; it did not read all of its task")


async def test_an_exit_code_is_a_failure_with_the_last_words(bench: Bench) -> None:
    outcome = await bench.python(
        "import sys; print('x'); print('boom', file=sys.stderr); sys.exit(3)"
    )
    expected = Failure(
        kind=FailureKind.EXIT,
        message="exit code 3; it last said: boom",
        detail="boom\n",
    )
    assert outcome == Failed(failure=expected)


async def test_nothing_said_is_no_result(bench: Bench) -> None:
    assert isinstance(await bench.python("pass"), NoResult)


async def test_a_program_that_is_not_there_is_a_failed_start(bench: Bench) -> None:
    outcome = await bench.run(bench.job("no-such-program"))
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.START
    assert "no-such-program" in outcome.failure.message
    assert bench.port.started == []


async def test_an_agent_without_a_command_is_a_failed_start(bench: Bench) -> None:
    job = bench.job("x")
    job = attrs.evolve(job, task=attrs.evolve(job.task, command=None))
    outcome = await bench.run(job)
    assert isinstance(outcome, Failed)
    assert outcome.failure.message == "agent worker-agent has no command"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"silence": 0.2}, "no output for longer than allowed"),
        ({"timeout": 0.3}, "it took longer than allowed"),
    ],
)
async def test_a_deadline_that_fires_is_named(
    bench: Bench, limits: dict[str, object], message: str
) -> None:
    outcome = await bench.python(
        "import time; print('ready', flush=True); time.sleep(60)", **limits
    )
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.TIMEOUT
    assert outcome.failure.message == f"{message}; it last said: ready"


async def test_cancelling_an_agent_stops_its_whole_tree(bench: Bench) -> None:
    program = """
import os, subprocess, sys, time, json
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
print(json.dumps([os.getpid(), child.pid]), flush=True)
time.sleep(60)
"""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.python, program)
        await bench.port.spoke.wait()
        agents = [psutil.Process(pid) for pid in json.loads(bench.port.texts[0])]
        nursery.cancel_scope.cancel()
    assert not any(agent.is_running() for agent in agents)


@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "link", r"a\\u0000b"])
async def test_an_artifact_comes_from_the_output_folder_and_nowhere_else(
    bench: Bench, path: str
) -> None:
    (bench.folder / "secret").write_text("s")
    program = f"""
import os
os.symlink("/etc", os.path.join(os.environ["CREW_OUTPUT"], "link"))
print('{{"type": "artifact", "name": "x", "path": "{path}"}}')
print('{{"type": "result", "text": "done"}}')
"""
    outcome = await bench.python(program, output="jsonl")
    assert outcome == Completed(text="done")
    assert bench.port.files == {}
    (told,) = bench.port.texts
    assert "output folder" in told
