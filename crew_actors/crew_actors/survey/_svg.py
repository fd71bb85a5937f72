# One picture of the repository: languages, folders, activity.
#
# 1. It is plain SVG 1.1 with one style sheet: no script, no font, no reference to
#    anything outside. Light and dark follow the reader's setting; both can be read.
# 2. All text goes through `_say`, which escapes it; attributes are numbers and colours.
# 3. What is unknown is left out, and the picture is that much shorter.
"""Drawing `repository.svg`."""

from collections.abc import Sequence
from html import escape

from crew_actors.survey._data import View
from crew_actors.survey._text import (
    amount,
    clip,
    grouped,
    percent,
    plain_width,
    printable,
)
from crew_actors.survey._treemap import Box, squarified

_WIDTH, _EDGE = 960, 24
_INNER = _WIDTH - 2 * _EDGE
_STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    ".bg{fill:#fff;stroke:#d0d7de}.ink{fill:#1f2328}.dim{fill:#59636e}.gap{stroke:#fff}"
    ".bar{fill:#4c78a8}.none{fill:#c8ced6}.line{stroke:#d0d7de}"
    "@media (prefers-color-scheme:dark){.bg{fill:#0d1117;stroke:#3d444d}.ink{fill:#f0f6fc}"
    ".dim{fill:#9198a1}.gap{stroke:#0d1117}.bar{fill:#6ea1d4}.none{fill:#4a525c}.line{stroke:#3d444d}}"
)
_COLOURS = {
    "Python": "#3572a5", "JavaScript": "#d9b92b", "TypeScript": "#3178c6", "C": "#6b6f76", "C++": "#d8487d",
    "Go": "#0f9fc0", "Rust": "#b7613a", "Java": "#b07219", "Ruby": "#8c1d12", "PHP": "#5a63a0", "Shell": "#6aa32a",
    "HTML": "#d1492a", "CSS": "#7746b0", "C#": "#3a8a2e", "Kotlin": "#9a62e8", "Swift": "#e0583b",
}  # fmt: skip
_OTHERS = (
    "#4e9f8f",
    "#a05d82",
    "#7f8c3a",
    "#c07a3c",
    "#5c7fb8",
    "#a3524b",
    "#6f6aa8",
    "#3f8f5f",
)
_NONE = "#8b949e"
_LABELLED = 34.0
_NORMAL = 400
_NUMBER = frozenset("0123456789,.")
_SRGB_KNEE = 0.04045


def picture(title: str, subtitle: str, survey: View, history: View) -> str:
    """Return the picture as an SVG document, with a line break at its end."""
    colours = _colours(survey)
    body: list[str] = [
        _say(title, _EDGE, 46, 24, "ink", width=_INNER, weight=600),
        _say(subtitle, _EDGE, 70, 14, "dim", width=_INNER),
    ]
    y = 88.0
    part, height = _languages(survey, colours, y)
    body, y = body + part, y + height
    part, height = _folders(survey, colours, y)
    body, y = body + part, y + height
    part, height = _activity(history, y)
    body, y = body + part, y + height + 8
    label = escape(f"Picture of {printable(title)}: {printable(subtitle)}", quote=True)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_n(y)}" width="{_WIDTH}" height="{_n(y)}" role="img" aria-label="{label}">',
            f"<title>{label}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="bg" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{_n(y - 1)}" rx="10"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _n(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def _say(
    text: str,
    x: float,
    y: float,
    size: float,
    style: str,
    *,
    width: float,
    weight: int = _NORMAL,
    anchor: str = "start",
) -> str:
    """Return *text* as an element, cut to *width*."""
    shown = printable(text)
    wide = size * (1.1 if weight > _NORMAL else 1)
    if plain_width(shown) * wide > width:
        while shown and plain_width(shown + "…") * wide > width:
            shown = shown[: min(len(shown) - 1, int(width / wide / 0.5))]
        if printable(text)[len(shown) :][:1] in _NUMBER:
            shown = shown.rstrip("".join(_NUMBER))  # half a number is a wrong one
        shown = shown.rstrip() + "…" if shown else ""
    if not shown:
        return ""
    paint = f'fill="{style}"' if style.startswith("#") else f'class="{style}"'
    more = f' font-weight="{weight}"' if weight > _NORMAL else ""
    more += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" {paint}{more}>{escape(shown, quote=False)}</text>'


def _colours(survey: View) -> dict[str, str]:
    found: dict[str, str] = {}
    spare = 0
    for language in survey.views("languages"):
        name = language.text("name")
        colour = _COLOURS.get(name)
        if colour is None:
            colour = _OTHERS[spare % len(_OTHERS)]
            spare += 1
        found.setdefault(name, colour)
    return found


def _languages(
    survey: View, colours: dict[str, str], y: float
) -> tuple[list[str], float]:
    shares = [
        (one.text("name"), one.number("share"))
        for one in survey.views("languages")
        if one.number("share") > 0
    ]
    if not shares:
        return [], 0
    shown, rest = shares[:7], sum(share for _, share in shares[7:])
    if rest > 0:
        shown = [*shown, ("other", rest)]
    body: list[str] = []
    x = float(_EDGE)
    total = sum(share for _, share in shown)
    for name, share in shown:
        width = _INNER * share / total
        place = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="12"'
        tip = escape(f"{printable(name)} {percent(share)}", quote=False)
        colour = colours.get(name, _NONE)
        body.append(f'<rect {place} fill="{colour}"><title>{tip}</title></rect>')
        x += width
    x = float(_EDGE)
    for name, share in shown:
        label = f"{clip(printable(name), 24)} {percent(share)}"
        width = plain_width(label) * 12 + 30
        if x + width > _WIDTH - _EDGE + 12:
            break
        body.append(
            f'<circle cx="{_n(x + 5)}" cy="{_n(y + 30)}" r="5" fill="{colours.get(name, _NONE)}"/>'
        )
        body.append(_say(label, x + 15, y + 34, 12, "dim", width=width))
        x += width
    return body, 52


def _folders(
    survey: View, colours: dict[str, str], y: float
) -> tuple[list[str], float]:
    areas = [
        (area, area.number("lines"))
        for area in survey.views("areas")
        if area.number("lines") > 0
    ]
    if not areas:
        return [], 0
    areas.sort(key=lambda pair: (-pair[1], pair[0].text("path")))
    total = sum(lines for _, lines in areas)
    boxes = squarified(
        [max(lines, total / 800) for _, lines in areas], Box(_EDGE, y + 22, _INNER, 360)
    )
    body = [
        _say(
            "Folders, by lines; the colour is the main language",
            _EDGE,
            y + 12,
            12,
            "dim",
            width=_INNER,
        )
    ]
    for (area, lines), box in zip(areas, boxes, strict=True):
        body += _area(area, lines, box, colours)
    return body, 22 + 360 + 22


def _area(area: View, lines: float, box: Box, colours: dict[str, str]) -> list[str]:
    colour = colours.get(area.text("language"), _NONE)
    path = area.text("path")
    path = "./*" if path == "*" else path
    tip = f"{path}: {amount(lines, 'line')} in {amount(area.number('files'), 'file')}"
    place = f'x="{_n(box.x)}" y="{_n(box.y)}"'
    size = f'width="{_n(box.width)}" height="{_n(box.height)}"'
    look = f'rx="3" stroke-width="2" fill="{colour}"'
    shown = escape(printable(tip), quote=False)
    body = [f'<rect class="gap" {place} {size} {look}><title>{shown}</title></rect>']
    if box.width < _LABELLED or box.height < 18:  # noqa: PLR2004 (a line of text)
        return body
    ink = _ink_on(colour)
    room = box.width - 12
    name = path
    while plain_width(name) * 12 > room and "/" in name.rstrip("/*"):
        name = name.partition("/")[2]
    body.append(_say(name, box.x + 6, box.y + 15, 12, ink, width=room, weight=600))
    counted = amount(lines, "line")
    if box.height >= _LABELLED and plain_width(counted) * 11 <= room:
        body.append(_say(counted, box.x + 6, box.y + 30, 11, ink, width=room))
    return [part for part in body if part]


def _ink_on(colour: str) -> str:
    """Return black or white, whichever is read better on *colour* (WCAG luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= _SRGB_KNEE else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.3 else "#101418"  # noqa: PLR2004 (where both contrast alike)


def _activity(history: View, y: float) -> tuple[list[str], float]:
    months = [
        (month.text("month"), month.number("commits"))
        for month in history.views("months")
    ][-36:]
    if len(months) < 2:  # noqa: PLR2004 (one month is no activity to compare)
        return [], 0
    most = max(1, *(count for _, count in months))
    top, height = y + 22, 80.0
    step = _INNER / max(len(months), 12)
    body = [
        _say(
            f"Commits a month; at most {grouped(most)}",
            _EDGE,
            y + 12,
            12,
            "dim",
            width=_INNER,
        ),
        f'<line class="line" x1="{_EDGE}" y1="{_n(top + height)}" x2="{_WIDTH - _EDGE}" y2="{_n(top + height)}"/>',
    ]
    for number, (month, count) in enumerate(months):
        tall = max(height * max(count, 0) / most, 1.0 if count > 0 else 0)
        x = _EDGE + number * step
        tip = escape(printable(f"{month}: {amount(count, 'commit')}"), quote=False)
        body.append(
            f'<rect class="bar" x="{_n(x + step * 0.12)}" y="{_n(top + height - tall)}" width="{_n(step * 0.76)}" '
            f'height="{_n(tall)}"><title>{tip}</title></rect>'
        )
    body += _month_labels([month for month, _ in months], step, top + height + 16)
    return body, 22 + height + 28


def _month_labels(months: Sequence[str], step: float, y: float) -> list[str]:
    """Label the first and the last month, and each January that has room."""
    labels: list[str] = []
    free = 0.0
    for number, month in enumerate(months):
        x = _EDGE + number * step
        wanted = number == 0 or month.endswith("-01")
        if wanted and x >= free and x < _WIDTH - _EDGE - 60:
            labels.append(_say(month, x, y, 11, "dim", width=70))
            free = x + 70
    if len(months) > 1 and _EDGE + len(months) * step - free > 50:  # noqa: PLR2004 (a label)
        labels.append(
            _say(
                months[-1],
                _EDGE + len(months) * step,
                y,
                11,
                "dim",
                width=70,
                anchor="end",
            )
        )
    return labels
