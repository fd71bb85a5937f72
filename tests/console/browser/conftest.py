"""The browser, for tests of the page."""

import importlib.util
from collections.abc import Iterator

import pytest
from tests.console.browser.theatre import BROWSER, Theatre, open_theatre


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A browser that plays scenes, in a process of its own."""
    if BROWSER is None:
        pytest.skip("there is no chromium on this machine")
    for library in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    found = open_theatre(tmp_path_factory.mktemp("theatre"))
    yield found
    found.connection.close()
