"""A picture of figures over time, as SVG. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 760, 150
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 30, 30
POINTS = 600


class Curve(NamedTuple):
    """Figures of one kind, one a moment; the axis goes from zero to their maximum."""

    title: str
    unit: str
    values: Sequence[float]


def picture(minutes: Sequence[float], curves: Sequence[Curve]) -> str:
    """One panel a curve, one above the other, over a common axis of time in minutes."""
    height = len(curves) * HEIGHT
    panels = "".join(_panel(minutes, curve, index * HEIGHT) for index, curve in enumerate(curves))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>{panels}</svg>\n'
    )


def thinned(values: Sequence[float]) -> list[float]:
    """At most POINTS values that tell the same: the largest of each run of neighbours."""
    step = -(-len(values) // POINTS)
    return [max(values[at : at + step]) for at in range(0, len(values), step)]


def _panel(minutes: Sequence[float], curve: Curve, top: int) -> str:
    minutes, values = thinned(minutes), thinned(curve.values)
    most, last = max(values) or 1.0, max(minutes) or 1.0
    right, bottom, ceiling = WIDTH - RIGHT, top + HEIGHT - BOTTOM, top + TOP

    def point(minute: float, value: float) -> str:
        return f"{LEFT + (right - LEFT) * minute / last:.1f},{bottom - (bottom - ceiling) * value / most:.1f}"

    line = " ".join(point(minute, value) for minute, value in zip(minutes, values, strict=True))
    return (
        f'<text x="{LEFT}" y="{top + 18}">{curve.title}, {curve.unit}</text>'
        f'<text x="{LEFT - 6}" y="{ceiling + 4}" text-anchor="end">{most:.3g}</text>'
        f'<text x="{LEFT - 6}" y="{bottom + 4}" text-anchor="end">0</text>'
        f'<text x="{right}" y="{bottom + 18}" text-anchor="end">{last:.0f} min</text>'
        f'<path d="M{LEFT},{ceiling} V{bottom} H{right}" fill="none" stroke="#888"/>'
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="1.5"/>'
    )
