# Plain data is what JSON can hold: texts, numbers, true and false, null, lists, objects.
#
# 1. Nothing is guessed: an unknown key, a missing key and a number in place of a text
#    are errors, each with its path.
# 2. A value whose field allows several classes says which one it is, by its registered
#    name under `TAG`. One whose field allows a single class does not.
# 3. The fast converter says only that a value is wrong. The careful one, some times
#    slower, is asked afterwards what exactly.
"""Values to plain data and back, strictly."""

import typing
from base64 import b64decode
from collections.abc import Callable, Mapping
from types import GenericAlias, UnionType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from crew_actors.codec._errors import NotRegistered

if TYPE_CHECKING:
    from cattrs import BaseConverter, Converter
    from cattrs.dispatch import StructureHook

V = TypeVar("V")

TAG: Final = "kind"
"""The key under which the name of a class stands."""

_SCALARS: Final = (str, int, float, bool, type(None))


def make_converter(names: Mapping[type, str], *, detailed: bool) -> "Converter":
    """Make a converter for classes that have these *names* where they need one."""
    from cattrs.preconf import msgspec  # noqa: PLC0415  late: only borders need it

    converter = msgspec.make_converter(
        forbid_extra_keys=True, detailed_validation=detailed
    )
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(bytes, _bytes)
    converter.register_structure_hook_factory(_is_series, _from_list)
    converter.register_unstructure_hook_func(_is_mapping, dict)
    converter.register_structure_hook_factory(_is_choice, _chosen_by(names))
    converter.register_unstructure_hook_factory(_is_choice, _named_by(names))
    return converter


def problems_in(error: BaseException, path: str) -> tuple[str, ...]:
    """Put the *error* of a careful converter into words, with the path of each field."""
    from cattrs import transform_error  # noqa: PLC0415  late: only borders need it

    return tuple(transform_error(error, path=path, format_exception=_told))


def _told(error: BaseException, kind: type | None) -> str:
    from cattrs import ForbiddenExtraKeysError  # noqa: PLC0415  late, see above

    if isinstance(error, ForbiddenExtraKeysError):
        return f"unknown keys {', '.join(sorted(error.extra_fields))}"
    if isinstance(error, KeyError):
        return "required, and missing"
    words = error.args[0] if error.args else None  # validators add more arguments
    return words if isinstance(words, str) and words else f"not a valid {kind}"


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


def _bytes(value: object, _: object) -> bytes:
    if not isinstance(value, str):
        raise _wrong("base64", value)
    return b64decode(value, validate=True)


def _wrong(expected: str, value: object) -> TypeError:
    found = "nothing" if value is None else type(value).__name__
    return TypeError(f"expected {expected}, not {found}")


def _is_mapping(kind: object) -> bool:
    """Tell the mappings, which may be read-only views that JSON writers do not know."""
    return typing.get_origin(kind) is Mapping


def _is_series(kind: object) -> bool:
    return typing.get_origin(kind) in {list, tuple, set, frozenset}


def _from_list(kind: Any, converter: "BaseConverter") -> "StructureHook":  # noqa: ANN401  the form of a type has no type
    """Take lists only: a text, too, could be iterated over."""
    from cattrs.cols import list_structure_factory  # noqa: PLC0415  late, see above

    args = typing.get_args(kind)
    make: Callable[[list[Any]], object] = typing.get_origin(kind)
    if make is tuple and args[1:] != (...,):
        return _fixed(args, converter)
    of_list: Any = GenericAlias(list, args[:1])
    items = list_structure_factory(of_list, converter)

    def structure(value: object, _: object) -> object:
        if not isinstance(value, list):
            raise _wrong("list", value)
        return make(items(value, of_list))

    return structure


def _fixed(parts: tuple[Any, ...], converter: "BaseConverter") -> "StructureHook":
    """Take a list of just so many items, each with a type of its own."""

    def structure(value: object, _: object) -> object:
        if not isinstance(value, list):
            raise _wrong("list", value)
        items = typing.cast("list[object]", value)
        if len(items) != len(parts):
            msg = f"expected {len(parts)} items, not {len(items)}"
            raise ValueError(msg)
        pairs = zip(items, parts, strict=True)
        return tuple(converter.structure(item, part) for item, part in pairs)

    return structure


def _is_choice(kind: object) -> bool:
    """Tell the unions in which a class must be named: more than a class or None."""
    if typing.get_origin(kind) not in {typing.Union, UnionType}:
        return False
    members = [each for each in typing.get_args(kind) if each is not type(None)]
    return len(members) > 1 and any(attrs.has(each) for each in members)


def _classes(kind: object, names: Mapping[type, str]) -> dict[str, type]:
    """Return the classes among the members of a union, by their names."""
    classes = [each for each in typing.get_args(kind) if attrs.has(each)]
    nameless = [each.__name__ for each in classes if each not in names]
    if nameless:
        raise NotRegistered(tuple(nameless))
    return {names[each]: each for each in classes}


def _chosen_by(names: Mapping[type, str]) -> Callable[..., "StructureHook"]:
    def make(kind: Any, converter: "BaseConverter") -> "StructureHook":  # noqa: ANN401  as above
        classes = _classes(kind, names)
        scalars = [each for each in typing.get_args(kind) if each in _SCALARS]

        def structure(value: Any, _: object) -> object:  # noqa: ANN401  plain data
            if type(value) in scalars:
                return value
            if not isinstance(value, dict):
                raise _wrong(f"an object with {TAG!r}", value)
            fields = typing.cast("dict[str, object]", value)
            name = fields.get(TAG)
            if name not in classes:
                known = ", ".join(classes)
                msg = f"{TAG} is {name!r}: it must be one of {known}"
                raise ValueError(msg)
            rest = {key: each for key, each in fields.items() if key != TAG}
            of: type[object] = classes[str(name)]
            return converter.structure(rest, of)

        return structure

    return make


def _named_by(names: Mapping[type, str]) -> Callable[..., Callable[[Any], object]]:
    def make(kind: Any, converter: "BaseConverter") -> Callable[[Any], object]:  # noqa: ANN401  as above
        classes = frozenset(_classes(kind, names).values())

        def unstructure(value: Any) -> object:  # noqa: ANN401  whatever the field holds
            plain = converter.unstructure(value)
            if type(value) in classes:
                return {TAG: names[type(value)], **plain}
            return plain

        return unstructure

    return make
