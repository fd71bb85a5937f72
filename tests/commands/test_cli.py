import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import attrs
import click
import pytest

from crew_actors import __version__, cli
from crew_actors.commands import (
    SUMMARIES,
    Action,
    Context,
    load_action,
    parameters_of,
)
from crew_actors.errors import UserError
from crew_actors.observe import clean

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
CREW = "import sys; from crew_actors.cli import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def here(context: Context, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(context.project.root)
    return context.project.root


def run(*args: str) -> tuple[int, list[str], list[str]]:
    """Call the command and return the exit code and the lines of its two outputs."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        patch.setattr("sys.stderr", err)
        code = cli.main(args)
    return code, out.getvalue().splitlines(), err.getvalue().splitlines()


def test_help_names_each_action() -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, [])
    text = "\n".join(out)
    for name, summary in SUMMARIES.items():
        assert name in text
        assert summary in text


@pytest.mark.parametrize("name", SUMMARIES)
def test_each_action_has_help_and_is_documented(name: str) -> None:
    code, out, _ = run(name, "-h")
    text = clean("\n".join(out))
    action = load_action(name)
    assert code == 0
    assert action.name == name
    assert action.summary in text
    reference = REFERENCE.read_text(encoding="utf-8")
    assert f"## `crew {name}`" in reference
    section = reference.partition(f"## `crew {name}`")[2].partition("\n## ")[0]
    for parameter in parameters_of(action.parameters):
        shown = parameter.name.upper()
        if not parameter.positional:
            shown = f"--{parameter.name.replace('_', '-')}"
        assert shown in text
        assert f"`{shown}" in section
    assert inspect.getdoc(action.handler)


def test_help_loads_nothing_that_is_slow() -> None:
    """trio, rich, ruamel and cattrs would each cost more than all the rest."""
    code = (
        "import sys; from crew_actors.cli import main; main(['--help']); "
        "print([name for name in "
        "('trio', 'rich', 'ruamel.yaml', 'cattrs', 'sqlite3', 'psutil') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_told() -> None:
    assert run("--version") == (0, [f"crew {__version__}"], [])


def test_without_a_command_the_help_is_shown() -> None:
    code, out, err = run()
    assert (code, out) == (2, [])
    assert err[0].startswith("Usage: crew")


def test_a_wrong_command_is_refused_with_the_nearest() -> None:
    code, out, err = run("lst")
    assert (code, out) == (2, [])
    assert err[-1] == "Error: There is no command 'lst'. Did you mean 'list'?"
    assert run("xyzzy")[2][-1] == "Error: There is no command 'xyzzy'."


def test_a_wrong_option_is_refused() -> None:
    assert run("--nope")[0] == 2
    assert run("list", "--nope")[0] == 2


def test_a_wrong_value_is_refused_with_the_nearest() -> None:
    code, out, err = run("list", "agens")
    assert (code, out) == (2, [])
    (line,) = err
    assert line.startswith("crew: list: kind must be one of agents, teams, workflows")
    assert line.endswith("did you mean 'agents'?")


def test_a_missing_value_is_refused() -> None:
    code, _, err = run("show")
    assert code == 2
    assert err == [
        "crew: show: kind is missing: what it is",
        "crew: show: name is missing: its name",
    ]


def test_each_action_can_write_json() -> None:
    code, out, err = run("list", "teams", "--json")
    assert (code, err) == (0, [])
    (line,) = out
    assert "survey" in [team["name"] for team in json.loads(line)["teams"]]


def test_an_error_of_the_user_is_told_without_a_traceback() -> None:
    code, out, err = run("show", "team", "survye")
    assert (code, out) == (2, [])
    assert err == ["crew: no team is called 'survye'; did you mean 'survey'?"]


def test_an_unknown_run_is_told_without_a_traceback() -> None:
    for command in ("status", "artifacts"):
        code, out, err = run(command, "../x")
        assert (code, out) == (2, [])
        assert err[0].startswith("crew: there is no run '../x'")


def test_problems_are_the_exit_code_of_a_validation(here: Path) -> None:
    assert run("validate")[0] == 0
    folder = here / ".crew" / "teams"
    folder.mkdir(parents=True)
    (folder / "bad.team.md").write_text("no frontmatter", encoding="utf-8")
    assert run("validate")[0] == 1


def test_trust_asks_only_a_person(here: Path) -> None:
    folder = here / ".crew" / "agents"
    folder.mkdir(parents=True)
    text = '---\nname: own\nruntime: command\ncommand: ["./own"]\n---\n'
    (folder / "own.md").write_text(text, encoding="utf-8")
    code, out, _ = run("trust")
    assert code == 1
    assert out[1] == "  own: ./own"
    assert run("trust", "--json")[0] == 1
    assert run("trust", "--yes")[0] == 0
    assert run("trust")[0] == 0


def test_the_current_folder_may_be_gone(here: Path) -> None:
    here.rmdir()
    code, _, err = run("list")
    assert code == 2
    assert err == [
        "crew: the current folder does not exist any more; change to another one"
    ]


@attrs.frozen
class Nothing:
    pass


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Have each action raise *error*."""

    def handler(_: Nothing, __: Context) -> object:
        raise error

    action = Action(name="list", parameters=Nothing, handler=handler, text=str)

    def load(_: str) -> Action[Nothing, object]:
        return action

    monkeypatch.setattr(cli, "load_action", load)


class Mendable(UserError):
    exit_code = 1

    def __str__(self) -> str:
        return "first line\nsecond \x1b[2J line"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Mendable(), 1, ["first line", "second \\x1b[2J line"]),
        (
            PermissionError(13, "Permission denied", "/x\x1b"),
            1,
            ["/x\\x1b: Permission denied"],
        ),
        (KeyboardInterrupt(), 130, None),
        (click.Abort(), 130, []),
        (
            BaseExceptionGroup(
                "all", [Mendable(), BaseExceptionGroup("", [KeyboardInterrupt()])]
            ),
            130,
            ["first line", "second \\x1b[2J line"],
        ),
        (
            OSError("no name"),
            70,
            [
                "internal error: OSError: no name (set CREW_DEBUG=1 and try again to see where)"
            ],
        ),
        (
            ExceptionGroup("all", [RuntimeError("boom")]),
            70,
            [
                "internal error: RuntimeError: boom (set CREW_DEBUG=1 and try again to see where)"
            ],
        ),
    ],
)
def test_each_error_has_its_exit_code_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    said: list[str] | None,
) -> None:
    failing(monkeypatch, error)
    found, out, err = run("list")
    assert (found, out) == (code, [])
    if said is None:
        assert err == [""]  # ends the line in which the terminal shows ^C
    else:
        assert err == [f"crew: {line}" for line in said]


def test_the_whole_of_a_defect_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREW_DEBUG", "1")
    failing(monkeypatch, RuntimeError("boom"))
    code, _, err = run("list")
    assert code == 70
    assert err[0] == "crew: Traceback (most recent call last):"


@pytest.mark.parametrize(
    ("args", "code"), [("list", 0), ("validate", 0), ("--help", 1)]
)
def test_a_reader_that_went_away_is_not_missed(args: str, code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-c", CREW, args],
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (code, b"")


def test_an_output_that_cannot_be_written_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", CREW, "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"crew: the output cannot be written: [Errno 28]")
    assert len(done.stderr.splitlines()) == 1


def test_names_that_are_no_text_can_be_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CREW, "show", "team", b"\xff"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"crew: no team is called")


class Full(io.StringIO):
    """Takes nothing; has a file descriptor of its own to be muted."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error
        self.number = os.open(os.devnull, os.O_RDONLY)

    def write(self, _: str) -> int:
        raise self.error

    def fileno(self) -> int:
        return self.number


@pytest.mark.parametrize(
    ("error", "code"), [(BrokenPipeError(), 0), (OSError(28, "No space left"), 1)]
)
def test_an_output_that_fails_is_muted(
    monkeypatch: pytest.MonkeyPatch, error: OSError, code: int
) -> None:
    output = Full(error)
    monkeypatch.setattr("sys.stdout", output)
    assert cli.main(["list"]) == code
    assert os.write(output.number, b"what was left") == len(b"what was left")
    os.close(output.number)


def test_a_reader_that_goes_away_during_help_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leave(*_: object, **__: object) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(cli.crew, "main", leave)
    assert cli.main(["--help"]) == 1


def test_shells_can_complete_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_CREW_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "crew ")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert cli.main([]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[2] for line in out] == list(SUMMARIES)
