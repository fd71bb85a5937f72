"""What comes with a repository is executed only after its user has agreed to it."""

import errno
import json
import os

import pytest
from tests.resources._house import House

from crew_actors.model import PlannedTask, TaskId
from crew_actors.places import Project
from crew_actors.resources import (
    Executable,
    TrustStore,
    TrustStoreDamaged,
    content_hash,
    executables,
    load_catalog,
)
from crew_actors.resources._content import named_files

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX")


def task(agent: str) -> PlannedTask:
    return PlannedTask(
        id=TaskId(agent), step=agent, role=agent, agent=agent, title=agent
    )


def tool(house: House, *argv: str, extra: str = "") -> Executable:
    """Write a command agent of the project and return what it would execute."""
    command = json.dumps(argv)
    house.mine(
        "agents/tool.md", f"---\nruntime: command\ncommand: {command}\n{extra}---\n"
    )
    (found,) = executables(house.load(), [task("tool"), task("tool")])
    return found


@pytest.fixture
def store(house: House) -> TrustStore:
    return TrustStore(house.places)


def test_only_commands_of_the_project_need_an_agreement(house: House) -> None:
    house.user("agents/own.md", '---\nruntime: command\ncommand: ["x"]\n---\n')
    house.mine("agents/text.md", "---\nname: text\n---\n")
    tool(house, "x")
    names = ["auditor", "own", "text", "tool", "unknown"]
    found = executables(house.load(), map(task, names))
    assert [one.agent for one in found] == ["tool"]
    assert executables(load_catalog(house.places, None), map(task, names)) == ()


def test_an_agreement_holds_until_it_is_void(house: House, store: TrustStore) -> None:
    house.in_project("tool.py", "print(1)")
    found = tool(house, "python3", "tool.py")
    assert store.missing(house.project, [found]) == (found,)
    store.grant(house.project, [found])
    assert store.missing(house.project, [found]) == ()
    assert store.missing(house.project, [tool(house, "python3", "tool.py")]) == ()


def test_a_change_of_a_named_file_voids_it(house: House, store: TrustStore) -> None:
    house.in_project("tool.py", "print(1)")
    store.grant(house.project, [tool(house, "python3", "tool.py")])
    house.in_project("tool.py", "print(2)")
    changed = tool(house, "python3", "tool.py")
    assert store.missing(house.project, [changed]) == (changed,)


def test_a_change_of_the_agent_voids_it(house: House, store: TrustStore) -> None:
    store.grant(house.project, [tool(house, "python3")])
    changed = tool(house, "python3", extra="env: TOKEN\n")
    assert changed.env == ("TOKEN",)
    assert store.missing(house.project, [changed]) == (changed,)


def test_a_named_file_that_appears_voids_it(house: House, store: TrustStore) -> None:
    before = tool(house, "python3", "tool.py")
    assert before.files == ()
    store.grant(house.project, [before])
    house.in_project("tool.py", "print(1)")
    assert store.missing(house.project, [tool(house, "python3", "tool.py")])


def test_an_agreement_is_for_one_project_and_one_agent(
    house: House, store: TrustStore
) -> None:
    found = tool(house, "x")
    store.grant(house.project, [found])
    other = Project(house.root / "other", is_repository=False)
    assert store.missing(other, [found]) == (found,)
    store.grant(other, [found])
    assert store.missing(house.project, [found]) == ()
    renamed = Executable("else", found.argv, found.sha256)
    assert store.missing(house.project, [renamed]) == (renamed,)


@pytest.mark.parametrize(
    ("argv", "files"),
    [
        (("bin/tool",), ("bin/tool",)),
        (("./bin/../bin/tool",), ("bin/tool",)),
        (("x", "--config=bin/tool"), ("bin/tool",)),
        (("x", "{workspace}/bin/tool"), ("bin/tool",)),
        (("python3", "-m", "pack.mod"), ("pack/__init__.py", "pack/mod.py")),
        (("python3", "-m", "pack"), ("pack/__init__.py", "pack/__main__.py")),
        (("python3", "-mpack.mod"), ("pack/__init__.py", "pack/mod.py")),
        (("{python}", "-um", "pack.mod"), ("pack/__init__.py", "pack/mod.py")),
        (("{python}", "-uBmpack.mod"), ("pack/__init__.py", "pack/mod.py")),
        (("make", "-f./bin/tool"), ("bin/tool",)),
        (("make", "-sfbin/tool"), ("bin/tool",)),
        (("make", "-j4", "-" + "s" * 400 + "fbin/tool"), ("bin/tool",)),
        (("x", "--path=y:bin/tool"), ("bin/tool",)),
        (("sh", "-c", "python3 bin/tool -v"), ("bin/tool",)),
        (("sh", "-c", "cd .&&'bin/tool';true"), ("bin/tool",)),
        (("sh", "-c", "X=1 exec $PWD/bin/tool"), ("bin/tool",)),
        (("sh", "-c", "$CREW_WORKSPACE/bin/tool"), ("bin/tool",)),
        (("sh", "-c", "python3 -um pack"), ("pack/__init__.py", "pack/__main__.py")),
        (("python3", "pack"), ("pack/__main__.py",)),
        (("x", "bin"), ()),
        (("x", "../outside.py"), ()),
        (("/bin/sh", "-c", "true"), ()),
        (("x", "a" * 5000, "", "="), ()),
    ],
)
def test_the_files_that_a_command_names_are_found(
    house: House, argv: tuple[str, ...], files: tuple[str, ...]
) -> None:
    for name in ("bin/tool", "pack/mod.py", "pack/__init__.py", "pack/__main__.py"):
        house.in_project(name, name)
    (house.root / "outside.py").write_text("x")
    assert tool(house, *argv).files == tuple(
        name.replace("/", os.sep) for name in files
    )


def test_an_absolute_path_into_the_project_is_found(house: House) -> None:
    path = house.in_project("tool.py", "x")
    assert tool(house, str(path)).files == ("tool.py",)


@posix
def test_the_file_that_the_system_opens_is_the_one_that_counts(
    house: House, store: TrustStore
) -> None:
    house.in_project("run.py", "print('shown')")
    house.in_project("deep/run.py", "print('run')")
    house.in_project("deep/dir/x", "")
    (house.project.root / "link").symlink_to("deep/dir")
    found = tool(house, "{python}", "link/../run.py")
    assert found.files == ("link/../run.py -> deep/run.py",)
    store.grant(house.project, [found])
    house.in_project("run.py", "print('changed')")
    assert tool(house, "{python}", "link/../run.py").sha256 == found.sha256
    house.in_project("deep/run.py", "print('changed')")
    assert store.missing(house.project, [tool(house, "{python}", "link/../run.py")])


@posix
def test_a_link_that_leads_elsewhere_shows_where_it_leads(house: House) -> None:
    outside = house.root / "outside.py"
    outside.write_text("x")
    (house.project.root / "link").symlink_to(outside)
    found = tool(house, "x", "link")
    assert found.files == (f"link -> {outside}",)
    outside.write_text("y")
    assert tool(house, "x", "link").sha256 != found.sha256


@posix
def test_a_project_that_is_reached_through_a_link_has_the_same_files(
    house: House,
) -> None:
    house.in_project("bin/tool", "x")
    (house.root / "door").symlink_to(house.project.root)
    door = house.root / "door"
    names = named_files(door, ["bin/tool", f"{house.project.root}/bin/tool"])
    assert list(names) == ["bin/tool"]


@pytest.mark.parametrize(
    "argv",
    [
        ("make",),
        ("npm", "test"),
        ("sh", "-c", "true"),
        ("{python}", "-c", "import tools.check"),
    ],
)
def test_a_command_whose_files_are_not_covered_says_so(
    house: House, argv: tuple[str, ...]
) -> None:
    for name in ("Makefile", "package.json", "tools/check.py"):
        house.in_project(name, "x")
    found = tool(house, *argv)
    assert not found.covers_files
    assert found.note == "the files it runs are not covered by this consent"


def test_a_command_whose_files_are_covered_says_that_nothing_else_is(
    house: House,
) -> None:
    house.in_project("tool.py", "x")
    found = tool(house, "{python}", "tool.py")
    assert found.covers_files
    assert "not what else it runs" in found.note


def checked(house: House, found: Executable) -> str:
    """Return the hash of *found*, computed anew right before a start."""
    return content_hash(house.project.root, found.path, found.argv)


def test_right_before_a_start_the_same_content_has_the_same_hash(
    house: House,
) -> None:
    house.in_project("tool.py", "print(1)")
    found = tool(house, "{python}", "tool.py")
    assert checked(house, found) == found.sha256


@pytest.mark.parametrize("change", ["file", "agent", "argv", "no agent"])
def test_right_before_a_start_any_change_is_seen(house: House, change: str) -> None:
    house.in_project("tool.py", "print(1)")
    found = tool(house, "{python}", "tool.py")
    argv = found.argv
    match change:
        case "file":
            house.in_project("tool.py", "print(2)")
        case "agent":
            house.mine("agents/tool.md", "---\nruntime: command\ncommand: [x]\n---\n")
        case "argv":
            argv = (*argv, "more")
        case _:
            found.path.unlink()
    assert content_hash(house.project.root, found.path, argv) != found.sha256


@posix
def test_what_cannot_be_read_counts_as_content_of_its_own(house: House) -> None:
    root = house.project.root
    (root / "link").symlink_to(root / "nothing")
    gone = tool(house, "x", "link")
    assert gone.files == ("link -> nothing",)
    (root / "link").unlink()
    house.in_project("link", "here")
    here = tool(house, "x", "link")
    assert here.sha256 != gone.sha256
    (root / "link").unlink()
    (root / "link").symlink_to(os.devnull)
    assert tool(house, "x", "link").sha256 not in (here.sha256, gone.sha256)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b"[]", "is not an object"),
        (b"{}", "has version None instead of 1"),
        (b'{"version": 2}', "has version 2 instead of 1"),
        (b'{"version": 1, "projects": []}', "has no object 'projects'"),
        (b'{"version": 1, "projects": {"/x": 1}}', "has a project without texts"),
        (
            b'{"version": 1, "projects": {"/x": {"a": 1}}}',
            "has a project without texts",
        ),
    ],
)
def test_a_damaged_record_is_reported_and_left_alone(
    house: House, store: TrustStore, content: bytes, reason: str
) -> None:
    found = tool(house, "x")
    store.path.parent.mkdir(parents=True)
    store.path.write_bytes(content)
    for use in (store.missing, store.grant):
        with pytest.raises(TrustStoreDamaged, match=reason):
            use(house.project, [found])
    assert store.path.read_bytes() == content


def test_a_record_that_cannot_be_written_stays_as_it_was(
    house: House, store: TrustStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.grant(house.project, [tool(house, "x")])
    before = store.path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.grant(house.project, [tool(house, "y")])
    assert store.path.read_bytes() == before
    assert [path.name for path in store.path.parent.iterdir()] == ["trust.json"]


@posix
def test_the_record_is_for_the_user_alone(house: House, store: TrustStore) -> None:
    store.grant(house.project, [tool(house, "x")])
    assert store.path.stat().st_mode & 0o077 == 0
    assert json.loads(store.path.read_text())["version"] == 1


@pytest.mark.parametrize(("can", "syncs"), [(True, 2), (False, 1)])
def test_the_folder_is_synced_too_where_folders_can_be_opened(
    house: House,
    store: TrustStore,
    monkeypatch: pytest.MonkeyPatch,
    can: bool,
    syncs: int,
) -> None:
    handles: list[int] = []
    found = tool(house, "x")
    monkeypatch.setattr("crew_actors.resources._trust._can_sync_folders", lambda: can)
    monkeypatch.setattr(os, "fsync", handles.append)
    store.grant(house.project, [found])
    assert len(handles) == syncs
