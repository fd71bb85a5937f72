"""JSON schemas of annotations, as `observe.as_object` writes their values."""

import types
import typing
from collections.abc import Callable, Collection, Mapping, Set as AbstractSet
from enum import Enum
from pathlib import PurePath
from typing import Any, Literal, cast

import attrs

Schema = dict[str, object]

_PLAIN: Mapping[object, Schema] = {
    type(None): {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}


@attrs.define
class Definitions:
    """Schemas of classes, each under its name."""

    found: dict[str, Schema] = attrs.field(factory=dict[str, Schema])
    _kinds: dict[str, type] = attrs.field(factory=dict[str, type])

    def copy(self) -> "Definitions":
        """Return one that knows the same, and can learn more."""
        return Definitions(dict(self.found), dict(self._kinds))

    def schema(self, hint: object) -> Schema:  # noqa: PLR0911 - a table over kinds
        """Write the schema of values that are annotated with *hint*.

        Raises:
          TypeError: values of that kind have no form in JSON.
        """
        if hint is Any or hint is object:
            return {}
        if hint in _PLAIN:
            return dict(_PLAIN[hint])
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is Literal:
            return {"enum": list(args)}
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.schema(one) for one in args]}
        if isinstance(origin, type):
            return self._of_many(origin, args)
        if isinstance(hint, typing.NewType):
            return self.schema(hint.__supertype__)
        if isinstance(hint, type):
            return self._of_class(cast("type[object]", hint))
        msg = f"{hint!r} has no form in JSON"
        raise TypeError(msg)

    def _of_many(self, origin: type, args: tuple[object, ...]) -> Schema:
        if issubclass(origin, Mapping):
            values = self.schema(args[1])
            return {"type": "object", "additionalProperties": values}
        if issubclass(origin, tuple) and args[-1] is not Ellipsis:
            items = [self.schema(one) for one in args]
            return {"type": "array", "prefixItems": items, "items": False}
        if issubclass(origin, Collection | AbstractSet):
            return {"type": "array", "items": self.schema(args[0])}
        msg = f"{origin!r} has no form in JSON"
        raise TypeError(msg)

    def _of_class(self, kind: type[object]) -> Schema:
        if issubclass(kind, Enum):
            return {"enum": [one.value for one in kind]}
        if issubclass(kind, PurePath | str):
            return {"type": "string"}
        if not attrs.has(kind):
            msg = f"{kind.__name__} has no form in JSON"
            raise TypeError(msg)
        name = kind.__name__
        if self._kinds.setdefault(name, kind) is not kind:
            name = f"{kind.__module__.rpartition('.')[2].lstrip('_')}.{name}"
            self._kinds[name] = kind
        if name not in self.found:
            self.found[name] = {}  # it may hold itself
            self.found[name] = self._fields(kind)
        return {"$ref": f"#/$defs/{name}"}

    def _fields(self, kind: type) -> Schema:
        hints = typing.get_type_hints(kind)
        names = [field.name for field in attrs.fields(kind)]
        schema: Schema = {
            "type": "object",
            "properties": {name: self.schema(hints[name]) for name in names},
            "required": names,
            "additionalProperties": False,
        }
        about = (kind.__doc__ or "").partition("\n")[0]
        return {"description": about, **schema} if about else schema


def result_hint(handler: Callable[..., object]) -> object:
    """Return the annotation of what *handler* gives."""
    return cast("object", typing.get_type_hints(handler)["return"])
