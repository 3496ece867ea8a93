"""The tunes of a corpus that are least like the others, and in what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pieces import CorpusPiece, MelodySlice
from ritornello.corpus.store import Corpus
from ritornello.music.keys import pitch_name

FAR = 3.5
"""Robust standard deviations from the median that make a tune stand out (Iglewicz and Hoaglin 1993)."""

ALIKE = 3
"""Outliers shown for the same reason, so that a corpus with a hundred long tunes shows others too."""

LEAST_TUNES = 8  # of fewer nobody can say what is usual

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Measure:
    """One thing in which a tune can be unlike the others.

    unit: written after the number. words: how a number is written. floor: the least spread that counts. is_log:
    whether ratios are compared instead of differences.
    """

    name: str
    unit: str
    words: Callable[[float], str]
    floor: float
    is_log: bool = False


MEASURES = (  # in the order of the columns of `_measured`
    _Measure("notes:", "", "{:,.0f}".format, 0.25, True),
    _Measure("range", "semitones", "{:.0f}".format, 2.0),
    _Measure("lies around", "", lambda v: pitch_name(round(v)), 2.5),
    _Measure("tempo", "quarters a minute", "{:.0f}".format, 0.15, True),
    _Measure("average step", "semitones", "{:.1f}".format, 0.4),
    _Measure("notes in a quarter:", "", "{:.2g}".format, 0.2, True),
    _Measure("longest rest", "quarters", "{:.3g}".format, 2.0),
    _Measure("off sixteenths and triplets:", "% of the notes", "{:.0f}".format, 5.0),
    _Measure("one pitch alone takes", "% of the notes", "{:.0f}".format, 6.0),
)


@dataclass(frozen=True, slots=True)
class Outlier:
    """A melody that stands out: its piece, where its notes lie, and why, the strongest first.

    score: robust standard deviations from the median in what it is farthest out in.
    """

    piece: CorpusPiece
    part: MelodySlice
    score: float
    why: tuple[str, ...]


def outliers(corpus: Corpus, most: int = 12) -> list[Outlier]:
    """Find the melodies that are farthest from the usual in anything, farthest first.

    At most one for each piece, and at most ALIKE that are farthest out in the same thing. Nothing stands out of fewer
    than eight melodies with notes.
    """
    slices = [(piece, part) for piece, part in corpus.slices() if part.notes]
    if len(slices) < LEAST_TUNES:
        return []
    values = _measured(corpus.notes, [part for _, part in slices])  # (melodies, measures)
    distances = np.column_stack([_distances(values[:, n], m) for n, m in enumerate(MEASURES)])
    found: dict[str, Outlier] = {}
    leading: Counter[int] = Counter()
    for row in np.argsort(-distances.max(1), kind="stable"):
        (piece, part), lead = slices[row], int(distances[row].argmax())
        if distances[row, lead] < FAR or len(found) >= most:
            break
        if piece.source not in found and leading[lead] < ALIKE:
            leading[lead] += 1
            found[piece.source] = Outlier(piece, part, float(distances[row, lead]), _why(values, distances, row))
    return list(found.values())


def _why(values: Floats, distances: Floats, row: int) -> tuple[str, ...]:
    """List what a melody is far out in, three things at most, the farthest first."""
    far = [n for n in np.argsort(-distances[row], kind="stable") if distances[row, n] >= FAR][:3]
    return tuple(_compared(MEASURES[n], values[row, n], values[:, n]) for n in far)


def _distances(values: Floats, measure: _Measure) -> Floats:
    """Measure robust standard deviations from the median: (tunes,) -> (tunes,)."""
    scaled = np.log(np.maximum(values, 1e-6)) if measure.is_log else values
    from_median = np.abs(scaled - np.median(scaled))
    distances: Floats = from_median / max(1.4826 * float(np.median(from_median)), measure.floor)
    return distances


def _compared(measure: _Measure, value: float, values: Floats) -> str:
    """Write "longest rest 41 quarters; half of all tunes: 0 to 2"."""
    here, low, high = (measure.words(float(v)) for v in (value, *np.quantile(values, [0.25, 0.75])))
    usual = low if low == high else f"{low} to {high}"
    return f"{measure.name} {here} {measure.unit}".rstrip() + f"; half of all tunes: {usual}"


def _measured(notes: NDArray[Any], parts: Sequence[MelodySlice]) -> Floats:
    """Measure the melodies of a corpus: (melodies, measures).

    parts: in the order of the corpus; they hold all its notes.
    """
    first, count = np.array([part.first for part in parts]), np.array([part.notes for part in parts])  # (melodies,)
    per_quarter = np.array([part.timeline.ticks_per_quarter for part in parts])
    last, melodies = first + count - 1, np.arange(len(parts))
    start, pitch = notes["start"].astype(np.int64), notes["pitch"].astype(np.int64)  # (notes,)
    end = start + notes["duration"]
    intervals, rests = np.abs(np.diff(pitch, append=0)), np.diff(start, append=0) - (end - start)
    intervals[last] = rests[last] = 0  # none from a melody to the next
    places, remainder = np.divmod(start * 12, np.repeat(per_quarter, count))
    is_on_grid = (remainder == 0) & ((places % 3 == 0) | (places % 4 == 0))  # of sixteenths or triplet eighths
    names, counts = np.unique(np.repeat(melodies, count) * 128 + pitch, return_counts=True)
    of_pitches = np.maximum.reduceat(counts, np.searchsorted(names, melodies * 128))  # of the commonest
    columns = (
        count,
        np.maximum.reduceat(pitch, first) - np.minimum.reduceat(pitch, first),
        np.add.reduceat(pitch, first) / count,
        [part.timeline.qpm for part in parts],
        np.add.reduceat(intervals, first) / np.maximum(count - 1, 1),
        count / ((end[last] - start[first]) / per_quarter),  # above 0, for every note lasts a tick or more
        np.maximum(np.maximum.reduceat(rests, first), 0) / per_quarter,
        100.0 - 100.0 * (np.add.reduceat(is_on_grid.astype(np.int64), first) / count),
        100.0 * of_pitches / count,
    )
    return np.column_stack(columns).astype(np.float64)
