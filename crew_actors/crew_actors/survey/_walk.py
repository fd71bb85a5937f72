# One walk over the repository, the same for each agent.
#
# 1. In a git repository the files are those that git tracks or would track. Without
#    git it is the folder, less what tools put there.
# 2. Symbolic links are never followed, neither as a file nor as a folder on the way
#    to one. Devices, sockets and named pipes are never opened.
# 3. Names are relative, with `/`; names that lead out of the folder are dropped.
# 4. At most FILE_LIMIT files. What is left out is counted, by reason.
"""The files of a repository, in one bounded and sorted walk."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import attrs

from crew_actors.survey._git import Git, GitFailed
from crew_actors.survey._paths import is_built
from crew_actors.survey._text import amount

FILE_LIMIT = 100_000
_BUILT = "build output"

_SKIPPED_FOLDERS = frozenset(
    [
        ".git",
        ".hg",
        ".svn",
        ".bzr",
        ".jj",
        "node_modules",
        "bower_components",
        "__pycache__",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".eggs",
        ".gradle",
        ".idea",
        ".terraform",
        ".next",
        ".nuxt",
        ".cache",
        "dist",
        "build",
        "target",
    ]
)
_SKIPPED_PREFIXES = (".crew/runs/", ".crew/worktrees/")


@attrs.frozen
class Entry:
    """One regular file."""

    path: str
    """Relative to the root, with `/`; undecodable bytes are surrogates."""

    size: int
    """Bytes."""

    mode: int
    """The permission bits, as `stat.S_IMODE` gives them."""


@attrs.frozen
class Tree:
    """The files that the agents look at, sorted by path."""

    files: tuple[Entry, ...]
    source: str
    """`git` or `folder`: who said which files belong to it."""

    skipped: Mapping[str, int]
    """What was left out, by reason: symlink, special, missing, submodule, limit..."""

    def notes(self) -> list[str]:
        """Return sentences about what was not looked at."""
        return [_note(reason, count) for reason, count in sorted(self.skipped.items())]

    def without_built(self) -> "Tree":
        """Return the tree without what tools made of it; that is counted as skipped."""
        kept = tuple(entry for entry in self.files if not is_built(entry.path))
        count = len(self.files) - len(kept)
        if not count:
            return self
        skipped = {
            **self.skipped,
            _BUILT: count,
        }
        return attrs.evolve(self, files=kept, skipped=skipped)


def _note(reason: str, count: int) -> str:
    if reason != _BUILT:
        return f"{count} x {reason}"
    were = "was" if count == 1 else "were"
    return f"{amount(count, 'file')} of {_BUILT} {were} only searched for secrets"


def walk(root: Path, git: Git | None, limit: int = FILE_LIMIT) -> Tree:
    """Return the files under *root*, at most *limit* of them.

    Takes at most 60 s when git hangs. An empty or unreadable folder gives no files.
    """
    names = _tracked(git, limit) if git is not None else None
    source = "git" if names else "folder"
    if not names:
        names = _listed(root, limit)
    skipped: Counter[str] = Counter()
    if len(names) > limit:
        skipped["files beyond the limit (the walk ended there)"] = 1
    look = _Look(root=os.fspath(root), skipped=skipped)
    files = [entry for name in sorted(names)[:limit] if (entry := look.entry(name))]
    return Tree(
        files=tuple(files), source=source, skipped=dict(sorted(skipped.items()))
    )


def _tracked(git: Git, limit: int) -> set[str] | None:
    names: set[str] = set()
    try:
        with closing(
            git.tokens("ls-files", "-z", "-co", "--exclude-standard")
        ) as found:
            for name in found:
                if not name.startswith(_SKIPPED_PREFIXES) and not name.endswith("/"):
                    names.add(name)
                if len(names) > limit:
                    break
    except GitFailed:
        return None  # no repository, or one that git does not trust
    return names


def _listed(root: Path, limit: int) -> set[str]:
    names: set[str] = set()
    for name in _files_below(os.fspath(root)):
        names.add(name)
        if len(names) > limit:
            break
    return names


def _files_below(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        inside = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if inside == "." else inside + "/"
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED_FOLDERS
            and not f"{prefix}{name}/".startswith(_SKIPPED_PREFIXES)
        )
        for name in sorted(files):
            yield prefix + name


@attrs.define
class _Look:
    """Looks at single names, and remembers which folders are links."""

    root: str
    skipped: Counter[str]
    _plain: dict[str, bool] = attrs.field(factory=dict[str, bool])

    def entry(self, name: str) -> Entry | None:
        folder = name.rpartition("/")[0]
        if name.startswith("/") or ".." in name.split("/"):
            self.skipped["name outside of the folder"] += 1
            return None
        if not self._is_plain(folder):
            self.skipped["file behind a symbolic link"] += 1
            return None
        try:
            status = os.lstat(os.path.join(self.root, name))  # noqa: PTH118 (a hot loop)
        except (OSError, ValueError):
            self.skipped["missing file (in the index, not in the folder)"] += 1
            return None
        if stat.S_ISREG(status.st_mode):
            return Entry(name, status.st_size, stat.S_IMODE(status.st_mode))
        self.skipped[_kind(status.st_mode)] += 1
        return None

    def _is_plain(self, folder: str) -> bool:
        """Tell whether each part of *folder* is a folder and not a link."""
        known = self._plain.get(folder)
        if known is not None or not folder:
            return known is not False
        plain = self._is_plain(folder.rpartition("/")[0])
        if plain:
            try:
                mode = os.lstat(os.path.join(self.root, folder)).st_mode  # noqa: PTH118 (a hot loop)
                plain = not stat.S_ISLNK(mode)
            except (OSError, ValueError):
                plain = True  # the file itself will be found missing
        self._plain[folder] = plain
        return plain


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "symbolic link (not followed)"
    if stat.S_ISDIR(mode):
        return "submodule or nested repository (not entered)"
    return "device, socket or named pipe (not opened)"
