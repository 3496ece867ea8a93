"""Make docs/events.svg: one bar of piano as a roll and, below it, as performance events.

python scripts/make_events.py docs/events.svg
"""

from __future__ import annotations

import sys
from html import escape
from itertools import groupby

from ritornello import atomic
from ritornello.corpus.humanise import humanised
from ritornello.encoding import make_encoding
from ritornello.encoding.played.events import LOUDNESS, SHIFT
from ritornello.music.values import Note, Part, Piece, Tempo, Timeline, all_notes

WIDTH, LEFT, ROLL, ROW = 1120, 24, 190, 19
COLOURS = {"note_on": "#a9cbe8", "note_off": "#d8b48f", "velocity": "#cdbbe4", "time_shift": "#b9dcae"}
BASS, CHORD, TUNE = 48, (55, 60, 64), ((0, 700, 72), (720, 230, 74), (960, 960, 76))
BAR = Piece(
    (
        Part(
            (
                Note(0, 960, BASS),
                *(Note(480 * beat, 440, pitch) for beat in (1, 3) for pitch in CHORD),
                Note(960, 960, BASS - 5),
                *(Note(*note) for note in TUNE),
            ),
            "Piano",
        ),
    ),
    Timeline(480, 1920, tempos=(Tempo(0, 96.0),)),
)


def main(path: str) -> None:
    """Draw the bar: notes where they sound, and each moment's events in a column under it."""
    encoding, played = make_encoding("events"), humanised(BAR, 1)
    tokens = encoding.encode(played).tokens.tolist()[:-1]
    notes, end = all_notes(played), max(note.end for note in all_notes(played))
    low, high = min(n.pitch for n in notes) - 1, max(n.pitch for n in notes) + 1
    moments = [
        [encoding.vocabulary.name_of(token) for token in group]
        for _, group in groupby(tokens, lambda token: SHIFT <= token < LOUDNESS)
    ]
    height = ROLL + 40 + ROW * max(map(len, moments))
    scale, step = (WIDTH - 2 * LEFT) / end, (WIDTH - 2 * LEFT) / len(moments)
    shapes = [
        f'<rect x="{LEFT + n.start * scale:.1f}" y="{10 + (high - n.pitch) * (ROLL - 20) / (high - low):.1f}" '
        f'width="{max(3, n.duration * scale):.1f}" height="7" rx="2" fill="#3f6f9f" '
        f'fill-opacity="{0.35 + 0.65 * (n.velocity - 50) / 40:.2f}"/>'
        for n in notes
    ]
    time = 0
    for place, names in enumerate(moments):
        x = LEFT + place * step
        if names[0].startswith("time_shift"):
            time += 10 * sum(int(name.split()[1]) + 1 for name in names)
        else:
            at = LEFT + time * scale
            shapes.append(
                f'<path d="M{at:.1f} {ROLL - 6}L{x + step / 2:.1f} {ROLL + 24}" stroke="#b8b2a8" fill="none"/>'
            )
        for row, name in enumerate(names):
            kind, _, number = name.partition(" ")
            words = {"note_on": "on", "note_off": "off", "velocity": "vel", "time_shift": "+"}[kind]
            shown = f"+{10 * (int(number) + 1)} ms" if kind == "time_shift" else f"{words} {number}"
            y = ROLL + 26 + row * ROW
            shapes.append(
                f'<rect x="{x:.1f}" y="{y}" width="{step - 2:.1f}" height="{ROW - 2}" rx="2" fill="{COLOURS[kind]}"/>'
                f'<text x="{x + step / 2 - 1:.1f}" y="{y + 12}" text-anchor="middle">{escape(shown)}</text>'
            )
    style = "<style>text{font:8px sans-serif;fill:#2b2620}</style>"
    ground = f'<rect width="{WIDTH}" height="{height}" fill="#fffdf8"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">'
    atomic.write_text(path, f"{head}{style}{ground}{''.join(shapes)}</svg>\n", replace=True)


if __name__ == "__main__":
    main(sys.argv[1])
