"""One walk, the same for each agent, that opens nothing it should not."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from crew_actors.survey._git import find_git
from crew_actors.survey._reading import FILE_BYTES, Reader
from crew_actors.survey._walk import walk

Write = Callable[[Mapping[str, str | bytes]], Path]


def _paths(root: Path, environ: dict[str, str]) -> list[str]:
    return [entry.path for entry in walk(root, find_git(root, environ)).files]


def test_in_a_repository_the_files_are_those_that_git_would_track(
    repository: Write, environ: dict[str, str]
) -> None:
    root = repository({"a.py": "", ".gitignore": "*.log\n"})
    (root / "x.log").write_text("ignored")
    (root / "untracked.py").write_text("")
    (root / ".crew" / "runs").mkdir(parents=True)
    (root / ".crew" / "runs" / "r").write_text("")
    tree = walk(root, find_git(root, environ))
    assert tree.source == "git"
    assert [entry.path for entry in tree.files] == [
        ".gitignore",
        "a.py",
        "untracked.py",
    ]


def test_without_git_the_folder_is_walked_less_what_tools_put_there(
    write: Write, environ: dict[str, str]
) -> None:
    root = write(
        {
            "b/c.py": "",
            "a.py": "",
            "node_modules/x.js": "",
            ".crew/runs/r/log": "",
            "b/.venv/x": "",
        }
    )
    tree = walk(root, None)
    assert tree.source == "folder"
    assert [entry.path for entry in tree.files] == ["a.py", "b/c.py"]


def test_a_folder_that_git_ignores_is_walked_as_a_folder(
    repository: Write, environ: dict[str, str]
) -> None:
    root = repository({".gitignore": "inner/\n", "inner/a.py": ""})
    assert _paths(root / "inner", environ) == ["a.py"]


def test_an_empty_folder_has_no_files(tmp_path: Path, environ: dict[str, str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert _paths(empty, environ) == []
    assert walk(tmp_path / "missing", None).files == ()


def test_links_are_not_followed(
    repository: Write, environ: dict[str, str], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    root = repository({"a.py": "", "folder/secret": "mine"})
    (root / "link").symlink_to(outside / "secret")
    (root / "loop").symlink_to(root)
    (root / "folder" / "secret").unlink()
    (root / "folder").rmdir()
    (root / "folder").symlink_to(outside)
    tree = walk(root, find_git(root, environ))
    assert [entry.path for entry in tree.files] == ["a.py"]
    assert tree.skipped["symbolic link (not followed)"] >= 2
    assert tree.skipped["file behind a symbolic link"] == 1
    assert walk(root, None).files == tree.files


def test_special_files_are_counted_and_never_opened(write: Write) -> None:
    root = write({"a.py": "x"})
    os.mkfifo(root / "pipe")
    tree = walk(root, None)
    assert [entry.path for entry in tree.files] == ["a.py"]
    assert tree.notes() == ["1 x device, socket or named pipe (not opened)"]


def test_a_file_that_became_a_pipe_is_not_waited_for(write: Write) -> None:
    root = write({"a.py": "x"})
    entry = walk(root, None).files[0]
    (root / "a.py").unlink()
    os.mkfifo(root / "a.py")
    reader = Reader(root)
    assert reader.read(entry) is None
    assert reader.notes() == ["1 x file that could not be read"]


def test_a_tracked_file_that_is_gone_is_counted(
    repository: Write, environ: dict[str, str]
) -> None:
    root = repository({"a.py": "", "deep/b.py": ""})
    (root / "deep" / "b.py").unlink()
    (root / "deep").rmdir()
    tree = walk(root, find_git(root, environ))
    assert tree.skipped == {"missing file (in the index, not in the folder)": 1}


def test_a_nested_repository_is_not_entered(
    repository: Write, git: Callable[..., str], environ: dict[str, str]
) -> None:
    root = repository({"a.py": "", "sub/b.py": ""})
    git(root, "rm", "-rq", "--cached", "sub")
    git(root / "sub", "init", "-q")
    git(root / "sub", "add", "-A")
    git(root / "sub", "commit", "-qm", "x")
    git(root, "-c", "advice.addEmbeddedRepo=false", "add", "sub")
    tree = walk(root, find_git(root, environ))
    assert [entry.path for entry in tree.files] == ["a.py"]
    assert tree.skipped == {"submodule or nested repository (not entered)": 1}


def test_the_walk_ends_at_its_limit_and_says_so(
    write: Write, repository: Write, environ: dict[str, str]
) -> None:
    files = {f"f{n}.py": "" for n in range(9)}
    root = write(files)
    tree = walk(root, None, limit=5)
    assert len(tree.files) == 5
    assert "limit" in tree.notes()[0]
    root = repository(files)
    assert len(walk(root, find_git(root, environ), limit=5).files) == 5


@pytest.mark.parametrize(
    "name", ["a\nb", "a|b", "a`b", "tab\there", "-rf", "ü", os.fsdecode(b"\xff\xfe")]
)
def test_names_of_any_kind_are_walked(
    repository: Write, environ: dict[str, str], name: str
) -> None:
    root = repository({name: "x"})
    assert _paths(root, environ) == [name]


def test_names_that_lead_outside_are_dropped(
    write: Write, environ: dict[str, str]
) -> None:
    root = write(
        {
            "bin/git": "#!/bin/sh\nprintf '../x\\0/etc/passwd\\0a.py\\0'\n",
            "a.py": "",
            "x": "",
        }
    )
    (root / "bin" / "git").chmod(0o755)
    (root / "sub").mkdir()
    (root / "sub" / "a.py").write_text("")
    git = find_git(root / "sub", environ | {"PATH": str(root / "bin")})
    tree = walk(root / "sub", git)
    assert [entry.path for entry in tree.files] == ["a.py"]
    assert tree.skipped == {"name outside of the folder": 2}


def test_a_binary_file_is_not_read_on(write: Write) -> None:
    root = write({"a.bin": b"\0" + b"x" * 100, "b.txt": b"\xef\xbb\xbfh\xff\nx"})
    documents = list(Reader(root).documents(walk(root, None)))
    assert [document.binary for document in documents] == [True, False]
    assert documents[1].text == "h\ufffd\nx"
    assert [document.lines for document in documents] == [0, 2]


def test_a_huge_file_is_read_up_to_the_limit(write: Write) -> None:
    root = write({"big.txt": "x\n" * FILE_BYTES})
    with (root / "sparse.bin").open("wb") as file:
        file.truncate(100 << 20)
    reader = Reader(root)
    big, sparse = reader.documents(walk(root, None))
    assert big.cut
    assert len(big.text) == FILE_BYTES
    assert sparse.binary
    assert sparse.entry.size == 100 << 20
    assert reader.notes() == [
        "1 x file of more than 1 MiB (only the first 1 MiB was read)"
    ]


def test_reading_stops_at_the_limit_of_the_tree(write: Write) -> None:
    root = write({"a": "12345", "b": "12345", "c": "1"})
    reader = Reader(root, left=6)
    assert [document.path for document in reader.documents(walk(root, None))] == [
        "a",
        "b",
    ]
    assert reader.unread == 1
    assert "not read" in reader.notes()[0]


def test_the_mode_of_a_file_is_known(write: Write) -> None:
    root = write({"a": ""})
    (root / "a").chmod(0o666)
    assert walk(root, None).files[0].mode == stat.S_IMODE(0o666)


def test_a_folder_behind_a_linked_folder_is_not_entered(
    repository: Write, environ: dict[str, str], tmp_path: Path
) -> None:
    outside = tmp_path / "outside" / "deep"
    outside.mkdir(parents=True)
    (outside / "a.py").write_text("")
    (outside / "b.py").write_text("")
    root = repository({"folder/deep/a.py": "", "folder/deep/b.py": ""})
    for path in sorted(root.glob("folder/**/*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (root / "folder").rmdir()
    (root / "folder").symlink_to(tmp_path / "outside")
    tree = walk(root, find_git(root, environ))
    assert tree.files == ()
    assert tree.skipped["file behind a symbolic link"] == 2
