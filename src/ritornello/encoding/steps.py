"""Note arrays to the plain grid's tokens, without a Note in between: for corpora of many files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.encoding.grid import NO_EVENT, NOTE_OFF
from ritornello.encoding.rounding import rounded, staying

Ints = NDArray[np.integer]


def plain_steps(
    starts: Ints, durations: Ints, pitches: Ints, ticks_per_quarter: int, length: int = 0, steps_per_quarter: int = 4
) -> NDArray[np.int16]:
    """One line of notes as tokens of the plain grid, (steps,): what `Grid(plain=True).encode` gives for them.

    starts, durations: (notes,) ticks, in order, none overlapping the next. length: ticks of the whole; a closing
    rest is kept. Onsets and ends go to the nearest step (ties upward), a note keeps at least one step, and of several
    onsets on one step the nearest to it stays.
    """
    starts = starts.astype(np.int64)
    first = rounded(starts, steps_per_quarter, ticks_per_quarter)
    last = rounded(starts + durations, steps_per_quarter, ticks_per_quarter)
    stays = staying(starts, first, steps_per_quarter, ticks_per_quarter)
    if not stays.all():
        first, last, pitches = first[stays], last[stays], pitches[stays]
    last = np.maximum(last, first + 1)
    whole = int(rounded(np.array([length]), steps_per_quarter, ticks_per_quarter)[0])
    size = max(whole, int(last[-1]) if len(last) else 0)
    steps = np.full(size, NO_EVENT, np.int16)
    is_silent = last[:-1] < first[1:]
    steps[last[:-1][is_silent]] = NOTE_OFF
    if len(last) and last[-1] < size:
        steps[last[-1]] = NOTE_OFF
    steps[first] = pitches
    return steps
