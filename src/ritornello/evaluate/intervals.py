"""Intervals by bootstrap over families: how far a figure depends on which tunes were scored.

Families are drawn with replacement, as many as there are, each with all its tunes: variants of a tune cost about the
same, so that to draw them one by one would make an interval too narrow. The figure is computed anew each time, and
what lies between the outer hundredths is the interval. Models that scored the same tunes share the draws, so that the
interval of their difference is paired: what makes a tune hard for both does not widen it.
Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 8 and 13 (percentile intervals);
Davison & Hinkley 1997, "Bootstrap Methods and their Application", section 3.8 (clusters are drawn whole).
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
    """Intervals of sums per note over tunes, each (low, high); None where there is but one family.

    rates: of each model. differences: of each model after the first, minus the first.
    """

    rates: tuple[tuple[float, float] | None, ...]
    differences: tuple[tuple[float, float] | None, ...]


def bootstrap(
    bits: Sequence[Sequence[float] | np.ndarray],
    notes: Sequence[int] | np.ndarray,
    families: Sequence[str] | None = None,
) -> Intervals:
    """Compute intervals of bits per note for each model.

    bits: (models, tunes), the bits of each tune. notes: (tunes,), of the same tunes. families: (tunes,), the family
    of each; without them, and where one is "", a tune is a family of its own. Equal values give equal intervals.
    """
    names = [family or n for n, family in enumerate(families or [""] * len(notes))]
    order = {name: place for place, name in enumerate(dict.fromkeys(names))}
    places, members = [order[name] for name in names], len(order)
    counts = np.bincount(places, notes, members)  # (families,)
    table = np.array([np.bincount(places, of_model, members) for of_model in bits])  # (models, families)
    models = len(table)
    if members < 2:
        return Intervals((None,) * models, (None,) * (models - 1))
    random, shares = np.random.default_rng(SEED), np.full(members, 1 / members)
    rates = []
    for _ in range(0, RESAMPLES, _AT_ONCE):
        drawn = random.multinomial(members, shares, _AT_ONCE)  # (resamples, families), how often each
        rates.append(drawn @ table.T / np.maximum(1, drawn @ counts)[:, None])
    found = np.concatenate(rates)  # (resamples, models)
    return Intervals(tuple(map(_middle, found.T)), tuple(map(_middle, found.T[1:] - found.T[0])))


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Find the range that holds LEVEL of the values, as many below it as above."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
