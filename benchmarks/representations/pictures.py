"""Make docs/representations.svg: the opening of a tune on a staff and, below it, as tokens of each encoding.

    python -m benchmarks.representations.pictures docs/representations.svg

The tune is "Silent Night" (Gruber, 1818) from the embedded hymns. Engraved by verovio with notes as far apart as they
are in time, so that every box stands under its note.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from ritornello import atomic
from ritornello.encoding import Encoding, make_encoding
from ritornello.music.scores.writer import write_musicxml
from ritornello.music.values import Melody

SOURCE, BARS = "hymns/Silent_Night", 3
HEADER, CELL = 152, 66  # pixels left of the tune for what stands before it; width of a token there
BOX, GAP, ROW_GAP = 24, 2, 36
SCALE = 40  # per cent of verovio's staff
INK, PAPER, FAINT = "#2b2620", "#fffdf8", "#8a8174"

TONICS = ("C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("grid --plain: the exercise's", {"name": "grid", "plain": True}),
    ("grid", {"name": "grid"}),
    ("grid, 12 steps a quarter", {"name": "grid", "steps_per_quarter": 12}),
    ("lookback", {"name": "lookback"}),
    ("note", {"name": "note"}),
    ("interval, to the key", {"name": "interval"}),
    ("interval, to the note before", {"name": "interval", "relative_to": "previous"}),
]
COLOURS = {
    "note": "#a9cbe8",
    "hold": "#e6e1d6",
    "length": "#b9dcae",
    "silence": "#d8b48f",
    "copy": "#f2bf6b",
    "header": "#cdbbe4",
    "end": "#b8b2a8",
}
KINDS = (
    (r"note_on|pitch|offset|interval", "note"),
    (r"no_event|tie", "hold"),
    (r"quarters|none", "length"),
    (r"note_off|rest", "silence"),
    (r"as_", "copy"),
    (r"end", "end"),
)


class Box(NamedTuple):
    """A token: its text, its kind, its layer, and the quarters that it fills (both 0: none)."""

    text: str
    kind: str
    layer: int
    start: float
    stop: float


def boxes(encoding: Encoding, tokens: np.ndarray) -> list[Box]:
    """Make a box for each token; those of a group share its time.

    What fills no time is header, or the end.
    """
    tracker, unit = encoding.tracker(), encoding.ticks_per_quarter
    found: list[Box] = []
    parts = len(encoding.parts)
    for at in range(0, len(tokens), parts):
        group = tokens[at : at + parts].tolist()
        before = tracker.time / unit
        for token in group:
            tracker.advance(token)
        after = tracker.time / unit
        found += [_box(encoding, token, part, before, after) for part, token in enumerate(group)]
    return found


def _box(encoding: Encoding, token: int, part: int, before: float, after: float) -> Box:
    name = encoding.vocabulary.name_of(token)
    kind = next((kind for pattern, kind in KINDS if re.match(pattern, name)), "header")
    if after == before:
        return Box(words(encoding, token, name), kind if kind == "end" else "header", part, 0.0, 0.0)
    return Box(words(encoding, token, name), kind, part, before, after)


def words(encoding: Any, token: int, name: str) -> str:
    """Write the text of a box: the id where a step is a token, else its meaning."""
    row, _, value = name.partition(" ")
    if row in ("offset", "interval"):
        return f"{token + encoding.lowest:+d}"
    if row in ("note_on", "no_event", "note_off", "pitch"):
        return str(token)
    if row.startswith("as_"):
        return "←1" if "one" in row else "←2"
    if row.startswith("key_"):
        return f"{TONICS[int(value)]} {row.removeprefix('key_')}"
    return f"{row} {value}".strip().replace("begin_", "").replace("quarters_", "").replace("_", " ")


def engraved(melody: Melody) -> tuple[str, dict[int, float], float, float]:
    """Engrave the staff in one line: SVG, x of each note's head by its number, width and height, in pixels."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "pageWidth": 60000, "adjustPageWidth": True, "adjustPageHeight": True, "scale": SCALE,
            "breaks": "none", "header": "none", "footer": "none", "svgViewBox": True, "svgRemoveXlink": True,
            "svgFormatRaw": True, "xmlIdSeed": 1, "spacingLinear": 0.088, "spacingNonLinear": 1.0,
            **{f"pageMargin{side}": 30 for side in ("Left", "Right", "Top", "Bottom")},
        }
    )  # fmt: skip
    toolkit.loadData(re.sub(r"<direction\b.*?</direction>", "", write_musicxml(melody)))
    svg = toolkit.renderToSVG(1)
    svg = svg[svg.index("<svg") :]
    (width, height), (inner, _) = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[:2]
    margin = float(re.findall(r'class="page-margin" transform="translate\(([\d.]+)', svg)[0])
    heads: dict[int, float] = {}
    for number, x in re.findall(r'id="note_(\d+)(?:-\d+)?".*?translate\(([\d.]+),', svg):
        heads.setdefault(int(number), (float(x) + margin) * float(width) / float(inner))
    return svg, heads, float(width), float(height)


def picture(melody: Melody) -> str:
    """Draw the whole picture as SVG."""
    staff, heads, width, height = engraved(melody)
    per = melody.timeline.ticks_per_quarter
    times = [note.start / per for note in melody.notes] + [melody.timeline.length / per]
    left = HEADER - heads[0]
    places = [left + heads[n] - 3 for n in range(len(melody.notes))] + [left + width - 14]
    parts = [staff.replace("<svg ", f'<svg x="{left:g}" y="0" width="{width:g}" height="{height:g}" ', 1)]
    y, rows = height + ROW_GAP - 8, []
    for name, options in ROWS:
        encoding = make_encoding(**options)
        drawn = boxes(encoding, encoding.encode(melody).tokens.astype(np.int64))
        rows.append(_row(name, drawn, len(encoding.parts), times, places, y))
        y += len(encoding.parts) * (BOX + GAP) + ROW_GAP
    right = places[-1] + 60
    lines = [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{height - 4:.1f}" y2="{y - ROW_GAP + 2:.1f}"/>' for x in places]
    guides = f'<g stroke="{FAINT}" stroke-width="0.6" stroke-dasharray="2 3">{"".join(lines)}</g>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Silent Night in each encoding" '
        f'width="{right:.0f}" height="{y - 20:.0f}" viewBox="0 0 {right:.0f} {y - 20:.0f}" font-size="11" '
        f'font-family="DejaVu Sans, Verdana, sans-serif" text-anchor="middle">'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>{parts[0]}{guides}{"".join(rows)}</svg>\n'
    )


def _row(
    name: str, drawn: Sequence[Box], parts: int, times: Sequence[float], places: Sequence[float], y: float
) -> str:
    """Draw one encoding: its name, its header, its tune, its end."""
    shapes = [f'<text x="12" y="{y - 7:.1f}" text-anchor="start" font-size="13" fill="{INK}">{escape(name)}</text>']
    header = [box for box in drawn if box.kind == "header"]
    columns = -(-len(header) // parts)
    for n, box in enumerate(header):
        x = places[0] - (columns - n // parts) * CELL - 8
        shapes.append(_drawn(box, x, x + CELL - GAP, y))
    for box in drawn:
        if box.stop > box.start:
            x, stop = (float(np.interp(t, times, places)) for t in (box.start, box.stop))
            shapes.append(_drawn(box, x, stop - GAP * (stop - x > 12), y))
        elif box.kind == "end":
            shapes.append(_drawn(box, places[-1] + 8, places[-1] + 44, y))
    return "".join(shapes)


def _drawn(box: Box, x: float, stop: float, y: float) -> str:
    top = y + box.layer * (BOX + GAP)
    edge = ' stroke="#fffdf8" stroke-width="0.8"' if stop - x < 12 else ' rx="3"'
    drawn = (
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{stop - x:.1f}" height="{BOX}"{edge} fill="{COLOURS[box.kind]}"/>'
    )
    if stop - x < 6.6 * len(box.text):
        return drawn
    return drawn + f'<text x="{(x + stop) / 2:.1f}" y="{top + 16:.1f}" fill="{INK}">{escape(box.text)}</text>'


def opening() -> Melody:
    """Cut out the first bars of the tune."""
    from ritornello.corpus.embedded import embedded

    melody = next(m for m in embedded("hymns").melodies() if m.source.startswith(SOURCE))
    return melody.between(0, int(BARS * melody.timeline.bar_ticks(melody.timeline.metre)))


if __name__ == "__main__":
    atomic.write_text(sys.argv[1], picture(opening()), replace="--replace" in sys.argv)
