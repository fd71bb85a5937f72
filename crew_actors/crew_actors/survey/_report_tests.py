# The parts of a report that come from the tester's data. Pure.
"""Sections about the tests."""

from crew_actors.survey._data import View
from crew_actors.survey._markdown import bullets, code, joined, plain
from crew_actors.survey._text import amount, grouped


def tests(view: View) -> list[str]:
    """Return how the tests are run, how many there are and what they leave out."""
    count, files = view.whole("test_functions"), view.whole("test_files")
    suites = [
        f"{code(one.text('run'))} ({plain(one.text('tool'))}, told by {code(one.text('evidence') or 'its files')})"
        for one in view.views("suites")
    ]
    if not files and not suites and not count:
        return ["No tests were found.", "", *_ci(view)]
    lines = [
        f"{spoken_tests(view)}. Nothing was executed: these are counts of what is written.",
        "",
    ]
    if suites:
        lines += ["How to run them:", "", *bullets(suites, 6)]
    lines += _ci(view)
    gaps = [
        f"{code(one.text('path'))} ({amount(one.number('lines'), 'line')} in {amount(one.number('files'), 'file')})"
        for one in view.views("untested_folders")
    ]
    if gaps:
        total = max(view.whole("untested_count"), len(gaps))
        lines += [
            "Folders whose files no test names or imports (a hint, not a measurement):",
            "",
            *bullets(gaps, 6, total),
        ]
    return lines


def spoken_tests(view: View) -> str:
    """Return the tests in one sentence part."""
    text = f"{amount(view.number('test_functions'), 'test function')} in {amount(view.number('test_files'), 'test file')}"
    if view.whole("inline_tests"):
        text += f" ({grouped(view.number('inline_tests'))} of them beside the code)"
    ratio = view.number("ratio")
    if ratio:
        text += f", {ratio:.2f} lines of test for each line of source"
    return text


def _ci(view: View) -> list[str]:
    found = view.views("ci")
    if not found:
        return ["No configuration of a CI service was found.", ""]
    named = [f"{code(one.text('path'))} ({plain(one.text('system'))})" for one in found]
    commands = list(
        dict.fromkeys(command for one in found for command in one.texts("commands"))
    )
    lines = [f"CI: {joined(named, 5)}."]
    if commands:
        lines.append(
            f"Its test commands: {joined([code(command) for command in commands], 4)}."
        )
    return [*lines, ""]
