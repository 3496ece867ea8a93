"""Times to the nearest steps of a grid, exact in integers, and what that costs."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np

from ritornello.music.values import Timeline

FINEST = 24  # steps per quarter


def checked_steps(steps_per_quarter: int) -> int:
    """Check a grid's resolution. Raises ValueError unless it is a whole number, 1 to FINEST."""
    is_whole = isinstance(steps_per_quarter, int | np.integer) and not isinstance(steps_per_quarter, bool)
    if not is_whole or not 1 <= steps_per_quarter <= FINEST:
        raise ValueError(f"steps_per_quarter must be a whole number from 1 to {FINEST}, not {steps_per_quarter!r}")
    return int(steps_per_quarter)


def rounded(ticks: np.ndarray, steps_per_quarter: int, ticks_per_quarter: int) -> np.ndarray:
    """Round ticks to the nearest steps (halves upward)."""
    return (2 * ticks * steps_per_quarter + ticks_per_quarter) // (2 * ticks_per_quarter)


def from_barline(notes: np.ndarray, timeline: Timeline) -> tuple[np.ndarray, int]:
    """Count notes from the barline that a pick-up leaves out; also the ticks per quarter then.

    notes: (notes, 3) of start, duration and pitch in ticks of `timeline`. Where its bar is no whole number of them
    the notes come back in finer ones, so that their places stay exact.
    """
    if not timeline.pickup:
        return notes, timeline.ticks_per_quarter
    before = timeline.bar_ticks(timeline.metre) - timeline.pickup
    finer = before.denominator
    return notes * (finer, finer, 1) + (before.numerator, 0, 0), timeline.ticks_per_quarter * finer


def staying(starts: np.ndarray, steps: np.ndarray, steps_per_quarter: int, ticks_per_quarter: int) -> np.ndarray:
    """Choose which of the onsets on one step stays: the nearest, the first of equally near ones.

    So a note on the step stays rather than the short one before it that rounds up to it. (notes,) of bool.
    """
    stays = np.append(True, steps[1:] != steps[:-1])[: len(steps)]
    if stays.all():
        return stays
    off = np.abs(starts * steps_per_quarter - steps * ticks_per_quarter)
    order = np.lexsort((off, steps))  # stable: equally near ones stay in order
    stays[:] = False
    stays[order[np.append(True, np.diff(steps[order]) > 0)]] = True
    return stays


def stepped(
    notes: np.ndarray, steps_per_quarter: int, ticks_per_quarter: int, late: Fraction | int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Counter[str]]:
    """Round notes to steps: start and end steps and pitches of those that stay, and the losses.

    notes: (notes, 3) of start, duration and pitch in ticks. A note keeps at least one step; of several onsets on one
    step the nearest to it stays. late: by how many ticks the steps' own beginning comes too early in its bar, so that
    a note has its place only on a step that lies as much later.
    """
    starts = rounded(notes[:, 0], steps_per_quarter, ticks_per_quarter)
    ends = rounded(notes[:, 0] + notes[:, 1], steps_per_quarter, ticks_per_quarter)
    ends = np.maximum(ends, starts + 1)  # never past the next onset that stays: that lies on another step
    stays = staying(notes[:, 0], starts, steps_per_quarter, ticks_per_quarter)
    gone = (starts * ticks_per_quarter - notes[:, 0] * steps_per_quarter) * late.denominator
    is_moved = gone != late.numerator * steps_per_quarter
    is_resized = (ends - starts) * ticks_per_quarter != notes[:, 1] * steps_per_quarter
    losses = Counter(
        moved=int((is_moved & stays).sum()), resized=int((is_resized & stays).sum()), lost=int((~stays).sum())
    )
    return starts[stays], ends[stays], notes[stays, 2], losses
