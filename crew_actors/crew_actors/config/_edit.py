# Changing a file of settings.
#
# 1. Comments, order and all that is not meant to change stay as they are.
# 2. The file is replaced as a whole (temporary file, fsync, rename); what it was is
#    kept beside it. A change that changes nothing writes nothing.
# 3. What is written is read again first: if it does not say what was asked for, the
#    file is left alone.
"""Change a file of settings."""

import os
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast, final

import attrs

from crew_actors.config._files import parse, read_file
from crew_actors.config._keys import Key, all_keys
from crew_actors.config._problems import BadFile, BadSettings, one_problem
from crew_actors.config._values import NONE
from crew_actors.errors import UserError, about

_WIDTH: Final = 78


@attrs.frozen(kw_only=True)
class Edited:
    """What became of a file."""

    path: Path
    changed: bool
    backup: Path | None
    """A file with what it was before, if there was one and it has changed."""


@final
class SettingsNotWritten(UserError):
    """The file cannot be changed without doing harm. It was left alone."""

    exit_code = 1

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}; it was left as it is, change it by hand"


def edit_file(
    path: Path, name: str, value: object, *, remove: bool = False, within: Path | None
) -> Edited:
    """Set the key *name* to *value* in the file at *path*, or *remove* it.

    A file that is a link is changed where it really is. When this returns, what it says
    is on disk.

    Raises:
      BadSettings: the file cannot be read or is not TOML.
      SettingsNotWritten: the key stands in a place where it cannot be changed safely.
      OSError: it cannot be written.
    """
    try:
        content = read_file(path, within)
    except BadFile as error:
        raise BadSettings((one_problem(path, error),)) from error
    text = "" if content is None else content.text
    before = {} if content is None else dict(content.table)
    wanted = _changed(before, name, value, remove=remove)
    if wanted == before:
        return Edited(path=path, changed=False, backup=None)
    new = _edited(path, text, name, value, remove=remove)
    try:
        says = parse(new)
    except BadFile:
        says = None
    if says != wanted:
        raise SettingsNotWritten(
            path, f"{name} stands where it cannot be changed alone"
        )
    return replace_file(path, new, private=within is None)


def _changed(
    before: Mapping[str, object], name: str, value: object, *, remove: bool
) -> dict[str, object]:
    """Return what the file is to say."""
    after = dict(before)
    section, _, last = name.rpartition(".")
    table = after
    if section:
        inner = after.get(section, {})
        table = (
            dict(cast("dict[str, object]", inner)) if isinstance(inner, dict) else {}
        )
        if remove and last not in table:
            return after
        after[section] = table
    if remove:
        table.pop(last, None)
    else:
        table[last] = NONE if value is None else value
    return after


def _edited(path: Path, text: str, name: str, value: object, *, remove: bool) -> str:
    import tomlkit  # noqa: PLC0415 - only what writes a file needs it
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - likewise

    try:
        document = tomlkit.parse(text)
        section, _, last = name.rpartition(".")
        table = cast("dict[str, object]", document)
        if section:
            if section not in table:
                table[section] = tomlkit.table()
            table = cast("dict[str, object]", table[section])
        if remove:
            del table[last]
        else:
            table[last] = NONE if value is None else value
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError, KeyError) as error:
        raise SettingsNotWritten(path, f"{name} cannot be changed: {error}") from error


def replace_file(path: Path, text: str, *, private: bool) -> Edited:
    """Write *text* to *path*, all of it or nothing, and keep what was there beside it.

    A new file that is *private* can be read by nobody else.

    Raises:
      OSError: it cannot be written. The file is as it was.
    """
    mode = 0o600 if private else 0o644
    backup = None
    with about(path):
        real = path.resolve()
        real.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
        if real.exists():
            backup = real.with_name(f"{real.name}.bak")
            mode = real.stat().st_mode & 0o777
            _write(backup, real.read_bytes(), mode)
        _write(real, text.encode(), mode)
    return Edited(path=path, changed=True, backup=backup)


def _write(path: Path, data: bytes, mode: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:  # nothing half-made stays, whatever it was
        temporary.unlink(missing_ok=True)
        raise
    if os.name != "nt":  # Windows opens no folder, and orders renames itself
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def template(*, project: bool) -> str:
    """Return a file that sets nothing, and tells all that it could set.

    With *project*, only what a project may set.
    """
    title = "Settings of Crew Actors. What is commented out has the value shown."
    lines = [f"# {title}"]
    if project:
        rule = "A project may only tighten: lower a limit, or choose the stricter mode."
        lines.append(f"# {rule}")
    section = ""
    for name, key in all_keys().items():
        if project and key.project == "never":
            continue
        table, _, last = name.rpartition(".")
        if table != section:
            lines += ["", f"[{table}]"]
            section = table
        about = f"{key.help[0].upper()}{key.help[1:]}."
        lines += [
            "",
            *textwrap.wrap(about, _WIDTH, initial_indent="# ", subsequent_indent="# "),
        ]
        lines.append(f"# {last} = {_example(key)}")
    return "\n".join([*lines, ""])


def _example(key: Key) -> str:
    value = key.default
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return f'"{NONE}"' if key.kind in {"whole", "number"} else '"name"'
    return f'"{value}"' if isinstance(value, str) else f"{value}"
