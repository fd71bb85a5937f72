"""The layout of the house holds: roots are no packages, doors export what they say."""

import ast
import importlib
import mailbox
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOTS = ("crew_actors", "supervisors", "mailbox", "stress")


@pytest.mark.parametrize("root", ROOTS)
def test_a_component_root_is_not_a_package(root: str) -> None:
    assert not (ROOT / root / "__init__.py").exists()
    packages = [p.parent.name for p in (ROOT / root).glob("*/__init__.py")]
    assert len(packages) == 1
    assert (ROOT / root / packages[0] / "py.typed").exists()


def test_the_standard_librarys_mailbox_is_not_shadowed() -> None:
    assert hasattr(mailbox, "Maildir")


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_the_supervisors_import_no_other_part_of_the_project() -> None:
    loaded = _modules_after("import crew_supervisors")
    assert not {
        name for name in loaded if name.startswith(("crew_actors", "crew_mailbox"))
    }
    foreign = {"cattrs", "msgspec", "click", "rich", "ruamel", "markdown_it"}
    assert not foreign & loaded


def test_the_mailbox_imports_no_other_part_of_the_project() -> None:
    loaded = _modules_after("import crew_mailbox")
    assert not {n for n in loaded if n.startswith(("crew_actors", "crew_supervisors"))}


def test_the_model_imports_nothing_that_waits_or_does_io() -> None:
    loaded = _modules_after("import crew_actors.model")
    assert not {"trio", "sqlite3", "subprocess", "psutil"} & loaded


@pytest.mark.parametrize("package", ["crew_supervisors", "crew_mailbox", "crew_actors"])
def test_each_name_at_a_door_can_be_imported(package: str) -> None:
    door = importlib.import_module(package)
    for name in getattr(door, "__all__", ()):
        assert getattr(door, name) is not None


def test_the_stress_kit_uses_public_names_only() -> None:
    for path in (ROOT / "stress" / "crew_stress").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [*(node.module or "").split("."), *(n.name for n in node.names)]
                private = [n for n in names if n.startswith("_") and n != "__future__"]
                assert not private, f"{path.name} imports {private}"
