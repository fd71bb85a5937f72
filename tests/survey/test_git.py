"""A repository's own configuration runs nothing and holds nobody up."""

import os
import pickle
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crew_actors.survey._git import GitFailed, find_git, git_environment
from crew_actors.survey._walk import walk

Write = Callable[[Mapping[str, str | bytes]], Path]


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_no_setting_of_a_repository_runs_a_program(
    repository: Write,
    git: Callable[..., str],
    environ: dict[str, str],
    tmp_path: Path,
    survey: Callable[[str, Path], dict[str, Any]],
) -> None:
    root = repository(
        {"a.py": "x = 1\n", ".gitattributes": "*.py diff=evil filter=evil\n"}
    )
    (root / "a.py").write_text("x = 2\n")
    git(root, "commit", "-qam", "second")
    proof = tmp_path / "it-ran"
    evil = str(_program(tmp_path / "evil", f"#!/bin/sh\ntouch {proof}\nexec cat\n"))
    for key in (
        "core.fsmonitor",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "core.pager",
        "pager.log",
        "core.sshCommand",
        "core.editor",
        "gpg.program",
        "core.askPass",
        "credential.helper",
        "core.alternateRefsCommand",
    ):
        git(root, "config", key, evil)
    git(root, "config", "alias.log", f"!{evil}")
    git(root, "config", "alias.ls-files", f"!{evil}")
    git(root, "config", "log.showSignature", "true")
    hooks = tmp_path / "hooks"
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        _program(hooks / hook, f"#!/bin/sh\ntouch {proof}\n")
    git(root, "config", "core.hooksPath", str(hooks))
    proof.unlink(missing_ok=True)
    for agent in ("cartographer", "historian", "auditor", "tester"):
        survey(agent, root)
    assert not proof.exists()
    assert survey("historian", root)["data"]["commits"] == 2


def test_a_partial_clone_fetches_nothing(
    repository: Write,
    git: Callable[..., str],
    survey: Callable[[str, Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    root = repository({"a.py": "x\n"})
    proof = tmp_path / "it-ran"
    evil = _program(tmp_path / "evil", f"#!/bin/sh\ntouch {proof}\n")
    blob = git(root, "rev-parse", "HEAD:a.py").strip()
    for key, value in {
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{evil}",
        "protocol.ext.allow": "always",
        "remote.origin.uploadpack": str(evil),
    }.items():
        git(root, "config", key, value)
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    data = survey("historian", root)["data"]
    assert data["commits"] == 1
    assert "not read to its end" in data["not_seen"][0]
    assert not proof.exists()


def test_the_index_is_not_written(
    repository: Write,
    environ: dict[str, str],
    survey: Callable[[str, Path], dict[str, Any]],
) -> None:
    root = repository({"a.py": "x\n"})
    os.utime(root / "a.py", (1, 1))
    index = root / ".git" / "index"
    before = index.read_bytes()
    for agent in ("cartographer", "historian"):
        survey(agent, root)
    assert index.read_bytes() == before
    assert not (root / ".git" / "index.lock").exists()


def test_a_bare_repository_in_a_folder_is_not_taken_for_one(
    write: Write, git: Callable[..., str], environ: dict[str, str]
) -> None:
    root = write({"a.py": ""})
    git(root, "init", "-q", "--bare", ".")
    assert walk(root, find_git(root, environ)).source == "folder"


def test_the_environment_cannot_point_git_elsewhere() -> None:
    built = git_environment(
        {"GIT_DIR": "/x", "GIT_TRACE": "1", "GIT_CONFIG_COUNT": "0", "HOME": "/h"}
    )
    assert "GIT_DIR" not in built
    assert "GIT_TRACE" not in built
    assert built["GIT_CONFIG_COUNT"] == "0"
    assert built["HOME"] == "/h"
    assert built["GIT_ALLOW_PROTOCOL"] == "none"


def test_git_is_not_taken_from_the_repository(write: Write) -> None:
    root = write({"git": "#!/bin/sh\n"})
    (root / "git").chmod(0o755)
    assert find_git(root, {"PATH": str(root)}) is None
    assert find_git(root, {"PATH": "/nowhere"}) is None


def test_git_is_not_taken_from_a_relative_place(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"bin/git": "#!/bin/sh\n"})
    (root / "bin" / "git").chmod(0o755)
    monkeypatch.chdir(root)
    assert find_git(root, {"PATH": "bin"}) is None


def test_a_git_that_hangs_is_killed_at_its_limit(
    write: Write, environ: dict[str, str]
) -> None:
    root = write({"a": ""})
    _program(root / "bin" / "git", "#!/bin/sh\nexec sleep 60\n")
    git = find_git(root, environ | {"PATH": f"{root / 'bin'}:{environ['PATH']}"})
    assert git is not None
    start = time.monotonic()
    with pytest.raises(GitFailed, match="signal 9"):
        list(git.tokens("log", limit=0.2))
    assert time.monotonic() - start < 10


def test_a_reader_that_leaves_early_leaves_no_process(
    write: Write, environ: dict[str, str]
) -> None:
    root = write({"a": ""})
    _program(root / "bin" / "git", "#!/bin/sh\nprintf 'one\\0two\\0'\nexec sleep 60\n")
    git = find_git(root, environ | {"PATH": f"{root / 'bin'}:{environ['PATH']}"})
    assert git is not None
    with closing(git.tokens("log")) as tokens:
        assert next(tokens) == "one"


def test_what_git_says_is_in_the_error(
    repository: Write, environ: dict[str, str]
) -> None:
    git = find_git(root := repository({"a": ""}), environ)
    assert git is not None
    with pytest.raises(
        GitFailed, match=r"git rev-parse: exit 128: .*nonsense"
    ) as caught:
        git.lines("rev-parse", "nonsense", "--")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(GitFailed, match=r"exit 1$"):
        git.lines("rev-parse", "--verify", "--quiet", "nonsense")
    assert stat.S_ISDIR(root.stat().st_mode)


def test_a_token_without_end_is_cut(write: Write, environ: dict[str, str]) -> None:
    root = write({"a": ""})
    _program(
        root / "bin" / "git", "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\n"
    )
    git = find_git(root, environ | {"PATH": f"{root / 'bin'}:{environ['PATH']}"})
    assert git is not None
    assert [len(token) <= (1 << 20) + (1 << 16) for token in git.tokens("log")] == [
        True
    ]
