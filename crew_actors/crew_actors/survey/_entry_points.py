# Where one starts a program of this repository. Pure: texts in, entry points out.
#
# 1. Each reader takes the text of one file and never raises: a broken manifest has
#    no entry points.
# 2. What is shown of a command is one masked line.
"""Entry points: scripts, programs, images, targets and workflows."""

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import cast

import attrs

from crew_actors.survey._data import Json, View
from crew_actors.survey._paths import file_name, folder_of, is_sample, suffix_of
from crew_actors.survey._shown import one_line, shown_path

_MAIN = re.compile(
    r"""^if[ \t]{1,9}__name__[ \t]{0,9}==[ \t]{0,9}['"]__main__['"]""", re.MULTILINE
)
_SETUP = re.compile(
    r"""['"]([\w.-]{1,80})\s{0,9}=\s{0,9}([\w.]{1,200}:[\w.]{1,100})['"]"""
)
_GO_PACKAGE = re.compile(r"^package main\b", re.MULTILINE)
_GO_MAIN = re.compile(r"^func main\(\)", re.MULTILINE)
_TARGET = re.compile(r"^([A-Za-z0-9][\w./-]{0,60})[ \t]{0,9}:(?![=:])", re.MULTILINE)
_IMAGE = re.compile(
    r"^(ENTRYPOINT|CMD)[ \t]{1,20}(.{1,1000})", re.MULTILINE | re.IGNORECASE
)
_WORKFLOW = re.compile(r"^name:[ \t]{0,20}(.{1,1000})", re.MULTILINE)
_TARGETS_SHOWN = 20


@attrs.frozen
class EntryPoint:
    """One way into the program."""

    kind: str
    name: str
    target: str
    place: str

    def data(self) -> Json:
        """Return it for the report: printable, bounded, masked."""
        return {
            "kind": self.kind,
            "name": one_line(self.name, 100),
            "target": one_line(self.target, 160),
            "place": shown_path(self.place),
        }


def load_toml(text: str) -> View:
    """Return a view of TOML text; of nothing when it is not TOML."""
    try:
        return View(cast("Json", tomllib.loads(text)))
    except (ValueError, RecursionError):
        return View()


def load_json(text: str) -> View:
    """Return a view of JSON text; of nothing when it is not JSON."""
    try:
        return View(cast("Json", json.loads(text)))
    except (ValueError, RecursionError):
        return View()


def load_ini(text: str) -> configparser.ConfigParser:
    """Return the sections of INI text; none when it is not INI."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return configparser.ConfigParser(interpolation=None)
    return parser


def entry_points(path: str, text: str) -> list[EntryPoint]:
    """Return the entry points that the file *path* declares or is."""
    if is_sample(path) and not path.startswith(".github/"):
        return []
    reader = _BY_NAME.get(file_name(path))
    if reader is not None:
        return list(reader(path, text))
    if file_name(path).startswith(("Dockerfile.", "Containerfile")):
        return list(_image(path, text))
    if path.startswith(".github/workflows/") and suffix_of(path) in {".yml", ".yaml"}:
        found = _WORKFLOW.search(text)
        name = found[1].strip("'\" ") if found else file_name(path)
        return [EntryPoint("workflow", name, "GitHub Actions", path)]
    return list(_source(path, text))


def _source(path: str, text: str) -> Iterator[EntryPoint]:
    suffix = suffix_of(path)
    if file_name(path) == "__main__.py":
        package = folder_of(path)
        yield EntryPoint(
            "module", f"python -m {package}" if package else "python .", package, path
        )
    elif suffix == ".py" and "__main__" in text and _MAIN.search(text):
        yield EntryPoint("script", file_name(path), f"python {path}", path)
    elif suffix == ".go" and _GO_PACKAGE.search(text) and _GO_MAIN.search(text):
        folder = folder_of(path)
        yield EntryPoint(
            "program",
            file_name(folder) or file_name(path),
            f"go run ./{folder}",
            path,
        )
    elif path.endswith(("src/main.rs",)) or (
        "/src/bin/" in f"/{path}" and suffix == ".rs"
    ):
        yield EntryPoint("program", file_name(path), "cargo run", path)


def _pyproject(path: str, text: str) -> Iterator[EntryPoint]:
    view = load_toml(text)
    for tables in (view.at("project"), view.at("tool").at("poetry")):
        for key in ("scripts", "gui-scripts"):
            for name, target in tables.pairs(key):
                if isinstance(target.value, str):
                    yield EntryPoint("command", name, target.value, path)
    for group, names in view.at("project").pairs("entry-points"):
        count = len(names.value) if isinstance(names.value, dict) else 0
        yield EntryPoint("plugin", group, f"{count} of them", path)


def _setup_cfg(path: str, text: str) -> Iterator[EntryPoint]:
    declared = load_ini(text).get(
        "options.entry_points", "console_scripts", fallback=""
    )
    for line in declared.splitlines():
        name, equals, target = line.partition("=")
        if equals:
            yield EntryPoint("command", name.strip(), target.strip(), path)


def _setup_py(path: str, text: str) -> Iterator[EntryPoint]:
    if "console_scripts" in text:
        for name, target in _SETUP.findall(text):
            yield EntryPoint("command", name, target, path)


def _package_json(path: str, text: str) -> Iterator[EntryPoint]:
    view = load_json(text)
    if view.text("bin"):
        yield EntryPoint("command", view.text("name", "bin"), view.text("bin"), path)
    for name, target in view.pairs("bin"):
        yield EntryPoint("command", name, str(target.value), path)
    for key in ("main", "module"):
        if view.text(key):
            yield EntryPoint("library", key, view.text(key), path)
    for name, command in view.pairs("scripts"):
        yield EntryPoint("task", f"npm run {name}", str(command.value), path)


def _cargo(path: str, text: str) -> Iterator[EntryPoint]:
    for program in load_toml(text).views("bin"):
        yield EntryPoint(
            "program",
            program.text("name", "bin"),
            program.text("path", "src/bin"),
            path,
        )


def _makefile(path: str, text: str) -> Iterator[EntryPoint]:
    names = list(dict.fromkeys(_TARGET.findall(text)))
    if names:
        more = (
            f" and {len(names) - _TARGETS_SHOWN} more"
            if len(names) > _TARGETS_SHOWN
            else ""
        )
        yield EntryPoint("task", "make", " ".join(names[:_TARGETS_SHOWN]) + more, path)


def _image(path: str, text: str) -> Iterator[EntryPoint]:
    last = {kind.upper(): command for kind, command in _IMAGE.findall(text)}
    if last:
        yield EntryPoint(
            "image",
            file_name(path),
            " ".join(last[kind] for kind in sorted(last, reverse=True)),
            path,
        )


def _ci(path: str, text: str) -> Iterator[EntryPoint]:
    del text
    yield EntryPoint("workflow", file_name(path), "CI", path)


_BY_NAME: dict[str, Callable[[str, str], Iterator[EntryPoint]]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
    "Makefile": _makefile,
    "GNUmakefile": _makefile,
    "makefile": _makefile,
    "Dockerfile": _image,
    ".gitlab-ci.yml": _ci,
    "azure-pipelines.yml": _ci,
    "Jenkinsfile": _ci,
}
