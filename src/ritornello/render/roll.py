"""Draw a melody, or several parts, as a piano roll: keys at the left, bars, beats, a bar of colour a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from itertools import pairwise
from math import log2
from typing import NamedTuple

from ritornello.music.beats import BeatTree
from ritornello.music.keys import PITCH_NAMES, pitch_name
from ritornello.music.lines import top_line
from ritornello.music.values import Melody, Note, Piece, Timeline
from ritornello.plural import counted
from ritornello.render.engraving.heading import PRIMER
from ritornello.render.staff import escape_attribute
from ritornello.render.words import primer_in_words

KEYBOARD = 54  # pixels that the keys take at the left
BLACK = {1, 3, 6, 8, 10}  # pitch classes of the black keys
ROW = 10  # pixels to a semitone
TOP = 22  # room for bar numbers
FOOT = 8
MIN_ROWS = 15
PER_QUARTER = 18  # pixels, before stretching to the least width
MAX_WIDTH = 30000
INK = "#9c3d2b"  # soft notes let the ground shine through
SURPRISE = ((74, 122, 156), (217, 164, 65), (196, 58, 28))  # 0 bits, half-way, MOST_BITS or more
ON_PAPER = 0.72  # as light as the roll's colours: the lines of notes on paper are thin
MOST_BITS = 6.0
PART_COLOURS = (INK, "#2f6f9f", "#5c7f2e", "#b07a10", "#7a4f96", "#1f7f78", "#a34474", "#5f5a52")
"""Of the parts of a piece in their order, and then again."""


class _Drawn(NamedTuple):
    """The notes of all parts by start, with what a roll needs to know besides.

    colours: of each note. names: its part and its place in the part's highest line, "" where it is not in that.
    """

    notes: tuple[Note, ...]
    timeline: Timeline
    title: str
    colours: tuple[str, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class _Space:
    """The scale of the picture: lowest and highest pitch, pixels to a tick, width."""

    low: int
    high: int
    per_tick: float
    width: float

    @property
    def height(self) -> int:
        return TOP + (self.high - self.low + 1) * ROW + FOOT

    def x(self, tick: float) -> float:
        return round(KEYBOARD + tick * self.per_tick, 2)

    def y(self, pitch: int) -> int:
        return TOP + (self.high - pitch) * ROW


def roll_svg(
    melody: Melody, probabilities: Sequence[float] | None = None, width: int = 900, primer_notes: int = 0
) -> str:
    """Draw a melody as a self-contained SVG, `width` pixels wide or more.

    probabilities: (notes,) the probability in (0, 1] that a model gave to each note; colours then show surprise,
        from blue (0 bits) to orange (6 bits or more). Without them they show velocity.
    primer_notes: so many notes at the beginning are the primer: they lie on a ground of their own, of class "primer".
    Note rectangles carry `data-note`, `data-start` and `data-duration` (seconds); the picture carries `data-map`,
    pairs "seconds,x" between which time runs evenly, for a cursor.
    Raises ValueError if there are not as many probabilities as notes, or one is outside (0, 1].
    """
    if probabilities is not None:
        if len(probabilities) != len(melody.notes):
            raise ValueError(
                f"{len(probabilities)} probabilities for {len(melody.notes)} notes; give one for each note"
            )
        for i, p in enumerate(probabilities):
            if not 0 < p <= 1:
                raise ValueError(f"probability of note {i} must be above 0 and at most 1, not {p}")
    return _roll(
        melody, probabilities, width, primer_notes, "by-velocity" if probabilities is None else "by-surprise"
    )


def _roll(
    melody: Melody | _Drawn, probabilities: Sequence[float] | None, width: int, primer_notes: int, coloured: str
) -> str:
    """Draw the picture; coloured: its class."""
    space = _space(melody, width)
    body = [
        *_rows(space),
        *_primer_ground(melody, space, primer_notes),
        *_lines(melody, space),
        *_notes(melody, space, probabilities, primer_notes),
        *_keyboard(space),
    ]
    primer = primer_in_words(melody, primer_notes) if isinstance(melody, Melody) else ""
    label = escape_attribute(_description(melody, probabilities is not None) + (f"; {primer}" if primer else ""))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="roll {coloured}" role="img" aria-label="{label}" '
        f'width="{space.width:g}" height="{space.height}" viewBox="0 0 {space.width:g} {space.height}" '
        f'data-map="{_time_map(melody, space)}" font-family="system-ui, sans-serif"><title>{label}</title>'
        f"{''.join(body)}</svg>"
    )


def parts_roll_svg(piece: Piece, width: int = 900) -> str:
    """Draw all parts of a piece as `roll_svg` draws a melody, each in a colour of PART_COLOURS.

    Percussion is left out. Note rectangles carry as `data-note` the number of their part, from 0, and their
    place in its highest line ("1:17"), as a page's staves do.
    """
    rows: list[tuple[Note, str, str, str]] = []
    parts = [part for part in piece.parts if part.notes and not part.is_drum]
    for number, part in enumerate(parts):
        places = {(n.start, n.pitch): f"{number}:{i}" for i, n in enumerate(top_line(part))}
        colour = PART_COLOURS[number % len(PART_COLOURS)]
        rows += [(n, colour, places.get((n.start, n.pitch), f"{number}:"), part.name) for n in part.notes]
    rows.sort(key=lambda row: (row[0].start, row[0].pitch))
    notes, colours, names, labels = zip(*rows, strict=True) if rows else ((), (), (), ())
    return _roll(_Drawn(notes, piece.timeline, piece.title, colours, names, labels), None, width, 0, "by-part")


def surprise_colour(probability: float, light: float = 1.0) -> str:
    """Choose the colour of a note by its `probability`: the scale of the roll, for legends.

    light: 1 as on the roll, 0 black.
    """
    place = min(-log2(probability), MOST_BITS) / MOST_BITS * (len(SURPRISE) - 1)
    stop = min(int(place), len(SURPRISE) - 2)
    pairs = zip(SURPRISE[stop], SURPRISE[stop + 1], strict=True)
    return "#" + "".join(f"{round(light * (a + (b - a) * (place - stop))):02x}" for a, b in pairs)


def _space(melody: Melody | _Drawn, width: int) -> _Space:
    pitches = [n.pitch for n in melody.notes] or [60, 72]
    low, high = max(0, min(pitches) - 2), min(127, max(pitches) + 2)
    missing = max(0, MIN_ROWS - (high - low + 1))
    low = max(0, low - missing // 2)
    high = min(127, low + max(high - low, MIN_ROWS - 1))
    ticks = max(melody.timeline.barlines()[-1], 1)
    natural = ticks / melody.timeline.ticks_per_quarter * PER_QUARTER
    inner = min(max(natural, width - KEYBOARD - 1), MAX_WIDTH)
    return _Space(low, high, inner / ticks, round(KEYBOARD + inner + 1, 2))


def _rows(space: _Space) -> list[str]:
    """Draw the ground: a shade for the rows of black keys, a line under every C and F."""
    right = space.width - KEYBOARD
    ground = f'<rect class="ground" width="{space.width:g}" height="{space.height}" fill="#fffdf8"/>'
    black = [
        f'<rect class="dark-row" x="{KEYBOARD}" y="{space.y(p)}" width="{right:g}" height="{ROW}" fill="#f3eee4"/>'
        for p in range(space.low, space.high + 1)
        if p % 12 in BLACK
    ]
    octaves = [
        f'<path class="octave" d="M{KEYBOARD} {space.y(p) + ROW}H{space.width:g}" stroke="#ddd4c4" stroke-width="1"/>'
        for p in range(space.low, space.high + 1)
        if p % 12 == 0
    ]
    return [ground, *black, *octaves]


def _primer_ground(melody: Melody | _Drawn, space: _Space, notes: int) -> list[str]:
    """Draw the ground of the primer, up to where the next note begins."""
    if not 0 < notes <= len(melody.notes):
        return []
    end = melody.notes[notes].start if notes < len(melody.notes) else melody.notes[-1].end
    width = space.x(end) - KEYBOARD
    return [
        f'<rect class="primer" x="{KEYBOARD}" y="{TOP}" width="{width:g}" height="{space.height - TOP - FOOT}" '
        f'fill="{PRIMER}" fill-opacity="0.13"/>'
    ]


def _lines(melody: Melody | _Drawn, space: _Space) -> list[str]:
    """Draw barlines with numbers, and beats in a lighter tone."""
    timeline = melody.timeline
    top, bottom = TOP, space.height - FOOT
    beats, bars, numbers = [], [], []
    lines = timeline.barlines()
    bar_number = 0 if timeline.pickup else 1
    room = 0.0
    for start, end in pairwise(lines):
        beats += [f"M{space.x(t):g} {top}V{bottom}" for t in beat_ticks(melody, start, end)]
        bars.append(f"M{space.x(start):g} {top - 6}V{bottom}")
        if bar_number > 0 and space.x(start) >= room:
            numbers.append(
                f'<text class="bar-number" x="{space.x(start) + 4:g}" y="{top - 7}" font-size="10" '
                f'fill="#8a8172">{bar_number}</text>'
            )
            room = space.x(start) + 26
        bar_number += 1
    bars.append(f"M{space.x(lines[-1]):g} {top - 6}V{bottom}")
    return [
        f'<path class="beats" d="{"".join(beats)}" stroke="#ece5d8" stroke-width="1" fill="none"/>',
        f'<path class="bars" d="{"".join(bars)}" stroke="#c9beab" stroke-width="1" fill="none"/>',
        *numbers,
    ]


def beat_ticks(melody: Melody | _Drawn, start: int, end: int) -> list[float]:
    """List the ticks of the beats inside a bar; those of a pick-up are counted from its end."""
    timeline = melody.timeline
    metre = timeline.metre_at(start)
    anchor = timeline.pickup - timeline.bar_ticks(metre) if start == 0 and timeline.pickup else start
    tree = BeatTree.of(metre, Fraction(timeline.bar_ticks(metre)) / timeline.ticks_per_quarter)
    ticks = [float(anchor + beat * timeline.ticks_per_quarter) for beat in tree.beat_starts]
    return [tick for tick in ticks if start < tick < end]


def _notes(
    melody: Melody | _Drawn, space: _Space, probabilities: Sequence[float] | None, primer_notes: int
) -> list[str]:
    drawn = []
    for i, note in enumerate(melody.notes):
        start, end = melody.timeline.seconds(note.start), melody.timeline.seconds(note.end)
        opacity = round(min(max(0.35 + (note.velocity - 30) / 100, 0.35), 1.0), 2)
        is_primer = i < primer_notes
        label = f"{pitch_name(note.pitch)}, primer" if is_primer else pitch_name(note.pitch)
        colour = f'fill="{PRIMER if is_primer else INK}" fill-opacity="{opacity:g}"'
        name = str(i)
        if isinstance(melody, _Drawn):
            name, label = melody.names[i], f"{label}, {melody.labels[i]}" if melody.labels[i] else label
            colour = f'fill="{melody.colours[i]}" fill-opacity="{opacity:g}"'
        if probabilities is not None:
            label += f", {abs(log2(probabilities[i])):.1f} bits"
            colour = f'fill="{surprise_colour(probabilities[i])}"'
        x, right = space.x(note.start), space.x(note.end)
        drawn.append(
            f'<rect class="note{" primer" * is_primer}" data-note="{name}" data-start="{start:.4f}" '
            f'data-duration="{end - start:.4f}" '
            f'x="{x + 0.5:g}" y="{space.y(note.pitch) + 0.5:g}" width="{max(right - x - 1, 1.5):.2f}" '
            f'height="{ROW - 1}" rx="2" {colour}><title>{escape(label)}</title></rect>'
        )
    return drawn


def _keyboard(space: _Space) -> list[str]:
    """Draw the piano keys of the rows, black ones shorter, every C named."""
    height = (space.high - space.low + 1) * ROW
    keys = [f'<rect class="white-keys" y="{TOP}" width="{KEYBOARD}" height="{height}" fill="#fffdf8"/>']
    for pitch in range(space.low, space.high + 1):
        y = space.y(pitch)
        if pitch % 12 in BLACK:
            middle = y + ROW / 2
            keys.append(f'<path class="gap" d="M0 {middle:g}H{KEYBOARD}" stroke="#d6ccbb"/>')
            keys.append(
                f'<rect class="black-key" y="{y}" width="{KEYBOARD * 0.6:g}" height="{ROW}" rx="1.5" fill="#3b362f"/>'
            )
        elif pitch % 12 in (0, 5):
            keys.append(f'<path class="gap" d="M0 {y + ROW}H{KEYBOARD}" stroke="#d6ccbb"/>')
        if pitch % 12 not in BLACK:
            name, kind = (
                (pitch_name(pitch), "octave-name") if pitch % 12 == 0 else (PITCH_NAMES[pitch % 12], "key-name")
            )
            keys.append(
                f'<text class="{kind}" x="{KEYBOARD - 4}" y="{y + ROW - 2:g}" font-size="8" '
                f'text-anchor="end" fill="{"#4a443b" if pitch % 12 == 0 else "#a1988a"}">{name}</text>'
            )
    edge = f'<path class="edge" d="M{KEYBOARD} {TOP}v{height}" stroke="#b8ac98" stroke-width="1"/>'
    margin = f'<rect class="ground" width="{KEYBOARD}" height="{space.height}" fill="#fffdf8"/>'
    return ['<g class="keyboard" aria-hidden="true">', margin, *keys, edge, "</g>"]


def _time_map(melody: Melody | _Drawn, space: _Space) -> str:
    """Pair seconds with x at every change of tempo and at both ends."""
    end = melody.timeline.barlines()[-1]
    ticks = sorted({0, end, *(t.tick for t in melody.timeline.tempos if t.tick < end)})
    return " ".join(f"{melody.timeline.seconds(t):.4f},{space.x(t):g}" for t in ticks)


def _description(melody: Melody | _Drawn, surprise: bool) -> str:
    """Describe the picture in words."""
    name = f"Piano roll of {melody.title}" if melody.title else "Piano roll"
    if not melody.notes:
        return f"{name}: no notes"
    pitches = [n.pitch for n in melody.notes]
    bars = len(melody.timeline.barlines()) - 1 - bool(melody.timeline.pickup)
    count = f"{counted(len(pitches), 'note')} in {counted(bars, 'bar')}"
    label = f"{name}: {count}, {pitch_name(min(pitches))} to {pitch_name(max(pitches))}"
    return label + (", coloured by how surprising the model found each" if surprise else "")
