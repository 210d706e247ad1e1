"""Line plots as SVG, drawn without a library: a few dozen points, axes, a legend. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Line", "plot"]

_WIDTH, _HEIGHT = 520, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 28, 40
_COLOURS = (
    "#1f6feb",
    "#d1242f",
    "#2da44e",
    "#bf8700",
    "#8250df",
    "#0a7e8c",
    "#bc4c00",
    "#57606a",
)
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A named series of (x, y)."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Axes:
    """From values to places in the picture; y begins at 0."""

    left: float
    right: float
    top: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = _WIDTH - _LEFT - _RIGHT
        down = _HEIGHT - _TOP - _BOTTOM
        part = (x - self.left) / ((self.right - self.left) or 1.0)
        return _LEFT + part * across, _TOP + (1 - y / self.top) * down


def plot(title: str, x_label: str, lines: Sequence[Line]) -> str:
    """One plot; a line without points is left out. Empty when there is nothing to draw."""
    drawn = [(number, line) for number, line in enumerate(lines) if line.points]
    if not drawn:
        return ""
    xs = sorted({x for _, line in drawn for x, _ in line.points})
    axes = _Axes(xs[0], xs[-1], _nice(max(y for _, line in drawn for _, y in line.points)))
    inner = "".join((*_grid(axes, xs), *(_line(axes, number, line) for number, line in drawn)))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<text class="title" x="{_LEFT}" y="16">{escape(title)}</text>'
        f'<text x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 6}">{escape(x_label)}</text>{inner}</svg>'
        f"{_legend(drawn)}"
    )


def _grid(axes: _Axes, xs: Sequence[float]) -> Iterator[str]:
    for step in range(_TICKS + 1):
        value = axes.top * step / _TICKS
        _, y = axes.at(axes.left, value)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="y" x="{_LEFT - 6}" y="{y + 4:.1f}">{value:,.4g}</text>'
    for x in xs:
        place, _ = axes.at(x, 0)
        yield f'<text x="{place:.1f}" y="{_HEIGHT - _BOTTOM + 16}">{x:g}</text>'


def _line(axes: _Axes, number: int, line: Line) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    places = [axes.at(x, y) for x, y in sorted(line.points)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">'
        f"<title>{escape(line.name)}</title></circle>"
        for x, y in places
    )
    return f'<path class="line" stroke="{colour}" d="M{path}"/>{"".join(dots)}'


def _legend(drawn: Sequence[tuple[int, Line]]) -> str:
    items = "".join(
        f'<li style="color:{_COLOURS[number % len(_COLOURS)]}">{escape(line.name)}</li>'
        for number, line in drawn
    )
    return f"<ul>{items}</ul>"


def _nice(value: float) -> float:
    """The next round number at or above, so that the grid's labels are short."""
    if value <= 0:
        return 1.0
    unit = math.pow(10, math.floor(math.log10(value)))
    return next(step * unit for step in (1, 2, 2.5, 5, 10) if step * unit >= value)
