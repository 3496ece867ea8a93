"""Intervals by bootstrap over tunes: how far a figure depends on which tunes were scored.

Tunes are drawn with replacement, as many as there are; the figure is computed anew each time, and what lies between
the outer hundredths is the interval. Models that scored the same tunes share the draws, so that the interval of their
difference is paired: what makes a tune hard for both does not widen it.
Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 8 and 13 (percentile intervals).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
_AT_ONCE = 100  # resamples in memory


@dataclass(frozen=True)
class Intervals:
    """Intervals of sums per note over tunes, each (low, high); None where there is but one tune.

    rates: of each model. differences: of each model after the first, minus the first.
    """

    rates: tuple[tuple[float, float] | None, ...]
    differences: tuple[tuple[float, float] | None, ...]


def bootstrap(bits: Sequence[Sequence[float] | np.ndarray], notes: Sequence[int] | np.ndarray) -> Intervals:
    """Compute intervals of bits per note for each model.

    bits: (models, tunes), the bits of each tune. notes: (tunes,), of the same tunes. The same values give the same
    intervals.
    """
    table, counts = np.asarray(bits, np.float64), np.asarray(notes, np.float64)  # (models, tunes), (tunes,)
    models, tunes = table.shape
    if tunes < 2:
        return Intervals((None,) * models, (None,) * (models - 1))
    random, shares = np.random.default_rng(SEED), np.full(tunes, 1 / tunes)
    rates = []
    for _ in range(0, RESAMPLES, _AT_ONCE):
        drawn = random.multinomial(tunes, shares, _AT_ONCE)  # (resamples, tunes), how often each tune
        rates.append(drawn @ table.T / np.maximum(1, drawn @ counts)[:, None])
    found = np.concatenate(rates)  # (resamples, models)
    return Intervals(tuple(map(_middle, found.T)), tuple(map(_middle, found.T[1:] - found.T[0])))


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Find the range that holds LEVEL of the values, as many below it as above."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
