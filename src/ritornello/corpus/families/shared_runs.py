"""The finder of shared runs: where a tune says, in any key, what another tune says.

A run of n notes is n-1 steps; a step is the interval to the next note in semitones and the time from one onset
to the next in exact quarters (inter-onset: a rest counts with the note before it). How long the last note of a
run lasts is not compared, nor are rests inside an inter-onset. Two runs are the same where all steps are.

Runs are named by doubling (Karp, Miller and Rosenberg 1972, "Rapid identification of repeated patterns"): the
name of 2k steps is the pair of names of its halves. Names are exact, so there are no false hits.

A piece is compared as a `Line`, with other kinds of steps: in contour alone, or in intervals and relative rhythm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pieces import MelodySlice, NoteArray
from ritornello.corpus.store import Corpus
from ritornello.music.values import Melody

Ints = NDArray[np.int64]

STRETCHES = (Fraction(1), Fraction(2), Fraction(1, 2))
"""How much longer a copy may last: it may be written in the same values, in double or half ones."""

CONTOUR_RUN = 12
"""Contour steps in a run that is too long to be shared by chance, as a rule."""

RHYTHM_RUN = 6
"""Rhythmic steps in such a run (7 notes): intervals, each with how long it is beside the one before."""

_RATIO_BITS, _RHYTHM_BITS = 26, 9
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # an odd number whose powers name runs by 64 bits
_INTERVAL_BITS, _DENOMINATOR_BITS, _NUMERATOR_BITS = 8, 20, 34  # 62 bits: a step fits an int64


@dataclass(frozen=True, slots=True)
class SharedRun:
    """The longest run that a melody shares with a collection.

    notes: its length in notes, 0 where nothing of two notes or more is shared.
    start_note: its first note in the melody that was asked about. melody, source: index and name of the first
    melody of the collection that has it; source_note: its first note there. stretch: how much longer the run lasts
    in the melody that was asked about.
    """

    notes: int
    start_note: int = 0
    melody: int = -1
    source: str = ""
    source_note: int = 0
    stretch: Fraction = Fraction(1)


def steps_of(starts: Ints, pitches: Ints, ticks_per_quarter: int) -> Ints:
    """Name each step of a melody by one integer.

    Takes onsets in ticks and pitches, (notes,) each; returns (notes - 1,).
    The same interval after the same time has the same name at any resolution and in any key.
    """
    onsets = np.diff(starts.astype(np.int64))
    shared = np.maximum(np.gcd(onsets, ticks_per_quarter), 1)
    numerators = np.minimum(onsets // shared, (1 << _NUMERATOR_BITS) - 1)
    denominators = np.minimum(ticks_per_quarter // shared, (1 << _DENOMINATOR_BITS) - 1)
    intervals = np.diff(pitches.astype(np.int64)) + 127
    return ((numerators << _DENOMINATOR_BITS | denominators) << _INTERVAL_BITS) | intervals


def melody_steps(melody: Melody, stretch: Fraction = Fraction(1)) -> Ints:
    """Name the steps of one melody, (notes - 1,) int64, as `steps_of` does.

    stretch: how much longer it lasts than the steps to be named: 2 where it is at half speed.
    """
    starts = np.array([n.start for n in melody.notes], np.int64)
    pitches = np.array([n.pitch for n in melody.notes], np.int64)
    return steps_of(starts * stretch.denominator, pitches, melody.timeline.ticks_per_quarter * stretch.numerator)


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
        """Intervals between successive different pitches, in semitones, (at most notes - 1,)."""
        intervals = np.diff(self.pitches.astype(np.int64))
        return intervals[intervals != 0]

    @cached_property
    def rhythmic(self) -> Ints:
        """Each interval but the first, with the ratio of its time to the one before, as one integer, (notes - 2,).

        The same in any key and at any speed.
        """
        if len(self.pitches) < 3:
            return np.zeros(0, np.int64)
        before, after = self.onsets[:-2], self.onsets[1:-1]
        shared = np.maximum(np.gcd(before, after), 1)
        most = (1 << _RATIO_BITS) - 1
        ratio = np.minimum(after // shared, most) << _RATIO_BITS | np.minimum(before // shared, most)
        steps: Ints = ratio << _RHYTHM_BITS | (np.diff(self.pitches)[1:] + 127)
        return steps

    @cached_property
    def contour_runs(self) -> np.ndarray:
        """The runs of CONTOUR_RUN steps of the contour by numbers, (runs,) uint64."""
        return run_names(self.contour, CONTOUR_RUN)

    @cached_property
    def rhythmic_runs(self) -> np.ndarray:
        """The runs of RHYTHM_RUN rhythmic steps by numbers, (runs,) uint64."""
        return run_names(self.rhythmic, RHYTHM_RUN)

    @cached_property
    def first_rhythmic_runs(self) -> tuple[np.ndarray, np.ndarray]:
        """Each of those once, ascending, and where it first stands."""
        return np.unique(self.rhythmic_runs, return_index=True)


def line_of(corpus: Corpus, index: int) -> Line:
    """Join the segments of a piece of a corpus into one line: of several parts its highest."""
    melodies = corpus.pieces[index].melodies
    if corpus.keep != "melody":
        notes = _line_notes(corpus, melodies[0])
        onsets = np.append(np.diff(notes["start"]), notes["duration"][-1:]).astype(np.int64)
        return Line(notes["pitch"].astype(np.int64), onsets, melodies[0].timeline.ticks_per_quarter)
    notes = corpus.notes[melodies[0].first : melodies[-1].stop]
    onsets = np.diff(notes["start"], append=0).astype(np.int64)
    ends = np.array([m.stop for m in melodies if m.notes], np.int64) - melodies[0].first - 1
    onsets[ends] = notes["duration"][ends]
    return Line(notes["pitch"].astype(np.int64), onsets, melodies[0].timeline.ticks_per_quarter)


def _line_notes(corpus: Corpus, place: MelodySlice) -> NoteArray:
    """Take the notes of a melody, of the highest voice, or the highest notes of all parts."""
    notes = corpus.notes[place.first : place.stop]
    if corpus.keep == "melody":
        return notes
    if corpus.keep == "voices":
        return notes[notes["part"] == 0]
    ordered = notes[np.lexsort([-notes["pitch"].astype(np.int64), notes["start"]])]
    return ordered[np.diff(ordered["start"], prepend=-1) > 0]


def run_names(steps: np.ndarray, length: int) -> np.ndarray:
    """Name every run of so many steps by a number: (steps,) -> (steps - length + 1,) uint64."""
    names = np.zeros(max(len(steps) - length + 1, 0), np.uint64)
    for k in range(length):
        names = names * SPREAD + steps[k : k + len(names)].astype(np.uint64)
    return names


class RunFinder:
    """Finds the longest run that a melody shares with a collection, and runs shared inside the collection.

    sequences: one (steps,) int64 array for each melody, from `steps_of` or any other naming of steps.
    names: what each is called in answers. Work for a length is done when it is first asked for, then kept.
    """

    def __init__(self, sequences: Sequence[Ints], names: Sequence[str]) -> None:
        lengths = np.array([len(s) for s in sequences], np.int64)
        self._names = tuple(names)
        self._stops = np.cumsum(lengths)
        self._firsts = self._stops - lengths
        steps = np.concatenate([*sequences, np.zeros(0, np.int64)]).astype(np.int64)
        self._room = np.repeat(self._stops, lengths) - np.arange(len(steps))  # steps left in the same melody
        self._alphabets: list[Ints] = [np.unique(steps)]
        self._levels: list[Ints] = [np.searchsorted(self._alphabets[0], steps)]
        self._sorted: dict[int, tuple[Ints, Ints]] = {}

    @classmethod
    def of_corpus(cls, corpus: Corpus, split: str | None = None) -> RunFinder:
        """Make a finder over a corpus or one split of it, from its arrays."""
        slices = list(corpus.slices(split))
        notes = [_line_notes(corpus, part) for _, part in slices]
        tpq = [part.timeline.ticks_per_quarter for _, part in slices]
        steps = [steps_of(n["start"], n["pitch"], t) for n, t in zip(notes, tpq, strict=True)]
        return cls(steps, [piece.source for piece, _ in slices])

    def longest(self, melody: Melody, stretches: Sequence[Fraction] = (Fraction(1),)) -> SharedRun:
        """Find the longest run that a melody shares with the collection.

        Of equal ones that of the first of `stretches`, then the earliest.
        stretches: how much longer the run may last in the melody.
        """
        runs = (replace(self._longest(melody_steps(melody, stretch)), stretch=stretch) for stretch in stretches)
        return max(runs, key=lambda run: run.notes)

    def _longest(self, steps: Ints) -> SharedRun:
        """Find the longest run of named steps, (steps,) int64, in the collection."""
        best = 0
        shortest_failure = len(steps) + 1
        while best + 1 < shortest_failure:  # a run of n steps holds one of n - 1: double, then halve the gap
            length = min(max(2 * best, 1), (best + shortest_failure) // 2)
            if len(self._found(steps, length)[0]):
                best = length
            else:
                shortest_failure = length
        if not best:
            return SharedRun(0)
        places, hits = self._found(steps, best)
        melody = int(np.searchsorted(self._stops, hits[0], side="right"))
        return SharedRun(best + 1, int(places[0]), melody, self._names[melody], int(hits[0] - self._firsts[melody]))

    def shared(self, notes: int) -> Iterator[Ints]:
        """List every run of `notes` notes in two or more melodies: the sorted indices of these."""
        names, places = self._keys(notes - 1)  # in order of place within a name, so melodies ascend
        melodies = np.searchsorted(self._stops, places, side="right").astype(np.int64)
        new_name = np.diff(names, prepend=-1) != 0
        keep = new_name | (np.diff(melodies, prepend=-1) != 0)
        names, melodies = names[keep], melodies[keep]
        bounds = np.append(np.flatnonzero(np.diff(names, prepend=-1)), len(names))
        several = np.flatnonzero(np.diff(bounds) > 1)
        for first, stop in zip(bounds[several].tolist(), bounds[several + 1].tolist(), strict=True):
            yield melodies[first:stop]

    def _found(self, steps: Ints, length: int) -> tuple[Ints, Ints]:
        """Find places in `steps` that begin a known run of `length` steps, and its first place."""
        keys, order = self._keys(length)
        wanted = self._named(steps, length)
        at = np.searchsorted(keys, wanted)
        hit = np.flatnonzero((at < len(keys)) & (wanted >= 0))
        hit = hit[keys[at[hit]] == wanted[hit]]
        return hit, order[at[hit]]

    def _keys(self, length: int) -> tuple[Ints, Ints]:
        """Sort the keys of all runs of `length` steps, with where each begins, equal ones by place."""
        if length not in self._sorted:
            level = self._level(length)
            places = np.flatnonzero(self._room >= length)
            keys = self._pair(level, self._levels[level][places], self._levels[level][places + length - (1 << level)])
            order = np.argsort(keys, kind="stable")
            self._sorted[length] = keys[order], places[order]
        return self._sorted[length]

    def _level(self, length: int) -> int:
        """Find the largest power of two within `length`, as an exponent; name its runs."""
        wanted = length.bit_length() - 1
        while len(self._levels) <= wanted:
            level = len(self._levels) - 1
            half, names = 1 << level, self._levels[level]
            places = np.flatnonzero(self._room >= 2 * half)
            pairs = self._pair(level, names[places], names[places + half])
            alphabet, inverse = np.unique(pairs, return_inverse=True)
            doubled = np.full(len(names), -1, np.int64)
            doubled[places] = inverse
            self._alphabets.append(alphabet)
            self._levels.append(doubled)
        return wanted

    def _pair(self, level: int, left: Ints, right: Ints) -> Ints:
        """Make one key of two names of a level, negative where either is unknown."""
        key: Ints = np.where((left < 0) | (right < 0), -1, left * len(self._alphabets[level]) + right)
        return key

    def _named(self, steps: Ints, length: int) -> Ints:
        """Find the keys of runs of `length` steps in a melody from outside, -1 where there is none."""
        level = self._level(length)
        names = _look_up(self._alphabets[0], steps)
        for lower in range(level):
            half = 1 << lower
            names = _look_up(self._alphabets[lower + 1], self._pair(lower, names[:-half], names[half:]))
        rest = length - (1 << level)
        return self._pair(level, names[: len(names) - rest], names[rest:])


def _look_up(alphabet: Ints, symbols: Ints) -> Ints:
    """Find the place of each symbol in a sorted alphabet, -1 where it is not there."""
    if not len(alphabet):
        return np.full(len(symbols), -1, np.int64)
    at = np.minimum(np.searchsorted(alphabet, symbols), len(alphabet) - 1)
    return np.where(alphabet[at] == symbols, at, -1).astype(np.int64)
