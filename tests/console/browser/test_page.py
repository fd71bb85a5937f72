"""The page does in a real browser what people want of it."""

import inspect
from types import ModuleType

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from tests.console.browser import scenes, scenes_of_insides, scenes_of_use
from tests.console.browser.theatre import Theatre


def _scenes(*modules: ModuleType) -> list[tuple[str, str]]:
    return [
        (module.__name__, name)
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]


@pytest.mark.parametrize(
    ("module", "scene"), _scenes(scenes, scenes_of_insides, scenes_of_use)
)
def test_scene(theatre: Theatre, module: str, scene: str) -> None:
    problem = theatre.play(module, scene)
    assert not problem, problem
