"""Which interval a second voice makes with a melody: a table of what hymns do (see `scripts/make_intervals.py`).

An interval is counted in semitones below the melody, modulo 12. It depends on how strong the beat is, on the melody's
step to this note, and on the interval before; where hymns have few such places, on the first two alone.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from ritornello.music.beats import beat_lengths
from ritornello.music.values import Metre

VOICES = ("alto", "bass")
BARLINE, BEAT, BETWEEN = range(3)  # strengths of a place
STEPS = 6  # none before; down by a leap, by a step; the same; up by a step, by a leap
SHAPE = (len(VOICES), 3, STEPS, 13, 12)
LEAP = 3  # semitones
DISSONANT = (1, 2, 6, 10, 11)  # semitones, modulo 12
TRUST = 8.0  # places by which the wider count weighs against the narrow one
BASS_BELOW = 14  # semitones from the melody to the middle of a register, from where the bass's table is read
FILE = Path(__file__).parents[2] / "data" / "intervals" / "intervals.npz"


class Table:
    """Intervals counted, (voices, strengths, steps, intervals before + 1, intervals)."""

    def __init__(self, counts: np.ndarray):
        self._counts = counts.astype(float)

    def chances(self, voice: int, strength: int, step: int, before: int) -> np.ndarray:
        """Compute the probability of each interval, (12,). before: the interval before, -1 for none."""
        by_strength = self._counts[voice, strength].sum((0, 1))
        found = by_strength / by_strength.sum()
        for counts in (self._counts[voice, strength, step].sum(0), self._counts[voice, strength, step, before + 1]):
            found = (counts + TRUST * found) / (counts.sum() + TRUST)
        return found

    def dissonances(self) -> list[float]:
        """Compute the share of dissonant intervals on beats of each voice."""
        on_beats = self._counts[:, :BETWEEN].sum((1, 2, 3))  # (voices, 12)
        return (on_beats[:, DISSONANT].sum(1) / on_beats.sum(1)).tolist()


@lru_cache(maxsize=1)
def shipped_table() -> Table:
    """Load the table that comes with the program."""
    with np.load(FILE) as arrays:
        return Table(arrays["counts"])


def interval(upper: int, lower: int) -> int:
    """Count the semitones from one pitch down to another, modulo 12."""
    return (upper - lower) % 12


def step_class(before: int | None, pitch: int) -> int:
    """Classify a melodic step: 0 where no note is before; 1 to 5 from a leap down to a leap up."""
    if before is None:
        return 0
    step = pitch - before
    return 3 + (step > 0) - (step < 0) + (step >= LEAP) - (step <= -LEAP)


@lru_cache(maxsize=4096)
def place_strength(place: Fraction, metre: Metre) -> int:
    """Find how strong a place is, in quarters from any barline: BARLINE, BEAT or BETWEEN."""
    beats = [Fraction(0), *accumulate(beat_lengths(metre))]
    place %= beats[-1]
    return BARLINE if place == 0 else BEAT if place in beats else BETWEEN
