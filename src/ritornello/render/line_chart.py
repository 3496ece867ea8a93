"""Draw lines over a shared scale: as one SVG, or in a terminal as dots of Braille.

The SVG has its own ground and colours, for light and dark themes, so that it reads the same alone, on a page
and in a notebook.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

INKS = ("#9c3d2b", "#4a7a9c", "#7a8f3c", "#8a5a9c", "#b8862b", "#3c8f84", "#a8577a", "#6d6456")
LAMPS = ("#e48a6c", "#86b4d1", "#b3c76c", "#c39ad6", "#e0b860", "#74c7bb", "#e097b6", "#a69b8a")
TOP, FOOT, LEFT, RIGHT = 16, 40, 48, 14  # pixels around the plot
SIGN = 6.9  # pixels that a letter takes in the legend
MOST_POINTS = 400  # of a line; a longer one is thinned evenly
SPREAD = 1.6  # times the height of the later half; higher values at the beginning are cut at the top
BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a sign (Unicode 15, U+2800)
LABEL = 6  # signs that the numbers at the left take

Cell = tuple[str, int]  # a sign, and the ink of the line that it belongs to: -1 for none


@dataclass(frozen=True)
class Curve:
    """A line through points. ink: number of its colour. is_level: one value, dashed. mark: a dot on it."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    ink: int = 0
    is_level: bool = False
    is_faint: bool = False
    mark: tuple[float, float] | None = None


def line_chart(
    lines: Sequence[Curve], x_name: str, y_name: str, width: int = 860, height: int = 380, label: str = ""
) -> str:
    """Draw lines as a self-contained SVG of `width` x `height` pixels, a legend above the plot.

    x_name, y_name: what the axes count. A first fall that would flatten all the rest is cut at the top.
    Points that are not finite are left out. Raises ValueError without any line.
    """
    if not lines:
        raise ValueError("a chart needs one line or more")
    legend, top = _legend(lines, width)
    right, bottom = width - RIGHT, height - FOOT
    low, high = heights(lines)
    last = max((x for line in lines if not line.is_level for x in line.xs if math.isfinite(x)), default=1.0) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        """Convert values to pixels from the left and the top; one above the scale is at its edge."""
        y = (min(max(y, low), high) - low) / (high - low)
        return LEFT + x / last * (right - LEFT), bottom + y * (top - bottom)

    rules = []
    for value in ticks(low, high, round((bottom - top) / 48)):
        y = place(0, value)[1]
        rules.append(f'<path class="rule" d="M{LEFT} {y:.1f}H{right}"/>')
        rules.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in ticks(0.0, last, round((right - LEFT) / 90)):
        x = place(value, low)[0]
        rules.append(f'<path class="rule" d="M{x:.1f} {bottom}v4"/>')
        rules.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>')
    label = escape(label or f"{y_name} over {x_name}", quote=True)
    body = [
        f'<rect class="ground" width="{width}" height="{height}" rx="8"/>',
        *rules,
        *(_drawn(line, place, right) for line in lines),
        *legend,
        f'<text class="name" x="{width - RIGHT}" y="{height - 8}" text-anchor="end">{escape(x_name)}</text>',
        f'<text class="name" x="8" y="{height - 8}">↑ {escape(y_name)}</text>',
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lines" role="img" aria-label="{label}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="system-ui, DejaVu Sans, sans-serif" '
        f'font-size="12"><title>{label}</title><style>{STYLE}</style>{"".join(body)}</svg>'
    )


def _drawn(line: Curve, place: Callable[[float, float], tuple[float, float]], right: float) -> str:
    """Draw one line, and the dot on it."""
    kind = _kind(line)
    if line.is_level:
        return f'<path class="{kind}" d="M{LEFT} {place(0, line.ys[0])[1]:.1f}H{right}"/>'
    points = [(x, y) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(x) and math.isfinite(y)]
    every = -(-len(points) // MOST_POINTS) or 1
    points = [place(*point) for point in points[::-every][::-1]]
    path = "".join(f"{'L' if n else 'M'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(points))
    dots = [place(*line.mark)] if line.mark is not None else points if len(points) == 1 else []
    marks = "".join(f'<circle class="dot i{line.ink % len(INKS)}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in dots)
    return f'<path class="{kind}" d="{path}"/>{marks}'


def _kind(line: Curve) -> str:
    return f"l i{line.ink % len(INKS)}" + " level" * line.is_level + " faint" * line.is_faint


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers from `low` to `high`, about `count` of them, 2 or more where there is room."""
    if not high > low:
        return [low]
    step = next(s for s in _steps(high - low) if (high - low) / s <= max(count, 2))
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _steps(span: float) -> list[float]:
    power = math.floor(math.log10(span)) - 2
    return [n * 10.0**p for p in range(power, power + 5) for n in (1, 2, 5)]


def heights(lines: Sequence[Curve]) -> tuple[float, float]:
    """Choose the lowest and highest value shown.

    There is room around the lines; their first fall is cut where it would flatten the rest.
    """
    every = [y for line in lines for y in line.ys if math.isfinite(y)] or [0.0, 1.0]
    late = [y for line in lines for y in line.ys[len(line.ys) // 2 :] if math.isfinite(y)] or every
    low = min(every)
    high = min(max(every), max(late) + SPREAD * max(max(late) - low, 0.1 * abs(low), 1e-6))
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _legend(lines: Sequence[Curve], width: int) -> tuple[list[str], float]:
    """Draw the legend, a stroke and a name each, and measure its height in pixels."""
    shapes, x, y = [], 14.0, 24.0
    for line in lines:
        wide = 30 + SIGN * len(line.name)
        if x > 14 and x + wide > width - RIGHT:
            x, y = 14.0, y + 18
        shapes.append(f'<path class="{_kind(line)}" d="M{x:.0f} {y - 4:.0f}h18"/>')
        shapes.append(f'<text class="name" x="{x + 24:.0f}" y="{y:.0f}">{escape(line.name)}</text>')
        x += wide + 14
    return shapes, y + TOP


def _inks(colours: Sequence[str]) -> str:
    return "".join(f".lines .i{n}{{stroke:{c}}}.lines .dot.i{n}{{fill:{c}}}" for n, c in enumerate(colours))


STYLE = (
    ".lines .ground{fill:#fffdf8}.lines .rule{stroke:#e0d7c6;fill:none}.lines text{fill:#6d6456}"
    ".lines .name{fill:#26221c}.lines .l{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}"
    ".lines .level{stroke-dasharray:6 5;stroke-width:1.6}.lines .faint{stroke-width:1.5;stroke-opacity:.6}"
    f"{_inks(INKS)}"
    "@media (prefers-color-scheme: dark){.lines .ground{fill:#211e1a}.lines .rule{stroke:#3a342c}"
    f".lines text{{fill:#a69b8a}}.lines .name{{fill:#ece5d8}}{_inks(LAMPS)}}}"
)


def text_chart(lines: Sequence[Curve], width: int, height: int) -> list[list[Cell]]:
    """Draw `height` rows of `width` cells: numbers at the left, the lines as dots.

    The last line is on top.
    Raises ValueError without lines, or where there is no room (less than 12 by 2).
    """
    if not lines or width < 12 or height < 2:
        raise ValueError(
            f"a chart needs a line or more and 12 by 2 signs, not {len(lines)} lines, {width} by {height}"
        )
    columns = width - LABEL
    low, high = heights(lines)
    last = max((x for line in lines if not line.is_level for x in line.xs), default=1.0) or 1.0
    cells: list[list[Cell]] = [[(" ", -1)] * columns for _ in range(height)]
    for line in lines:
        for x, y in _dots(line, 2 * columns, 4 * height, last, low, high):
            sign, ink = cells[y // 4][x // 2]
            bits = (ord(sign) - BRAILLE if ink == line.ink else 0) | DOTS[y % 4][x % 2]
            cells[y // 4][x // 2] = (chr(BRAILLE + bits), line.ink)
    return [_label(row, height, low, high) + line_cells for row, line_cells in enumerate(cells)]


def _dots(line: Curve, wide: int, tall: int, last: float, low: float, high: float) -> list[tuple[int, int]]:
    """List columns and rows of the dots of a line, rows counted from the top."""

    def row(value: float) -> int:
        share = (min(max(value, low), high) - low) / (high - low)
        return round((1 - share) * (tall - 1))

    if line.is_level:
        return [(x, row(line.ys[0])) for x in range(wide) if x % 4 < 2]
    pairs = [
        (round(x / last * (wide - 1)), row(y))
        for x, y in zip(line.xs, line.ys, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]
    dots = pairs[:1]
    for (x0, y0), (x1, y1) in zip(pairs, pairs[1:], strict=False):
        count = max(abs(x1 - x0), abs(y1 - y0), 1)
        dots += [(round(x0 + (x1 - x0) * n / count), round(y0 + (y1 - y0) * n / count)) for n in range(1, count + 1)]
    return dots


def _label(row: int, height: int, low: float, high: float) -> list[Cell]:
    """Write the number of this row, if it has one."""
    step = (high - low) / height
    top = high - row * step
    here = [value for value in ticks(low, high, max(2, height // 2)) if top - step < value <= top]
    text = f"{here[0]:g}" if here else ""
    return [(sign, -1) for sign in f"{text:>{LABEL - 1}} "[-LABEL:]]
