# Manifests of dependencies: names, versions, lock files. Pure.
#
# 1. Each reader takes the text of one file and never raises.
# 2. Pinned means: exactly one version fits.
# 3. A lock file counts for the manifests in its folder and below it.
"""What the project depends on, by its own words."""

import re
from collections.abc import Callable, Iterable, Iterator

import attrs

from crew_actors.survey._data import Json, View
from crew_actors.survey._entry_points import load_ini, load_json, load_toml
from crew_actors.survey._paths import file_name, folder_of
from crew_actors.survey._shown import one_line, shown_path

_PEP508 = re.compile(
    r"\s{0,9}([A-Za-z0-9][\w.-]{0,100})\s{0,9}(\[[^\]]{0,200}\])?\s{0,9}(.{0,300})"
)
_EXACT = re.compile(r"=?v?\d+(?:\.\d+){1,3}(?:[-+.]?[0-9A-Za-z.-]{1,40})?")
_GO_LINE = re.compile(
    r"^\s{0,9}(?:require\s{1,9})?([\w.~-]{1,100}\.[\w./~-]{1,200})\s{1,9}(v[\w.+-]{1,80})(\s{0,9}// indirect)?",
    re.MULTILINE,
)
_GEM = re.compile(
    r"""^\s{0,20}gem\s{1,9}['"]([\w.-]{1,80})['"](?:\s{0,9},\s{0,9}['"]([^'"\n]{1,60})['"])?""",
    re.MULTILINE,
)
_POM = re.compile(
    r"<dependency>\s{0,200}<groupId>([^<]{1,150})</groupId>\s{0,200}<artifactId>([^<]{1,150})</artifactId>(?:\s{0,200}<version>([^<]{1,80})</version>)?"
)
_GRADLE = re.compile(
    r"""(?:implementation|api|compileOnly|runtimeOnly|testImplementation)[\s(]{1,9}['"]([\w.-]{1,100}:[\w.-]{1,100})(?::([\w.+-]{1,60}))?['"]"""
)
_REQUIREMENTS = re.compile(
    r"(?:.*[-_])?requirements(?:[-_.].*)?\.(?:txt|in)|constraints.*\.txt"
)
_LOCKS = {
    "Python": ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"),
    "JavaScript": (
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
        "bun.lockb",
        "npm-shrinkwrap.json",
    ),
    "Rust": ("Cargo.lock",),
    "Go": ("go.sum",),
    "Ruby": ("Gemfile.lock",),
    "PHP": ("composer.lock",),
    "JVM": ("gradle.lockfile",),
}
LOCK_NAMES = frozenset(name for names in _LOCKS.values() for name in names)
_Found = Iterator[tuple[str, bool]]


@attrs.frozen
class Manifest:
    """A file that names dependencies."""

    path: str
    ecosystem: str
    names: tuple[str, ...]
    """Sorted, each once."""

    pinned: int
    """How many of the names have an exact version."""

    licence: str = ""

    def lock(self, locks: Iterable[str]) -> str | None:
        """Return the lock file among *locks* that counts for this manifest."""
        folder = folder_of(self.path)
        wanted = _LOCKS.get(self.ecosystem, ())
        fitting = [
            path
            for path in locks
            if file_name(path) in wanted
            and f"{folder}/".startswith(folder_of(path) and folder_of(path) + "/")
        ]
        return max(sorted(fitting), key=len, default=None)

    def data(self, locks: Iterable[str]) -> Json:
        """Return it for the report."""
        lock = self.lock(locks)
        return {
            "path": shown_path(self.path),
            "ecosystem": self.ecosystem,
            "count": len(self.names),
            "pinned": self.pinned,
            "lock": shown_path(lock) if lock else None,
            "names": list(self.names[:60]),
        }


def read_manifest(path: str, text: str) -> Manifest | None:
    """Return the manifest in the file *path*, or None when it is none."""
    name = file_name(path)
    known = _READERS.get(name)
    if known is None:
        if not _REQUIREMENTS.fullmatch(name):
            return None
        known = "Python", _requirements
    ecosystem, reader = known
    found: dict[str, bool] = {}
    for dependency, pinned in reader(text):
        shown = one_line(dependency, 80)
        found[shown] = found.get(shown, True) and pinned
    return Manifest(
        path, ecosystem, tuple(sorted(found)), sum(found.values()), _licence(name, text)
    )


def _licence(name: str, text: str) -> str:
    if name == "pyproject.toml":
        view = load_toml(text)
        project, poetry = view.at("project"), view.at("tool").at("poetry")
        told = project.text("license") or project.at("license").text("text")
        return one_line(told or poetry.text("license"), 60)
    if name == "Cargo.toml":
        return one_line(load_toml(text).at("package").text("license"), 60)
    return (
        one_line(load_json(text).text("license"), 60)
        if name in {"package.json", "composer.json"}
        else ""
    )


def _pep508(lines: Iterable[str]) -> _Found:
    for line in lines:
        found = _PEP508.match(
            line.partition(" #")[0].partition(";")[0].partition(" --")[0]
        )
        if found:
            rest = found[3].strip()
            yield (
                found[1].lower(),
                rest.startswith("==") and "*" not in rest and "," not in rest,
            )


def _requirements(text: str) -> _Found:
    joined = text.replace("\\\n", " ")
    yield from _pep508(
        line for line in joined.splitlines() if not line.strip().startswith(("#", "-"))
    )


def _pyproject(text: str) -> _Found:
    view = load_toml(text)
    project = view.at("project")
    yield from _pep508(project.texts("dependencies"))
    for tables in (project.at("optional-dependencies"), view.at("dependency-groups")):
        if isinstance(tables.value, dict):
            for group in tables.value:
                yield from _pep508(tables.texts(group))
    poetry = view.at("tool").at("poetry")
    groups = [poetry, *(one for _, one in poetry.pairs("group"))]
    for one in groups:
        for key in ("dependencies", "dev-dependencies"):
            for name, version in one.pairs(key):
                if name != "python":
                    yield name.lower(), _is_exact(version)


def _setup_cfg(text: str) -> _Found:
    yield from _pep508(
        load_ini(text).get("options", "install_requires", fallback="").splitlines()
    )


def _is_exact(version: View) -> bool:
    value = version.value if isinstance(version.value, str) else version.text("version")
    return bool(_EXACT.fullmatch(value))


def _tables(view: View, *keys: str) -> _Found:
    for key in keys:
        for name, version in view.pairs(key):
            yield name, _is_exact(version)


def _package_json(text: str) -> _Found:
    yield from _tables(
        load_json(text),
        "dependencies",
        "devDependencies",
        "optionalDependencies",
        "peerDependencies",
    )


def _composer(text: str) -> _Found:
    yield from _tables(load_json(text), "require", "require-dev")


def _cargo(text: str) -> _Found:
    view = load_toml(text)
    for table in (
        view,
        view.at("workspace"),
        *(target for _, target in view.pairs("target")),
    ):
        for key in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name, version in table.pairs(key):
                value = (
                    version.value
                    if isinstance(version.value, str)
                    else version.text("version")
                )
                yield name, value.startswith("=")  # a bare number is a range in Cargo


def _pipfile(text: str) -> _Found:
    view = load_toml(text)
    for key in ("packages", "dev-packages"):
        for name, version in view.pairs(key):
            yield (
                name.lower(),
                isinstance(version.value, str) and version.value.startswith("=="),
            )


def _go(text: str) -> _Found:
    for name, _, indirect in _GO_LINE.findall(text):
        if not indirect:
            yield name, True


def _gemfile(text: str) -> _Found:
    for name, version in _GEM.findall(text):
        yield name, bool(_EXACT.fullmatch(version))


def _pom(text: str) -> _Found:
    for group, name, version in _POM.findall(text):
        yield (
            f"{group}:{name}",
            bool(version) and not version.startswith(("$", "[", "(")),
        )


def _gradle(text: str) -> _Found:
    for name, version in _GRADLE.findall(text):
        yield name, bool(version) and "+" not in version


_READERS: dict[str, tuple[str, Callable[[str], _Found]]] = {
    "pyproject.toml": ("Python", _pyproject),
    "setup.cfg": ("Python", _setup_cfg),
    "Pipfile": ("Python", _pipfile),
    "package.json": ("JavaScript", _package_json),
    "Cargo.toml": ("Rust", _cargo),
    "go.mod": ("Go", _go),
    "Gemfile": ("Ruby", _gemfile),
    "composer.json": ("PHP", _composer),
    "pom.xml": ("JVM", _pom),
    "build.gradle": ("JVM", _gradle),
    "build.gradle.kts": ("JVM", _gradle),
}
