"""Make music readable before it is drawn: what was played goes on sixteenths and triplets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

from ritornello.music.notation import FLAGS, Bar, notate
from ritornello.music.values import Key, Melody, Note, chords_moved

GRIDS = (4, 3)  # steps in a quarter: sixteenths, or a triplet where that is clearly nearer
TRIPLET_GAIN = 0.7  # a triplet must leave less than this share of the sixteenths' error
MOST_FLAGS = 4  # 64th notes
LARGEST_TUPLET = 7


def drawable(melody: Melody) -> tuple[Melody, list[int]]:
    """Make notation readable: a melody that is not gets its notes on sixteenths and triplets.

    Readable means: no value shorter than a 64th and no tuplet of more than seven. Keys that begin inside a bar
    wait for its end, because verovio would draw them at its beginning. For pictures only; the files that are
    written keep every tick.
    Returns the melody to draw, and for each of its notes the index of the same note in `melody`.
    """
    drawn, kept = (melody, list(range(len(melody.notes)))) if _readable(notate(melody)) else rounded(melody)
    lines = drawn.timeline.barlines()
    moved: dict[int, Key] = {}
    for key in drawn.timeline.keys:
        line = lines[min(bisect_left(lines, key.tick), len(lines) - 1)]
        moved[line] = key._replace(tick=line)  # of two in one bar the later holds
    return replace(drawn, timeline=replace(drawn.timeline, keys=tuple(moved.values()))), kept


def _readable(bars: Sequence[Bar]) -> bool:
    return all(
        FLAGS[e.type] <= MOST_FLAGS and (e.ratio is None or e.ratio[0] <= LARGEST_TUPLET)
        for bar in bars
        for e in bar.elements
    )


def rounded(melody: Melody) -> tuple[Melody, list[int]]:
    """Round every start and end to the nearest step of the better grid of its quarter.

    A note that would vanish gets one step where there is room before the next, else it is left out.
    Returns the rounded melody and the indices of the notes that it kept.
    """
    per_quarter = melody.timeline.ticks_per_quarter
    ticks = lcm(per_quarter, *GRIDS)
    edges = [(Fraction(n.start, per_quarter), Fraction(n.end, per_quarter)) for n in melody.notes]
    grids = _grids([edge for pair in edges for edge in pair])
    notes: list[Note] = []
    kept: list[int] = []
    for i, (note, pair) in enumerate(zip(melody.notes, edges, strict=True)):
        start, end = (int(_nearest(edge, grids) * ticks) for edge in pair)
        if start == end:
            end += ticks // grids[int(pair[0])]
        start = max(start, notes[-1].end if notes else 0)
        if end > start:
            notes.append(Note(start, end - start, note.pitch, note.velocity))
            kept.append(i)
    step = ticks // GRIDS[0]
    chords = chords_moved(melody.chords, lambda tick: round(tick * GRIDS[0] / per_quarter) * step)
    timeline = melody.timeline.with_resolution(ticks)
    return replace(melody, notes=tuple(notes), timeline=timeline, chords=chords), kept


def _grids(edges: Sequence[Fraction]) -> dict[int, int]:
    """Choose the number of steps that suits the edges of each quarter."""
    quarters: dict[int, list[Fraction]] = {}
    for edge in edges:
        quarters.setdefault(int(edge), []).append(edge)
    return {quarter: _better(inside) for quarter, inside in quarters.items()}


def _better(edges: Sequence[Fraction]) -> int:
    plain, triplet = (sum(abs(round(edge * grid) / Fraction(grid) - edge) for edge in edges) for grid in GRIDS)
    return GRIDS[1] if triplet < plain * Fraction(TRIPLET_GAIN) else GRIDS[0]


def _nearest(edge: Fraction, grids: dict[int, int]) -> Fraction:
    grid = grids[int(edge)]
    return Fraction(round(edge * grid), grid)
