"""Repetition in a melody: bars that return, units of bars that go round, figures of a few notes that do.

Two notes are the same where pitch and duration are, and one comes a number of bars, or of notes, after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.music.values import Melody

UNITS = (1, 2, 4)  # bars
TIMES = 4  # that a unit comes in a row, to be a loop
FIGURES = (1, 2, 3, 4)  # notes
ROUND = 16  # notes; a figure that fills so many goes round
LEAST = {"unit": 4, "figure": 3}  # notes of what may differ in one of them: most of it stays
LEAST_OF_BAR = 2  # notes; a bar of fewer says too little to return

Ints = NDArray[np.int64]


class Returns(NamedTuple):
    """Bars that are like the bar so many bars before.

    exact: in pitches, places and durations. moved: all pitches by as many semitones. rhythm: in places and durations
    alone. able: bars that have another so many bars before; both of two notes or more.
    """

    exact: int
    moved: int
    rhythm: int
    able: int


def note_arrays(melody: Melody) -> tuple[Ints, Ints, Ints]:
    """List starts and durations in ticks, and pitches, (notes,) each."""
    table = np.array([note[:3] for note in melody.notes], np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def returning_bars(melody: Melody, bars: int) -> Returns:
    """Count the bars that are like the one `bars` before.

    A note belongs to the bar that it starts in.
    """
    start, duration, pitch = note_arrays(melody)
    lines = np.array(melody.timeline.barlines(), np.int64)
    place = start - lines[np.searchsorted(lines, start, "right") - 1]
    edges = np.searchsorted(start, lines)  # bar n holds the notes from edges[n] up to edges[n + 1]
    contents = [(place[a:b], duration[a:b], pitch[a:b]) for a, b in pairwise(edges.tolist())]
    rhythms = _names([np.concatenate(both[:2]) for both in contents])
    shapes = _names([np.diff(pitches) for *_, pitches in contents])
    firsts = np.array([pitches[0] if len(pitches) else -1 for *_, pitches in contents], np.int64)
    full = np.diff(edges) >= LEAST_OF_BAR  # (bars,)
    able = full[bars:] & full[: max(len(full) - bars, 0)]
    as_rhythm = able & _same(rhythms, bars)
    as_moved = as_rhythm & _same(shapes, bars)
    exact = as_moved & _same(firsts, bars)
    counts = (mask.sum() for mask in (exact, as_moved & ~exact, as_rhythm & ~as_moved, able))
    return Returns(*map(int, counts))


def has_loop(melody: Melody, differing: int = 0, units: Sequence[int] = UNITS) -> bool:
    """Test whether a unit of 1, 2 or 4 bars comes four times or more in a row.

    It may begin at any place of a bar. differing: notes in which each time may differ from the one before, in pitch
    or place, or by which it may have more or fewer; then durations do not count, nor do units of fewer than four
    notes where they are not the same.
    """
    bars = {int(bar) for metre in melody.timeline.metres if (bar := melody.timeline.bar_ticks(metre)) == int(bar)}
    lags = [bar * unit for bar in bars for unit in units]
    return any(_comes_round(melody, lag, d) for lag in lags for d in {0, differing})


def _comes_round(melody: Melody, lag: int, differing: int) -> bool:
    """Test whether the music of some stretch of `lag` ticks comes TIMES times in a row."""
    start, duration, pitch = note_arrays(melody)
    length, more = melody.timeline.length, TIMES - 1
    if length < TIMES * lag or not len(start):
        return False
    match = np.minimum(np.searchsorted(start, start - lag), len(start) - 1)  # (notes,)
    is_same = (start[match] == start - lag) & (pitch[match] == pitch)
    if not differing:
        is_same &= duration[match] == duration
    goes_on = np.zeros(len(start), bool)
    goes_on[match[is_same]] = True
    came, went = start[~is_same], start[~goes_on] + lag  # where something is new, or missing
    edges = np.concatenate([start, start + duration])
    second = np.unique(np.concatenate([[0, length - TIMES * lag], edges, edges - lag])) + lag  # of the second time
    second = second[(second >= lag) & (second <= length - more * lag)]
    fits = _between(start, second - lag, lag) >= (LEAST["unit"] if differing else 1)
    for time in range(more):
        since = second + time * lag
        fits &= (_between(came, since, lag) <= differing) & (_between(went, since, lag) <= differing)
    return bool(fits.any())


def has_round(melody: Melody, differing: int = 0) -> bool:
    """Test whether a figure of 1 to 4 notes goes round until it fills 16 notes or more.

    differing: notes of the figure, in pitch or duration, in which it may differ from the time before; then figures
    of one and two notes count where they are the same. Rests between the notes do not count.
    """
    _, duration, pitch = note_arrays(melody)
    if len(pitch) < ROUND:
        return False
    first = np.arange(len(pitch) - ROUND + 1)
    for notes in FIGURES:
        is_new = (pitch[notes:] != pitch[:-notes]) | (duration[notes:] != duration[:-notes])
        news = np.concatenate([[0], is_new.cumsum()])
        allowed = differing if notes >= LEAST["figure"] else 0
        places = [*range(0, ROUND - notes, notes), ROUND - notes]
        if np.all([news[first + b] - news[first + a] <= allowed for a, b in pairwise(places)], 0).any():
            return True
    return False


def _names(contents: Sequence[np.ndarray]) -> Ints:
    """Name equal arrays by equal numbers, (arrays,)."""
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(one.tobytes(), len(known)) for one in contents], np.int64)


def _same(names: Ints, lag: int) -> NDArray[np.bool_]:
    """Compare each with the one `lag` before, (names - lag,)."""
    return names[lag:] == names[: max(len(names) - lag, 0)]


def _between(times: Ints, since: Ints, length: int) -> Ints:
    """Count the sorted times that lie in each stretch of `length` from `since` on, (stretches,)."""
    return np.searchsorted(times, since + length) - np.searchsorted(times, since)
