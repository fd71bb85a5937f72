# The parts of a report that come from the cartographer's data. Pure.
"""Sections about what is in the repository."""

from crew_actors.survey._data import View
from crew_actors.survey._markdown import bullets, code, joined, plain, table
from crew_actors.survey._text import amount, grouped, percent

_ROWS = 26
_MEMBERS = 6


def languages(view: View, most: int = 10) -> list[str]:
    """Return a table of the languages."""
    found = view.views("languages")
    rows = [
        [
            plain(one.text("name")),
            percent(one.number("share")) if one.number("share") else "-",
            grouped(one.number("files")),
            grouped(one.number("lines")),
        ]
        for one in found[:most]
    ]
    lines = table(
        ["language", "share of bytes", "files", "lines"], rows, right=(1, 2, 3)
    )
    if len(found) > most:
        lines.insert(-1, f"| and {len(found) - most} more | | | |")
    return lines


def spoken_languages(view: View) -> str:
    """Return the main languages as one sentence part: "Python (82 %), C (12 %)"."""
    shares = [one for one in view.views("languages") if one.number("share") >= 0.01]  # noqa: PLR2004 (1 %)
    return joined(
        [
            f"{plain(one.text('name'))} ({percent(one.number('share'))})"
            for one in shares
        ],
        4,
    )


def layout(view: View) -> list[str]:
    """Return a table of the parts of the repository, each with what it says it is."""
    areas = view.views("areas")
    order = sorted(areas, key=lambda one: (-one.number("lines"), one.text("path")))
    chosen = {one.text("path") for one in order[:_ROWS]}
    rows = [
        [
            code(_folder(one.text("path"))),
            grouped(one.number("files")),
            grouped(one.number("lines")),
            plain(one.text("language")) or "-",
            plain(_short(one.text("about"))),
        ]
        for one in areas
        if one.text("path") in chosen
    ]
    head = ["folder", "files", "lines", "mostly", "says of itself"]
    lines = table(head, rows, right=(1, 2))
    left = len(areas) - len(rows)
    if lines and left > 0:
        lines.insert(-1, f"| and {left} smaller ones | | | | |")
    return lines


def _folder(path: str) -> str:
    """Return `a/b/` for a folder; `a/b/*` means the files directly in it."""
    if path == "*":
        return "./*"
    return path if path.endswith(("*", ")")) else path + "/"


def _short(text: str) -> str:
    return text if len(text) <= 110 else text[:109].rpartition(" ")[0] + " …"  # noqa: PLR2004 (a cell)


def entry_points(view: View) -> list[str]:
    """Return a list of the ways into the programs."""
    items: list[str] = []
    scripts: list[str] = []
    workflows: list[str] = []
    for one in view.views("entry_points"):
        if one.text("kind") == "workflow":
            workflows.append(code(one.text("place")))
        elif one.text("kind") == "script":
            scripts.append(code(one.text("place")))
        else:
            items.append(f"**{plain(one.text('kind'))}** {_way_in(one)}")
    total = view.at("entry_point_counts")
    lines = bullets(items, 14)
    if scripts:
        lines += [f"Scripts: {joined(scripts, 6, total.whole('script'))}.", ""]
    if workflows:
        lines += [f"CI workflows: {joined(workflows, 6, total.whole('workflow'))}.", ""]
    return lines


def _way_in(one: View) -> str:
    name, target, place = one.text("name"), one.text("target"), one.text("place")
    if one.text("kind") == "program":
        return code(target) if place in target else f"{code(target)} ({code(place)})"
    if one.text("kind") == "module":
        return f"{code(name)} ({code(place)})"
    return f"{code(name)} → {code(target)} ({code(place)})"


def imports(view: View) -> list[str]:
    """Return who imports whom: groups, the most imported, the cycles."""
    graph = view.at("imports")
    if not graph.whole("files"):
        return ["No file in a language whose imports are read here.", ""]
    read = amount(graph.number("files"), "file")
    spoken = plain(", ".join(graph.texts("languages")))
    edges = amount(graph.number("edges"), "import")
    said = f"{edges} inside of the project, read in {read} ({spoken})"
    lines = [f"{said}. Tests are not counted.", ""]
    rows = [
        [code(one.text("path")), _counted(one, "imports"), _counted(one, "imported_by")]
        for one in graph.views("groups")[:14]
    ]
    lines += table(["part", "imports", "is imported by"], rows)
    ranking = [
        one for one in graph.views("most_imported") if one.number("importers") > 1
    ][:8]
    if ranking:
        named = [
            f"{code(one.text('path'))} ({one.whole('importers')})" for one in ranking
        ]
        lines += ["Most imported: " + joined(named, 8) + ".", ""]
    return lines + _cycles(graph)


def _counted(one: View, key: str) -> str:
    named = [
        f"{code(other.text('path'))} {other.whole('count')}" for other in one.views(key)
    ]
    return joined(named, 4) or "-"


def _cycles(graph: View) -> list[str]:
    loops = graph.views("cycles")
    count = max(graph.whole("cycle_count"), len(loops))
    if not count:
        return ["No import cycles.", ""]
    items: list[str] = []
    for loop in loops[:5]:
        members = [code(member) for member in loop.texts("members")]
        left = max(loop.whole("size"), len(members)) - _MEMBERS
        more = f" and {left:,} more" if left > 0 else ""
        items.append(", ".join(members[:_MEMBERS]) + more)
    said = "One import cycle" if count == 1 else f"{count:,} import cycles"
    return [
        f"{said} (the files of each import each other, in a circle):",
        "",
        *bullets(items, 5, count),
    ]


def biggest(view: View) -> list[str]:
    """Return the biggest files as one sentence."""
    named = [
        f"{code(one.text('path'))} ({grouped(one.number('lines'))})"
        for one in view.views("biggest_files")
    ]
    return [f"Longest files, in lines: {joined(named[:6], 6)}.", ""] if named else []
