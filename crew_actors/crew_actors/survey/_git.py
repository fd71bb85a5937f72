# git is the only program that the survey starts, and it must run nothing itself.
#
# 1. A repository's own configuration can name programs: fsmonitor, external diffs,
#    text converters, signature checkers, ssh commands, remote helpers. Each is shut
#    off by a setting of higher rank, an option or the environment.
# 2. Nothing is fetched: no protocol is allowed, so a partial clone stays partial.
# 3. Nothing is written: no optional locks, so the index is not refreshed.
# 4. A repository that lies bare in a folder is not taken for one.
# 5. Output is a stream of tokens that end with NUL. A call ends after its time limit
#    or when its reader stops; the process is gone when the block ends.
"""Running git on a repository that nobody trusts."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import attrs

_SETTINGS = (
    "core.fsmonitor=false",
    "core.quotepath=off",
    "core.hooksPath=" + os.devnull,
    "core.bigFileThreshold=1m",
    "log.showSignature=false",
    "log.follow=false",
    "core.attributesFile=" + os.devnull,
    "mailmap.file=" + os.devnull,
    "diff.orderFile=" + os.devnull,
    "diff.submodule=short",
    "diff.ignoreSubmodules=all",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "color.ui=false",
)
_KEPT = ("GIT_CONFIG_", "GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH")
_CHUNK = 1 << 16
_TOKEN_LIMIT = 1 << 20
_MESSAGE_LIMIT = 500


class GitFailed(Exception):
    """git ended with an error, or was stopped after its time limit."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(command, message)
        self.command = command
        self.message = message

    def __str__(self) -> str:
        return f"git {self.command}: {self.message}"


@attrs.frozen
class Git:
    """git, on the repository at *root*."""

    program: str
    root: Path
    environ: Mapping[str, str]

    def tokens(self, *args: str, limit: float = 60.0) -> Generator[str, None, None]:
        """Yield the tokens, each ended by NUL, that `git *args` writes.

        Takes at most *limit* seconds; after that git is killed. Close the iterator
        when you leave it early. Bytes that are not UTF-8 become surrogates.

        Raises:
          GitFailed: after the last token, when git did not end well.
        """
        argv = [self.program, "--no-pager", "--literal-pathspecs"]
        for setting in _SETTINGS:
            argv += ["-c", setting]
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [*argv, *args],
                cwd=self.root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as process,
        ):
            watchdog = threading.Timer(limit, process.kill)
            watchdog.daemon = True
            watchdog.start()
            try:
                yield from _split(process)
                returncode = process.wait()
            finally:
                process.kill()  # does nothing to a process that has been waited for
                watchdog.cancel()
                watchdog.join()
            if returncode:
                raise GitFailed(args[0], _reason(returncode, errors.fileno(), limit))

    def lines(self, *args: str, limit: float = 60.0) -> list[str]:
        """Return what `git *args` writes, by lines. For short answers.

        Raises:
          GitFailed: git did not end well.
        """
        with closing(self.tokens(*args, limit=limit)) as tokens:
            return "".join(tokens).splitlines()


def find_git(root: Path, environ: Mapping[str, str]) -> Git | None:
    """Return git for the folder *root*, or None when it is not installed.

    A program inside of *root* itself, or at a relative place of PATH, is not taken.
    """
    found = shutil.which("git", path=environ.get("PATH"))
    if found is None or not Path(found).is_absolute():
        return None
    if Path(found).parent.resolve() == root.resolve():
        return None
    return Git(program=found, root=root, environ=git_environment(environ))


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which git runs nothing and asks nothing."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _split(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield the tokens of the process's output; the last one need not end with NUL."""
    assert process.stdout is not None
    rest = b""
    while chunk := os.read(process.stdout.fileno(), _CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        for token in whole:
            yield os.fsdecode(token)
        rest = rest[:_TOKEN_LIMIT]
    if rest:
        yield os.fsdecode(rest)


def _reason(returncode: int, errors: int, limit: float) -> str:
    if returncode < 0:
        return f"stopped by signal {-returncode} (its limit is {limit:g} s)"
    os.lseek(errors, 0, os.SEEK_SET)
    said = os.read(errors, _MESSAGE_LIMIT).decode("utf-8", "replace").strip()
    return f"exit {returncode}: {said}" if said else f"exit {returncode}"
