"""The metres that a melody can begin in, the same for every encoding, and the lengths of their bars and beats."""

from __future__ import annotations

import numpy as np

from ritornello.music.beats import beat_lengths
from ritornello.music.values import Metre

METRES = ("2/4", "3/4", "4/4", "2/2", "3/2", "4/2", "6/4", "9/4", "5/4", "3/8", "6/8", "9/8", "12/8", "other")
BEGIN_ROWS = tuple((f"begin_{metre}", 1, f"a tune in {metre} begins") for metre in METRES)
COMMON = (4, 4)  # how a melody in "other" is read


def metre_numbers(index: int) -> tuple[int, int]:
    """Return numerator and denominator of a place in METRES; COMMON for any other."""
    if not 0 <= index < len(METRES) - 1:
        return COMMON
    numerator, denominator = METRES[index].split("/")
    return int(numerator), int(denominator)


def bar_length(metre: tuple[int, int], per_quarter: int) -> int:
    """Count the ticks of a full bar, rounded where the resolution is too coarse for the metre."""
    return max(1, round(4 * per_quarter * metre[0] / metre[1]))


def beat_length(metre: tuple[int, int], per_quarter: int) -> int:
    """Count the ticks of the first beat of a bar: a dotted quarter's in 6/8."""
    return max(1, round(per_quarter * beat_lengths(Metre(0, *metre))[0]))


def bar_lengths(per_quarter: int) -> np.ndarray:
    """Count the ticks in a bar of each of METRES, (14,)."""
    return np.array([bar_length(metre_numbers(n), per_quarter) for n in range(len(METRES))])


def first_beats(per_quarter: int) -> np.ndarray:
    """Count the ticks in the first beat of each of METRES, (14,)."""
    return np.array([beat_length(metre_numbers(n), per_quarter) for n in range(len(METRES))])


def is_compound(metre: tuple[int, int]) -> bool:
    """Tell whether the beats of a metre fall into three."""
    return beat_lengths(Metre(0, *metre))[0] * metre[1] == 3 * 4
