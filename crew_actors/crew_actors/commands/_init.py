# What is there stays, unless it is to be overwritten; then it is kept beside. Called
# again, it finds everything done and writes nothing.
"""`crew init`: make a place for settings and resources."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import attrs

from crew_actors import resources
from crew_actors.commands._layout import columns
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.config import project_file, replace_file, template, user_file
from crew_actors.errors import UserError, about
from crew_actors.observe import escaped
from crew_actors.places import Project

_BUILTIN: Final = Path(resources.__file__).parent / "builtin"
_KINDS: Final = ("agents", "teams", "workflows")
_IGNORED: Final = (".crew/runs/", ".crew/worktrees/")


@attrs.frozen(kw_only=True)
class InitParameters:
    """What to make, and where."""

    scope: Literal["project", "user"] = attrs.field(
        default="project", metadata=told("whose: this project's, or your own")
    )
    copy_builtins: bool = attrs.field(
        default=False,
        metadata=told(
            "copy the built-in agents, teams and workflows, to change them; with "
            "--scope user, for a project cannot replace what is built in"
        ),
    )
    overwrite: bool = attrs.field(
        default=False, metadata=told("replace what is there, and keep it beside")
    )
    ignore: Literal["gitignore", "exclude"] = attrs.field(
        default="gitignore",
        metadata=told(
            "where git is told to ignore runs: in .gitignore, for everybody, or in "
            ".git/info/exclude, for you alone"
        ),
    )


@attrs.frozen(kw_only=True)
class Step:
    """What became of one file or folder."""

    done: Literal["made", "kept", "replaced", "added"]
    path: Path
    note: str = ""


@attrs.frozen(kw_only=True)
class Initialised:
    """All that was done."""

    steps: tuple[Step, ...]


class NotInProject(UserError):
    """Something leads out of the project. It was not written to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} leads out of the project; remove the link and try again"


def initialise(parameters: InitParameters, context: Context) -> Initialised:
    """Make the folder for settings and resources, and tell git what to ignore.

    Raises:
      BadParameters: a project cannot have copies of what is built in.
      NotInProject: a link leads out of the project. What stands before it is done.
      OSError: something cannot be written; likewise.
    """
    mine = parameters.scope == "project"
    if mine and parameters.copy_builtins:
        why = "a project cannot replace what is built in; use it with --scope user"
        raise BadParameters("init", (f"--copy-builtins: {why}",))
    project = context.project if mine else None
    path = project_file(project) if project else user_file(context.places)
    if project is not None:
        _check_inside(path, project)
    text = template(project=mine)
    steps = [_file(path, text, overwrite=parameters.overwrite, private=not mine)]
    if mine:
        steps += [_folder(path.parent / kind, context.project) for kind in _KINDS]
        steps += _ignore(context.project, parameters.ignore)
    elif parameters.copy_builtins:
        steps += _copies(path.parent, overwrite=parameters.overwrite)
    return Initialised(steps=tuple(steps))


def _check_inside(path: Path, project: Project) -> None:
    if not path.resolve().is_relative_to(project.root):
        raise NotInProject(path)


def _file(path: Path, text: str, *, overwrite: bool, private: bool) -> Step:
    if path.exists():
        if not overwrite or path.read_bytes() == text.encode():
            return Step(done="kept", path=path)
        backup = replace_file(path, text, private=private).backup
        return Step(done="replaced", path=path, note=f"what it was is in {backup}")
    replace_file(path, text, private=private)
    return Step(done="made", path=path)


def _folder(path: Path, project: Project) -> Step:
    _check_inside(path, project)
    if path.is_dir():
        return Step(done="kept", path=path)
    with about(path):
        path.mkdir(parents=True)
    return Step(done="made", path=path)


def _copies(home: Path, *, overwrite: bool) -> Iterator[Step]:
    for kind in _KINDS:
        for source in sorted((_BUILTIN / kind).glob("*.md")):
            text = source.read_text(encoding="utf-8")
            yield _file(
                home / kind / source.name, text, overwrite=overwrite, private=True
            )


def _ignore(project: Project, how: str) -> Iterator[Step]:
    if not project.is_repository:
        return
    path = project.root / ".gitignore"
    if how == "exclude":
        path = _git_folder(project.root) / "info" / "exclude"
    else:
        _check_inside(path, project)
    before = path.read_bytes() if path.exists() else None
    data = before or b""
    text = data.decode("utf-8", "surrogateescape")
    there = {line.strip().strip("/") for line in text.splitlines()}
    missing = [
        one
        for one in _IGNORED
        if not {one.strip("/"), ".crew", ".crew/*", ".crew/**"} & there
    ]
    if not missing:
        yield Step(done="kept", path=path, note="it names the runs already")
        return
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else end
    with about(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, f"{gap}{end.join(missing)}{end}".encode(), before)
    done: Literal["added", "made"] = "added" if data else "made"
    yield Step(done=done, path=path, note=" ".join(missing))


def _append(path: Path, more: bytes, before: bytes | None) -> None:
    """Add *more* to what the file was *before*: all of it, or nothing."""
    try:
        with path.open("ab") as file:
            file.write(more)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        if before is not None:
            os.truncate(path, len(before))
        else:
            path.unlink(missing_ok=True)
        raise


def _git_folder(root: Path) -> Path:
    """Return the folder in which git keeps what all worktrees share."""
    found = root / ".git"
    if found.is_file():
        words = found.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
        found = root / words
    shared = found / "commondir"
    if shared.is_file():
        found = found / shared.read_text(encoding="utf-8").strip()
    return found


def _text(result: Initialised) -> str:
    rows = [
        (one.done, escaped(f"{one.path}" + (f" ({one.note})" if one.note else "")))
        for one in result.steps
    ]
    return "\n".join(columns(rows, indent="", whole=True))


ACTION = Action(name="init", parameters=InitParameters, handler=initialise, text=_text)
