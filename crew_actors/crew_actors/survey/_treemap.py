# Rectangles whose areas are proportional to weights. Pure.
#
# The squarified treemap of Bruls, Huizing and van Wijk (2000): rows are filled along
# the shorter side as long as that makes the worst rectangle of the row squarer.
"""A treemap's geometry."""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Box:
    """A rectangle, in user units of the picture."""

    x: float
    y: float
    width: float
    height: float


def squarified(weights: Sequence[float], box: Box) -> list[Box]:
    """Return a rectangle in *box* for each of *weights*, which are positive.

    The weights should fall; the rectangles then run from the top left on.
    """
    total = sum(weights)
    scale = box.width * box.height / total if total else 0
    sizes = [weight * scale for weight in weights]
    placed: list[Box] = []
    start = 0
    while start < len(sizes):
        side = min(box.width, box.height)
        end = start + 1
        while end < len(sizes) and _worst(sizes[start : end + 1], side) <= _worst(
            sizes[start:end], side
        ):
            end += 1
        row, box = _row(sizes[start:end], box)
        placed += row
        start = end
    return placed


def _worst(sizes: Sequence[float], side: float) -> float:
    """Return the worst ratio of the sides of the rectangles of one row."""
    total = sum(sizes)
    if not total or not side:
        return float("inf")
    thickness = total / side
    return max(
        max(thickness / (size / thickness), size / thickness / thickness)
        for size in sizes
    )


def _row(sizes: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """Lay one row along the shorter side; return it and what is left of *box*."""
    total = sum(sizes)
    placed: list[Box] = []
    if box.width >= box.height:
        thickness = total / box.height if box.height else 0
        y = box.y
        for size in sizes:
            height = size / thickness if thickness else 0
            placed.append(Box(box.x, y, thickness, height))
            y += height
        return placed, Box(
            box.x + thickness, box.y, max(0, box.width - thickness), box.height
        )
    thickness = total / box.width
    x = box.x
    for size in sizes:
        placed.append(Box(x, box.y, size / thickness if thickness else 0, thickness))
        x += size / thickness if thickness else 0
    return placed, Box(
        box.x, box.y + thickness, box.width, max(0, box.height - thickness)
    )
