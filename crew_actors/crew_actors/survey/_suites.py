# Which test tools a repository uses, and the command that starts each. Pure.
#
# A tool is told by its own configuration first, by its files second. The command is
# what a person would type in the folder of the evidence; it is never executed here.
"""Test suites and CI, told from files."""

import re
from collections.abc import Iterator

import attrs

from crew_actors.survey._data import Json, View
from crew_actors.survey._entry_points import load_ini, load_json, load_toml
from crew_actors.survey._paths import file_name, folder_of, suffix_of
from crew_actors.survey._shown import one_line, shown_path

_RUNNERS = (
    "vitest",
    "jest",
    "mocha",
    "ava",
    "playwright",
    "cypress",
    "karma",
    "tape",
    "node --test",
)
_MAKE_TEST = re.compile(r"^(test|check|tests|unittest)[ \t]{0,9}:(?!=)", re.MULTILINE)
_RUN = re.compile(
    r"^\s{0,40}-?\s{0,9}run:[ \t]{0,9}(?:[|>][-+]?[ \t]{0,9}\n\s{0,40})?([^\n]{1,1000})",
    re.MULTILINE,
)
_TESTING = re.compile(
    r"\b(?:pytest|unittest|tox|nox|jest|vitest|mocha|test|check|ctest|rspec|phpunit|hatch)\b"
)


@attrs.frozen
class Suite:
    """One way to run tests."""

    tool: str
    run: str
    """The command, as one would type it in the root of the repository."""

    evidence: str
    """The file that says so."""

    def data(self) -> Json:
        """Return it for the report."""
        return {
            "tool": self.tool,
            "run": one_line(self.run, 160),
            "evidence": shown_path(self.evidence),
        }


@attrs.frozen
class Ci:
    """One configuration of a CI service."""

    system: str
    path: str
    commands: tuple[str, ...] = ()
    """Those of its commands that look like tests."""

    def data(self) -> Json:
        """Return it for the report."""
        return {
            "system": self.system,
            "path": shown_path(self.path),
            "commands": [one_line(command, 120) for command in self.commands],
        }


def _inside(path: str, command: str) -> str:
    folder = folder_of(path)
    return f"cd {folder} && {command}" if folder else command


def suites_of(path: str, text: str) -> Iterator[Suite]:
    """Yield the suites that the configuration file *path* tells of."""
    name = file_name(path)
    for tool, command in _declared(name, text):
        yield Suite(tool, _inside(path, command), path)


_JVM_TOOLS = ("junit", "testng")  # codespell:ignore testng
_TOLD_BY_NAME = {
    "pytest.ini": ("pytest", "python -m pytest"),
    "conftest.py": ("pytest", "python -m pytest"),
    "tox.ini": ("tox", "tox"),
    "noxfile.py": ("nox", "nox"),
    "phpunit.xml": ("phpunit", "vendor/bin/phpunit"),
    "phpunit.xml.dist": ("phpunit", "vendor/bin/phpunit"),
    ".rspec": ("rspec", "bundle exec rspec"),
    "mix.exs": ("ExUnit", "mix test"),
}


def _declared(name: str, text: str) -> Iterator[tuple[str, str]]:
    if name in _TOLD_BY_NAME:
        yield _TOLD_BY_NAME[name]
    elif name == "pyproject.toml":
        yield from _pyproject(text)
    elif name == "package.json":
        yield from _package_json(load_json(text))
    elif name.lower() in {"makefile", "gnumakefile", "justfile"}:
        found = _MAKE_TEST.search(text)
        if found:
            tool = "just" if name.lower() == "justfile" else "make"
            yield tool, f"{tool} {found[1]}"
    else:
        yield from _by_content(name, text)


def _pyproject(text: str) -> Iterator[tuple[str, str]]:
    tool = load_toml(text).at("tool")
    if tool.at("pytest") or "pytest" in text:
        yield "pytest", "python -m pytest"
    if tool.at("tox"):
        yield "tox", "tox"
    if tool.at("hatch").at("envs").at("hatch-test"):
        yield "hatch", "hatch test"


def _by_content(name: str, text: str) -> Iterator[tuple[str, str]]:
    lowered = text.lower()
    if name == "setup.cfg" and load_ini(text).has_section("tool:pytest"):
        yield "pytest", "python -m pytest"
    elif name == "CMakeLists.txt" and "enable_testing" in text:
        yield "ctest", "ctest --test-dir build"
    elif name == "pom.xml" and any(tool in lowered for tool in _JVM_TOOLS):
        yield "maven", "mvn test"
    elif name in {"build.gradle", "build.gradle.kts"} and "test" in lowered:
        yield "gradle", "./gradlew test"
    elif name == "Gemfile" and "rspec" in text:
        yield "rspec", "bundle exec rspec"


def _package_json(view: View) -> Iterator[tuple[str, str]]:
    command = view.at("scripts").text("test")
    if command and "no test specified" not in command:
        tool = next((runner for runner in _RUNNERS if runner in command), "npm")
        yield tool.partition(" ")[0], "npm test"
        return
    for key in ("devDependencies", "dependencies"):
        for runner in _RUNNERS[:4]:
            if view.text("jest") or view.at(key).text(runner):
                yield runner, f"npx {runner}"
                return


def ci_of(path: str, text: str) -> Ci | None:
    """Return what the file *path* says about CI, or None."""
    name = file_name(path)
    if path.startswith(
        (".github/workflows/", ".gitea/workflows/", ".forgejo/workflows/")
    ) and suffix_of(path) in {".yml", ".yaml"}:
        system = {".github": "GitHub Actions", ".gitea": "Gitea Actions"}.get(
            path.partition("/")[0], "Forgejo Actions"
        )
    else:
        system = _SYSTEMS.get(path if path in _SYSTEMS else name, "")
        if not system or (name != path and path not in _SYSTEMS):
            return None
    commands = [
        command.strip() for command in _RUN.findall(text) if _TESTING.search(command)
    ]
    return Ci(system, path, tuple(dict.fromkeys(commands))[:4])


_SYSTEMS = {
    ".gitlab-ci.yml": "GitLab CI",
    ".circleci/config.yml": "CircleCI",
    ".travis.yml": "Travis CI",
    "azure-pipelines.yml": "Azure Pipelines",
    "Jenkinsfile": "Jenkins",
    "appveyor.yml": "AppVeyor",
    ".appveyor.yml": "AppVeyor",
    ".cirrus.yml": "Cirrus CI",
    ".drone.yml": "Drone",
    ".woodpecker.yml": "Woodpecker",
    "bitbucket-pipelines.yml": "Bitbucket Pipelines",
    ".buildkite/pipeline.yml": "Buildkite",
    ".builds.yml": "sourcehut",
    ".ci/run": "a script of its own",
}
