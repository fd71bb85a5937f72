# A message is a JSON object with its fields and its `kind`. The kinds are registered
# names, not names of classes: they are on disk and on the wire, so they stay while
# code is renamed.
"""Messages to bytes and back."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, final

import attrs

from crew_actors.codec._converter import TAG, make_converter, problems_in
from crew_actors.codec._errors import (
    BadMessage,
    MessageTooLarge,
    NotRegistered,
    UnknownKind,
)

if TYPE_CHECKING:
    from cattrs import Converter

M = TypeVar("M")

MAX_SIZE: Final = 1 << 20
"""Bytes of JSON that a message may have by default."""


def _check_kinds(_: object, __: object, kinds: Mapping[str, type]) -> None:
    if not kinds:
        raise ValueError("kinds is empty: name at least one class of messages")
    for name, kind in kinds.items():
        if not attrs.has(kind):
            raise ValueError(f"kind {name!r}: {kind!r} is no class made with attrs")
        if TAG in attrs.fields_dict(kind):
            raise ValueError(
                f"kind {name!r}: {kind.__name__} has a field {TAG!r}, which is the key "
                "for the name of the message; rename the field"
            )
    if len(set(kinds.values())) < len(kinds):
        raise ValueError("kinds has a class twice: give each class one name")


@final
@attrs.frozen(eq=False)
class Codec(Generic[M]):
    """Turns messages into bytes and back, at the borders of a program.

    ``Codec[Add | Get]({"add": Add, "get": Get})`` knows two messages, which are attrs
    classes. Fields hold texts, numbers, booleans, None, bytes, dates, enums, attrs
    classes, and tuples, lists, sets and mappings of those. A field that may hold one of
    several attrs classes needs all of them registered.

    *max_size* is in bytes of JSON. Problems call a message by its kind, or by *noun* if
    there is one. Use one codec for many messages: making one is slow.

    Raises:
      ValueError: *kinds* is empty, or names something that is no attrs class, a class
        twice, or one with a field ``kind``; *max_size* is below 1.
    """

    kinds: Mapping[str, type[M]] = attrs.field(validator=_check_kinds)
    max_size: int = attrs.field(default=MAX_SIZE, validator=attrs.validators.ge(1))
    noun: str | None = attrs.field(default=None, kw_only=True)

    def encode(self, message: M) -> bytes:
        """Write *message* as JSON. What is written can be read: it is tried here.

        Raises:
          UnknownKind: its class has no registered name.
          BadMessage: a field holds a value of a wrong type, or one JSON cannot hold.
          MessageTooLarge: it has more than `max_size` bytes.
          NotRegistered: a class in it lacks the name that a field needs.
        """
        import msgspec  # noqa: PLC0415  late: programs without borders do without

        kind = self._names.get(type(message))
        if kind is None:
            raise UnknownKind(type(message).__name__, tuple(self.kinds))
        try:
            fields = self._fast.unstructure(message)
            data = msgspec.json.encode({TAG: kind, **fields})
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise BadMessage(kind, (str(error),)) from error
        self.decode(data)
        return data

    def decode(self, data: bytes | str) -> M:
        """Read the JSON of a message.

        Raises:
          MessageTooLarge: *data* has more than `max_size` bytes. It was not parsed.
          UnknownKind: its kind has no class here.
          BadMessage: it is no JSON object with a kind, or a field is missing, unknown
            or of a wrong type; each is named with its path.
          NotRegistered: a class in it lacks the name that a field needs.
        """
        import msgspec  # noqa: PLC0415  late, see `encode`

        size = len(data)
        if size <= self.max_size and isinstance(data, str):
            size = len(data.encode("utf-8", "surrogatepass"))
        if size > self.max_size:
            raise MessageTooLarge(size, self.max_size)
        try:
            fields = msgspec.json.decode(data, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BadMessage(self._noun, (str(error),)) from error
        kind = fields.pop(TAG, None)
        if not isinstance(kind, str):
            raise BadMessage(self._noun, (f"it has no {TAG}",))
        if kind not in self.kinds:
            raise UnknownKind(kind, tuple(self.kinds))
        try:
            return self._fast.structure(fields, self.kinds[kind])
        except NotRegistered:
            raise
        except Exception as error:  # cattrs raises whatever a validator raises
            raise BadMessage(kind, self._problems(kind, fields)) from error

    def _problems(self, kind: str, fields: dict[str, Any]) -> tuple[str, ...]:
        try:
            self._careful.structure(fields, self.kinds[kind])
        except Exception as error:  # noqa: BLE001  as in `decode`
            return problems_in(error, self.noun or kind)
        raise AssertionError(
            "the two converters disagree"
        )  # pragma: no cover  same hooks

    @property
    def _noun(self) -> str:
        return self.noun or "message"

    @cached_property
    def _names(self) -> dict[type, str]:
        return {kind: name for name, kind in self.kinds.items()}

    @cached_property
    def _fast(self) -> "Converter":
        return make_converter(self._names, detailed=False)

    @cached_property
    def _careful(self) -> "Converter":
        return make_converter(self._names, detailed=True)
