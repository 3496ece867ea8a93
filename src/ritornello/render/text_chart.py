"""Draw lines over a shared scale in a terminal: eight dots to a sign of Braille."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ritornello.render.line_chart import Curve, heights, ticks

BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a sign (Unicode 15, U+2800)
LABEL = 6  # signs that the numbers at the left take

Cell = tuple[str, int]  # a sign, and the ink of the line that it belongs to: -1 for none


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
