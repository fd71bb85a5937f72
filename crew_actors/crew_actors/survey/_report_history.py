# The parts of a report that come from the historian's data. Pure.
"""Sections about the history."""

from crew_actors.survey._data import View
from crew_actors.survey._markdown import bullets, code, joined, plain
from crew_actors.survey._text import amount, grouped, percent

_YEAR = 12


def history(view: View) -> list[str]:
    """Return the history: how much, who, where, what was large."""
    if view.text("state") != "ok":
        note = view.text("note") or "nothing is known of the history."
        return [plain(note[:1].upper() + note[1:]), ""]
    lines = [_opening(view), ""]
    lines += ["**Who.** " + _people(view), ""]
    lines += _where(view)
    large = [
        f"{code(one.text('id'))} {plain(one.text('date'))} {plain(one.text('subject'))}: "
        f"+{grouped(one.number('added'))} -{grouped(one.number('deleted'))} in {amount(one.number('files'), 'file')}"
        for one in view.views("large_commits")
        if one.number("added") + one.number("deleted") > 0
    ]
    if len(large) > 1:
        read = amount(view.number("commits_with_lines"), "commit")
        lines += [
            f"**Largest of the last {read}:**",
            "",
            *bullets(large[:5], 5),
        ]
    return lines


def _where(view: View) -> list[str]:
    """Return the files and folders that stand out, or that none does."""
    if view.whole("commits") == 1:
        said = "There is one commit, so no file or folder stands out by its changes."
        return [said, ""]
    files, folders = view.views("hot_spots"), view.views("active_folders")
    lines: list[str] = []
    if _is_level(files, "changes"):
        lines += ["No file was changed more often than the others.", ""]
        files = []
    hot = [
        f"{code(one.text('path'))}: {amount(one.number('changes'), 'change')} by {amount(one.number('authors'), 'author')}"
        for one in files
        if one.number("changes") > 1
    ]
    if hot:
        lines += [
            "**Changed most often.** Where work happens, and where a defect costs most:",
            "",
            *bullets(hot[:8], 8),
        ]
    if folders and not _is_level(folders, "commits"):
        active = [
            f"{code(one.text('path'))} ({one.whole('commits')})" for one in folders
        ]
        lines += [
            f"**Active in the last three months before the last commit:** {joined(active[:8], 8)}.",
            "",
        ]
    return lines


def _is_level(ranking: list[View], key: str) -> bool:
    """Tell whether a ranking ranks nothing: several places, all with one count."""
    return len(ranking) > 1 and len({one.number(key) for one in ranking}) == 1


def _opening(view: View) -> str:
    first, last = plain(view.text("first")), plain(view.text("last"))
    when = f"on {last}" if first == last else f"from {first} to {last}"
    text = f"{amount(view.number('commits'), 'commit')} {when}"
    months = view.views("months")
    if len(months) > _YEAR:
        recent = sum(month.number("commits") for month in months[-_YEAR:])
        text += (
            f"; {grouped(recent)} of them in the {_YEAR} months up to the last commit"
        )
    tags = [
        f"{code(tag.text('name'))} ({plain(tag.text('date'))})"
        for tag in view.views("tags")[:3]
    ]
    if tags:
        text += f". Latest tags: {', '.join(tags)}"
    return text + "."


def _people(view: View) -> str:
    count, factor = view.whole("author_count"), view.whole("bus_factor")
    text = amount(count, "author")
    if count > 1:
        recent = grouped(view.number("recent_author_count"))
        text += f", {recent} of them in the year before the last commit"
    text += ". "
    if count > 1:
        text += f"{amount(factor, 'person', 'people')} made more than half of the commits (the bus factor). "
    named = [
        f"{plain(one.text('name'))} ({percent(one.number('share'))}, last {plain(one.text('last'))})"
        for one in view.views("authors")
    ]
    return text + joined(named, 5, count) + "."
