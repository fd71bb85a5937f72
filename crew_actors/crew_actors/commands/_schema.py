# One attrs class tells everything about the parameters of an action: the command
# line, its help and the check of what was given are all made from it.
#
# 1. A field is a text, some texts, a number (whole or not), a flag or a choice, by its
#    annotation alone. Some texts are an option that can be given several times.
# 2. An empty text means: not given. A number may come as a text.
#    What is wrong with an option is told by the name that the command line gives it.
# 3. `from_` is the parameter `from`: a word of Python needs the underscore in a class.
# 4. All that is wrong is said at once, and a wrong name with the nearest right one.
"""Parameters of actions, described and checked from one attrs class."""

import difflib
import math
import typing
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Literal, TypeVar, final

import attrs

from crew_actors.errors import UserError

Kind = Literal["text", "texts", "number", "decimal", "flag", "choice"]
P = TypeVar("P")

_DIGITS = 18  # so many always fit into 64 bits
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@final
class BadParameters(UserError):
    """What was given cannot be understood. Nothing was done."""

    def __init__(self, action: str, problems: tuple[str, ...]) -> None:
        super().__init__(action, problems)
        self.action = action
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(f"{self.action}: {problem}" for problem in self.problems)


@attrs.frozen(kw_only=True)
class Parameter:
    """One parameter of an action."""

    name: str
    kind: Kind
    help: str
    positional: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    least: int = 0
    """The smallest number that it may be."""

    @property
    def label(self) -> str:
        """What its user calls it: an option with its dashes."""
        if self.positional:
            return self.name
        return f"--{self.name.replace('_', '-')}"


def told(text: str, *, positional: bool = False, least: int = 0) -> dict[str, object]:
    """Make the metadata of a field.

    These are its help, whether it goes without a name, and the smallest number.
    """
    return {"help": text, "positional": positional, "least": least}


def parameters_of(schema: type[attrs.AttrsInstance]) -> tuple[Parameter, ...]:
    """Describe the fields of *schema*, in their order."""
    hints = typing.get_type_hints(schema)
    return tuple(_parameter(field, hints[field.name]) for field in attrs.fields(schema))


def _parameter(field: "attrs.Attribute[object]", hint: object) -> Parameter:
    kind, choices = _kind(hint)
    return Parameter(
        name=field.name.rstrip("_"),
        kind=kind,
        help=str(field.metadata["help"]),
        positional=bool(field.metadata["positional"]),
        required=field.default is attrs.NOTHING,
        choices=choices,
        least=int(field.metadata["least"]),
    )


def _kind(hint: object) -> tuple[Kind, tuple[str, ...]]:
    inner = [arg for arg in typing.get_args(hint) if arg is not NoneType]
    if typing.get_origin(hint) is Literal:
        return "choice", tuple(typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return "texts", ()
    if inner:  # something or None
        return _kind(inner[0])
    if hint is bool:
        return "flag", ()
    if hint is float:
        return "decimal", ()
    return ("number" if hint is int else "text"), ()


def build(action: str, schema: type[P], given: Mapping[str, object]) -> P:
    """Make the parameters of *action* from what was *given* by name.

    Raises:
      BadParameters: something is unknown, missing or not of its kind.
    """
    described = typing.cast("type[attrs.AttrsInstance]", schema)
    known = {one.name: one for one in parameters_of(described)}
    fields = {field.name.rstrip("_"): field.name for field in attrs.fields(described)}
    problems = [_unknown(name, known) for name in given if name not in known]
    values: dict[str, object] = {}
    for name, parameter in known.items():
        raw = given.get(name)
        if raw is None or raw == "":
            if parameter.required:
                problems.append(f"{parameter.label} is missing: {parameter.help}")
            continue
        value = _value(parameter, raw)
        if value is None:
            problems.append(f"{parameter.label} must be {_wanted(parameter, raw)}")
        values[fields[name]] = value
    if problems:
        raise BadParameters(action, tuple(problems))
    return schema(**values)


def _value(parameter: Parameter, raw: object) -> object | None:
    """Convert *raw*; None if it is not of the parameter's kind."""
    text = str(raw)
    if parameter.kind == "text":
        return raw if isinstance(raw, str) else None
    if parameter.kind == "texts":
        return _texts(raw)
    if parameter.kind == "choice":
        return text if text in parameter.choices else None
    if parameter.kind == "number":
        whole = text.isdecimal() and len(text) <= _DIGITS
        return int(text) if whole and int(text) >= parameter.least else None
    if parameter.kind == "decimal":
        return _decimal(text, parameter.least)
    found = text.casefold()
    return found in _TRUE if found in _TRUE | _FALSE else None


def _texts(raw: object) -> tuple[str, ...] | None:
    if not isinstance(raw, list | tuple):
        return None
    found = typing.cast("list[object] | tuple[object, ...]", raw)
    texts = tuple(one for one in found if isinstance(one, str))
    return texts if len(texts) == len(found) else None


def _decimal(text: str, least: int) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= least else None


def _wanted(parameter: Parameter, raw: object) -> str:
    if parameter.kind == "choice":
        hint = _nearest(str(raw), parameter.choices)
        return f"one of {', '.join(parameter.choices)}, not {raw!r}{hint}"
    wanted = {
        "text": "a text",
        "texts": "texts",
        "number": f"a whole number, at least {parameter.least}",
        "decimal": f"a number, at least {parameter.least}",
        "flag": "yes or no",
    }
    return f"{wanted[parameter.kind]}, not {raw!r}"


def _unknown(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    there_are = ", ".join(names) or "none"
    return f"unknown parameter {name!r}{_nearest(name, names)} (there are: {there_are})"


def _nearest(name: str, options: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(options), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
