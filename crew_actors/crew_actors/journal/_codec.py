# Events become JSON here, and JSON becomes events, and nowhere else.
#
# 1. An event is a JSON object with its fields and its `kind`. The kinds are the
#    names below: they are on disk, so they never change.
# 2. What is written can be read: each text is read once before it is given out.
#    A value that JSON cannot hold (NaN, half of a surrogate pair) is refused.
# 3. Nothing is guessed: an unknown key, a missing key and a number in place of a
#    text are errors, each named with its path.
# 4. The fast converter says only that a value is wrong. The careful one, five times
#    slower, is asked afterwards what exactly.
"""Events to JSON and back."""

import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from crew_actors.journal._errors import BadEvent, UnknownEvent
from crew_actors.model import (
    ArtifactWritten,
    AttemptStarted,
    CancelRequested,
    Event,
    HeartbeatChanged,
    ProcessEnded,
    ProcessStarted,
    Progress,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunStarted,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskNeedsAttention,
    TaskSkipped,
    UsageReported,
)

if TYPE_CHECKING:
    from cattrs import BaseConverter, Converter
    from cattrs.dispatch import StructureHook

V = TypeVar("V")

MAX_EVENT: Final = 4 * 1024 * 1024
"""Bytes of JSON. The largest event is the plan of a run, with each task's prompt."""

KINDS: Final[Mapping[str, type[Event]]] = {
    "run.created": RunCreated,
    "run.started": RunStarted,
    "run.completed": RunCompleted,
    "run.failed": RunFailed,
    "run.blocked": RunBlocked,
    "run.cancelled": RunCancelled,
    "run.cancel_requested": CancelRequested,
    "attempt.started": AttemptStarted,
    "attempt.progress": Progress,
    "attempt.usage": UsageReported,
    "attempt.heartbeat": HeartbeatChanged,
    "attempt.artifact": ArtifactWritten,
    "process.started": ProcessStarted,
    "process.ended": ProcessEnded,
    "task.completed": TaskCompleted,
    "task.needs_attention": TaskNeedsAttention,
    "task.failed": TaskFailed,
    "task.cancelled": TaskCancelled,
    "task.skipped": TaskSkipped,
}
"""Each kind of event by the name that is on disk."""

_NAMES: Final = {event: name for name, event in KINDS.items()}


def kind_of(event: Event) -> str:
    """Tell the name that the kind of *event* has on disk."""
    return _NAMES[type(event)]


def encode(event: Event) -> bytes:
    """Write *event* as JSON.

    Raises:
      BadEvent: it holds a value of a wrong type, or has more than `MAX_EVENT` bytes.
    """
    import msgspec  # noqa: PLC0415  late: only those who read or write events need it

    kind = kind_of(event)
    try:
        body = msgspec.json.encode({"kind": kind, **_fast().unstructure(event)})
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadEvent(kind, (str(error),)) from error
    decode(body)
    return body


def decode(body: bytes) -> Event:
    """Read the JSON of an event.

    Raises:
      UnknownEvent: its kind is not known here.
      BadEvent: it is not the JSON of an event; each bad field is named.
    """
    import msgspec  # noqa: PLC0415  late: only those who read or write events need it

    if len(body) > MAX_EVENT:
        problem = f"{len(body)} bytes are more than the {MAX_EVENT} allowed"
        raise BadEvent("event", (problem,))
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadEvent("event", (str(error),)) from error
    kind = fields.pop("kind", None)
    if not isinstance(kind, str):
        raise BadEvent("event", ("it has no kind",))
    try:
        event = KINDS[kind]
    except KeyError:
        raise UnknownEvent(kind) from None
    try:
        return _fast().structure(fields, event)
    except Exception as error:  # cattrs raises whatever a hook raises
        raise BadEvent(kind, _problems(fields, event)) from error


def _problems(fields: dict[str, Any], event: type[Event]) -> tuple[str, ...]:
    from cattrs import transform_error  # noqa: PLC0415  late, see `encode`

    try:
        _careful().structure(fields, event)
    except Exception as error:  # noqa: BLE001  cattrs raises whatever a hook raises
        return tuple(transform_error(error, path="event", format_exception=_told))
    raise AssertionError("the two converters disagree")  # pragma: no cover  same hooks


def _told(error: BaseException, kind: type | None) -> str:
    """Put a failure into words, for `transform_error`."""
    from cattrs import ForbiddenExtraKeysError  # noqa: PLC0415  late, see `encode`

    if isinstance(error, ForbiddenExtraKeysError):
        return f"unknown keys {', '.join(sorted(error.extra_fields))}"
    if isinstance(error, KeyError):
        return "required, and missing"
    return str(error) or f"not a valid {kind}"


@cache
def _fast() -> "Converter":
    return _converter(detailed=False)


@cache
def _careful() -> "Converter":
    return _converter(detailed=True)


def _converter(*, detailed: bool) -> "Converter":
    from cattrs.preconf.msgspec import make_converter  # noqa: PLC0415  late

    converter = make_converter(forbid_extra_keys=True, detailed_validation=detailed)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_factory(_is_tuple, _from_list)
    converter.register_unstructure_hook_func(_is_mapping, dict)
    return converter


def _is_mapping(kind: object) -> bool:
    """Tell the mappings, which are read-only views that msgspec does not know."""
    return typing.get_origin(kind) is Mapping


def _is_tuple(kind: object) -> bool:
    return typing.get_origin(kind) is tuple


def _from_list(kind: type, converter: "BaseConverter") -> "StructureHook":
    """Take lists only: a text, too, could be iterated over."""
    from cattrs.cols import homogenous_tuple_structure_factory  # noqa: PLC0415  late

    of_items = homogenous_tuple_structure_factory(kind, converter)

    def structure(value: object, of: object) -> object:
        if not isinstance(value, list):
            raise _wrong("list", value)
        return of_items(value, of)

    return structure


def _exactly(kind: type[V]) -> Callable[[object, object], V]:
    def structure(value: object, _: object) -> V:
        if type(value) is not kind:
            raise _wrong(kind.__name__, value)
        return value

    return structure


def _number(value: object, _: object) -> float:
    if type(value) not in {float, int}:
        raise _wrong("number", value)
    return float(typing.cast("float", value))


def _wrong(expected: str, value: object) -> TypeError:
    found = "nothing" if value is None else type(value).__name__
    return TypeError(f"expected {expected}, not {found}")
