# Each check looks at the thing itself: what is started is started the way agents are,
# what is read is read the way runs read it. Nothing is written.
"""`crew doctor`: check what runs depend on."""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

import attrs
import trio

from crew_actors import __version__
from crew_actors.commands._layout import columns
from crew_actors.commands._table import Action, Context
from crew_actors.config import load_config, user_file
from crew_actors.journal import Registry
from crew_actors.observe import counted, escaped
from crew_actors.resources import (
    ResourceError,
    TrustStore,
    load_catalog,
    validate_all,
)
from crew_actors.runtimes import AGENT_CLIS
from crew_supervisors.processes import ProcessError, ProcessSpec, run_process

Level = Literal["ok", "warn", "fail"]

_LIBRARIES: Final = (
    *("attrs", "cattrs", "click", "markdown-it-py", "msgspec"),
    *("platformdirs", "psutil", "rich", "ruamel.yaml", "tomlkit", "trio"),
)
_PROBE_LIMIT: Final = 15.0
"""Seconds that a program which is only started and ended may take."""


@attrs.frozen(kw_only=True)
class DoctorParameters:
    """Nothing can be chosen."""


@attrs.frozen
class Check:
    """One thing that was looked at."""

    name: str
    level: Level
    found: str
    """What there is, and the way out if it is not well."""


@attrs.frozen(kw_only=True)
class Diagnosis:
    """All that was looked at."""

    checks: tuple[Check, ...]


async def examine(_: DoctorParameters, context: Context) -> Diagnosis:
    """Check Python, the system, the folders, the programs and what is stored.

    Starts two programs that end at once. Takes up to 15 seconds for each.
    """
    return Diagnosis(
        checks=(
            *_versions(),
            await _containment(),
            await _git(context),
            _agent_clis(context),
            *_folders(context),
            _settings(context),
            _resources(context),
            _consents(context),
            _registry(context),
        )
    )


def _versions() -> Iterator[Check]:
    yield Check("crew", "ok", __version__)
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    supported = sys.platform in {"linux", "darwin"}
    yield Check("system", "ok" if supported else "warn", platform.platform())
    yield Check("sqlite", "ok", sqlite3.sqlite_version)
    found: list[str] = []
    for library in _LIBRARIES:
        try:
            found.append(f"{library} {metadata.version(library)}")
        except metadata.PackageNotFoundError:
            way_out = "is not installed; install crew-actors again"
            yield Check("libraries", "fail", f"{library} {way_out}")
    yield Check("libraries", "ok", ", ".join(found))


async def _containment() -> Check:
    """Start a program as agents are started, and tell what holds its tree."""
    argv = (sys.executable, "-I", "-S", "-c", "")
    spec = ProcessSpec(name="doctor", argv=argv, wall=_PROBE_LIMIT)
    try:
        ended = await run_process(spec)
    except ProcessError as error:
        return Check("processes", "fail", f"no agent can be started: {error}")
    kind = ended.report.containment
    if kind == "warden":
        return Check("processes", "ok", "contained by a warden")
    what = "a process that leaves its session or tree may escape a stop"
    return Check("processes", "warn", f"contained by {kind}: {what}")


async def _git(context: Context) -> Check:
    root = context.project.root
    program = shutil.which("git", path=context.environ.get("PATH", os.defpath))
    if program is None:
        return Check("git", "warn", "not on your PATH; teams cannot read the history")
    spec = ProcessSpec(name="git", argv=(program, "--version"), wall=_PROBE_LIMIT)
    said = await _first_line(spec)
    if said is None:
        return Check("git", "fail", f"{program} cannot be run")
    version = said or f"{program} says nothing"
    if not context.project.is_repository:
        return Check("git", "warn", f"{version}; {root} is not a git repository")
    return Check("git", "ok", f"{version}; {root} is a repository")


async def _first_line(spec: ProcessSpec) -> str | None:
    """Return the first line that the program prints; None if it cannot be run."""
    said: list[str] | None
    try:
        async with trio.open_nursery() as nursery:
            process = await nursery.start(run_process, spec)
            said = [line.text async for line in process.lines()]
    except* ProcessError:
        said = None
    return None if said is None else "".join(said[:1])


def _agent_clis(context: Context) -> Check:
    path = context.environ.get("PATH", os.defpath)
    found = [
        name
        for name, command in AGENT_CLIS.items()
        if shutil.which(command.argv[0], path=path) is not None
    ]
    if found:
        return Check("agent CLIs", "ok", ", ".join(found))
    known = ", ".join(AGENT_CLIS)
    hint = f"none of {known} is on your PATH; the team `survey` needs none"
    return Check("agent CLIs", "warn", hint)


def _folders(context: Context) -> Iterator[Check]:
    yield _writable("your folder", context.places.data)
    yield _writable("runs", context.project.crew_dir)


def _writable(name: str, folder: Path) -> Check:
    """Tell whether *folder*, or else the nearest one above it, takes new files."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check(name, "ok", str(folder))
    return Check(name, "fail", f"{folder}: {there} does not take new files")


def _settings(context: Context) -> Check:
    found = load_config(
        context.places, project=context.project, environ=context.environ
    )
    if found.problems:
        level: Level = "warn" if found.warnings == found.problems else "fail"
        return Check("settings", level, "\n".join(map(str, found.problems)))
    return Check("settings", "ok", _file(user_file(context.places)))


def _file(path: Path) -> str:
    return str(path) if path.exists() else f"{path} (none yet)"


def _resources(context: Context) -> Check:
    catalog = load_catalog(context.places, context.project)
    problems = validate_all(catalog)
    errors = sum(problem.severity == "error" for problem in problems)
    usable = counted(len(catalog.teams), "usable team")
    if errors:
        found = f"{counted(errors, 'error')}; crew validate tells them"
        return Check("resources", "fail", found)
    if problems:
        found = f"{counted(len(problems), 'warning')}; crew validate tells them"
        return Check("resources", "warn", f"{usable}, {found}")
    return Check("resources", "ok", usable)


def _consents(context: Context) -> Check:
    store = TrustStore(context.places)
    try:
        store.missing(context.project, ())
    except (ResourceError, OSError) as error:
        return Check("trust", "fail", str(error))
    return Check("trust", "ok", _file(store.path))


def _registry(context: Context) -> Check:
    registry = Registry.of(context.places)
    found = registry.list(everywhere=True)
    if found.problem:
        hint = "the next run puts a damaged one aside; runs of a project stay listed"
        return Check("registry", "warn", f"{found.problem} ({hint})")
    return Check(
        "registry", "ok", f"{counted(len(found.runs), 'run')}, {registry.path}"
    )


def _text(found: Diagnosis) -> str:
    rows = [
        (one.level.upper(), one.name, escaped(one.found.replace("\n", "; ")))
        for one in found.checks
    ]
    return "\n".join(columns(rows, indent="", whole=True))


def _exit_code(found: Diagnosis) -> int:
    return 1 if any(one.level == "fail" for one in found.checks) else 0


ACTION = Action[DoctorParameters, Diagnosis](
    name="doctor",
    parameters=DoctorParameters,
    handler=examine,
    text=_text,
    exit_code=_exit_code,
)
