# Five layers become one: built-in, user, project, environment, flags; the later wins.
#
# 1. The project's file came with the repository, so it is not its user's word: it may
#    tighten what the layers below say, as each key tells, and nothing else. What it may
#    not, is left out with a warning. The user's own environment and flags stand above.
# 2. Each field is judged alone. `load_config` keeps the rest and tells what is wrong;
#    `load_settings` refuses to go on: a limit that was meant and not understood is no
#    limit.
"""Settings from all layers."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, cast

import attrs

from crew_actors.config._files import Content, flat, read_file
from crew_actors.config._keys import (
    Key,
    all_keys,
    hint,
    nearest,
    sections,
    variable_of,
)
from crew_actors.config._problems import (
    BadFile,
    BadSetting,
    BadSettings,
    ConfigProblem,
    one_problem,
)
from crew_actors.config._settings import Settings
from crew_actors.config._tables import (
    TABLES,
    Misnamed,
    Named,
    named_in,
    not_for_projects,
)
from crew_actors.config._values import convert
from crew_actors.places import Places, Project
from crew_actors.redaction import redact, redact_value

Layer = Literal["built-in", "user", "project", "environment", "flags"]
Severity = Literal["error", "warning"]
FILE: Final = "config.toml"
_SHOWN: Final = 80  # characters of a value that is not used


@attrs.frozen(kw_only=True)
class Setting:
    """A value, and whose it is."""

    key: str
    value: object
    layer: Layer
    where: str = ""
    """The file, the variable or the option; empty for what is built in."""

    line: int | None = None


@attrs.frozen(kw_only=True)
class Config:
    """All that is set."""

    settings: Settings
    entries: Mapping[str, Setting]
    """Each key with its value and where that comes from."""

    problems: tuple[ConfigProblem, ...]
    """What is set and is not used."""

    @property
    def warnings(self) -> tuple[ConfigProblem, ...]:
        """What may be left out without harm."""
        return tuple(one for one in self.problems if one.severity == "warning")

    def checked(self) -> Settings:
        """Return the settings if there is no error among the problems.

        Raises:
          BadSettings: there is one; all errors are named.
        """
        errors = tuple(one for one in self.problems if one.severity == "error")
        if errors:
            raise BadSettings(errors)
        return self.settings


@attrs.frozen(kw_only=True)
class _Told:
    """What a layer says about one key."""

    name: str
    raw: object
    layer: Layer
    where: str
    line: int | None = None


def user_file(places: Places) -> Path:
    """Return the path of the user's own file. It need not exist."""
    return places.config / FILE


def project_file(project: Project) -> Path:
    """Return the path of the project's file. It need not exist."""
    return project.crew_dir / FILE


def load_settings(
    places: Places,
    *,
    project: Project | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Do what `load_config` does, and refuse what is wrong.

    Raises:
      BadSettings: something that is set cannot be. All of it is named.
    """
    found = load_config(places, project=project, environ=environ, flags=flags)
    return found.checked()


def load_config(
    places: Places,
    *,
    project: Project | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Config:
    """Read the settings of all layers that are given. Raises nothing for what they say.

    Args:
      places: the user's folders.
      project: whose file may tighten what the user has set.
      environ: variables such as `CREW_LIMITS_TOKENS`; an empty one is none.
      flags: values by the names of their keys; None means that it is not given.
    """
    problems: list[ConfigProblem] = []
    entries = {
        name: Setting(key=name, value=key.default, layer="built-in")
        for name, key in all_keys().items()
    }
    told, named = _told_by_file(user_file(places), "user", problems)
    if project is not None:
        mine = project_file(project)
        told += _told_by_file(mine, "project", problems, within=project.root)[0]
    told += _told_by_variables(environ or {}, problems)
    told += [
        _Told(name=name, raw=raw, layer="flags", where=f"--{name.replace('_', '-')}")
        for name, raw in (flags or {}).items()
        if raw is not None
    ]
    for one in told:
        problem = _take(one, entries)
        if problem is not None:
            problems.append(problem)
    return Config(
        settings=_settings(entries, named),
        entries={**entries, **_told_names(named, user_file(places))},
        problems=tuple(problems),
    )


def _told_by_file(
    path: Path,
    layer: Layer,
    problems: list[ConfigProblem],
    within: Path | None = None,
) -> tuple[list[_Told], list[Named]]:
    """Read a file: what it sets, and what it names."""
    try:
        content = read_file(path, within)
    except BadFile as error:
        problems.append(one_problem(path, error))
        return [], []
    if content is None:
        return [], []
    is_users = layer == "user"
    found = list(named_in(content) if is_users else not_for_projects(content))
    for one in found:
        if isinstance(one, Misnamed):
            told = _Told(
                name=one.key, raw=one.raw, layer=layer, where=str(path), line=one.line
            )
            severity: Severity = "error" if is_users else "warning"
            problems.append(_problem(told, one.why, severity=severity))
    named = [one for one in found if isinstance(one, Named)]
    return list(_of_file(content, path, layer)), named


def _told_names(named: list[Named], path: Path) -> dict[str, Setting]:
    """Make entries of what is named: each field that is set, by its whole name."""
    return {
        name: Setting(
            key=name, value=value, layer="user", where=str(path), line=one.line
        )
        for one in named
        for name, value in one.fields()
    }


def _of_file(content: Content, path: Path, layer: Layer) -> Iterator[_Told]:
    for name, raw in flat(content.table, sections()):
        if name in TABLES:
            continue
        line = content.line_of(name)
        yield _Told(name=name, raw=raw, layer=layer, where=str(path), line=line)


def _told_by_variables(
    environ: Mapping[str, str], problems: list[ConfigProblem]
) -> list[_Told]:
    known = {variable_of(name): name for name in all_keys()}
    ours = tuple(f"{variable_of(section)}_" for section in sections())
    for variable in sorted(environ):
        if variable.startswith(ours) and variable not in known:
            meant = nearest(variable.removeprefix("CREW_").lower().replace("_", ".", 1))
            way = "" if meant is None else f"; did you mean {variable_of(meant)}?"
            problems.append(
                ConfigProblem(
                    severity="warning",
                    where=variable,
                    nearest=meant,
                    message=f"this variable sets nothing{way}",
                )
            )
    return [
        _Told(name=name, raw=environ[variable], layer="environment", where=variable)
        for variable, name in known.items()
        if environ.get(variable)
    ]


def _take(one: _Told, entries: dict[str, Setting]) -> ConfigProblem | None:
    """Put what a layer says in the place of what is below; or tell what is wrong."""
    key = all_keys().get(one.name)
    if key is None:
        return _unknown(one)
    if one.layer == "project" and key.project == "never":
        return _ignored(one, key, one.raw, _not_for_projects(key))
    try:
        value = convert(key, one.raw, from_text=one.layer == "environment")
    except BadSetting as error:
        return _problem(one, str(error))
    below = entries[one.name]
    refusal = refused(key, value, below) if one.layer == "project" else None
    if refusal is not None:
        return _ignored(one, key, value, refusal)
    entries[one.name] = Setting(
        key=one.name, value=value, layer=one.layer, where=one.where, line=one.line
    )
    return None


def refused(key: Key, value: object, below: Setting) -> str | None:
    """Tell why a project may not set *key* to *value*, over what is *below*."""
    if key.project == "never":
        return _not_for_projects(key)
    if _is_tighter(key, value, below.value):
        return None
    mine = f"{told_value(below.value)} ({below.layer})"
    how = "lower it" if key.project == "lower" else "make it stricter"
    return f"a project may only {how}, and it is {mine}"


def _not_for_projects(key: Key) -> str:
    way = f"to have it, `crew config set {key.name}` sets it for you alone"
    return f"a project may not set {key.name}; {way}"


def _is_tighter(key: Key, value: object, below: object) -> bool:
    if key.project == "lower":
        return _number(value) <= _number(below)
    if key.choices:
        return key.choices.index(str(value)) >= key.choices.index(str(below))
    return bool(value) or not below


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.inf


def told_value(value: object) -> str:
    """Write *value* as a file would."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value!r}" if isinstance(value, str) else f"{value}"


def _ignored(one: _Told, key: Key, value: object, why: str) -> ConfigProblem:
    shown = told_value(value)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}…"
    return _problem(one, f"{key.name} = {shown} is ignored: {why}", severity="warning")


def _unknown(one: _Told) -> ConfigProblem:
    message = f"unknown setting {one.name!r}{hint(one.name)}"
    if one.name in sections():
        message = f"{one.name} must be a table, [{one.name}], not {one.raw!r}"
    severity: Severity = "warning" if one.layer == "project" else "error"
    return _problem(one, message, severity=severity)


def _problem(
    one: _Told, message: str, *, severity: Severity = "error"
) -> ConfigProblem:
    table = cast("dict[str, object]", redact_value({one.name: one.raw}))
    value = table[one.name]
    whole = isinstance(value, str | int | None)
    return ConfigProblem(
        severity=severity,
        where=one.where,
        line=one.line,
        key=one.name,
        value=value if whole else repr(value),
        message=redact(message),
        nearest=None if one.name in all_keys() else nearest(one.name),
    )


def _settings(entries: Mapping[str, Setting], named: list[Named]) -> Settings:
    fresh = Settings()
    values: dict[str, object] = {
        table: tuple(one.thing for one in named if one.table == table)
        for table in TABLES
    }
    for field in attrs.fields(Settings):
        if field.name in TABLES:
            continue
        default: object = getattr(fresh, field.name)
        if field.name in entries:
            values[field.name] = entries[field.name].value
            continue
        kind = cast("type[attrs.AttrsInstance]", type(default))
        values[field.name] = kind(
            **{
                inner.name: entries[f"{field.name}.{inner.name}"].value
                for inner in attrs.fields(kind)
            }
        )
    return Settings(**values)  # type: ignore[arg-type]  # each was converted by its key
