"""A melody as one symbol per note or rest: the input of the n-gram over (pitch, duration).

The symbols are made from the melody, not from tokens, so that the n-gram is the same baseline for every encoding that
reproduces the same melodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from ritornello.encoding.vocabulary import METRES
from ritornello.music.values import Melody

LONGEST_QUARTERS = 48  # that one symbol can last; what is longer is continued
COARSEST = 4  # steps per quarter
REST, CONTINUED = 128, 129


@dataclass(frozen=True)
class PairAlphabet:
    """Pitch (REST, CONTINUED) x `longest` + duration in steps - 1; then, where framed, each metre and the end.

    steps_per_quarter: the unit of durations. framed: whether metre and end are written.
    """

    steps_per_quarter: int = COARSEST
    framed: bool = True

    @classmethod
    def of(cls, melodies: Sequence[Melody], framed: bool = True) -> PairAlphabet:
        """Make the coarsest alphabet in which every onset and end of these melodies is exact."""
        return cls(lcm(COARSEST, *{d for m in melodies for d in _denominators(m, framed)}), framed)

    @property
    def longest(self) -> int:
        """Longest duration of one symbol, in steps."""
        return LONGEST_QUARTERS * self.steps_per_quarter

    @property
    def size(self) -> int:
        """Number of symbols, V."""
        return (CONTINUED + 1) * self.longest + self.framed * (len(METRES) + 1)

    def spell(self, melody: Melody) -> np.ndarray:
        """Write a melody as symbols, (T,) int64.

        A pick-up becomes a rest in its full bar; a closing rest is written only where there is no end.
        """
        timeline = melody.timeline
        steps, ticks = self.steps_per_quarter, timeline.ticks_per_quarter  # integers: fractions are slow
        at = -_before_pickup(melody) if self.framed else 0
        symbols = [self._begin(timeline.metre.name)] if self.framed else []
        for note in melody.notes:
            symbols += self._lasting(REST, (note.start - at) * steps // ticks)
            symbols += self._lasting(note.pitch, note.duration * steps // ticks)
            at = note.end
        symbols += [self.size - 1] if self.framed else self._lasting(REST, (timeline.length - at) * steps // ticks)
        return np.array(symbols, np.int64)

    def transpose(self, symbols: np.ndarray, semitones: int) -> np.ndarray:
        """Move a melody up by `semitones`."""
        return np.where(symbols < REST * self.longest, symbols + semitones * self.longest, symbols)

    def pitches(self, symbols: np.ndarray) -> np.ndarray:
        """Return the pitches of the notes, (notes,)."""
        return symbols[symbols < REST * self.longest] // self.longest

    def _begin(self, metre: str) -> int:
        """Return the symbol that begins a melody in `metre`."""
        return (CONTINUED + 1) * self.longest + METRES.index(metre if metre in METRES else "other")

    def _lasting(self, pitch: int, duration: int) -> list[int]:
        """Write a note or rest of `duration` steps in as few symbols as can last so long."""
        symbols, left = [], duration
        while left > 0:
            symbols.append(pitch * self.longest + min(left, self.longest) - 1)
            pitch, left = CONTINUED, left - self.longest
        return symbols


def _denominators(melody: Melody, framed: bool) -> set[int]:
    """Find the divisions of a quarter that make each time in a melody a whole number."""
    per_quarter = melody.timeline.ticks_per_quarter
    times = {time for note in melody.notes for time in (note.start, note.end)}
    found = {per_quarter // gcd(time, per_quarter) for time in times}
    return found | {(Fraction(_before_pickup(melody)) / per_quarter).denominator} if framed else found


def _before_pickup(melody: Melody) -> int | Fraction:
    """Return the ticks of the first bar that come before a pick-up."""
    timeline = melody.timeline
    return timeline.bar_ticks(timeline.metre) - timeline.pickup if timeline.pickup else 0
