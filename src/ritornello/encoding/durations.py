"""Exact note values: the table of durations that `note` and `interval` share, and how longer ones are tied.

A quarter note is 3360 ticks. The table holds every multiple of 1/4 quarter up to 4, of 1/2 up to 8 and of 1 up to 12
(WHOLES); below 1/4 every multiple of 1/24, 1/32, 1/20 and 1/28 (sixty-fourths and their halves, triplets and
sextuplets, quintuplets, septuplets); and between them the commonest triplets, quintuplets, septuplets and dotted
values. What is not in the table is tied: the longest of WHOLES that fits, again and again, until the rest is in the
table. So every multiple of 1/24, 1/32, 1/20 or 1/28 of a quarter, however long, has exactly one spelling.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np

TICKS = 3360  # to a quarter note: a multiple of 32, 24, 20 and 28
COARSE = 24  # steps per quarter to which a tune is rounded that has a value without a spelling


# Quarters: sixteenths up to 4, eighths up to 8, quarters up to 12.
_MULTIPLES = [Fraction(n, 4) for n in range(1, 49) if n <= 16 or n % (2 if n <= 32 else 4) == 0]
_SHORT = [Fraction(n, parts) for parts in (24, 32, 20, 28) for n in range(1, parts // 4)]
_BETWEEN = "1/3 2/3 4/3 5/3 7/3 8/3 5/6 7/6 3/8 5/8 7/8 9/8 3/10 2/5 3/5 4/5 2/7 3/7 4/7".split()  # noqa: SIM905
DURATIONS = tuple(sorted({*_MULTIPLES, *_SHORT, *map(Fraction, _BETWEEN)}))  # quarters, shortest first
WHOLES = tuple(int(value * TICKS) for value in _MULTIPLES)  # ticks, shortest first
LENGTHS = np.array([int(value * TICKS) for value in DURATIONS])  # ticks of each duration
LONGEST = int(LENGTHS[-1])
_INDEX = {int(ticks): index for index, ticks in enumerate(LENGTHS)}
_QUARTER = TICKS // 4


@cache
def spelled(ticks: int) -> tuple[int, ...] | None:
    """Spell a duration of `ticks` as indices into DURATIONS; None where it has no spelling."""
    pieces = []
    while ticks not in _INDEX:
        if ticks < WHOLES[0]:
            return None
        piece = next(whole for whole in reversed(WHOLES) if whole < ticks)
        pieces.append(_INDEX[piece])
        ticks -= piece
    return (*pieces, _INDEX[ticks])


def _ties() -> tuple[np.ndarray, np.ndarray]:
    """Compute what may be tied to what: legal, of bool, and following, (states, durations) each.

    A state says what was tied so far: 0 that nothing can be tied to it, n (1 to 47) so many quarters of a quarter
    note after any number of LONGEST, the last state LONGEST alone.
    """
    full = LONGEST // _QUARTER
    sums = np.arange(full + 1) * _QUARTER
    legal = np.zeros((full + 1, len(LENGTHS)), bool)
    following = np.zeros(legal.shape, np.int64)
    for state in range(1, full + 1):
        before = (spelled(int(sums[state])) or ()) if state < full else ()
        for index, ticks in enumerate(LENGTHS):
            after = ticks + (sums[state] if state < full else 0)
            legal[state, index] = spelled(int(after)) == (*before, index)
            following[state, index] = _state(int(after))
    following[0] = [_state(int(ticks)) for ticks in LENGTHS]
    return legal, following


def _state(ticks: int) -> int:
    """Find the state after `ticks`, the pieces of LONGEST before them left out."""
    return 0 if ticks % _QUARTER else ticks // _QUARTER if ticks <= LONGEST else 0


MAY_TIE, AFTER = _ties()
"""MAY_TIE[state, duration]: whether the duration may be tied to what the state stands for. AFTER[state, duration]:
the state after it; AFTER[0] is also that of a note or rest that begins."""

SHORTEST_TIE = np.where(MAY_TIE, LENGTHS, 1 << 40).min(1)
"""Ticks of the shortest duration that may be tied in each state; more than any tune where none may."""
