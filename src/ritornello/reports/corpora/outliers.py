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
from ritornello.render.roll import pitch_name

FAR = 3.5
"""Robust standard deviations from the median that make a tune stand out (Iglewicz and Hoaglin 1993)."""

ALIKE = 3
"""Outliers shown for the same reason, so that a corpus with a hundred long tunes shows others too."""

LEAST_TUNES = 8  # of fewer nobody can say what is usual

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Notes:
    """The notes of all melodies that have any, end to end, and where each melody begins.

    start, end, pitch: (notes,) in ticks and semitones. first: (melodies,) the first note of each. count: (melodies,)
    how many it has. per_quarter: (melodies,) ticks. qpm: (melodies,) quarters a minute at its start.
    """

    start: Ints
    end: Ints
    pitch: Ints
    first: Ints
    count: Ints
    per_quarter: Ints
    qpm: Floats

    @property
    def last(self) -> Ints:
        """(melodies,) the last note of each."""
        return self.first + self.count - 1


@dataclass(frozen=True, slots=True)
class _Measure:
    """One thing in which a tune can be unlike the others.

    unit: written after the number. words: how a number is written. of: a number for each melody, (melodies,).
    floor: the least spread that counts. scale: in what it is compared ("log" for ratios).
    """

    name: str
    unit: str
    words: Callable[[float], str]
    of: Callable[[_Notes], Floats]
    floor: float
    scale: str = "plain"


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
    notes = _notes_of(corpus, [part for _, part in slices])
    values = np.column_stack([measure.of(notes) for measure in MEASURES])
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
    scaled = np.log(np.maximum(values, 1e-6)) if measure.scale == "log" else values
    from_median = np.abs(scaled - np.median(scaled))
    distances: Floats = from_median / max(1.4826 * float(np.median(from_median)), measure.floor)
    return distances


def _compared(measure: _Measure, value: float, values: Floats) -> str:
    """Write "longest rest 41 quarters; half of all tunes: 0 to 2"."""
    here, low, high = (measure.words(float(v)) for v in (value, *np.quantile(values, [0.25, 0.75])))
    usual = low if low == high else f"{low} to {high}"
    return f"{measure.name} {here} {measure.unit}".rstrip() + f"; half of all tunes: {usual}"


def _notes_of(corpus: Corpus, parts: Sequence[MelodySlice]) -> _Notes:
    """Join the notes of melodies that lie in the order of the corpus and hold all its notes."""
    notes = corpus.notes
    start = notes["start"].astype(np.int64)
    return _Notes(
        start,
        start + notes["duration"],
        notes["pitch"].astype(np.int64),
        np.array([part.first for part in parts], np.int64),
        np.array([part.notes for part in parts], np.int64),
        np.array([part.timeline.ticks_per_quarter for part in parts], np.int64),
        np.array([part.timeline.qpm for part in parts], np.float64),
    )


def _mean(values: NDArray[Any], notes: _Notes) -> Floats:
    """Average over each melody: (notes,) -> (melodies,)."""
    mean: Floats = np.add.reduceat(values, notes.first) / notes.count
    return mean


def _pitch_range(notes: _Notes) -> Floats:
    highest, lowest = (f.reduceat(notes.pitch, notes.first) for f in (np.maximum, np.minimum))
    return (highest - lowest).astype(np.float64)


def _density(notes: _Notes) -> Floats:
    """Count notes in a quarter; the time is above 0, for every note lasts a tick or more."""
    quarters = (notes.end[notes.last] - notes.start[notes.first]) / notes.per_quarter
    return notes.count / quarters


def _longest_rest(notes: _Notes) -> Floats:
    rests = np.diff(notes.start, append=0) - (notes.end - notes.start)
    rests[notes.last] = 0
    return np.maximum(np.maximum.reduceat(rests, notes.first), 0) / notes.per_quarter


def _step(notes: _Notes) -> Floats:
    intervals = np.abs(np.diff(notes.pitch, append=0))
    intervals[notes.last] = 0
    return np.add.reduceat(intervals, notes.first) / np.maximum(notes.count - 1, 1)


def _off_grid(notes: _Notes) -> Floats:
    """Count notes that start neither on a sixteenth nor on a triplet eighth, in per cent."""
    places, rest = np.divmod(notes.start * 12, np.repeat(notes.per_quarter, notes.count))
    on_grid = (rest == 0) & ((places % 3 == 0) | (places % 4 == 0))
    return 100.0 - 100.0 * _mean(on_grid.astype(np.int64), notes)


def _commonest(notes: _Notes) -> Floats:
    """Count notes on the commonest pitch, in per cent."""
    melody = np.repeat(np.arange(len(notes.first)), notes.count)
    names, counts = np.unique(melody * 128 + notes.pitch, return_counts=True)
    most = np.maximum.reduceat(counts, np.searchsorted(names, np.arange(len(notes.first)) * 128))
    return 100.0 * most / notes.count


MEASURES: Sequence[_Measure] = (
    _Measure("notes:", "", "{:,.0f}".format, lambda n: n.count.astype(np.float64), 0.25, "log"),
    _Measure("range", "semitones", "{:.0f}".format, _pitch_range, 2.0),
    _Measure("lies around", "", lambda v: pitch_name(round(v)), lambda n: _mean(n.pitch, n), 2.5),
    _Measure("tempo", "quarters a minute", "{:.0f}".format, lambda n: n.qpm, 0.15, "log"),
    _Measure("average step", "semitones", "{:.1f}".format, _step, 0.4),
    _Measure("notes in a quarter:", "", "{:.2g}".format, _density, 0.2, "log"),
    _Measure("longest rest", "quarters", "{:.3g}".format, _longest_rest, 2.0),
    _Measure("off sixteenths and triplets:", "% of the notes", "{:.0f}".format, _off_grid, 5.0),
    _Measure("one pitch alone takes", "% of the notes", "{:.0f}".format, _commonest, 6.0),
)
