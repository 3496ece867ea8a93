"""Note arrays to the plain grid's tokens, without a Note in between: for corpora of many files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.encoding.grid import NO_EVENT, NOTE_OFF

Ints = NDArray[np.integer]


def plain_steps(
    starts: Ints, durations: Ints, pitches: Ints, ticks_per_quarter: int, length: int = 0, steps_per_quarter: int = 4
) -> NDArray[np.int16]:
    """One line of notes as tokens of the plain grid, (steps,): what `Grid(plain=True).encode` gives for them.

    starts, durations: (notes,) ticks, in order, none overlapping the next. length: ticks of the whole; a closing
    rest is kept. Onsets and ends go to the nearest step (ties upward), a note keeps at least one step, and of two
    onsets on one step the first stays.
    """
    starts = starts.astype(np.int64)
    first = _nearest(starts, steps_per_quarter, ticks_per_quarter)
    last = _nearest(starts + durations, steps_per_quarter, ticks_per_quarter)
    stays = np.ones(len(first), bool)
    stays[1:] = first[1:] != first[:-1]
    if not stays.all():
        first, last, pitches = first[stays], last[stays], pitches[stays]
    last = np.maximum(last, first + 1)
    whole = int(_nearest(np.int64(length), steps_per_quarter, ticks_per_quarter))
    size = max(whole, int(last[-1]) if len(last) else 0)
    steps = np.full(size, NO_EVENT, np.int16)
    is_silent = last[:-1] < first[1:]
    steps[last[:-1][is_silent]] = NOTE_OFF
    if len(last) and last[-1] < size:
        steps[last[-1]] = NOTE_OFF
    steps[first] = pitches
    return steps


def _nearest(ticks, steps_per_quarter: int, ticks_per_quarter: int):
    """Ticks as steps, halves upward, exact in integers."""
    return (2 * ticks * steps_per_quarter + ticks_per_quarter) // (2 * ticks_per_quarter)
