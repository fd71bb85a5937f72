"""The modules of the page that know no document hold what they promise."""

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = Path(str(files("crew_actors.console"))) / "page"
NODE = shutil.which("node")
OLDEST = (20, 19, 0)
LINES = 500
"""Lines of the longest file."""

_DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|"
    r"javascript:|https?://(?!www\.w3\.org/)|\.srcdoc|setAttribute\(\"(?:on|style)"
)


def _node() -> str:
    """Return a node that takes our files for modules without being told."""
    if NODE is None:
        pytest.skip("there is no node on this machine")
    told = subprocess.run(
        [NODE, "--version"], capture_output=True, text=True, check=True
    )
    version = tuple(int(part) for part in told.stdout.strip().lstrip("v").split("."))
    if version < OLDEST:
        pytest.skip(f"node {told.stdout.strip()} is too old for modules")
    return NODE


def test_modules_in_node() -> None:
    node = _node()
    tests = sorted(str(path) for path in (HERE / "modules").glob("*.test.mjs"))
    done = subprocess.run(
        [node, "--test", *tests], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:]
    assert "# pass 0" not in done.stdout


def _own() -> list[Path]:
    found = [*PAGE.rglob("*.js"), *PAGE.rglob("*.css"), *PAGE.rglob("*.html")]
    return [path for path in found if "vendor" not in path.parts]


def test_the_page_is_there() -> None:
    assert len(_own()) > 20
    assert (PAGE / "index.html").is_file()


@pytest.mark.parametrize("path", _own(), ids=lambda path: path.name)
def test_nothing_is_taken_for_markup_or_loaded_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not _DANGEROUS.search(text)
    assert len(text.splitlines()) <= LINES


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", text)


def test_each_module_that_is_imported_is_there_and_is_preloaded() -> None:
    index = (PAGE / "index.html").read_text(encoding="utf-8")
    for path in PAGE.rglob("*.js"):
        if "vendor" not in path.parts:
            text = path.read_text(encoding="utf-8")
            for name in re.findall(r'from "(\.[^"]+)"', text):
                assert (path.parent / name).resolve().is_file(), f"{path.name}: {name}"
        name = path.relative_to(PAGE).as_posix()
        assert f'"{name}"' in index, f"{name} is not named in index.html"


def test_each_library_brings_its_licence() -> None:
    names = {path.name for path in (PAGE / "vendor").iterdir()}
    assert {"htm.LICENSE.txt", "preact.LICENSE.txt", "README.txt"} <= names
