"""Four-part writing by the rules of a theory class: which chords stand on beats, and which faults are counted.

A chord on a beat is accepted if its pitch classes are a triad (major, minor, diminished or augmented) or a seventh
chord (on a major, minor or diminished triad), complete or without the fifth; or if one voice is a suspension: it has
the pitch of the step before, is next a semitone or a whole tone lower, and with that pitch the chord is accepted.

Source of the rules: Aldwell and Schachter, "Harmony and Voice Leading", chapters 4 to 6 and 22.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TRIADS = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8), (0, 4), (0, 3))
SEVENTHS = ((0, 4, 7, 10), (0, 4, 7, 11), (0, 3, 7, 10), (0, 3, 6, 10), (0, 3, 6, 9), (0, 3, 7, 11))
FIFTHLESS = ((0, 4, 10), (0, 4, 11), (0, 3, 10))
CHOIR_RANGES = ((60, 81), (53, 74), (48, 69), (40, 64))
"""C4 to A5, F3 to D5, C3 to A4, E2 to E4."""
PERFECT = (0, 7)  # unisons and octaves, fifths
LATEST = 8  # sixteenths within which a suspension resolves


def _chords() -> np.ndarray:
    """Mask the accepted chords by the bits of their pitch classes, (4096,) of bool."""
    accepted = np.zeros(4096, bool)
    for shape in (*TRIADS, *SEVENTHS, *FIFTHLESS):
        for root in range(12):
            accepted[sum(1 << (root + interval) % 12 for interval in shape)] = True
    return accepted


ACCEPTED = _chords()


class Judgement(NamedTuple):
    """Faults of a piece in four voices.

    chords: steps at which a voice begins a note. parallels: fifths and octaves between two voices that move the same
    way. crossings: chords with a voice above a higher one. range_faults: notes outside CHOIR_RANGES. beats: chords on
    beats; dissonant: those that are not accepted.
    """

    chords: int
    parallels: int
    crossings: int
    range_faults: int
    beats: int
    dissonant: int

    @property
    def faults(self) -> int:
        """All faults, to compare drafts of one melody."""
        return 2 * self.parallels + self.crossings + self.range_faults + 2 * self.dissonant


def bits_of(pitches: np.ndarray) -> np.ndarray:
    """Sum up the pitch classes of chords as bits, (...,).

    Pitches: (..., voices), -1 for silence.
    """
    bits = np.where(pitches >= 0, 1 << (pitches % 12), 0)
    return np.bitwise_or.reduce(bits, -1)


def is_accepted(pitches: np.ndarray, starts: np.ndarray, step: int) -> bool:
    """Tell whether the chord of a step would be accepted on a beat. pitches, starts: (steps, 4)."""
    chord = pitches[step]
    if ACCEPTED[bits_of(chord)]:
        return True
    for voice in range(4) if step else ():
        pitch = chord[voice]
        if pitch < 0 or pitches[step - 1, voice] != pitch:
            continue
        later = pitches[step : step + LATEST + 1, voice]
        moved = np.flatnonzero(later != pitch)
        resolution = later[moved[0]] if len(moved) else -1
        if 1 <= pitch - resolution <= 2:
            resolved = chord.copy()
            resolved[voice] = resolution
            if ACCEPTED[bits_of(resolved)]:
                return True
    return False


def count_parallels(before: np.ndarray, chord: np.ndarray) -> int:
    """Count the pairs of voices that move in parallel between two chords.

    Fifths, octaves and unisons, (4,) each.
    """
    found = 0
    for upper in range(3):
        for lower in range(upper + 1, 4):
            voices = [upper, lower]
            if min(before[voices]) < 0 or min(chord[voices]) < 0:
                continue
            rise, other = chord[upper] - before[upper], chord[lower] - before[lower]
            interval = (before[upper] - before[lower]) % 12
            is_same = interval == (chord[upper] - chord[lower]) % 12
            found += bool(rise * other > 0 and is_same and interval in PERFECT)
    return found


def judge(pitches: np.ndarray, starts: np.ndarray, beats: np.ndarray) -> Judgement:
    """Count the faults of four voices. pitches, starts: (steps, 4). beats: (steps,) of bool.

    Beats with a silent voice are not judged.
    """
    begins = starts.any(1)
    full = (pitches >= 0).all(1)
    judged = np.flatnonzero(beats & full).tolist()
    dissonant = sum(not is_accepted(pitches, starts, step) for step in judged)
    parallels = sum(count_parallels(pitches[n - 1], pitches[n]) for n in np.flatnonzero(begins) if n)
    upper, lower = pitches[:, :-1], pitches[:, 1:]
    crossed = ((upper >= 0) & (lower >= 0) & (lower > upper)).any(1) & begins
    lowest, highest = np.array(CHOIR_RANGES).T
    out = starts & (pitches >= 0) & ((pitches < lowest) | (pitches > highest))
    return Judgement(int(begins.sum()), parallels, int(crossed.sum()), int(out.sum()), len(judged), int(dissonant))
