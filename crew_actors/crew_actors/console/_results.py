# The opposite of `observe.as_object`: JSON of a result back to the class that it was.
#
# 1. The annotation says what there can be. Of several classes it is the one whose fields
#    are there, all of them and no others.
# 2. A server of another version may say something else: that is no value of the class,
#    and whoever asks shows the JSON as it is.
"""Read the results of actions."""

import types
import typing
from collections.abc import Mapping, Set as AbstractSet
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, Literal, cast

import attrs

_PLAIN: Final = frozenset[object]({str, int, float, bool, type(None)})


class NoValue(Exception):
    """That is no value of the class."""


def read_value(hint: object, plain: object) -> object:  # noqa: PLR0911 - a table over kinds
    """Make the value that *plain* stands for, where *hint* is its annotation.

    Raises:
      NoValue: there is none.
    """
    if hint is Any or hint is object:
        return plain
    if hint in _PLAIN:
        return _exactly(cast("type[object]", hint), plain)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return plain if plain in args else _none(hint, plain)
    if origin in (typing.Union, types.UnionType):
        return _first(args, plain)
    if isinstance(origin, type):
        return _many(origin, args, plain)
    if isinstance(hint, typing.NewType):
        return read_value(hint.__supertype__, plain)
    if isinstance(hint, type) and issubclass(hint, Enum | PurePath | str):
        try:
            return hint(cast("str", plain))
        except (TypeError, ValueError):
            return _none(hint, plain)
    if isinstance(hint, type) and attrs.has(hint):
        return _of_class(hint, plain)
    return _none(hint, plain)


def _exactly(kind: type[object], plain: object) -> object:
    if kind is float and type(plain) is int:
        return float(plain)
    return plain if type(plain) is kind else _none(kind, plain)


def _none(hint: object, plain: object) -> typing.NoReturn:
    msg = f"{str(plain)[:100]} is no {hint}"
    raise NoValue(msg)


def _first(hints: tuple[object, ...], plain: object) -> object:
    for hint in hints:
        try:
            return read_value(hint, plain)
        except NoValue:
            continue
    return _none(hints, plain)


def _many(origin: type, args: tuple[object, ...], plain: object) -> object:
    if issubclass(origin, Mapping):
        if not isinstance(plain, dict):
            _none(args, plain)
        table = cast("dict[str, object]", plain)
        return {
            read_value(args[0], key): read_value(args[1], value)
            for key, value in table.items()
        }
    if not isinstance(plain, list):
        _none(args, plain)
    items = cast("list[object]", plain)
    if issubclass(origin, tuple) and args[-1] is not Ellipsis:
        if len(args) != len(items):
            _none(args, items)
        return tuple(map(read_value, args, items))
    values = (read_value(args[0], one) for one in items)
    if issubclass(origin, AbstractSet):
        return frozenset(values)
    return tuple(values) if issubclass(origin, tuple) else list(values)


def _of_class(kind: type, plain: object) -> object:
    fields = {field.name: field for field in attrs.fields(kind)}
    if not isinstance(plain, dict):
        _none(kind, plain)
    table = cast("dict[str, object]", plain)
    if table.keys() != fields.keys():
        _none(kind, table)
    hints = typing.get_type_hints(kind)
    values = {
        (fields[name].alias or name): read_value(hints[name], value)
        for name, value in table.items()
        if fields[name].init
    }
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise NoValue(str(error)) from error
