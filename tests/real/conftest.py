"""The installed wheel, and real projects for it to work on."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Crew:
    """The `crew` that a user gets who installs the wheel."""

    program: Path
    home: Path

    def environ(self) -> dict[str, str]:
        """Return the environment for it: user folders of its own, no agent program."""
        path = os.pathsep.join([str(self.program.parent), "/usr/bin", "/bin"])
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return {**kept, "PATH": path, "CREW_HOME": str(self.home), "COLUMNS": "100"}

    def run(self, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `crew` with *args* to its end."""
        return subprocess.run(
            [str(self.program), *args],
            cwd=cwd,
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *args: str, cwd: Path) -> "subprocess.Popen[str]":
        """Start `crew` with *args*; the caller ends it and closes its output."""
        return subprocess.Popen(
            [str(self.program), *args],
            cwd=cwd,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it into an environment of its own.

    Its dependencies are those of the environment that runs the tests; the project's
    own code there is out of its reach.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv = [sys.executable, "-m", "venv", "--without-pip", str(environment)]
    subprocess.run(venv, check=True)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/python*/site-packages")
    install = [*pip, "--python", str(python), "install", "--no-deps", str(built)]
    subprocess.run(install, check=True)
    # A path in a .pth file is searched, but the .pth files in it are not obeyed: the
    # editable install of the project stays outside.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin" / "crew"


@pytest.fixture
def crew(installed: Path, own_home: Path) -> Crew:
    """Return the installed program, with user folders of the test's own."""
    return Crew(installed, own_home)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a small, real git repository with something to find in it."""
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "README.md").write_text("# Kiln\n\nKiln fires clay in batches.\n")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "kiln"\nversion = "1"\ndependencies = ["attrs"]\n'
        '[project.scripts]\nkiln = "pkg.cli:main"\n'
    )
    (root / "pkg" / "__init__.py").touch()
    (root / "pkg" / "core.py").write_text("# TODO: cool down\nLIMIT = 1200\n")
    (root / "pkg" / "cli.py").write_text(
        "from pkg import core\n\n\ndef main() -> None:\n    print(eval('core.LIMIT'))\n"
    )
    (root / "tests" / "test_core.py").write_text(
        "import pytest\n\n\ndef test_x() -> None:\n    assert pytest\n"
    )
    (root / ".env").write_text("AWS_KEY=AKIA" + "ABCDEFGHIJKLMNOP\n")
    git = shutil.which("git")
    assert git is not None
    for args in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-q", "-m", "Fire the first batch"],
    ):
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run([git, *identity, *args], cwd=root, check=True)
    return root
