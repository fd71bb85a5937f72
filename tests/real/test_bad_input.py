"""Bad input gets one clear message; nothing is started and nothing half-written."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.real.conftest import Crew

TEAM = "---\nname: mine\ndescription: Mine\ndefaultWorkflow: mine\n---\n\n- one: agent=one\n"
AGENT = '---\nname: one\ndescription: One\nruntime: command\ncommand: ["true"]\n---\n'
FLOW = "---\nname: mine\ndescription: Mine\n---\n\n"
STEP = "## a\nrole: one\n\nDo it.\n"


def _write(root: Path, files: Mapping[str, str]) -> None:
    default = {
        ".crew/agents/one.md": AGENT,
        ".crew/teams/mine.team.md": TEAM,
        ".crew/workflows/mine.workflow.md": FLOW + STEP,
    }
    for name, text in {**default, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _refused(crew: Crew, root: Path, *args: str, code: int = 2) -> str:
    """Run `crew`, which must refuse, start nothing and keep its face."""
    done = crew.run(*args, cwd=root)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "internal error" not in done.stderr
    assert not (root / ".crew" / "runs").exists()
    return done.stderr


_WORKFLOW = ".crew/workflows/mine.workflow.md"
_TEAM = ".crew/teams/mine.team.md"
_AGENT = ".crew/agents/one.md"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(
            {_WORKFLOW: FLOW + "## a\nrole: oen\n\nDo it.\n"},
            [f"{_WORKFLOW}:6", "oen"],
            id="unknown role",
        ),
        pytest.param(
            {_WORKFLOW: FLOW + STEP + "\n## b\nrole: one\ndependsOn: aa\n\nDo.\n"},
            [_WORKFLOW, "'aa'", "did you mean 'a'"],
            id="unknown dependency",
        ),
        pytest.param(
            {
                _WORKFLOW: FLOW
                + "## a\nrole: one\ndependsOn: b\n\nDo.\n\n## b\nrole: one\ndependsOn: a\n\nDo.\n"
            },
            [_WORKFLOW, "a -> b -> a"],
            id="cycle",
        ),
        pytest.param(
            {_WORKFLOW: FLOW + STEP + "\n" + STEP},
            [f"{_WORKFLOW}:11", "this step is already in line 6"],
            id="duplicate step",
        ),
        pytest.param(
            {_AGENT: AGENT.replace("name: one", "name: one\nname: two")},
            [_AGENT, "name"],
            id="duplicate key",
        ),
        pytest.param(
            {_AGENT: AGENT.replace("---\nname", "---\ndisabled: yes\nname")},
            [_AGENT, "disabled", "true"],
            id="a yes that YAML 1.1 would take for true",
        ),
        pytest.param(
            {_AGENT: AGENT.replace('["true"]', '["true"')},
            [_AGENT, "command"],
            id="malformed frontmatter",
        ),
        pytest.param(
            {_AGENT: AGENT.removesuffix("---\n")},
            [_AGENT, "---"],
            id="frontmatter without an end",
        ),
        pytest.param(
            {_AGENT: AGENT.replace('"true"', '"no-such-program"')},
            ["no-such-program", "one"],
            id="missing executable",
        ),
        pytest.param(
            {_AGENT: AGENT.replace("name: one", "name: ../one")},
            [f"{_AGENT}:2", "../one"],
            id="a name with a path separator",
        ),
        pytest.param(
            {_WORKFLOW: FLOW + STEP.replace("role: one", "role: one\noutput: ../x")},
            [_WORKFLOW, "../x"],
            id="an output with a path separator",
        ),
        pytest.param({_WORKFLOW: FLOW}, [_WORKFLOW, "step"], id="empty workflow"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_before_anything_starts(
    crew: Crew, repository: Path, files: Mapping[str, str], said: list[str]
) -> None:
    _write(repository, files)
    text = _refused(crew, repository, "run", "go", "--team", "mine", "--trust")
    for part in said:
        assert part in text


def test_crew_validate_tells_every_problem_at_once(
    crew: Crew, repository: Path
) -> None:
    _write(
        repository,
        {
            _AGENT: AGENT.replace("name: one", "name: one\ntimeout: soon"),
            _WORKFLOW: FLOW + "## a\nrole: one\ndependsOn: zz\n\nDo it.\n",
        },
    )
    done = crew.run("validate", cwd=repository)
    assert done.returncode == 1
    for part in (_AGENT, "timeout", "'soon'", _WORKFLOW, "'zz'"):
        assert part in done.stdout


def test_a_clean_project_is_valid(crew: Crew, repository: Path) -> None:
    _write(repository, {})
    done = crew.run("validate", cwd=repository)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["run", "x", "--team", "survye"], "did you mean 'survey'"),
        (["run", "x", "--workflow", "a/b", "--team", "survey"], "'a/b'"),
        (["run", " "], "goal"),
        (["run", "x", "--limit", "0"], "at least 1"),
        (["run", "--goal-file", "gone.txt"], "gone.txt"),
        (["run", "x", "--goal-file", "gone.txt"], "goal"),
        (["run", "x\x01y", "--team", "default"], "agent program"),
        (["show", "team", "../../etc"], "'../../etc'"),
        (["status", "../.."], "../.."),
        (["events", "nothing"], "nothing"),
        (["cancel", "nothing"], "nothing"),
        (["statsu"], "status"),
        (["run", "x", "--taem", "survey"], "--team"),
    ],
)
def test_wrong_use_is_told_with_the_way_out(
    crew: Crew, repository: Path, args: list[str], said: str
) -> None:
    assert said in _refused(crew, repository, *args)


def test_a_goal_of_a_megabyte_runs(crew: Crew, repository: Path) -> None:
    (repository / "goal.txt").write_text("why? " * 200_000)
    done = crew.run(
        "run", "--goal-file", "goal.txt", "--team", "survey", cwd=repository
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_gone_is_told(crew: Crew, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir "{gone}"; exec "{crew.program}" status'
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=gone,
        env=crew.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "current folder" in done.stderr


def _in_namespace(
    crew: Crew, script: str, cwd: Path
) -> "subprocess.CompletedProcess[str]":
    """Run *script* where mounts can be made that nobody else sees."""
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root and unshare")
    return subprocess.run(
        [unshare, "--mount", "/bin/sh", "-ec", script],
        cwd=cwd,
        env=crew.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_read_only_disk_is_told_and_nothing_is_started(
    crew: Crew, repository: Path
) -> None:
    script = (
        f'mount --bind "{repository}" "{repository}"; '
        f'mount -o remount,ro,bind "{repository}"; cd "{repository}"; '
        f'exec "{crew.program}" run look --team survey'
    )
    done = _in_namespace(crew, script, repository)
    assert done.returncode == 1, done.stderr
    assert str(repository) in done.stderr
    assert "read-only" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert not (repository / ".crew").exists()


def test_a_disk_that_is_full_fails_the_run_with_that_cause(
    crew: Crew, repository: Path
) -> None:
    script = (
        f'mkdir "{repository}/.crew"; mount -t tmpfs -o size=96k none "{repository}/.crew"; '
        f'exec "{crew.program}" run look --team survey'
    )
    done = _in_namespace(crew, script, repository)
    assert done.returncode == 1, done.stderr
    assert "no room" in (done.stdout + done.stderr).lower()
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
