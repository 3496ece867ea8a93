"""Draw what stands around a score: its title, its composer, its tempo, what its colours mean."""

from __future__ import annotations

import textwrap
from html import escape

from ritornello.music.beats import tempo_mark
from ritornello.music.values import Timeline

SERIF = "Georgia, 'Times New Roman', 'Noto Serif', 'Liberation Serif', 'DejaVu Serif', serif"
TITLE, LINE = 21.0, 13.0  # sizes of letters in pixels, at a scale of 42 per cent
LETTER = 0.56  # of a letter's size, its mean width in the widest of these fonts
SMALLEST_TITLE = 13.0
MOST_LINES = 3
PRIMER = "#1f6f8b"  # the notes of a primer, on paper; told from black, and from what sounds, by colour-blind eyes too


def heading(
    timeline: Timeline, title: str, composer: str, width: float, margin: float, scale: int
) -> tuple[str, float]:
    """Draw title, composer and tempo as SVG. Returns it with its height in pixels.

    title, composer: nothing is drawn for "". width, margin: of the score, in pixels. scale: as of `staff_svg`.
    """
    zoom = scale / 42
    room = width - 2 * margin
    drawn, bottom = [], 4 * zoom
    if title:
        size = TITLE * zoom
        if len(title) * size * LETTER > room:
            size = max(SMALLEST_TITLE * zoom, size * 0.8)
        for line in textwrap.wrap(title, max(int(room / (size * LETTER)), 8), max_lines=MOST_LINES, placeholder=" …"):
            bottom += size * 1.2
            drawn.append(_text(line, width / 2, bottom, size, "middle"))
        bottom += 0.3 * size
    size = LINE * zoom
    mark, taken = _tempo(timeline, margin, size)
    if composer:
        if taken + len(composer) * size * LETTER > room:  # the line below belongs to the tempo
            bottom += 1.7 * size
            taken = 0.0
        line = textwrap.shorten(composer, max(int((room - taken) / (size * LETTER)), 8), placeholder=" …")
        above = bottom - 0.4 * size * (taken == 0) + 1.3 * size * (taken > 0)
        drawn.append(_text(line, width - margin, above, size, "end", ' font-style="italic"'))
    bottom += size * 1.3
    drawn.append(f'<g class="tempo" transform="translate(0 {bottom:g})">{mark}</g>')
    return f'<g class="heading" font-family="{SERIF}" fill="currentColor">{"".join(drawn)}</g>', bottom + 2 * zoom


def legend(words: str, colour: str, margin: float, scale: int) -> tuple[str, float]:
    """Draw a note's head in a colour, and what it means.

    Returns the SVG with its height in pixels.
    """
    size = 0.9 * LINE * scale / 42
    head = 0.3 * size
    sign = (
        f'<ellipse cx="{margin + head:.2f}" cy="{0.75 * size:.2f}" rx="{head:.2f}" ry="{0.72 * head:.2f}" '
        f'fill="{colour}" transform="rotate(-22 {margin + head:.2f} {0.75 * size:.2f})"/>'
    )
    line = _text(words, margin + 3 * head, size, size, "start", ' font-style="italic"')
    return f'<g class="primer-line" font-family="{SERIF}" fill="currentColor">{sign}{line}</g>', 2 * size


def _text(words: str, x: float, y: float, size: float, anchor: str, more: str = "") -> str:
    text = escape(words, quote=False)
    return f'<text x="{x:g}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}"{more}>{text}</text>'


def _tempo(timeline: Timeline, x: float, size: float) -> tuple[str, float]:
    """Draw the tempo of the first beat, a note and a whole number.

    Returns the SVG at y = 0, and where it ends.
    """
    value, dots, minute = tempo_mark(timeline.qpm, timeline.metre)
    head, stem = 0.3 * size, 1.05 * size  # half the width of a head, the length of a stem
    centre, foot = x + head, -0.24 * size
    fill = "none" if value in ("whole", "half") else "currentColor"
    signs = [
        f'<ellipse cx="{centre:.2f}" cy="{foot:.2f}" rx="{head:.2f}" ry="{0.72 * head:.2f}" fill="{fill}" '
        f'stroke="currentColor" stroke-width="{0.08 * size:.2f}" transform="rotate(-22 {centre:.2f} {foot:.2f})"/>'
    ]
    side, top = centre + 0.93 * head, foot - stem
    if value != "whole":
        signs.append(
            f'<path d="M{side:.2f} {foot - 0.08 * size:.2f}V{top:.2f}" stroke="currentColor" '
            f'stroke-width="{0.09 * size:.2f}"/>'
        )
    flags = {"eighth": 1, "16th": 2, "32nd": 3}.get(value, 0)
    signs += [
        f'<path d="M{side:.2f} {top + 0.24 * flag * size:.2f}q{0.04 * size:.2f} {0.24 * size:.2f} '
        f"{0.22 * size:.2f} {0.38 * size:.2f}q{0.12 * size:.2f} {0.16 * size:.2f} 0 {0.42 * size:.2f}"
        f'q{0.02 * size:.2f} {-0.3 * size:.2f} {-0.22 * size:.2f} {-0.44 * size:.2f}z"/>'
        for flag in range(flags)
    ]
    after = side + (0.34 * size if flags else 0.1 * size)
    if dots:
        signs.append(f'<circle cx="{after + 0.12 * size:.2f}" cy="{foot:.2f}" r="{0.09 * size:.2f}"/>')
        after += 0.24 * size
    words = f"= {minute}"
    signs.append(_text(words, after + 0.3 * size, 0, size, "start"))
    return "".join(signs), after + (0.3 + LETTER * len(words)) * size
