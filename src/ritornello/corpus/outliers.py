"""The tunes of a corpus that are least like the others, and in what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pieces import CorpusPiece, MelodySlice, NoteArray
from ritornello.corpus.store import Corpus
from ritornello.render.roll import pitch_name

FAR = 3.5
"""Robust standard deviations from the median that make a tune stand out (Iglewicz and Hoaglin 1993)."""

ALIKE = 3
"""Outliers that are told for the same reason; a corpus with a hundred long tunes is not told a hundred times."""

LEAST_TUNES = 8  # with fewer there is no saying what is usual

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Measure:
    """One thing in which a tune can be unlike the others.

    unit: said after the number. words: how a number is told. of: from the notes of a melody (at least one) and where
    they lie to a number. floor: the least spread that counts. scale: in what it is compared ("log" for ratios).
    """

    name: str
    unit: str
    words: Callable[[float], str]
    of: Callable[[NoteArray, MelodySlice], float]
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
    """The melodies that are farthest from the usual in anything, farthest first.

    At most one for each piece, and at most ALIKE that are farthest out in the same thing. Nothing stands out of fewer
    than eight melodies with notes.
    """
    slices = [(piece, part) for piece, part in corpus.slices() if part.notes]
    if len(slices) < LEAST_TUNES:
        return []
    values = np.array([[m.of(corpus.notes[s.first : s.stop], s) for m in MEASURES] for _, s in slices])
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
    """What a melody is far out in, three things at most, the farthest first."""
    far = [n for n in np.argsort(-distances[row], kind="stable") if distances[row, n] >= FAR][:3]
    return tuple(_told(MEASURES[n], values[row, n], values[:, n]) for n in far)


def _distances(values: Floats, measure: _Measure) -> Floats:
    """Robust standard deviations of each value from the median of all: (tunes,) -> (tunes,)."""
    scaled = np.log(np.maximum(values, 1e-6)) if measure.scale == "log" else values
    from_median = np.abs(scaled - np.median(scaled))
    distances: Floats = from_median / max(1.4826 * float(np.median(from_median)), measure.floor)
    return distances


def _told(measure: _Measure, value: float, values: Floats) -> str:
    """ "longest rest 41 quarters; half of all tunes: 0 to 2"."""
    here, low, high = (measure.words(float(v)) for v in (value, *np.quantile(values, [0.25, 0.75])))
    usual = low if low == high else f"{low} to {high}"
    return f"{measure.name} {here} {measure.unit}".rstrip() + f"; half of all tunes: {usual}"


def _quarters(notes: NoteArray, part: MelodySlice) -> float:
    span = int(notes["start"][-1] + notes["duration"][-1] - notes["start"][0])
    return span / part.timeline.ticks_per_quarter  # above 0: every note lasts a tick or more


def _longest_rest(notes: NoteArray, part: MelodySlice) -> float:
    rests = notes["start"][1:] - (notes["start"] + notes["duration"])[:-1]
    return float(rests.max(initial=0)) / part.timeline.ticks_per_quarter


def _step(notes: NoteArray, part: MelodySlice) -> float:
    intervals = np.abs(np.diff(notes["pitch"].astype(int)))
    return float(intervals.mean()) if len(intervals) else 0.0


def _off_grid(notes: NoteArray, part: MelodySlice) -> float:
    """Per cent of the notes that start neither on a sixteenth nor on a triplet eighth."""
    places, rest = np.divmod(notes["start"] * 12, part.timeline.ticks_per_quarter)
    on_grid = (rest == 0) & ((places % 3 == 0) | (places % 4 == 0))
    return 100.0 - 100.0 * float(on_grid.mean())


def _commonest(notes: NoteArray, part: MelodySlice) -> float:
    return 100.0 * float(np.bincount(notes["pitch"]).max() / len(notes))


MEASURES: Sequence[_Measure] = (
    _Measure("notes:", "", "{:,.0f}".format, lambda n, p: float(len(n)), 0.25, "log"),
    _Measure("compass", "semitones", "{:.0f}".format, lambda n, p: float(np.ptp(n["pitch"].astype(int))), 2.0),
    _Measure("lies around", "", lambda v: pitch_name(round(v)), lambda n, p: float(n["pitch"].mean()), 2.5),
    _Measure("tempo", "quarters a minute", "{:.0f}".format, lambda n, p: p.timeline.qpm, 0.15, "log"),
    _Measure("average step", "semitones", "{:.1f}".format, _step, 0.4),
    _Measure("notes in a quarter:", "", "{:.2g}".format, lambda n, p: len(n) / _quarters(n, p), 0.2, "log"),
    _Measure("longest rest", "quarters", "{:.3g}".format, _longest_rest, 2.0),
    _Measure("off sixteenths and triplets:", "% of the notes", "{:.0f}".format, _off_grid, 5.0),
    _Measure("one pitch alone takes", "% of the notes", "{:.0f}".format, _commonest, 6.0),
)
