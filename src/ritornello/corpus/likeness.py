"""How alike two tunes are: the share of the shorter one that lies in runs which the other has as well.

Two readings of "has as well", either of which makes two tunes the same:

- *in contour*: runs of 12 intervals, whatever the rhythm and however often a note is repeated. Hymns under other
  words differ in repetitions, editions in rhythm. (Hymns and art songs: the same tune covers 68 % and above,
  chance pairs 57 % and below.)
- *in intervals and rhythm*: runs of 4 notes or more at one transposition and one stretch, in the same order, around
  a shared run of 10 notes. It finds a variant whose every second bar has a changed note. (Hymns: copies 100 %,
  chance pairs 42 % and below.)

The order-keeping runs are found as Ratcliff and Metzener do (1988, "Pattern matching: the gestalt approach"): the
longest first, then left and right of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

import numpy as np

from ritornello.corpus.runs import Ints
from ritornello.corpus.store import Corpus

CONTOUR_RUN = 12
"""Contour steps in a run that is too long to be shared by chance, as a rule."""

RHYTHM_RUN = 8
"""Rhythmic steps in such a run (10 notes): intervals, each with how long it is beside the one before."""

LEAST_RUN = 4
"""Notes in the shortest run that counts beside one of those, at the same transposition and stretch."""

MOST_PLACES = 8  # transpositions and stretches that are tried for a pair; more are not a tune but a pattern

_RATIO_BITS, _INTERVAL_BITS = 26, 9
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # an odd number whose powers name runs by 64 bits


@dataclass(frozen=True, eq=False)
class Line:
    """A piece as one line of notes, its segments end to end.

    pitches: (notes,). onsets: (notes,) ticks from each note to the next; the last of a segment counts its duration.
    """

    pitches: Ints
    onsets: Ints
    ticks_per_quarter: int

    @cached_property
    def contour(self) -> Ints:
        """Intervals between successive different pitches, (at most notes - 1,)."""
        return contour(self.pitches)

    @cached_property
    def rhythmic(self) -> Ints:
        """Each interval with the ratio of its time to the one before, as one integer, (notes - 2,).

        The same in any key and at any speed.
        """
        return rhythmic_steps(self.pitches, self.onsets)


def line_of(corpus: Corpus, index: int) -> Line:
    """The line of a piece of a corpus."""
    melodies = corpus.pieces[index].melodies
    notes = corpus.notes[melodies[0].first : melodies[-1].stop]
    onsets = np.diff(notes["start"], append=0).astype(np.int64)
    ends = np.array([m.stop for m in melodies if m.notes], np.int64) - melodies[0].first - 1
    onsets[ends] = notes["duration"][ends]
    return Line(notes["pitch"].astype(np.int64), onsets, melodies[0].timeline.ticks_per_quarter)


def contour(pitches: Ints) -> Ints:
    """Intervals between successive different pitches, in semitones: (notes,) -> (at most notes - 1,)."""
    intervals = np.diff(pitches.astype(np.int64))
    return intervals[intervals != 0]


def rhythmic_steps(pitches: Ints, onsets: Ints) -> Ints:
    """Name each interval with its relative time: (notes,) and (notes,) -> (notes - 2,)."""
    if len(pitches) < 3:
        return np.zeros(0, np.int64)
    before, after = onsets[:-2], onsets[1:-1]
    shared = np.maximum(np.gcd(before, after), 1)
    most = (1 << _RATIO_BITS) - 1
    ratio = np.minimum(after // shared, most) << _RATIO_BITS | np.minimum(before // shared, most)
    steps: Ints = ratio << _INTERVAL_BITS | (np.diff(pitches)[1:] + 127)
    return steps


def likeness(a: Line, b: Line) -> float:
    """The share of the shorter tune in runs that the other has, 0 to 1: the larger of the two readings."""
    return max(contour_share(a, b), rhythm_share(a, b))


def contour_share(a: Line, b: Line) -> float:
    """The share of the shorter contour that runs of CONTOUR_RUN steps cover which the other has."""
    shorter, other = sorted((a.contour, b.contour), key=len)
    if len(shorter) < CONTOUR_RUN:
        return 0.0
    marked = np.zeros(len(shorter), bool)
    for start in np.flatnonzero(np.isin(_run_names(shorter), _run_names(other))):
        marked[start : start + CONTOUR_RUN] = True
    return float(marked.mean())


def rhythm_share(a: Line, b: Line) -> float:
    """The share of the shorter tune's notes in runs of one transposition and stretch, in order (see above)."""
    shorter, other = sorted((a, b), key=lambda line: len(line.pitches))
    best = 0.0
    for here, there in _shared_places(shorter, other):
        best = max(best, _in_order(shorter, other, here, there) / len(shorter.pitches))
    return best


def _run_names(steps: Ints) -> np.ndarray:
    """Every run of CONTOUR_RUN steps by a number: (steps,) -> (steps - CONTOUR_RUN + 1,) uint64."""
    names = np.zeros(max(len(steps) - CONTOUR_RUN + 1, 0), np.uint64)
    for k in range(CONTOUR_RUN):
        names = names * _SPREAD + (steps[k : k + len(names)] + 128).astype(np.uint64)
    return names


def _shared_places(a: Line, b: Line) -> list[tuple[int, int]]:
    """Where runs of RHYTHM_RUN steps in `a` stand in `b`, one place for each transposition and stretch."""
    if min(len(a.rhythmic), len(b.rhythmic)) < RHYTHM_RUN:
        return []
    known: dict[bytes, int] = {}
    for at in range(len(b.rhythmic) - RHYTHM_RUN + 1):
        known.setdefault(b.rhythmic[at : at + RHYTHM_RUN].tobytes(), at)
    places: dict[tuple[int, float], tuple[int, int]] = {}
    for here in range(len(a.rhythmic) - RHYTHM_RUN + 1):
        there = known.get(a.rhythmic[here : here + RHYTHM_RUN].tobytes())
        if there is not None:
            shift = int(b.pitches[there] - a.pitches[here])
            places.setdefault((shift, float(b.onsets[there] / a.onsets[here])), (here, there))
    return list(places.values())[:MOST_PLACES]


def _in_order(a: Line, b: Line, here: int, there: int) -> int:
    """Notes of `a` in runs that `b` has in the same order, transposed and stretched as note `here` is to `there`."""
    shift = int(b.pitches[there] - a.pitches[here])
    own = list(zip((a.pitches + shift).tolist(), (a.onsets * b.onsets[there]).tolist(), strict=True))
    others = list(zip(b.pitches.tolist(), (b.onsets * a.onsets[here]).tolist(), strict=True))
    matcher = SequenceMatcher(None, own, others, autojunk=False)
    count, left = 0, [(0, len(own), 0, len(others))]
    while left:
        low, high, other_low, other_high = left.pop()
        block = matcher.find_longest_match(low, high, other_low, other_high)
        if block.size >= LEAST_RUN:
            count += block.size
            left.append((low, block.a, other_low, block.b))
            left.append((block.a + block.size, high, block.b + block.size, other_high))
    return count
