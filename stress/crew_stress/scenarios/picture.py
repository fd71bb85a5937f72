# Written by hand, for a handful of lines: distributions as the share of values that
# are not above x, courses as the value over time. No script, no font, no link.
"""The result of a scenario as an SVG."""

from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Final

from crew_stress.scenarios.values import Check, Outcome, Series

WIDTH: Final = 860
PANEL: Final = 260
LEFT: Final = 70
RIGHT: Final = 30
TOP: Final = 80
FOOT: Final = 36
CLAIM_WIDTH: Final = 120
"""Characters of a claim in one row."""
COLOURS: Final = ("#1668b8", "#c2410c", "#15803d", "#7c3aed", "#b91c1c")
POINTS: Final = 400
"""Of a line at most; more cannot be seen."""


def picture(outcome: Outcome) -> str:
    """Draw *outcome*: one panel for its distributions, one for its courses."""
    shown = [each for each in outcome.series if each.count > 1]
    panels = [
        [each for each in shown if each.kind == kind and each.unit == unit]
        for kind, unit in dict.fromkeys((each.kind, each.unit) for each in shown)
    ]
    height = TOP + max(1, len(panels)) * (PANEL + FOOT)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
    )
    parts = [
        head,
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(LEFT, 24, _title(outcome), size=15),
    ]
    for row, line in enumerate(wrap(outcome.claim, CLAIM_WIDTH)):
        parts.append(_text(LEFT, 44 + 16 * row, line, colour="#555"))
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (PANEL + FOOT), outcome.checks)
    return "\n".join([*parts, "</svg>", ""])


def _title(outcome: Outcome) -> str:
    verdict = "holds"
    if outcome.broken_by is not None:
        verdict = f"broken by seed {outcome.broken_by}"
    agents = f"agents {outcome.load.agents}, rounds {outcome.rounds}"
    return f"crew stress {outcome.scenario}: {agents}: {verdict}"


def _panel(panel: Sequence[Series], top: int, checks: Sequence[Check]) -> list[str]:
    values = [value for each in panel for value in each.values]
    limits = [
        each for each in checks if each.unit == panel[0].unit and _near(each, values)
    ]
    highest = max([*values, *(each.limit for each in limits)])
    frame = (
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{PANEL - FOOT}" fill="none" stroke="#999"/>'
    )
    is_course = panel[0].kind == "course"
    parts = [frame, *_axes(panel[0], highest, top)]
    if not is_course:
        parts += [part for each in limits for part in _limit(each, highest, top)]
    for number, series in enumerate(panel):
        colour = COLOURS[number % len(COLOURS)]
        points = _course(series, highest) if is_course else _share(series, highest)
        parts.append(_line(points, top, colour))
        label = f"{series.name} (p95 {series.p95:.1f} {series.unit})"
        x, y = WIDTH - RIGHT - 10, top + PANEL - FOOT - 12 - 16 * number
        parts.append(_text(x, y, label, colour=colour, anchor="end"))
    return parts


def _axes(series: Series, highest: float, top: int) -> list[str]:
    bottom = top + PANEL - FOOT
    least, most = f"0 {series.unit}", f"{highest:.0f} {series.unit}"
    if series.kind == "course":
        return [
            _text(6, top + 12, most),
            _text(6, bottom, least),
            _text(LEFT, bottom + 16, "time"),
        ]
    return [
        _text(6, top + 12, "100 %"),
        _text(6, bottom, "0 %"),
        _text(LEFT, bottom + 16, least),
        _text(WIDTH - RIGHT, bottom + 16, most, anchor="end"),
    ]


def _near(check: Check, values: Sequence[float]) -> bool:
    """Tell whether a limit can be shown without pressing the values together."""
    return check.limit <= 4 * max(values)


def _limit(check: Check, highest: float, top: int) -> list[str]:
    x = LEFT + check.limit / highest * (WIDTH - LEFT - RIGHT)
    line = (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + PANEL - FOOT}" '
        'stroke="#b91c1c" stroke-dasharray="4 3"/>'
    )
    return [
        line,
        _text(x - 4, top + 14, check.what, colour="#b91c1c", anchor="end"),
    ]


def _share(series: Series, highest: float) -> list[tuple[float, float]]:
    ordered = sorted(series.values)
    step = max(1, len(ordered) // POINTS)
    last = len(ordered) - 1
    kept = sorted({*range(0, len(ordered), step), last})
    return [(ordered[at] / (highest or 1), (at + 1) / len(ordered)) for at in kept]


def _course(series: Series, highest: float) -> list[tuple[float, float]]:
    step = max(1, series.count // POINTS)
    last = max(1, series.count - 1)
    kept = range(0, series.count, step)
    return [(at / last, max(0.0, series.values[at]) / (highest or 1)) for at in kept]


def _line(points: Sequence[tuple[float, float]], top: int, colour: str) -> str:
    width, height = WIDTH - LEFT - RIGHT, PANEL - FOOT
    path = " ".join(
        f"{LEFT + x * width:.1f},{top + (1 - y) * height:.1f}" for x, y in points
    )
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    colour: str = "#111",
    size: int = 12,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
