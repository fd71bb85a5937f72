# The report for people: everything the other agents found, joined.
#
# 1. The other agents are known by the `agent` in their data, not by the names of the
#    steps: a workflow may call its steps what it likes.
# 2. What is missing is said in one place, plainly; the rest of the report is whole.
# 3. Everything from outside, the goal included, is quoted as text.
"""The agent that writes the report."""

import attrs

from crew_actors.survey._data import Json, View
from crew_actors.survey._markdown import bullets, code, plain, table
from crew_actors.survey._protocol import Inputs
from crew_actors.survey._report_history import history
from crew_actors.survey._report_map import (
    biggest,
    entry_points,
    imports,
    languages,
    layout,
    spoken_languages,
)
from crew_actors.survey._report_risks import (
    dependencies,
    do_first,
    licences,
    risks,
    spoken_urgent,
)
from crew_actors.survey._report_tests import spoken_tests, tests
from crew_actors.survey._shown import one_line
from crew_actors.survey._svg import picture
from crew_actors.survey._text import amount, grouped, size_of

AGENTS = ("cartographer", "historian", "auditor", "tester")
PICTURE = "repository.svg"
SUMMARY = "summary.md"
_SUBJECTS = {
    "cartographer": "the map of the code (languages, folders, entry points, imports)",
    "historian": "the history (commits, authors, hot spots)",
    "auditor": "risks, dependencies and licences",
    "tester": "the tests",
}
_MAP, _HISTORY, _RISKS, _TESTS = AGENTS


@attrs.frozen
class Report:
    """What the writer makes."""

    summary: str
    picture: str
    data: dict[str, Json]


@attrs.frozen
class _Found:
    views: dict[str, View]
    missing: dict[str, str]
    """Why there is nothing of an agent, by agent."""

    others: tuple[str, ...]

    def of(self, agent: str) -> View:
        return self.views.get(agent, View())


def write_report(inputs: Inputs) -> Report:
    """Return the report on what the agents before have found."""
    found = _sorted_out(inputs)
    survey = found.of(_MAP)
    title = one_line(survey.text("title"), 80) or "This repository"
    lines = [f"# {plain(title)}: what is in this repository", ""]
    if inputs.goal.strip():
        lines += [f"> Asked: {plain(one_line(inputs.goal, 400))}", ""]
    lines += ["The repository is empty."] if _is_empty(found) else _body(found)
    text = "\n".join(lines).rstrip("\n") + "\n"
    drawing = picture(title, _subtitle(found), survey, found.of(_HISTORY))
    data: dict[str, Json] = {
        "agent": "writer",
        "title": title,
        "about": survey.text("about"),
        "summary": SUMMARY,
        "picture": PICTURE,
        "missing": list(found.missing),
        "figures": dict(_numbers(found)),
    }
    return Report(text, drawing, data)


def _is_empty(found: _Found) -> bool:
    """Tell whether there is nothing to report: all were there and saw no file."""
    survey, past = found.of(_MAP), found.of(_HISTORY)
    seen = survey.at("totals").whole("files") or survey.texts("not_seen")
    return not (found.missing or seen or past.whole("commits"))


def _body(found: _Found) -> list[str]:
    lines = _what_it_is(found) + _figures(found)
    lines += [f"![Languages, folders and activity of the repository]({PICTURE})", ""]
    for heading, part in _sections(found):
        lines += [f"## {heading}", "", *part]
    return lines


def _sorted_out(inputs: Inputs) -> _Found:
    views: dict[str, View] = {}
    missing: dict[str, str] = {}
    others: list[str] = []
    for step, result in inputs.dependencies:
        data = result.at("data")
        agent = data.text("agent") or step
        if agent not in AGENTS:
            others.append(step)
        elif data:
            views.setdefault(agent, data)
        else:
            said = one_line(result.text("text"), 200)
            missing[agent] = (
                f"it gave no data. It said: {said}" if said else "it gave no data."
            )
    for agent in AGENTS:
        if agent not in views:
            missing.setdefault(
                agent,
                "there is no result of it: it failed, or was not part of the run.",
            )
    return _Found(
        views,
        {agent: missing[agent] for agent in AGENTS if agent not in views},
        tuple(others),
    )


def _what_it_is(found: _Found) -> list[str]:
    survey, past, tested, audit = (
        found.of(agent) for agent in AGENTS[:2] + AGENTS[3:] + AGENTS[2:3]
    )
    lines: list[str] = []
    if survey.text("about"):
        source = (
            f" ({code(survey.text('about_from'))})" if survey.text("about_from") else ""
        )
        lines += [f"**{plain(survey.text('about'))}**{source}", ""]
    parts: list[str] = []
    if survey:
        totals = survey.at("totals")
        spoken = spoken_languages(survey)
        parts.append(
            f"{amount(totals.number('files'), 'file')} with {amount(totals.number('lines'), 'line')}"
            + (f", written in {spoken}" if spoken else "")
        )
    if past.text("state") == "ok":
        people = amount(past.number("author_count"), "author")
        parts.append(
            f"{amount(past.number('commits'), 'commit')} by {people}, the last on {plain(past.text('last'))}"
        )
    if tested.whole("test_functions"):
        parts.append(spoken_tests(tested))
    if audit:
        parts.append(spoken_urgent(audit))
    return (
        [*lines, ". ".join(part[:1].upper() + part[1:] for part in parts) + ".", ""]
        if parts
        else [*lines, "Nothing could be found out about it.", ""]
    )


def _numbers(found: _Found) -> list[tuple[str, Json]]:
    survey, past, audit, tested = (found.of(agent) for agent in AGENTS)
    numbers: list[tuple[str, Json]] = []
    if survey:
        totals = survey.at("totals")
        numbers += [
            ("files", totals.whole("files")),
            ("lines", totals.whole("lines")),
            ("bytes", totals.whole("bytes")),
            (
                "languages",
                sum(1 for one in survey.views("languages") if one.number("share")),
            ),
            ("import cycles", survey.at("imports").whole("cycle_count")),
        ]
    if past.text("state") == "ok":
        numbers += [
            ("commits", past.whole("commits")),
            ("authors", past.whole("author_count")),
            ("bus factor", past.whole("bus_factor")),
        ]
    if tested:
        numbers += [
            ("test files", tested.whole("test_files")),
            ("test functions", tested.whole("test_functions")),
        ]
    if audit:
        counts = audit.at("risk_counts")
        numbers += [
            (f"{name} risks", counts.whole(name)) for name in ("high", "medium", "low")
        ]
        numbers.append(
            (
                "dependencies named",
                sum(one.whole("count") for one in audit.views("manifests")),
            )
        )
    return numbers


def _figures(found: _Found) -> list[str]:
    cells = [
        (name, size_of(value) if name == "bytes" else grouped(value))
        for name, value in _numbers(found)
        if isinstance(value, int)
    ]
    half = (len(cells) + 1) // 2
    pairs = zip(cells[:half], [*cells[half:], ("", "")][:half], strict=True)
    return table(
        ["", "", " ", " "], [[*left, *right] for left, right in pairs], right=(1, 3)
    )


def _subtitle(found: _Found) -> str:
    totals, past = found.of(_MAP).at("totals"), found.of(_HISTORY)
    parts = (
        [amount(totals.number("files"), "file"), amount(totals.number("lines"), "line")]
        if totals
        else []
    )
    if past.text("state") == "ok":
        parts += [
            amount(past.number("commits"), "commit"),
            amount(past.number("author_count"), "author"),
        ]
        parts.append(f"{past.text('first')} to {past.text('last')}")
    return " · ".join(parts) or "nothing is known of it"


def _sections(found: _Found) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = []
    survey, past, audit, tested = (found.of(agent) for agent in AGENTS)
    if audit:
        sections.append(("Do first", do_first(audit)))
    if survey:
        sections += [
            ("Layout", [*languages(survey, 8), *layout(survey), *biggest(survey)]),
            ("Entry points", entry_points(survey) or ["None was found.", ""]),
            ("Who imports whom", imports(survey)),
        ]
    if past:
        sections.append(("History", history(past)))
    if audit:
        sections.append(("Risks", risks(audit)))
    if tested:
        sections.append(("Tests", tests(tested)))
    if audit:
        sections += [
            ("Dependencies", dependencies(audit)),
            ("Licences", licences(audit)),
        ]
    sections.append(("What could not be determined", _unknown(found)))
    return sections


def _unknown(found: _Found) -> list[str]:
    items = [
        f"**{agent}**: {plain(why)} So nothing is said here about {_SUBJECTS[agent]}."
        for agent, why in found.missing.items()
    ]
    notes = dict.fromkeys(
        note for agent in AGENTS for note in found.of(agent).texts("not_seen")
    )
    items += [plain(note) for note in notes]
    if any(view.at("cut").value is not None for view in found.views.values()):
        items.append(
            "some lists of the agents were too long for a message and were cut"
        )
    if found.others:
        items.append(
            f"results of other steps are not part of this report: {plain(', '.join(found.others))}"
        )
    items.append(
        "nothing was executed: what happens at run time (coverage, speed, dynamic imports) is not in here"
    )
    return bullets(items, 30)
