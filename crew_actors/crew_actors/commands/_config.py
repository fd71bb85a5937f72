# What is set, where it comes from, and how it is changed. Only the user's file and the
# project's are changed; variables and flags belong to whoever gives them.
"""`crew config`: look at settings, and change them."""

import json
from pathlib import Path
from typing import Literal

import attrs

from crew_actors.commands._layout import columns
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.config import (
    BadSetting,
    Config,
    ConfigProblem,
    Key,
    Setting,
    convert,
    edit_file,
    find_key,
    json_schema,
    load_config,
    project_file,
    refused,
    told_value,
    user_file,
)
from crew_actors.observe import escaped

Scope = Literal["user", "project"]


@attrs.frozen(kw_only=True)
class ConfigParameters:
    """What to look at, or to change."""

    operation: Literal["list", "get", "set", "unset", "schema", "paths"] = attrs.field(
        default="list",
        metadata=told("what to do; `list` if not given", positional=True),
    )
    key: str | None = attrs.field(
        default=None, metadata=told("a setting, as `limits.tokens`", positional=True)
    )
    value: str | None = attrs.field(
        default=None,
        metadata=told("what to set it to; `none` lifts a limit", positional=True),
    )
    scope: Scope = attrs.field(
        default="user",
        metadata=told("whose file to change; what a project may set is limited"),
    )


@attrs.frozen(kw_only=True)
class Settled:
    """What is set, and where it comes from."""

    settings: tuple[Setting, ...]
    problems: tuple[ConfigProblem, ...]


@attrs.frozen(kw_only=True)
class Changed:
    """What became of a file."""

    key: str
    value: object
    """What the key has now, from whatever layer."""

    path: Path
    changed: bool
    backup: Path | None
    layer: str
    """Where the value comes from now."""

    where: str


@attrs.frozen(kw_only=True)
class Schema:
    """The form of a file."""

    schema: object


@attrs.frozen(kw_only=True)
class Paths:
    """The files that are read."""

    user: Path
    project: Path


def configure(
    parameters: ConfigParameters, context: Context
) -> Settled | Setting | Changed | Schema | Paths:
    """Tell what is set, or change the file of the user or of the project.

    Raises:
      BadParameters: something is missing or too much. Nothing was changed.
      BadSetting: there is no such setting, it cannot have the value, or the project
        may not set it; likewise.
      BadSettings: the file to change is not TOML; likewise.
      SettingsNotWritten: it cannot be changed without doing harm; likewise.
      OSError: it cannot be written. It is as it was.
    """
    _check(parameters)
    if parameters.operation == "schema":
        return Schema(schema=json_schema())
    if parameters.operation == "paths":
        return Paths(
            user=user_file(context.places), project=project_file(context.project)
        )
    if parameters.key is None:
        found = _load(context)
        return Settled(settings=tuple(found.entries.values()), problems=found.problems)
    key = find_key(parameters.key)
    if parameters.operation == "get":
        return _load(context).entries[key.name]
    return _change(key, parameters, context)


def _check(parameters: ConfigParameters) -> None:
    wanted = {"get": 1, "set": 2, "unset": 1}.get(parameters.operation, 0)
    problems: list[str] = []
    if wanted and parameters.key is None:
        problems.append("key is missing: name a setting; `crew config list` tells all")
    if wanted > 1 and parameters.value is None:
        hint = "to remove a setting use `crew config unset`"
        problems.append(f"value is missing; {hint}")
    given = (parameters.key, parameters.value)
    for name, text in zip(("key", "value")[wanted:], given[wanted:], strict=True):
        if text is not None:
            way = "look at one with `crew config get KEY`"
            problems.append(f"{parameters.operation} takes no {name}; {way}")
    if problems:
        raise BadParameters("config", tuple(problems))


def _load(context: Context) -> Config:
    return load_config(context.places, project=context.project, environ=context.environ)


def _change(key: Key, parameters: ConfigParameters, context: Context) -> Changed:
    remove = parameters.operation == "unset"
    value = None if remove else convert(key, parameters.value, from_text=True)
    path, within = user_file(context.places), None
    if parameters.scope == "project":
        path, within = project_file(context.project), context.project.root
        below = load_config(context.places).entries[key.name]
        why = None if remove else refused(key, value, below)
        if why is not None:
            raise BadSetting(f"{key.name}: {why}")
    edited = edit_file(path, key.name, value, remove=remove, within=within)
    now = _load(context).entries[key.name]
    return Changed(
        key=key.name,
        value=now.value,
        path=edited.path,
        changed=edited.changed,
        backup=edited.backup,
        layer=now.layer,
        where=now.where,
    )


def _text(result: Settled | Setting | Changed | Schema | Paths) -> str:
    match result:
        case Settled():
            rows = [
                (one.key, _value(one.value), _origin(one)) for one in result.settings
            ]
            lines = columns(rows, indent="", whole=True)
            lines += [f"{one.severity}: {escaped(str(one))}" for one in result.problems]
        case Setting():
            lines = [_value(result.value)]
        case Changed():
            lines = _changed(result)
        case Schema():
            lines = [json.dumps(result.schema, indent=2)]
        case Paths():
            files = [("user", _path(result.user)), ("project", _path(result.project))]
            lines = columns(files, indent="", whole=True)
    return "\n".join(lines)


def _value(value: object) -> str:
    return escaped(told_value(value))


def _origin(one: Setting) -> str:
    if not one.where:
        return one.layer
    place = one.where if one.line is None else f"{one.where}:{one.line}"
    return f"{one.layer}  {escaped(place)}"


def _path(path: Path) -> str:
    return escaped(str(path)) if path.exists() else f"{escaped(str(path))} (none yet)"


def _changed(result: Changed) -> list[str]:
    path = escaped(str(result.path))
    shown = f"{result.key} = {_value(result.value)} ({result.layer})"
    if not result.changed:
        return [f"{shown}: {path} says so already; nothing was written."]
    lines = [f"{shown}; changed {path}"]
    if result.backup is not None:
        lines.append(f"what it was is in {escaped(str(result.backup))}")
    if result.layer in {"environment", "flags"}:
        lines.append(f"{escaped(result.where)} stands above the file.")
    return lines


def _exit_code(result: object) -> int:
    problems = result.problems if isinstance(result, Settled) else ()
    return 1 if any(one.severity == "error" for one in problems) else 0


ACTION = Action(
    name="config",
    parameters=ConfigParameters,
    handler=configure,
    text=_text,
    exit_code=_exit_code,
)
