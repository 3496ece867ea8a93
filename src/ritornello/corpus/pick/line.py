"""From the notes of a part to a single line, its top.

The top line ("skyline", Uitdenbogerd and Zobel 1998, "Manipulation of music for melody matching") is taken so
that neither a held note nor legato playing is torn apart:

- of the notes that start together, the highest stays;
- a note goes if a higher one sounds through all of it (an accompaniment under a long note);
- each note that stays is cut where the next one starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ritornello.music.lines import cut_line
from ritornello.music.values import Note

Columns = NDArray[np.int64]  # (notes, 4): start, duration, pitch, velocity

DRONE_QUARTERS = 8  # a note this long under or over many others is a pedal point, not the tune
DRONE_ONSETS = 8
TOGETHER = 14  # played notes that start within a fourteenth of a quarter are a chord
VOICE = 19  # an octave and a fifth: what one voice sings
LOW = 12  # semitones under the middle of a line, where a full accompaniment shows through its rests


def columns(notes: Sequence[Note]) -> Columns:
    """Make an array of notes, (notes, 4): start, duration, pitch, velocity."""
    return np.array(list(chain.from_iterable(notes)), np.int64).reshape(-1, 4)


def is_single(starts: np.ndarray, durations: np.ndarray) -> bool:
    """Tell whether no note of a part starts before the one before it has ended: (notes,) each."""
    return bool((starts[1:] >= starts[:-1] + durations[:-1]).all())


def is_pedalled(starts: np.ndarray, durations: np.ndarray, pitches: np.ndarray, ticks_per_quarter: int) -> bool:
    """Tell whether a part is one voice whose notes ring on, as under a pedal: (notes,) each.

    Then no note is an accompaniment to the one before it: hardly any are struck together, more than half ring on,
    and all but the outermost lie within VOICE semitones.
    """
    gaps = np.diff(starts)
    if len(gaps) < 8 or (gaps <= ticks_per_quarter // TOGETHER).mean() > 0.1:
        return False
    low, high = np.sort(pitches)[[len(pitches) // 20, -1 - len(pitches) // 20]]
    return bool((durations[:-1] > gaps).mean() > 0.5 and high - low <= VOICE)


def pedalled_line(notes: Sequence[Note], slack: int) -> tuple[Note, ...]:
    """End each note of one voice where the next starts.

    Of notes that are struck within `slack` ticks the highest stays.
    """
    return cut_line(_struck(notes, slack))


def without_drones(notes: Sequence[Note], ticks_per_quarter: int) -> tuple[Note, ...]:
    """Leave out pedal points: two bars or more while eight other notes start."""
    starts = np.array([n.start for n in notes])
    kept = []
    for note in notes:
        if note.duration >= DRONE_QUARTERS * ticks_per_quarter:
            inside = np.searchsorted(starts, note.end) - np.searchsorted(starts, note.start, "right")
            if inside >= DRONE_ONSETS:
                continue
        kept.append(note)
    return tuple(kept) or tuple(notes)


def played_line(notes: Sequence[Note], ticks_per_quarter: int) -> tuple[Note, ...]:
    """Take the top line of performed notes, none overlapping the next.

    As `top_line`, but a chord's notes need not start on the same tick, a lower note goes where a higher one
    sounds through half of it, and one that only begins before its forerunner is let go takes over (legato).
    """
    line: list[Note] = []
    for note in _struck(notes, ticks_per_quarter // TOGETHER):
        recent = line[-4:]
        if not any(k.pitch > note.pitch and 2 * (k.end - note.start) > note.duration for k in recent):
            line.append(note)
    return cut_line(line)


def without_low_company(line: Sequence[Note], notes: int) -> tuple[Note, ...]:
    """Leave out notes an octave and more under the line's middle, where it tops a full texture.

    notes: how many the part has. A line that is most of its part stays whole: its low notes are its own.
    """
    if not line or 10 * len(line) > 6 * notes:
        return tuple(line)
    middle = sorted(n.pitch for n in line)[len(line) // 2]
    return tuple(n for n in line if n.pitch >= middle - LOW)


def _struck(notes: Sequence[Note], slack: int) -> list[Note]:
    """Keep the highest of the notes that start together, a few ticks more or less, in order."""
    heads: list[Note] = []
    first = -slack - 1
    for note in notes:
        if note.start - first > slack:
            heads.append(note)
            first = note.start
        elif note.pitch > heads[-1].pitch:
            heads[-1] = note
    return heads
