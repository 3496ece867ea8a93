"""Make a melody ready for a picture of its staff: a played one rounded, keys moved to barlines."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

from ritornello.music.notation import FLAGS, Bar, notate
from ritornello.music.values import Key, Melody, Note, Timeline

GRIDS = (4, 3)  # steps in a quarter: sixteenths, or a triplet where that is clearly nearer
TRIPLET_GAIN = 0.7  # a triplet must leave less than this share of the sixteenths' error
MOST_FLAGS = 4  # 64th notes
LARGEST_TUPLET = 7


def drawable(melody: Melody) -> Melody:
    """The melody itself if its notation is readable, else with its notes on sixteenths and triplets.

    Readable means: no value shorter than a 64th and no tuplet of more than seven. Keys that begin inside a bar
    wait for its end, because verovio would draw them at its beginning. For pictures only; the files that are
    written keep every tick.
    """
    melody = melody if _readable(notate(melody)) else rounded(melody)
    return replace(melody, timeline=_with_keys_at_barlines(melody.timeline))


def _with_keys_at_barlines(timeline: Timeline) -> Timeline:
    lines = timeline.barlines()
    moved: dict[int, Key] = {}
    for key in timeline.keys:
        line = lines[min(bisect_left(lines, key.tick), len(lines) - 1)]
        moved[line] = key._replace(tick=line)  # of two in one bar the later holds
    return replace(timeline, keys=tuple(moved.values()))


def _readable(bars: Sequence[Bar]) -> bool:
    return all(
        FLAGS[e.type] <= MOST_FLAGS and (e.ratio is None or e.ratio[0] <= LARGEST_TUPLET)
        for bar in bars
        for e in bar.elements
    )


def rounded(melody: Melody) -> Melody:
    """The melody with every start and end on the nearest step of the better grid of its quarter.

    Notes that fall on the same step keep one step each where there is room before the next; the rest are left out.
    """
    ticks = lcm(melody.timeline.ticks_per_quarter, *GRIDS)
    scale = ticks // melody.timeline.ticks_per_quarter
    edges = [Fraction(edge, melody.timeline.ticks_per_quarter) for n in melody.notes for edge in (n.start, n.end)]
    grids = _grids(edges)
    notes: list[Note] = []
    for note in melody.notes:
        start, end = (
            _nearest(Fraction(edge, melody.timeline.ticks_per_quarter), grids) for edge in (note.start, note.end)
        )
        if notes and int(start * ticks) < notes[-1].end:
            start = Fraction(notes[-1].end, ticks)
        duration = int((end - start) * ticks) or ticks // grids.get(int(start), GRIDS[0])
        if duration > 0:
            notes.append(Note(int(start * ticks), duration, note.pitch, note.velocity))
    timeline = melody.timeline.with_resolution(melody.timeline.ticks_per_quarter * scale)
    return replace(melody, notes=tuple(notes), timeline=timeline)


def _grids(edges: Sequence[Fraction]) -> dict[int, int]:
    """For every quarter that holds an edge, the number of steps that suits its edges."""
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
