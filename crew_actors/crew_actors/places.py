# Where things lie: the user's folders and the project's.
#
# 1. The user's folders come from platformdirs; CREW_HOME, if set, holds both.
# 2. A project is the nearest folder upwards that has a marker of one. The search
#    stops at the user's home folder: a home folder is nobody's project.
# 3. Nothing here creates a folder.
"""The folders of the user and of the project."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import platformdirs

from crew_actors.errors import UserError

_APP = "crew-actors"

_MARKER_FOLDERS = (".git", ".crew", ".hg", ".svn", ".pi")
_MARKER_FILES = (
    "pyproject.toml",
    "package.json",
    "Cargo.toml",
    "go.mod",
    "pom.xml",
    "composer.json",
    "build.gradle",
    "build.gradle.kts",
)


class UnusablePath(UserError):
    """The path of a project is not valid UTF-8, so events cannot name it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        shown = str(self.path).encode("utf-8", "replace").decode()
        return f"the path {shown} is not valid UTF-8: rename the folder"


@attrs.frozen
class Places:
    """The user's own folders. They need not exist."""

    config: Path
    """Agents, teams and workflows of the user, and `config.toml`."""

    data: Path
    """The registry of runs and what the user has agreed to trust."""


@attrs.frozen
class Project:
    """The folder tree that agents work on."""

    root: Path
    """An absolute path without symbolic links."""

    is_repository: bool
    """Whether git keeps it."""

    @property
    def crew_dir(self) -> Path:
        """The folder of the project's resources and runs."""
        return self.root / ".crew"


def user_places(environ: Mapping[str, str]) -> Places:
    """Tell where the user's folders are.

    `CREW_HOME` in *environ*, if it is set and not empty, replaces the folders that
    the system prescribes.
    """
    home = environ.get("CREW_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Places(config=root / "config", data=root / "data")
    return Places(
        config=Path(platformdirs.user_config_dir(_APP, appauthor=False)),
        data=Path(platformdirs.user_data_dir(_APP, appauthor=False)),
    )


def find_project(start: Path) -> Project:
    """Tell which project *start* is in.

    A folder without any marker above it is a project of its own.

    Raises:
      OSError: *start* does not exist or cannot be looked into.
      UnusablePath: its path cannot be written down.
    """
    here = start.resolve(strict=True)
    try:
        str(here).encode()
    except UnicodeEncodeError:
        raise UnusablePath(here) from None
    home = Path.home().resolve()
    for folder in (here, *here.parents):
        if folder == home and folder != here:
            break
        if _has_marker(folder):
            return Project(folder, is_repository=(folder / ".git").exists())
    return Project(here, is_repository=False)


def _has_marker(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in _MARKER_FOLDERS) or any(
        (folder / name).is_file() for name in (".git", *_MARKER_FILES)
    )
