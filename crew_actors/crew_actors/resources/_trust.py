# What comes with a repository is executed only after its user has agreed to it.
#
# 1. An agreement covers a project, an agent and exact content: the agent's file and
#    each file of the project that its command names. When any of them changes, the
#    agreement is void. What else the command runs is not covered, and `note` says so.
# 2. Built-in agents and those of the user need no agreement.
# 3. The record is replaced as a whole (temporary file, fsync, rename). One that
#    cannot be understood is reported, never emptied and never written over.
"""What the user has agreed to execute."""

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

import attrs

from crew_actors.model import LIVE, CommandSpec, PlannedTask
from crew_actors.places import Places, Project
from crew_actors.resources._content import hash_of, named_files
from crew_actors.resources._errors import TrustStoreDamaged
from crew_actors.resources._resources import Agent, Catalog

SHELL: Final = CommandSpec(argv=("bash",))
"""What a live agent with a shell runs, as far as it can be said."""

_VERSION: Final = 1
_ONLY: Final = "only these files are covered by this consent, not what else it runs"
_NOTHING: Final = "the files it runs are not covered by this consent"


@attrs.frozen
class Executable:
    """A command that comes with the project, as it is now."""

    agent: str
    argv: tuple[str, ...]
    sha256: str
    """Over the agent's file, *argv* and *files*, in hexadecimal digits. What
    `content_hash` returns for the same content."""

    files: tuple[str, ...] = ()
    """Files of the project that the command names, relative to the project. One that
    is reached through a link is `as written -> where it is`."""

    env: tuple[str, ...] = ()
    """Names of the user's variables that the command would see."""

    path: Path = Path()
    """The agent's file."""

    @property
    def covers_files(self) -> bool:
        """Whether any file of the project is part of the content."""
        return bool(self.files)

    @property
    def note(self) -> str:
        """What an agreement to it does not cover. Show it wherever you ask for one."""
        return _ONLY if self.covers_files else _NOTHING


def executables(
    catalog: Catalog, planned: Iterable[PlannedTask]
) -> tuple[Executable, ...]:
    """Return the commands of the project's own agents that *planned* would run.

    A live agent that has a shell counts as one: it runs what its model likes, which is
    told what to do by the agent's file.

    Reads the files that they name. A file that is not there or cannot be read is
    no error.
    """
    project = catalog.project
    if project is None:
        return ()
    tasks = tuple(planned)
    live = {task.agent for task in tasks if task.writes and task.runtime == LIVE}
    agents = {task.agent: catalog.agents.get(task.agent) for task in tasks}
    found = (
        _executable(agent, project, is_live=name in live or agent.runtime == LIVE)
        for name, agent in sorted(agents.items())
        if agent is not None and agent.source.tier == "project"
    )
    return tuple(executable for executable in found if executable is not None)


@attrs.frozen
class TrustStore:
    """The user's record of agreements, in the folder for data."""

    places: Places

    @property
    def path(self) -> Path:
        """The file that holds the record. It need not exist."""
        return self.places.data / "trust.json"

    def missing(
        self, project: Project, executables: Iterable[Executable]
    ) -> tuple[Executable, ...]:
        """Return those *executables* whose content the user has not agreed to.

        Raises:
          TrustStoreDamaged: the record cannot be understood.
          OSError: the record cannot be read.
        """
        agreed = self._read().get(str(project.root), {})
        return tuple(one for one in executables if agreed.get(one.agent) != one.sha256)

    def grant(self, project: Project, executables: Iterable[Executable]) -> None:
        """Record that the user agrees to *executables*, exactly as they are.

        When it returns, the record is on disk. Of two processes that do this at the
        same moment, one may have to ask its user again.

        Raises:
          TrustStoreDamaged: the record cannot be understood. It was left alone.
          OSError: the record cannot be read or written. It is as it was.
        """
        record = self._read()
        agreed = record.setdefault(str(project.root), {})
        agreed.update({one.agent: one.sha256 for one in executables})
        _replace(self.path, {"version": _VERSION, "projects": record})

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            raise TrustStoreDamaged(self.path, "is not UTF-8") from None
        try:
            content: object = json.loads(text)
        except (ValueError, RecursionError):
            raise TrustStoreDamaged(self.path, "is not JSON") from None
        return _structured(content, self.path)


def _structured(content: object, path: Path) -> dict[str, dict[str, str]]:
    if not isinstance(content, dict):
        raise TrustStoreDamaged(path, "is not an object")
    record = cast("dict[str, object]", content)
    if record.get("version") != _VERSION:
        reason = f"has version {record.get('version')!r} instead of {_VERSION}"
        raise TrustStoreDamaged(path, reason)
    projects = record.get("projects")
    if not isinstance(projects, dict):
        raise TrustStoreDamaged(path, "has no object 'projects'")
    for agreed in cast("dict[str, object]", projects).values():
        agents = cast("dict[str, object]", agreed) if isinstance(agreed, dict) else None
        if agents is None or not all(isinstance(one, str) for one in agents.values()):
            raise TrustStoreDamaged(path, "has a project without texts for agents")
    return cast("dict[str, dict[str, str]]", projects)


def _replace(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".trust-", suffix=".json")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # nothing half-made stays, whatever it was
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename last."""
    if not _can_sync_folders():
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _can_sync_folders() -> bool:
    return os.name != "nt"  # Windows opens no folder, and orders renames itself


def _executable(agent: Agent, project: Project, *, is_live: bool) -> Executable | None:
    command = agent.command
    if command is None and is_live and (agent.tools is None or "bash" in agent.tools):
        command = SHELL
    if command is None:
        return None
    files = named_files(project.root, command.argv)
    return Executable(
        agent=agent.name,
        argv=command.argv,
        sha256=hash_of(agent.source.sha256, command.argv, files),
        files=tuple(sorted(files)),
        env=command.env,
        path=agent.source.path,
    )
