# Of YAML 1.2 only what a key can use: a text, or a list of texts.
#
# The parser's events are read, not a tree built from them: so nothing is typed
# (`yes` stays `yes`), nothing is expanded (no anchors, hence no bombs), and reading
# ends at the first thing that has no use: nested lists take ruamel.yaml a time that
# grows with the cube of their depth. Imported only when a file needs it.
"""The part of YAML that resource files may use."""

from collections import deque
from collections.abc import Iterator
from typing import Protocol, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from crew_actors.resources._values import BadValue

_BEFORE_VALUE = 4  # events: stream, document, mapping, key


# What the parser's classes promise, and do not annotate.
class _Mark(Protocol):
    line: int


class _Marked(Protocol):
    problem: str
    problem_mark: _Mark


class _Node(Protocol):
    anchor: str | None
    tag: str | None


class _Scalar(Protocol):
    value: str


def read_yaml(text: str, line: int) -> str | tuple[str, ...]:
    """Return the one value of *text*, a mapping with one key that begins at *line*.

    Raises:
      BadValue: it is no YAML, or neither a text nor a list of texts.
    """
    # ruamel.yaml leaves the type of the stream open
    events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)  # pyright: ignore[reportUnknownMemberType]
    try:
        for _ in range(_BEFORE_VALUE):
            next(events)
        value = _value(events)
        deque(events, maxlen=0)  # what follows has no value, but may be wrong
    except MarkedYAMLError as error:
        found = cast("_Marked", error)
        below = min(found.problem_mark.line, text.count("\n") - 1)
        where = f" in line {line + below}"
        raise BadValue(f"is no YAML: {found.problem}{where}") from None
    except (YAMLError, ValueError, OverflowError) as error:
        # not YAMLError: an escape such as `\UFFFFFFFF`, of which there is no character
        reason = str(error).splitlines()[0]
        raise BadValue(f"is no YAML: {reason}") from None
    return value


def _value(events: Iterator[Event]) -> str | tuple[str, ...]:
    first = next(events)
    if not isinstance(first, SequenceStartEvent):
        return _scalar(first)
    _check(first)
    items: list[str] = []
    while not isinstance(event := next(events), SequenceEndEvent):
        items.append(_scalar(event))
    return tuple(items)


def _scalar(event: Event) -> str:
    if isinstance(event, ScalarEvent):
        _check(event)
        return cast("_Scalar", event).value
    if isinstance(event, MappingStartEvent):
        raise BadValue("expects texts, not keys with values; put quotes around each")
    raise BadValue("expects texts, not lists inside a list or references")


def _check(event: NodeEvent) -> None:
    node = cast("_Node", event)
    if node.anchor is not None or node.tag is not None:
        raise BadValue("may not use the anchors and tags of YAML")
