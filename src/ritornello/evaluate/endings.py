"""How melodies end, and whether they can be read: last notes, last bars, and tuplets that are not completed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import product
from math import lcm

import numpy as np

from ritornello.evaluate.repetition import note_arrays
from ritornello.music.beats import beat_edges, beat_lengths
from ritornello.music.keys import estimate_key
from ritornello.music.values import Key, Melody, Metre
from ritornello.render.engraving.readable import drawable

HAMMERED = 3  # notes of a last bar
WIDE = (3, 5, 6, 7)  # notes of a tuplet of several beats
_DOUBLINGS = 16  # more than the twos in any resolution
_FINEST = 16  # steps in a quarter, 64th notes: what lies on them can be read


def ends_on_downbeat(melody: Melody) -> bool:
    """Test whether the last note starts with its bar."""
    return _last_place(melody)[0] == 0


def ends_on_last_beat(melody: Melody) -> bool:
    """Test whether the last note starts on the last beat of its bar, or after it.

    In a bar that is felt in one, such as 3/8, on its last eighth.
    """
    place, beats, unit = _last_place(melody)
    return place >= sum(beats) - (beats[-1] if len(beats) > 1 else unit)


def hammers_tonic(melody: Melody) -> bool:
    """Test whether three notes or more start in the last bar, all of them the tonic."""
    line = _last_line(melody)
    pitches = [note.pitch % 12 for note in melody.notes if note.start >= line]
    return len(pitches) >= HAMMERED and {*pitches} == {final_key(melody).tonic}


def ends_on_its_tonic(melody: Melody) -> bool:
    """Test whether the last note is the tonic of `final_key`."""
    return melody.notes[-1].pitch % 12 == final_key(melody).tonic


def final_key(melody: Melody) -> Key:
    """Find the key at the end: the named one, else that of the notes before the last."""
    return melody.timeline.key_at(melody.notes[-1].start) or estimate_key(melody.notes[:-1])[0]


def _last_line(melody: Melody) -> int:
    """Find the barline that begins the bar of the last note."""
    lines = melody.timeline.barlines()
    return lines[bisect_right(lines, melody.notes[-1].start) - 1]


def _last_place(melody: Melody) -> tuple[Fraction, list[Fraction], Fraction]:
    """Find where in its bar the last note starts, the beats of that bar, and its unit.

    All in quarters. In a pick-up the place is counted back from its barline.
    """
    timeline, line, start = melody.timeline, _last_line(melody), melody.notes[-1].start
    metre = timeline.metre_at(start)
    skipped = timeline.bar_ticks(metre) - timeline.pickup if line < timeline.pickup else 0
    place = Fraction(start - line + skipped) / timeline.ticks_per_quarter
    return place, beat_lengths(metre), Fraction(4, metre.denominator)


def is_readable(melody: Melody) -> bool:
    """Test whether every tuplet is completed, and no value too small to be read.

    Too small are notes shorter than a 64th, and tuplets of more than seven.
    A tuplet is not completed where a note or a rest begins inside it and ends inside that of a later beat, unless it
    is a tuplet of several beats; or where the melody ends inside it. A tie from a plain place into a tuplet, or out
    of it to one, can be read.
    """
    timeline, (start, duration, _) = melody.timeline, note_arrays(melody)
    per_quarter = timeline.ticks_per_quarter
    edges = np.unique(np.concatenate([start, start + duration]))
    lines = np.array(timeline.barlines(), np.int64)
    bar = np.searchsorted(lines, edges, "right") - 1  # (edges,)
    skipped = int(timeline.bar_ticks(timeline.metre)) - timeline.pickup if timeline.pickup else 0
    place = edges - lines[bar] + np.where(edges < timeline.pickup, skipped, 0)
    if not (place * _FINEST % per_quarter).any():
        return True
    is_odd = place * 2**_DOUBLINGS % per_quarter != 0  # inside a tuplet
    if is_odd[-1]:
        return False
    for n in np.flatnonzero(is_odd[:-1] & is_odd[1:]).tolist():
        if bar[n + 1] != bar[n]:
            return False
        inside = [Fraction(edge, per_quarter) for edge in place[bar == bar[n]].tolist()]
        metre = timeline.metre_at(int(edges[n]))
        if lines[bar[n] + 1] in edges:
            inside.append(sum(beat_lengths(metre), Fraction(0)))
        if not _in_one_tuplet(metre, inside, *(Fraction(at, per_quarter) for at in place[n : n + 2].tolist())):
            return False
    return drawable(melody)[0].notes == melody.notes


def _in_one_tuplet(metre: Metre, edges: list[Fraction], start: Fraction, end: Fraction) -> bool:
    """Test whether a note or rest lies inside one beat, or one tuplet of several beats.

    Such a tuplet must be completed. edges: starts and ends of the notes in the bar; all in quarters from its barline.
    """
    bounds = beat_edges(metre)
    if bisect_right(bounds, start) == bisect_left(bounds, end):
        return True
    for first, last in product([b for b in bounds if b <= start], [b for b in bounds if b >= end]):
        within = [(edge - first) / (last - first) for edge in edges if first <= edge <= last]
        if {0, 1} <= {*within} and lcm(*(place.denominator for place in within)) in WIDE:
            return True
    return False
