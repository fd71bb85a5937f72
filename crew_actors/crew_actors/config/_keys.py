"""One description of each key, read from the classes of the settings."""

import difflib
import typing
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, NoneType
from typing import Literal, cast

import attrs

from crew_actors.config._problems import BadSetting
from crew_actors.config._settings import Settings

Kind = Literal["text", "whole", "number", "flag", "choice"]
ProjectRule = Literal["never", "lower", "stricter"]


@attrs.frozen(kw_only=True)
class Key:
    """One thing that can be set."""

    name: str
    """With its section, as `limits.tokens`."""

    kind: Kind
    help: str
    default: object
    optional: bool
    """Whether it may be nothing: no limit, or decided by what is there."""

    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    project: ProjectRule = "never"
    """What a project may do: nothing, set a lower number, set a stricter mode."""

    also: tuple[str, ...] = ()
    """What it may be called by mistake."""


@cache
def all_keys() -> Mapping[str, Key]:
    """Return all keys, by their names, in the order in which they are told."""
    found: dict[str, Key] = {}
    _collect(Settings, "", found)
    return MappingProxyType(found)


def sections() -> frozenset[str]:
    """Return the names of the tables of a file."""
    return frozenset(name.partition(".")[0] for name in all_keys() if "." in name)


def variable_of(name: str) -> str:
    """Return the variable of the environment that sets the key called *name*."""
    return f"CREW_{name.replace('.', '_').upper()}"


def find_key(name: str) -> Key:
    """Return the key called *name*.

    Raises:
      BadSetting: there is none. The nearest one is named.
    """
    found = all_keys().get(name)
    if found is None:
        raise BadSetting(f"unknown setting {name!r}{hint(name)}")
    return found


def nearest(name: str) -> str | None:
    """Return the key that *name* may be meant for."""
    keys = all_keys()
    last = name.rpartition(".")[2]
    for key in keys.values():
        if last in {*key.also, key.name.rpartition(".")[2]}:
            return key.name
    found = difflib.get_close_matches(name, keys, n=1)
    if found:
        return found[0]
    by_last = {key.rpartition(".")[2]: key for key in keys}
    close = difflib.get_close_matches(last, by_last, n=1)
    return by_last[close[0]] if close else None


def hint(name: str) -> str:
    """Say what may be meant by *name*, and where all keys are."""
    found = nearest(name)
    meant = f"; did you mean {found!r}?" if found else ";"
    return f"{meant} `crew config list` tells all"


def _collect(
    kind: type[attrs.AttrsInstance], prefix: str, keys: dict[str, Key]
) -> None:
    hints = typing.get_type_hints(kind)
    fresh = kind()
    for field in attrs.fields(kind):
        default: object = getattr(fresh, field.name)
        inner = cast("type[attrs.AttrsInstance]", type(default))
        if attrs.has(inner):
            _collect(inner, f"{field.name}.", keys)
            continue
        if not field.metadata:
            continue  # set in a way of its own
        about = field.metadata
        value_kind, choices = _kind(hints[field.name])
        name = f"{prefix}{field.name}"
        keys[name] = Key(
            name=name,
            kind=value_kind,
            help=about["help"],
            default=default,
            optional=NoneType in typing.get_args(hints[field.name]),
            choices=choices,
            least=about["least"],
            most=about["most"],
            project=about["project"],
            also=about["also"],
        )


def _kind(hint: object) -> tuple[Kind, tuple[str, ...]]:
    if typing.get_origin(hint) is Literal:
        return "choice", tuple(typing.get_args(hint))
    inner = [arg for arg in typing.get_args(hint) if arg is not NoneType]
    if inner:  # something or None
        return _kind(inner[0])
    kinds: dict[object, Kind] = {bool: "flag", int: "whole", float: "number"}
    return kinds.get(hint, "text"), ()
