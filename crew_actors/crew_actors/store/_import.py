# A bundle comes from somewhere else, so everything in it is doubted:
#
# 1. Before anything is unpacked, its list of contents is judged: its length, the names,
#    the kinds and the sizes of its members.
# 2. While it is unpacked, bytes are counted: what a bundle says of itself is a claim.
# 3. It is unpacked beside its place, and moved there only when every hash fits and
#    every event could be folded. What is wrong is told all at once.
# 4. Nothing of an import is ever executed, resumed, or read as a run of this project.
"""Take in bundles, and list them."""

import os
import secrets
import shutil
from pathlib import Path
from typing import Final, final

import attrs

from crew_actors.journal import sync_folder
from crew_actors.store._bundle import LIMITS, MANIFEST, BundleLimits, Manifest
from crew_actors.store._errors import ImportExists
from crew_actors.store._inside import NotReadable, read_inside
from crew_actors.store._judge import (
    Judged,
    NotAManifest,
    judge,
    open_bundle,
    parse_manifest,
)
from crew_actors.store._outgoing import make_hidden

_HOME: Final = "imports"


@final
@attrs.frozen(kw_only=True)
class Import:
    """A run that was imported."""

    run: str
    path: Path
    manifest: Manifest | None
    """None if it cannot be read."""
    problem: str = ""
    """Why it cannot be read."""


def imports_folder(project: Path) -> Path:
    """Tell where imported runs of the project at *project* lie. It need not exist."""
    return project / ".crew" / _HOME


def list_imports(project: Path) -> tuple[Import, ...]:
    """List the imports of a project, by run. Blocks on the disk; changes nothing."""
    home = imports_folder(project)
    if not home.is_dir():
        return ()
    found = (path for path in home.iterdir() if path.is_dir())
    paths = sorted(path for path in found if not path.name.startswith("."))
    return tuple(map(_listed, paths))


def _listed(path: Path) -> Import:
    try:
        manifest = parse_manifest(read_inside(path, MANIFEST, LIMITS.manifest))
    except (NotReadable, NotAManifest) as error:
        return Import(run=path.name, path=path, manifest=None, problem=str(error))
    return Import(run=path.name, path=path, manifest=manifest)


def import_bundle(
    path: Path, project: Path, *, limits: BundleLimits = LIMITS
) -> Import:
    """Unpack the bundle at *path* into the imports of *project*. Blocks on the disk.

    Raises:
      BadBundle: it is none, or not whole. Nothing of it was kept.
      ImportExists: its run was imported before.
      UnsafeFolder: a link stands where the imports belong.
      OSError: the system refused. Nothing of it was kept.
    """
    with open_bundle(path, limits) as bundle:
        judged = judge(path, bundle, limits)
        target = imports_folder(project) / judged.manifest.run
        if os.path.lexists(target):
            raise ImportExists(target)
        return _take(judged, target)


def _take(judged: Judged, target: Path) -> Import:
    home = target.parent
    make_hidden(home)
    incoming = home / f".incoming-{secrets.token_hex(8)}"
    incoming.mkdir(mode=0o700)
    try:
        judged.unpack(incoming)
        if os.path.lexists(target):
            raise ImportExists(target)
        incoming.rename(target)
        sync_folder(home)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)  # it is not there if all is well
    manifest = judged.manifest
    return Import(run=manifest.run, path=target, manifest=manifest)
