# Looks for texts or files, as a program of its own: a pattern of a model may take for
# ever, and a thread that does cannot be stopped. It is run by its path and needs nothing
# but the standard library.
#
# Its argument is a JSON object: `what` (text or files), `folder`, `pattern`,
# `ignore_case`, `most`, and `secret`, a pattern of paths that are left out. What it finds
# goes to the standard output.
"""Search below a folder. Run as a program."""

import fnmatch
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

SKIPPED = {".git", ".hg", ".svn", ".crew", "node_modules", "__pycache__", ".venv"}
SIZE = 4 << 20
LINE = 400


def main() -> int:
    """Do what the argument says; 2 if the pattern cannot be."""
    asked = json.loads(sys.argv[1])
    hidden = re.compile(asked["secret"], re.IGNORECASE)
    names = (
        name
        for name in found_files(asked["folder"])
        if not hidden.search(os.path.relpath(name, asked["folder"]))
    )
    try:
        lines = (texts if asked["what"] == "text" else matching)(asked, names)
        for number, line in enumerate(lines):
            if number == asked["most"]:
                say("(there is more: search for something narrower)")
                break
            say(line)
    except re.error as error:
        say(f"the pattern is no regular expression: {error}")
        return 2
    return 0


def say(line: str) -> None:
    """Write one line."""
    sys.stdout.write(f"{line}\n")


def found_files(folder: str) -> Iterator[str]:
    """Yield the files below *folder*, without those that git is to ignore."""
    if os.path.isfile(folder):  # noqa: PTH113 - a program that starts fast
        yield folder
        return
    command = ["git", "-C", folder, "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        told = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        yield from walked(folder)
        return
    for name in sorted(set(told.decode("utf-8", "surrogateescape").split("\0"))):
        if name:
            yield os.path.join(folder, name)  # noqa: PTH118 - as above


def walked(folder: str) -> Iterator[str]:
    """Yield the files below *folder*, without following links."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in SKIPPED)
        for name in sorted(files):
            yield os.path.join(root, name)  # noqa: PTH118 - as above


def matching(asked: dict[str, str], names: Iterator[str]) -> Iterator[str]:
    """Yield the files whose name, or path, fits the pattern."""
    wanted = asked["pattern"]
    for name in names:
        path = os.path.relpath(name, asked["folder"]).replace(os.sep, "/")
        last = path.rpartition("/")[2]
        deep = wanted.removeprefix("**/")
        if any(fnmatch.fnmatchcase(one, wanted) for one in (path, last)) or (
            deep != wanted and any(fnmatch.fnmatchcase(o, deep) for o in (path, last))
        ):
            yield name


def texts(asked: dict[str, str], names: Iterator[str]) -> Iterator[str]:
    """Yield the lines in which the pattern is found, as `file:number: line`."""
    flags = re.IGNORECASE if asked["ignore_case"] else 0
    pattern = re.compile(asked["pattern"], flags)
    for name in names:
        yield from lines_of(name, pattern)


def lines_of(name: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the lines of one file in which *pattern* is found; none if it is no text."""
    try:
        if os.path.islink(name) or os.path.getsize(name) > SIZE:  # noqa: PTH114, PTH202 - as above
            return
        with open(name, "rb") as file:  # noqa: PTH123 - as above
            data = file.read()
    except OSError:
        return
    if b"\0" in data[:8192]:
        return
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if pattern.search(line):
            yield f"{name}:{number}: {line.strip()[:LINE]}"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(main())
