# Each check looks at the thing itself: what is started is started the way agents are,
# what is read is read the way runs read it. Nothing is written.
"""`crew doctor`: check what runs depend on."""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import aclosing
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import attrs
import trio

from crew_actors import __version__
from crew_actors.commands._layout import columns
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.config import load_config, user_file
from crew_actors.journal import Registry
from crew_actors.llm import (
    ENGINE,
    LOCAL_URL,
    Models,
    NoLocalModel,
    missing_key,
    weights_of,
)
from crew_actors.model import Provider
from crew_actors.observe import counted, escaped
from crew_actors.resources import (
    ResourceError,
    TrustStore,
    home_of,
    load_catalog,
    validate_all,
)
from crew_actors.runtimes import (
    AGENT_PROGRAMS,
    at_home,
    program_of,
    signed_in_by,
    ways_to_sign_in,
)
from crew_supervisors.processes import (
    EnvPolicy,
    ProcessError,
    ProcessSpec,
    run_process,
)

Level = Literal["ok", "warn", "fail"]

_LIBRARIES: Final = (
    *("attrs", "cattrs", "click", "h11", "httpx2", "msgspec", "platformdirs", "psutil"),
    *("rich", "ruamel.yaml", "tomlkit", "trio", "trio-websocket"),
)
_PROBE_LIMIT: Final = 15.0
"""Seconds that a program which is only started and ended may take."""


@attrs.frozen(kw_only=True)
class DoctorParameters:
    """How much to look at."""

    agents: bool = attrs.field(
        default=False,
        metadata=told(
            "start each agent program and see whether it speaks its protocol, and "
            "whether each provider of models takes its key; no model is asked"
        ),
    )


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


async def examine(parameters: DoctorParameters, context: Context) -> Diagnosis:
    """Check Python, the system, the folders, the programs and what is stored.

    Starts Python, git and the agent programs, to end at once; that takes up to 15
    seconds for each. Agent programs that are to be greeted have 30 more, and providers
    of models 15.
    """
    return Diagnosis(
        checks=(
            *_versions(),
            await _containment(),
            await _git(context),
            *await _agent_programs(context, greets=parameters.agents),
            *await _providers(context, greets=parameters.agents),
            *_homes(context),
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


async def _agent_programs(context: Context, *, greets: bool) -> list[Check]:
    """Tell of each program that is there; of all at once, for some are slow."""
    path = context.environ.get("PATH", os.defpath)
    found = {
        name: program
        for name, command in AGENT_PROGRAMS.items()
        if (program := shutil.which(command.argv[0], path=path)) is not None
    }
    if not found:
        known = ", ".join(AGENT_PROGRAMS)
        hint = (
            f"none of {known} is on your PATH; the team `survey` needs none, nor do "
            "live agents (--agent-runtime llm:PROVIDER/MODEL)"
        )
        return [Check("agent programs", "warn", hint)]
    checks: dict[str, Check] = {}

    async def look(name: str, program: str) -> None:
        checks[name] = await _agent_program(name, program, context, greets=greets)

    async with trio.open_nursery() as nursery:
        for name, program in found.items():
            nursery.start_soon(look, name, program)
    return [checks[name] for name in found]


async def _agent_program(
    name: str, program: str, context: Context, *, greets: bool
) -> Check:
    environ = context.environ
    env = EnvPolicy(inherit=(), extra=EnvPolicy().build(environ))
    argv = (program, "--version")
    spec = ProcessSpec(name=name, argv=argv, env=env, wall=_PROBE_LIMIT)
    version = await _first_line(spec)
    if version is None:
        return Check(name, "fail", f"{program} cannot be run")
    found = [version or f"{program} says nothing"]
    level: Level = "ok"
    by = signed_in_by(name, environ)
    if by is None:
        level = "warn"
        found.append(f"not signed in: there is no {ways_to_sign_in(name, environ)}")
    else:
        found.append(f"signed in by {by}")
    if greets:
        command = attrs.evolve(
            AGENT_PROGRAMS[name], argv=(program, *AGENT_PROGRAMS[name].argv[1:])
        )
        from crew_actors.runtimes.programs import greet  # noqa: PLC0415 - only when asked for

        why = await greet(program_of(name), command, context.project.root, environ)
        level = level if why is None else "fail"
        found.append("it works" if why is None else why)
    return Check(name, level, "; ".join(found))


def _homes(context: Context) -> Iterator[Check]:
    """Tell of each agent with a home of its own whether it is signed in there."""
    catalog = load_catalog(context.places, context.project)
    for agent in catalog.agents.values():
        home, program = home_of(catalog, agent), agent.runtime
        if home is None or program is None or program not in AGENT_PROGRAMS:
            continue
        environ = at_home(context.environ, home)
        by = signed_in_by(program, environ, agent.keys)
        found = (
            f"{program} is signed in by {by}"
            if by is not None
            else f"{program} is not signed in: there is no "
            f"{ways_to_sign_in(program, environ, agent.keys)}"
        )
        yield Check(f"agent {agent.name}", "warn" if by is None else "ok", found)


async def _providers(context: Context, *, greets: bool) -> list[Check]:
    """Tell of each provider that the user has named, or has a key for."""
    settings = load_config(context.places, environ=context.environ).settings
    mine = {one.name for one in settings.providers}
    checks: list[Check] = []
    async with aclosing(Models(settings.providers, context.environ)) as models:
        for name, provider in models.providers.items():
            missing = missing_key(provider, context.environ)
            if missing is not None:
                if name in mine:
                    checks.append(Check(f"llm:{name}", "warn", missing))
                continue
            if provider.base_url == LOCAL_URL:
                checks += _local_models(provider)
                continue
            found = provider.base_url
            level: Level = "ok"
            if greets:
                why = await models.greet(provider)
                level = level if why is None else "fail"
                found += f"; {'it works' if why is None else why}"
            checks.append(Check(f"llm:{name}", level, found))
    return checks


def _local_models(provider: Provider) -> Iterator[Check]:
    """Tell of models on this machine, where there is what runs them."""
    if find_spec(ENGINE) is None:
        return
    for model in provider.models:
        try:
            weights = weights_of(model)
        except NoLocalModel as error:
            yield Check(f"llm:{provider.name}", "warn", str(error))
        else:
            yield Check(f"llm:{provider.name}", "ok", f"{model}: {weights.name}")


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
