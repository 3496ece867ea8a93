"""Times to the nearest steps of a grid, exact in integers, and what that costs."""

from __future__ import annotations

from collections import Counter

import numpy as np


def rounded(ticks: np.ndarray, steps_per_quarter: int, ticks_per_quarter: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest steps (halves upward), and which ticks were not on one."""
    scaled = ticks * steps_per_quarter
    return (2 * scaled + ticks_per_quarter) // (2 * ticks_per_quarter), scaled % ticks_per_quarter != 0


def staying(starts: np.ndarray, steps: np.ndarray, steps_per_quarter: int, ticks_per_quarter: int) -> np.ndarray:
    """Which of the onsets that fall on one step stays: the nearest to it, the first of equally near ones.

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
    notes: np.ndarray, steps_per_quarter: int, ticks_per_quarter: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Counter[str]]:
    """Start and end steps and pitches of the notes that stay, and the losses (see `protocol.Encoded`).

    notes: (notes, 3) of start, duration and pitch in ticks. A note keeps at least one step; of several onsets on one
    step the nearest to it stays.
    """
    starts, is_off = rounded(notes[:, 0], steps_per_quarter, ticks_per_quarter)
    ends, _ = rounded(notes[:, 0] + notes[:, 1], steps_per_quarter, ticks_per_quarter)
    ends = np.maximum(ends, starts + 1)  # never past the next onset that stays: that lies on another step
    stays = staying(notes[:, 0], starts, steps_per_quarter, ticks_per_quarter)
    is_resized = (ends - starts) * ticks_per_quarter != notes[:, 1] * steps_per_quarter
    losses = Counter(
        moved=int((is_off & stays).sum()), resized=int((is_resized & stays).sum()), lost=int((~stays).sum())
    )
    return starts[stays], ends[stays], notes[stays, 2], losses
