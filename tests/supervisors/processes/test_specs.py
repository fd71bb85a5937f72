"""Specs, environments, executables, deadlines and errors: all that needs no process."""

import math
import os
import pickle
from pathlib import Path

import attrs
import pytest
from hypothesis import given, strategies as st

from crew_supervisors.processes import (
    BadProcessSpec,
    ContainmentUnavailable,
    EnvPolicy,
    ExecutableNotFound,
    ExecutableNotRunnable,
    ProcessError,
    ProcessSpec,
    Rung,
    SpawnFailed,
    StdinClosed,
    resolve_executable,
    run_process,
)
from crew_supervisors.processes._life import signal_name
from crew_supervisors.processes._limits import Limits

GOOD = ProcessSpec(name="one", argv=("true",))


def test_a_plain_spec_has_no_problems() -> None:
    assert GOOD.problems() == ()


def test_all_problems_are_told_at_once() -> None:
    spec = ProcessSpec(
        name=" ",
        argv=(),
        env=EnvPolicy(inherit=("*", "A*B"), extra={"A=B": "", "CREW_MARKER": "x"}),
        stdin="maybe",  # type: ignore[arg-type]  # what an untyped caller may pass
        max_line=0,
        buffer=0,
        tail=-1,
        ladder=(Rung("SIGKILL", 1.0), Rung("SIGTERM", math.inf)),
        containment="cage",  # type: ignore[arg-type]  # what an untyped caller may pass
        startup=0,
        silence=math.nan,
        wall=-1,
        drain=-1,
    )
    fields = {problem.split(":")[0] for problem in spec.problems()}
    assert fields == {
        *("name", "argv", "env.inherit", "env.extra", "stdin", "max_line", "buffer"),
        *("tail", "ladder", "containment", "startup", "silence", "wall", "drain"),
    }
    assert len(spec.problems()) == 17


def test_a_nul_in_an_argument_is_a_problem() -> None:
    assert ProcessSpec(name="one", argv=("a", "b\0")).problems()


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_the_system_cannot_take_is_a_problem_wherever_it_is(text: str) -> None:
    for field, spec in {
        "argv": ProcessSpec(name="one", argv=("true", text)),
        "cwd": ProcessSpec(name="one", argv=("true",), cwd=Path(text)),
        "env.extra": attrs.evolve(GOOD, env=EnvPolicy(extra={"A": text})),
        "env.extra: ": attrs.evolve(GOOD, env=EnvPolicy(extra={text: "A"})),
    }.items():
        (problem,) = spec.problems()
        assert problem.startswith(field)
        problem.encode()


def test_a_name_of_any_bytes_is_none() -> None:
    assert ProcessSpec(name="one", argv=("true", os.fsdecode(b"\xff"))).problems() == ()


async def test_a_bad_spec_starts_nothing_and_says_why() -> None:
    with pytest.raises(BadProcessSpec, match="argv: must begin with the program"):
        await run_process(ProcessSpec(name="one", argv=()))


def test_only_what_was_named_travels() -> None:
    policy = EnvPolicy(inherit=("PATH", "LC_*"), extra={"KEY": "ours", "LC_ALL": "C"})
    environ = {
        "PATH": "/bin",
        "LC_TIME": "de",
        "TOKEN": "secret",
        "PATHS": "no",
        "KEY": "theirs",
    }
    assert policy.build(environ) == {
        "PATH": "/bin",
        "LC_TIME": "de",
        "KEY": "ours",
        "LC_ALL": "C",
    }


def test_the_essentials_hold_no_secret() -> None:
    environ = {
        "HOME": "/h",
        "LANG": "C",
        "OPENAI_API_KEY": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }
    assert EnvPolicy().build(environ) == {"HOME": "/h", "LANG": "C"}


def program(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_a_name_is_looked_for_in_the_path(tmp_path: Path) -> None:
    program(tmp_path / "a" / "tool", mode=0o644)
    found = program(tmp_path / "b" / "tool")
    path = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")])
    assert resolve_executable("tool", path=path) == found


def test_a_name_with_a_separator_starts_at_the_folder(tmp_path: Path) -> None:
    found = program(tmp_path / "bin" / "tool")
    assert resolve_executable("bin/tool", cwd=tmp_path, path="") == found
    assert resolve_executable(str(found), cwd=Path("/"), path="") == found


def test_a_missing_executable_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ExecutableNotFound, match="add its folder to PATH") as caught:
        resolve_executable("no-such-tool", path=str(tmp_path))
    assert caught.value.searched == (str(tmp_path),)
    with pytest.raises(ExecutableNotFound, match="an empty PATH"):
        resolve_executable("no-such-tool", path="")


def test_a_file_without_the_right_is_not_runnable(tmp_path: Path) -> None:
    program(tmp_path / "tool", mode=0o644)
    with pytest.raises(ExecutableNotRunnable, match=r"chmod \+x"):
        resolve_executable("tool", path=str(tmp_path))


def test_a_name_that_can_be_none_is_not_found(tmp_path: Path) -> None:
    """The system does not look for it; a folder that may not be entered is the same."""
    with pytest.raises(ExecutableNotFound):
        resolve_executable("x" * 300, path=str(tmp_path))


def test_a_folder_is_not_runnable(tmp_path: Path) -> None:
    with pytest.raises(ExecutableNotRunnable, match="it is a folder"):
        resolve_executable(str(tmp_path))


@pytest.mark.parametrize(
    "error",
    [
        BadProcessSpec("one", ("argv: bad", "name: bad")),
        ContainmentUnavailable("one", "warden", "there is none"),
        ExecutableNotFound("tool", ("/bin",)),
        ExecutableNotRunnable("/bin/tool", "it is a folder"),
        SpawnFailed("one", "no memory", 12),
        StdinClosed("one", "it has ended"),
    ],
)
def test_an_error_survives_pickle(error: ProcessError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("limits", "last", "wanted"),
    [
        (
            Limits(startup=None, silence=None, wall=None),
            None,
            (math.inf, "wall_timeout"),
        ),
        (Limits(startup=2, silence=3, wall=9), None, (12, "startup_timeout")),
        (Limits(startup=2, silence=3, wall=9), 11, (14, "silence_timeout")),
        (Limits(startup=2, silence=3, wall=9), 17, (19, "wall_timeout")),
        (Limits(startup=2, silence=None, wall=None), 11, (math.inf, "wall_timeout")),
        (Limits(startup=3, silence=3, wall=3), None, (13, "wall_timeout")),
    ],
)
def test_the_nearest_deadline_is_the_next_one(
    limits: Limits, last: float | None, wanted: tuple[float, str]
) -> None:
    assert limits.next(started=10, last=last) == wanted


@given(st.floats(0, 100), st.floats(0.1, 100))
def test_startup_ends_with_the_first_output(last: float, startup: float) -> None:
    limits = Limits(startup=startup, silence=None, wall=None)
    assert limits.next(started=0, last=last)[0] == math.inf


def test_a_signal_without_a_name_has_its_number() -> None:
    assert signal_name(15) == "SIGTERM"
    assert signal_name(200) == "signal 200"
