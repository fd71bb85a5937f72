# The five agents, each as a function of where it stands and what it was told.
"""What each agent of the survey does, from its inputs to its result."""

from collections.abc import Callable, Mapping
from pathlib import Path

from crew_actors.survey._auditor import audit
from crew_actors.survey._cartographer import draw_map
from crew_actors.survey._data import Json, View
from crew_actors.survey._git import find_git
from crew_actors.survey._historian import read_history
from crew_actors.survey._protocol import Port
from crew_actors.survey._reading import Reader
from crew_actors.survey._report_history import history
from crew_actors.survey._report_map import (
    entry_points,
    imports,
    languages,
    layout,
)
from crew_actors.survey._report_risks import dependencies, licences, risks
from crew_actors.survey._report_tests import tests
from crew_actors.survey._shown import safe_data
from crew_actors.survey._tester import look_at_tests
from crew_actors.survey._walk import Tree, walk
from crew_actors.survey._writer import PICTURE, write_report

Agent = Callable[[Port, Path, Mapping[str, str]], None]
Part = Callable[[View], list[str]]


def _tree(port: Port, root: Path, environ: Mapping[str, str]) -> Tree:
    tree = walk(root, find_git(root, environ))
    where = "repository" if tree.source == "git" else "folder"
    port.progress(f"{len(tree.files)} files in the {where}")
    return tree


def _give(port: Port, title: str, data: dict[str, Json], *parts: Part) -> None:
    """Give the result: its text is written from data in which no secret is left."""
    data = safe_data(data)
    view = View(data)
    lines = [line for part in parts for line in part(view)]
    port.result("\n".join([f"# {title}", "", *lines]).rstrip("\n") + "\n", data)


def cartographer(port: Port, root: Path, environ: Mapping[str, str]) -> None:
    """Map the repository."""
    data = draw_map(_tree(port, root, environ).without_built(), Reader(root), root.name)
    parts = (languages, layout, entry_points, imports)
    _give(port, "What is in the repository", data, *parts)


def historian(port: Port, root: Path, environ: Mapping[str, str]) -> None:
    """Read the history."""
    data = read_history(find_git(root, environ), port.progress)
    _give(port, "History", data, history)


def auditor(port: Port, root: Path, environ: Mapping[str, str]) -> None:
    """Look for risks."""
    data = audit(_tree(port, root, environ), Reader(root))
    parts = (risks, dependencies, licences)
    _give(port, "Risks, dependencies and licences", data, *parts)


def tester(port: Port, root: Path, environ: Mapping[str, str]) -> None:
    """Look at the tests."""
    data = look_at_tests(_tree(port, root, environ).without_built(), Reader(root))
    _give(port, "Tests", data, tests)


def writer(port: Port, root: Path, environ: Mapping[str, str]) -> None:
    """Join the results of the others."""
    del root, environ
    report = write_report(port.inputs)
    port.artifact(PICTURE, report.picture)
    port.result(report.summary, report.data)


AGENTS: dict[str, Agent] = {
    "cartographer": cartographer,
    "historian": historian,
    "auditor": auditor,
    "tester": tester,
    "writer": writer,
}
