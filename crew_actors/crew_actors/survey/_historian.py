# What the history says: who, when, where, how much. Git is asked, nothing else.
#
# Three looks, each bounded by a number of commits and not by time, so that the answer
# is always the same: all commits by name and day, the last ones with their files, the
# newest with their lines. "Recent" counts back from the last commit, not from today.
"""The agent that reads the history."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing

import attrs

from crew_actors.survey._data import Json
from crew_actors.survey._git import Git, GitFailed
from crew_actors.survey._history_log import HEADER, Commit, numbers_of, read_commits
from crew_actors.survey._languages import language_of
from crew_actors.survey._paths import folder_of, is_built
from crew_actors.survey._people import (
    People,
    author_name,
    authors_data,
    months_between,
    months_data,
)
from crew_actors.survey._shown import one_line, shown_path

SAFE = (
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--no-color",
    "--submodule=short",
)


@attrs.frozen
class Depth:
    """How far back each look goes, in commits."""

    people: int = 200_000
    files: int = 20_000
    lines: int = 1_000
    files_each: int = 5_000
    """Files of one commit; a commit with more is a move of the world."""


def read_history(
    git: Git | None, say: Callable[[str], None], depth: Depth | None = None
) -> dict[str, Json]:
    """Return the data of the history of the repository of *git*."""
    if git is None:
        return _nothing(
            "no git", "git is not installed here, so the history was not read."
        )
    try:
        inside = git.lines(
            "rev-parse",
            "--is-inside-work-tree",
            "--is-shallow-repository",
            "--show-prefix",
        )
    except GitFailed as error:
        if "dubious ownership" in error.message:
            return _nothing(
                "refused", "git does not trust this folder: it belongs to another user."
            )
        return _nothing(
            "not a repository",
            "this folder is not in a git repository, so there is no history.",
        )
    prefix = inside[2] if len(inside) > 2 else ""  # noqa: PLR2004 (the third answer)
    try:
        git.lines("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitFailed:
        return _nothing("empty", "the repository has no commits yet.")
    look = _Look(git, depth or Depth(), prefix, inside[1] == "true")
    return look.data(say)


def _nothing(state: str, note: str) -> dict[str, Json]:
    return {"agent": "historian", "state": state, "note": note, "commits": 0}


@attrs.define
class _Look:
    git: Git
    depth: Depth
    prefix: str
    shallow: bool
    stopped: list[str] = attrs.field(factory=list[str])

    def data(self, say: Callable[[str], None]) -> dict[str, Json]:
        people = People()
        for commit in self._log(self.depth.people):
            people.add(commit)
        total = sum(people.days.values())
        commits = "1 commit" if total == 1 else f"{total} commits"
        count = len(people.authors)
        say(f"{commits} by {'1 author' if count == 1 else f'{count} authors'}")
        dates = sorted(day for day in people.days if day)
        files = self._files()
        say(f"{files['commits_with_files']} commits read with their files")
        return {
            "agent": "historian",
            "state": "ok",
            "note": "",
            "shallow": self.shallow,
            "folder_only": bool(self.prefix),
            "commits": total,
            "first": dates[0] if dates else "",
            "last": dates[-1] if dates else "",
            **authors_data(people, total, dates[-1] if dates else ""),
            "months": months_data(people),
            **files,
            **self._lines(),
            "tags": self._tags(),
            "not_seen": [*self._limits(total), *self.stopped],
        }

    def _limits(self, total: int) -> list[str]:
        said: list[str] = []
        if self.shallow:
            said.append("the clone is shallow: older commits are not here")
        if total >= self.depth.people:
            said.append(f"only the last {self.depth.people} commits were counted")
        if total > self.depth.files:
            said.append(
                f"changed files are those of the last {self.depth.files} commits"
            )
        return said

    def _log(self, most: int, *options: str) -> Iterator[Commit]:
        where = ("--", ".") if self.prefix else ("--",)
        argv = (
            "log",
            "-z",
            HEADER,
            f"--max-count={most}",
            *SAFE,
            *options,
            "HEAD",
            *where,
        )
        try:
            with closing(self.git.tokens(*argv)) as tokens:
                yield from read_commits(tokens, self.depth.files_each)
        except GitFailed as error:
            self.stopped.append(
                f"the history was not read to its end ({one_line(str(error), 200)})"
            )

    def _files(self) -> dict[str, Json]:
        changes: Counter[str] = Counter()
        authors: dict[str, set[str]] = defaultdict(set)
        recent: Counter[str] = Counter()
        read = 0
        newest = ""
        for commit in self._log(self.depth.files, "--name-only", "--relative"):
            read += 1
            newest = newest or commit.date
            written = [path for path in commit.files if not is_built(path)]
            changes.update(written)
            name = author_name(commit.author)
            for path in written:
                authors[path].add(name)
            if months_between(commit.date, newest) <= 3:  # noqa: PLR2004 (a quarter)
                recent.update({_upper(folder_of(path)) for path in written})
        often = [path for path, _ in _ranked(changes, 400) if self._exists(path)]
        hot = [path for path in often if _is_code(path)][:20] or often[:20]
        return {
            "commits_with_files": read,
            "hot_spots": [
                {
                    "path": shown_path(path),
                    "changes": changes[path],
                    "authors": len(authors[path]),
                }
                for path in hot
            ],
            "one_author_files": sum(1 for path in hot if len(authors[path]) == 1),
            "active_folders": [
                {"path": shown_path(folder) or ".", "commits": count}
                for folder, count in _ranked(recent, 12)
            ],
        }

    def _lines(self) -> dict[str, Json]:
        churn: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        large: list[tuple[int, int, Commit, int, int]] = []
        for place, commit in enumerate(
            self._log(self.depth.lines, "--numstat", "--relative")
        ):
            added = deleted = 0
            for line in commit.files:
                numbers = numbers_of(line)
                if numbers is not None:
                    added, deleted = added + numbers[0], deleted + numbers[1]
                    if is_built(numbers[2]):
                        continue
                    counts = churn[numbers[2]]
                    counts[:] = [
                        counts[0] + numbers[0],
                        counts[1] + numbers[1],
                        counts[2] + 1,
                    ]
            large.append((-(added + deleted), place, commit, added, deleted))
        order = sorted(churn, key=lambda path: (-sum(churn[path][:2]), path))
        return {
            "commits_with_lines": len(large),
            "churn": [
                {
                    "path": shown_path(path),
                    "added": churn[path][0],
                    "deleted": churn[path][1],
                    "commits": churn[path][2],
                }
                for path in order[:15]
            ],
            "large_commits": [
                {
                    "id": commit.id[:10],
                    "date": commit.date,
                    "author": author_name(commit.author),
                    "subject": one_line(commit.subject, 100),
                    "files": len(commit.files),
                    "added": added,
                    "deleted": deleted,
                }
                for _, _, commit, added, deleted in sorted(
                    large, key=lambda row: row[:2]
                )[:10]
            ],
        }

    def _exists(self, path: str) -> bool:
        return os.path.lexists(os.path.join(self.git.root, path))  # noqa: PTH118 (bytes of any kind)

    def _tags(self) -> list[Json]:
        form = "--format=%(refname:strip=2)%00%(creatordate:short)%00"
        argv = ("for-each-ref", "--sort=-creatordate", "--count=8", form, "refs/tags")
        try:
            found = list(self.git.tokens(*argv))
        except GitFailed:
            return []
        return [
            {"name": one_line(name, 60), "date": date}
            for name, date in zip(found[::2], found[1::2], strict=False)
        ]


def _ranked(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return [(name, counts[name]) for name in order[:most]]


def _is_code(path: str) -> bool:
    language = language_of(path)
    return language is not None and language.counts


def _upper(folder: str) -> str:
    return "/".join(folder.split("/")[:3])
