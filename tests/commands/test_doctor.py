import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import attrs
import pytest
import trio
from tests.support.program_bench import FAKES

from crew_actors.commands import Context, _doctor, load_action
from crew_actors.commands._doctor import Diagnosis, DoctorParameters, examine
from crew_actors.config import user_file
from crew_actors.journal import Registry
from crew_actors.model import CommandSpec
from crew_actors.resources import TrustStore
from crew_actors.runtimes import program_of
from crew_actors.runtimes.programs import _probe, greet
from crew_actors.testing.llm import open_fake_llm
from crew_supervisors.processes import ProcessSpec, SpawnFailed


async def levels(context: Context) -> tuple[Diagnosis, dict[str, tuple[str, str]]]:
    found = await examine(DoctorParameters(), context)
    return found, {check.name: (check.level, check.found) for check in found.checks}


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o700)


async def test_a_healthy_system_has_nothing_that_fails(
    context: Context, tmp_path: Path
) -> None:
    program(tmp_path / "bin", "claude", "echo 2.1")
    program(tmp_path / "bin", "git", "echo git version 2.99")
    project = attrs.evolve(context.project, is_repository=True)
    environ = {"PATH": str(tmp_path / "bin"), "ANTHROPIC_API_KEY": "k"}
    well = attrs.evolve(context, project=project, environ=environ)
    found, checks = await levels(well)
    assert [check for check in found.checks if check.level == "fail"] == []
    assert checks["claude"] == ("ok", "2.1; signed in by ANTHROPIC_API_KEY")
    root = context.project.root
    assert checks["git"] == ("ok", f"git version 2.99; {root} is a repository")
    assert checks["resources"] == ("ok", "7 usable teams")
    assert checks["registry"][0] == "ok"
    assert "trio" in checks["libraries"][1]
    action = load_action("doctor")
    assert action.exit_code(found) == 0
    assert action.text(found).splitlines()[0].split()[:2] == ["OK", "crew"]


def test_looking_writes_nothing(context: Context, own_home: Path) -> None:
    trio.run(examine, DoctorParameters(), context)
    assert list(own_home.rglob("*")) == []
    assert list(context.project.root.rglob("*")) == []


async def test_files_that_are_not_there_yet_are_told_as_such(context: Context) -> None:
    settings, store = context.places.config / "config.toml", TrustStore(context.places)
    _, checks = await levels(context)
    assert checks["settings"] == ("ok", f"{settings} (none yet)")
    assert checks["trust"] == ("ok", f"{store.path} (none yet)")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.touch()
    _, checks = await levels(context)
    assert checks["settings"] == ("ok", str(settings))


def _names(context: Context, *providers: str) -> None:
    file = user_file(context.places)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(providers))


def _provider(name: str, url: str, more: str = "") -> str:
    return f'[providers.{name}]\napi = "chat"\nbase_url = "{url}/v1"\n{more}\n'


async def test_a_provider_without_its_key_is_a_warning(context: Context) -> None:
    _names(context, _provider("dear", "http://localhost:1", 'key_env = "DEAR_KEY"'))
    environ = {**context.environ, "OPENAI_API_KEY": "k"}
    _, checks = await levels(attrs.evolve(context, environ=environ))
    told = "there is no key for dear: set DEAR_KEY"
    assert checks["llm:dear"] == ("warn", told)
    assert checks["llm:openai"] == ("ok", "https://api.openai.com/v1")
    assert "llm:anthropic" not in checks


async def test_providers_are_asked_for_their_models_when_that_is_asked(
    context: Context,
) -> None:
    async with open_fake_llm() as llm:
        _names(
            context,
            _provider("good", llm.url),
            _provider("bare", f"{llm.url}/nothing-here"),
            _provider("gone", "http://127.0.0.1:1"),
        )
        environ = {"PATH": ""}
        mine = attrs.evolve(context, environ=environ)
        found = await examine(DoctorParameters(agents=True), mine)
    checks = {one.name: (one.level, one.found) for one in found.checks}
    assert checks["llm:good"] == ("ok", f"{llm.url}/v1; it works")
    assert checks["llm:bare"][0] == "ok"
    assert checks["llm:gone"][0] == "fail"
    assert "cannot be reached" in checks["llm:gone"][1]
    assert not any(one.asked for one in llm.requests)


async def test_what_is_not_there_is_told_with_the_way_out(context: Context) -> None:
    bare = attrs.evolve(context, environ={"PATH": "/nowhere"})
    found, checks = await levels(bare)
    assert checks["git"][0] == "warn"
    assert checks["agent programs"][0] == "warn"
    assert "`survey` needs none" in checks["agent programs"][1]
    assert load_action("doctor").exit_code(found) == 0


async def test_a_folder_that_is_no_repository_is_a_warning(
    context: Context, tmp_path: Path
) -> None:
    program(tmp_path / "bin", "git", "true")
    environ = {"PATH": str(tmp_path / "bin")}
    _, checks = await levels(attrs.evolve(context, environ=environ))
    git = tmp_path / "bin" / "git"
    root = context.project.root
    expected = f"{git} says nothing; {root} is not a git repository"
    assert checks["git"] == ("warn", expected)


async def test_programs_that_are_not_signed_in_say_how(
    context: Context, tmp_path: Path
) -> None:
    for name in ("pi", "codex"):
        program(tmp_path / "bin", name, "true")
    program(tmp_path / "bin", "claude", "")
    (tmp_path / "bin" / "claude").write_text("no program")
    home = tmp_path / "home"
    environ = {"PATH": str(tmp_path / "bin"), "HOME": str(home)}
    _, checks = await levels(attrs.evolve(context, environ=environ))
    way_out = f"there is no OPENAI_API_KEY or {home / '.codex' / 'auth.json'}"
    says = f"{tmp_path / 'bin' / 'codex'} says nothing"
    assert checks["codex"] == ("warn", f"{says}; not signed in: {way_out}")
    assert checks["claude"][0] == "fail"
    (home / "other").mkdir(parents=True)
    (home / "other" / "auth.json").write_text("{}")
    environ["CODEX_HOME"] = str(home / "other")
    _, checks = await levels(attrs.evolve(context, environ=environ))
    signed_in = f"{says}; signed in by {home / 'other' / 'auth.json'}"
    assert checks["codex"] == ("ok", signed_in)


async def test_an_agent_is_signed_in_in_its_own_home_or_not_at_all(
    context: Context, tmp_path: Path
) -> None:
    file = context.places.config / "agents" / "mole.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = "name: mole\ndescription: x\nruntime: codex\nhome: own\nkeys: []"
    file.write_text(f"---\n{lines}\n---\nx\n")
    user = tmp_path / "home" / ".codex" / "auth.json"
    own = context.places.data / "homes" / "user" / "mole" / ".codex" / "auth.json"
    user.parent.mkdir(parents=True)
    user.write_text("{}")
    environ = {"PATH": "", "HOME": str(tmp_path / "home"), "OPENAI_API_KEY": "k"}
    _, checks = await levels(attrs.evolve(context, environ=environ))
    way_out = f"there is no {own}"
    assert checks["agent mole"] == ("warn", f"codex is not signed in: {way_out}")
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    _, checks = await levels(attrs.evolve(context, environ=environ))
    assert checks["agent mole"] == ("ok", f"codex is signed in by {own}")


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "pi"])
async def test_agent_programs_are_greeted_when_that_is_asked(
    context: Context, tmp_path: Path, name: str
) -> None:
    fake = FAKES / f"{'acp' if name == 'gemini' else name}.py"
    line = f'[ "$1" = --version ] && echo 1.0 || exec {sys.executable} {fake} "$@"'
    program(tmp_path / "bin", name, line)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    environ = {"PATH": path, "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"}
    environ["GEMINI_API_KEY"] = "k"
    well = attrs.evolve(context, environ=environ)
    found = await examine(DoctorParameters(agents=True), well)
    (check,) = (one for one in found.checks if one.name == name)
    assert (check.level, check.found[-8:]) == ("ok", "it works"), check
    program(tmp_path / "bin", name, '[ "$1" = --version ] && echo 1.0')
    found = await examine(DoctorParameters(agents=True), well)
    (check,) = (one for one in found.checks if one.name == name)
    assert check.level == "fail"
    assert "does not speak its protocol" in check.found


async def test_a_program_that_does_not_answer_is_not_waited_for(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_probe, "GREETING", 0.2)
    program(tmp_path / "bin", "pi", "sleep 60")
    gone = CommandSpec(argv=(str(tmp_path / "gone"),))
    slow = CommandSpec(argv=(str(tmp_path / "bin" / "pi"),))
    root, environ = context.project.root, {"PATH": "/usr/bin:/bin"}
    assert "not answered" in str(await greet(program_of("pi"), slow, root, environ))
    assert "cannot be started" in str(
        await greet(program_of("pi"), gone, root, environ)
    )


def break_settings(context: Context) -> None:
    context.places.config.mkdir(parents=True)
    (context.places.config / "config.toml").write_text("a = 1\nb = 2\n")


def break_trust(context: Context) -> None:
    store = TrustStore(context.places)
    store.path.parent.mkdir(parents=True)
    store.path.write_text("no json")


def break_registry(context: Context) -> None:
    registry = Registry.of(context.places)
    registry.path.parent.mkdir(parents=True)
    registry.path.write_bytes(b"no database" * 100)


def break_resources(context: Context) -> None:
    folder = context.project.crew_dir / "teams"
    folder.mkdir(parents=True)
    (folder / "bad.team.md").write_text("no frontmatter")


def warn_resources(context: Context) -> None:
    folder = context.project.crew_dir / "workflows"
    folder.mkdir(parents=True)
    text = "---\nname: odd\nflavour: sweet\n---\n\n## map\n\nx\n"
    (folder / "odd.workflow.md").write_text(text)


def block_runs(context: Context) -> None:
    context.project.crew_dir.write_text("a file")


@pytest.mark.parametrize(
    ("harm", "name", "level"),
    [
        (break_settings, "settings", "fail"),
        (break_trust, "trust", "fail"),
        (break_registry, "registry", "warn"),
        (break_resources, "resources", "fail"),
        (warn_resources, "resources", "warn"),
        (block_runs, "runs", "fail"),
    ],
)
async def test_what_is_damaged_is_found(
    context: Context, harm: Callable[[Context], None], name: str, level: str
) -> None:
    harm(context)
    found, checks = await levels(context)
    assert checks[name][0] == level
    action = load_action("doctor")
    assert action.exit_code(found) == (1 if level == "fail" else 0)
    assert len(action.text(found).splitlines()) == len(found.checks)


async def test_processes_that_cannot_be_started_are_a_failure(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def fail(spec: ProcessSpec, **_: object) -> object:
        raise SpawnFailed(spec.name, "no more processes")

    program(tmp_path / "bin", "git", "true")
    monkeypatch.setattr(_doctor, "run_process", fail)
    environ = {"PATH": str(tmp_path / "bin")}
    _, checks = await levels(attrs.evolve(context, environ=environ))
    assert checks["processes"][0] == "fail"
    assert checks["git"] == ("fail", f"{tmp_path / 'bin' / 'git'} cannot be run")


async def test_a_weaker_containment_is_a_warning(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ProcessSpec

    def weaker(**options: object) -> ProcessSpec:
        return real(**options, containment="group")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - passed through

    monkeypatch.setattr(_doctor, "ProcessSpec", weaker)
    _, checks = await levels(context)
    assert checks["processes"][0] == "warn"
    assert checks["processes"][1].startswith("contained by group")


async def test_a_missing_library_is_a_failure(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "trio":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    found = await examine(DoctorParameters(), context)
    failed = [check.found for check in found.checks if check.level == "fail"]
    assert failed == ["trio is not installed; install crew-actors again"]


async def test_a_system_that_is_not_supported_is_a_warning(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = attrs.evolve(context, environ={"PATH": os.defpath})
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "plan9")
        checks = {check.name: check.level for check in _doctor._versions()}
    assert checks["system"] == "warn"
    assert (await levels(quiet))[1]["system"][0] == "ok"
