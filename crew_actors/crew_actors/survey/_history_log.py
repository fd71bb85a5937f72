# Reading `git log -z`, as a stream of tokens. Pure.
#
# HEADER begins each commit with NUL. So an empty token, which no name of a file can
# be, begins a commit; then come as many fields as the header has, an empty token, and
# the files until the next empty token. The first file has a line break before it.
"""Commits from the output of git."""

from collections.abc import Iterable, Iterator

import attrs

HEADER = "--format=%x00%H%x00%as%x00%aN%x00%s%x00"
_FIELDS = 4


@attrs.frozen
class Commit:
    """One commit, as `git log` tells it."""

    id: str
    date: str
    """Of the author, YYYY-MM-DD, in the author's time zone."""

    author: str
    subject: str
    files: tuple[str, ...] = ()
    """What the format of files says, one string a file."""


def read_commits(tokens: Iterable[str], most_files: int) -> Iterator[Commit]:
    """Yield the commits; of the files of one, at most *most_files*."""
    source = iter(tokens)
    token = next(source, None)
    while token is not None:
        if token:
            token = next(source, None)  # not the beginning of a commit
            continue
        fields = [next(source, "") for _ in range(_FIELDS)]
        next(source, None)
        token = next(source, None)
        files: list[str] = []
        while token:
            if len(files) < most_files:
                files.append(token if files else token.removeprefix("\n"))
            token = next(source, None)
        if fields[0]:
            yield Commit(fields[0], fields[1], fields[2], fields[3], tuple(files))


def numbers_of(line: str) -> tuple[int, int, str] | None:
    """Return lines added, lines deleted and the path of one line of `--numstat`.

    Of a binary file both are 0. None when it is no such line.
    """
    added, one, rest = line.partition("\t")
    deleted, two, path = rest.partition("\t")
    if not (one and two and path):
        return None
    if added == deleted == "-":
        return 0, 0, path
    if not (
        added.isascii() and added.isdigit() and deleted.isascii() and deleted.isdigit()
    ):
        return None
    return int(added), int(deleted), path
