# Long functions. Pure.
#
# A function's end is told from indentation, which costs one pass and no syntax tree.
# Where a string is written flush left the end comes too early: such a function counts
# shorter than it is, never longer.
"""How long functions are."""

import re
from collections.abc import Iterator

import attrs

_DEF = re.compile(r"([ \t]{0,80})(?:async[ \t]{1,9})?def[ \t]{1,9}(\w{1,200})")
_CLOSERS = (")", "]", "}", '"""', "'''")
FUNCTION_LINES = 150


@attrs.frozen
class LongFunction:
    """A function and its length in lines."""

    name: str
    line: int
    lines: int


def long_functions(text: str, least: int = FUNCTION_LINES) -> Iterator[LongFunction]:
    """Yield the Python functions of at least *least* lines, as they end."""
    stack: list[tuple[int, str, int]] = []
    last = 0
    for number, line in enumerate(text.split("\n"), 1):
        body = line.lstrip()
        if not body:
            continue
        indent = len(line) - len(body)
        if stack and indent <= stack[-1][0]:
            if body[0] == "#":
                continue  # a comment written flush left ends nothing
            if not body.startswith(_CLOSERS):
                yield from _ended(stack, indent, last, least)
        if body[0] in "da":
            found = _DEF.match(line)
            if found:
                stack.append((indent, found[2], number))
        last = number
    yield from _ended(stack, 0, last, least)


def _ended(
    stack: list[tuple[int, str, int]], indent: int, last: int, least: int
) -> Iterator[LongFunction]:
    while stack and stack[-1][0] >= indent:
        _, name, start = stack.pop()
        if last - start + 1 >= least:
            yield LongFunction(name, start, last - start + 1)
