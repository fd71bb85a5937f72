"""The tools of live agents: what they do, and where they do not go."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import trio
from tests.support.live import A, live, live_crew

from crew_actors.model import RunStatus
from crew_actors.runtimes.live._files import FileTools
from crew_actors.runtimes.live._place import NotThere, Place
from crew_actors.runtimes.live._tool import ToolFailed


@pytest.fixture
def place(tmp_path: Path) -> Place:
    workspace = Path(os.path.realpath(tmp_path)) / "work"
    output = workspace.parent / "output"
    workspace.mkdir()
    output.mkdir()
    return Place(
        workspace=workspace,
        output=output,
        readable=(output,),
        writable=(),
        writes=True,
        outputs=(),
    )


async def _use(place: Place, name: str, **given: Any) -> str:
    tools = (*FileTools(place).readers(), *FileTools(place).writers())
    (found,) = (one for one in tools if one.spec.name == name)
    return await found.use(given)


class TestRead:
    async def test_lines_are_numbered_and_can_be_read_in_parts(
        self, place: Place
    ) -> None:
        (place.workspace / "a").write_text("one\ntwo\nthree\n")
        assert await _use(place, "read", path="a") == "1\tone\n2\ttwo\n3\tthree"
        part = await _use(place, "read", path="a", offset=2, limit=1)
        assert part == "2\ttwo\n(1 more lines; read on with offset 3)"

    async def test_a_folder_is_listed(self, place: Place) -> None:
        (place.workspace / "d").mkdir()
        (place.workspace / "f").write_text("")
        assert await _use(place, "read", path=".") == "d/\nf"

    @pytest.mark.parametrize(
        ("path", "content", "why"),
        [
            ("nam", None, "there is no nam in .*; there is name"),
            ("a", b"\xff\xfe\0", "no text in UTF-8"),
            ("a", b"x" * (9 << 20), "has more than 8,388,608 bytes"),
        ],
    )
    async def test_what_cannot_be_read_is_told(
        self, place: Place, path: str, content: bytes | None, why: str
    ) -> None:
        (place.workspace / "name").write_text("")
        if content is not None:
            (place.workspace / path).write_bytes(content)
        with pytest.raises(ToolFailed, match=why):
            await _use(place, "read", path=path)

    async def test_a_fifo_is_no_file(self, place: Place) -> None:
        os.mkfifo(place.workspace / "pipe")
        with pytest.raises(ToolFailed, match="is no file"):
            await _use(place, "read", path="pipe")

    async def test_an_offset_behind_the_end_is_told(self, place: Place) -> None:
        (place.workspace / "a").write_text("one\n")
        with pytest.raises(ToolFailed, match="has 1 lines only"):
            await _use(place, "read", path="a", offset=5)


class TestWriteAndEdit:
    async def test_a_file_is_written_with_its_folders(self, place: Place) -> None:
        told = await _use(place, "write", path="a/b.txt", content="x\ny\n")
        assert told == "a/b.txt is written: 2 lines"
        assert (place.workspace / "a" / "b.txt").read_text() == "x\ny\n"

    async def test_a_replaced_file_keeps_its_mode(self, place: Place) -> None:
        script = place.workspace / "run.sh"
        script.write_text("old")
        script.chmod(0o750)
        await _use(place, "write", path="run.sh", content="new")
        assert script.stat().st_mode & 0o777 == 0o750
        assert list(place.workspace.iterdir()) == [script]

    async def test_an_edit_changes_the_one_place(self, place: Place) -> None:
        (place.workspace / "a").write_bytes(b"one\r\ntwo\r\nthree\r\n")
        told = await _use(place, "edit", path="a", old="two\nthree", new="2\n3")
        assert told == "a is changed from line 2 on"
        assert (place.workspace / "a").read_bytes() == b"one\r\n2\r\n3\r\n"

    @pytest.mark.parametrize(
        ("old", "why"),
        [
            ("zero", "is not in a: read the file first"),
            ("", "`old` is empty"),
            ("o", "stands 2 times"),
            ("one\n two", "its first line stands in line 1"),
        ],
    )
    async def test_an_edit_without_its_one_place_changes_nothing(
        self, place: Place, old: str, why: str
    ) -> None:
        (place.workspace / "a").write_text("one\ntwo\n")
        with pytest.raises(ToolFailed, match=why):
            await _use(place, "edit", path="a", old=old, new="x")
        assert (place.workspace / "a").read_text() == "one\ntwo\n"


class TestPlace:
    @pytest.mark.parametrize(
        "path", ["../x", "/etc/passwd", "link/x", "a/../../x", "", "a\0b"]
    )
    def test_nothing_outside_is_read_or_written(self, place: Place, path: str) -> None:
        (place.workspace / "link").symlink_to(place.workspace.parent)
        with pytest.raises(NotThere):
            place.to_read(path)
        with pytest.raises(NotThere):
            place.to_write(path)

    @pytest.mark.parametrize(
        "path",
        [".env", ".env.local", "a/id_rsa", "server.PEM", ".ssh/config", "x/.aws/y"],
    )
    def test_what_holds_secrets_is_left_alone(self, place: Place, path: str) -> None:
        with pytest.raises(NotThere, match="may hold secrets"):
            place.to_read(path)

    @pytest.mark.parametrize(
        "path", [".env.example", "environment", "secretary.py", "ssh/x", "keys.py"]
    )
    def test_what_only_sounds_like_it_is_read(self, place: Place, path: str) -> None:
        assert place.to_read(path) == place.workspace / path

    def test_a_secret_behind_an_innocent_link_is_left_alone(self, place: Place) -> None:
        (place.workspace / "notes").symlink_to(place.workspace / ".env")
        with pytest.raises(NotThere, match="may hold secrets"):
            place.to_read("notes")

    @pytest.mark.parametrize("path", [".git/hooks/x", "sub/.git/config", ".crew/x"])
    def test_nothing_is_written_where_others_keep_their_state(
        self, place: Place, path: str
    ) -> None:
        assert place.to_read(path) == place.workspace / path
        with pytest.raises(NotThere, match="nothing is written in"):
            place.to_write(path)

    def test_a_task_writes_only_where_its_step_says(self, place: Place) -> None:
        mine = attrs.evolve(place, outputs=("docs",))
        assert mine.to_write("docs/a.md") == place.workspace / "docs" / "a.md"
        with pytest.raises(NotThere, match="writes only to docs"):
            mine.to_write("src/a.py")

    def test_a_task_that_looks_only_writes_to_its_output(self, place: Place) -> None:
        mine = attrs.evolve(place, writes=False)
        assert mine.to_write(str(place.output / "a")) == place.output / "a"
        with pytest.raises(NotThere, match="changes nothing"):
            mine.to_write("a")


def _call(name: str, given: Mapping[str, object]) -> str:
    return f"[[tool:{name} {msgspec.json.encode(given).decode()}]]"


FILES = {
    "src/a.py": "def f():\n    return 1\n",
    "src/b.txt": "nothing\n",
    "ignored/c.py": "def f(): pass\n",
    ".env": "def f(): secret\n",
    "blob.bin": "def f\0",
}


@pytest.mark.parametrize("git", [True, False])
@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("grep", {"pattern": r"def \w"}, "src/a.py:1: def f():"),
        ("grep", {"pattern": "DEF", "ignore_case": True}, "src/a.py:1: def f():"),
        ("grep", {"pattern": "RETURN", "path": "src"}, "(nothing is found)"),
        ("grep", {"pattern": "return", "path": "src/a.py"}, "src/a.py:2: return 1"),
        ("grep", {"pattern": "("}, "the pattern is no regular expression"),
        ("find", {"pattern": "*.py"}, "src/a.py"),
        ("find", {"pattern": "**/*.txt"}, "src/b.txt"),
        ("find", {"pattern": ".env"}, "(nothing is found)"),
        (
            "grep",
            {"pattern": "x", "path": "../.."},
            "../.. lies outside of the workspace",
        ),
    ],
)
async def test_a_search_finds_what_is_there_and_not_what_is_ignored(
    name: str, given: Mapping[str, object], found: str, git: bool, tmp_path: Path
) -> None:
    async with live_crew(tmp_path) as crew:
        for path, content in FILES.items():
            file = crew.project / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)
        if git:
            await trio.run_process(["git", "init", "-q", str(crew.project)])
            (crew.project / ".gitignore").write_text("ignored/\n")
        else:
            (crew.project / "ignored").rename(crew.project / "node_modules")
        _, state = await crew.finish(live(f"{_call(name, given)} [[say:done]]"))
        assert state.status is RunStatus.COMPLETED
        told = crew.heard()
        assert told.startswith(found)
        assert "secret" not in told
        assert "ignored" not in told
        assert "node_modules" not in told
        assert "blob" not in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"command": "echo out; echo err >&2; pwd"}, "out\nerr\n{project}"),
        ({"command": "true"}, "(it said nothing)"),
        ({"command": "echo no; exit 3"}, "no\n(exit 3)"),
        ({"command": "kill -9 $$"}, "(SIGKILL)"),
        (
            {"command": "echo x; sleep 30", "seconds": 1},
            "(stopped: it took more than 1 seconds)",
        ),
        ({"command": "echo $OPENAI_API_KEY-$CREW_TASK"}, "-a"),
        ({"command": "cat"}, "(it said nothing)"),
        ({"cmd": "true"}, "the arguments do not fit"),
    ],
)
async def test_a_command_tells_what_it_says_and_how_it_ends(
    given: Mapping[str, object], told: str, tmp_path: Path
) -> None:
    environ = {**os.environ, "OPENAI_API_KEY": "not for commands"}
    async with live_crew(tmp_path, environ=environ) as crew:
        _, state = await crew.finish(live(f"{_call('bash', given)} [[say:done]]"))
        assert state.tasks[A].pid is None
        last = crew.heard()
        assert told.format(project=crew.project) in last


async def test_of_a_long_output_the_beginning_and_the_end_are_told(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        call = _call("bash", {"command": "seq 1 100000"})
        await crew.finish(live(f"{call} [[say:done]]"))
        told = crew.heard()
        assert told.startswith("1\n2\n3\n")
        assert told.endswith("\n99999\n100000")
        assert "lines are left out here" in told
        assert len(told) < 30_000


async def test_an_unknown_tool_and_arguments_that_are_no_json_are_told(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        (crew.project / "a").write_text("x")
        both = '[[tool:read {"path": "a"}]] + [[tool:read {"path": 3}]]'
        await crew.finish(live(f"{both} [[say:done]]"))
        first, second = crew.body()["messages"][-2:]
        assert first["content"] == "1\tx"
        assert "the arguments do not fit" in second["content"]
