"""Habits of a set of melodies, counted tune by tune, and how far two halves of a set lie apart.

A habit is a share: of tunes, or of bars where it is bars that return. Each tune's part of it is (hits, chances), so
that sets can be pooled and halved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluate.endings import (
    ends_on_downbeat,
    ends_on_its_tonic,
    ends_on_last_beat,
    hammers_tonic,
    is_readable,
)
from ritornello.evaluate.repetition import has_loop, has_round, returning_bars
from ritornello.generate.continuation import first_bars
from ritornello.music.keys import estimate_key
from ritornello.music.values import Melody

RETURNS = (4, 8, 16)  # bars
FAR = 5  # accidentals at the clef
HALVINGS = 1000
INSIDE = 0.95  # of the halvings

Counts = NDArray[np.int64]  # (tunes, 2): hits, chances


def has_far_key(melody: Melody) -> bool:
    """Test whether the key, named or suggested by the notes, has five accidentals or more."""
    return abs((melody.timeline.key or estimate_key(melody.notes)[0]).fifths) >= FAR


WHOLE: dict[str, Callable[[Melody], bool]] = {
    "downbeat": ends_on_downbeat,
    "hammered": hammers_tonic,
    "last_beat": ends_on_last_beat,
    "tonic": ends_on_its_tonic,
    "far_key": has_far_key,
}
"""Habits of whole tunes: of their endings, and their keys."""

CUT: dict[str, Callable[[Melody], bool]] = {
    "loops": has_loop,
    "loops_but_one": lambda melody: has_loop(melody, 1),
    "rounds": has_round,
    "rounds_but_one": lambda melody: has_round(melody, 1),
    "unreadable": lambda melody: not is_readable(melody),
}
"""Habits that a longer tune has more room for."""


def count_habits(melodies: Sequence[Melody], bars: int) -> dict[str, Counts]:
    """Count the habits of each melody of two notes or more, (tunes, 2) for each habit.

    bars: what a longer tune has more room for is counted in so many first bars, and bars that return after 4, 8 and
    16 where they fit into these.
    """
    melodies = [melody for melody in melodies if len(melody.notes) > 1]
    cut = [first_bars(melody, bars)[0] for melody in melodies]
    found = {name: [(has(melody), 1) for melody in melodies] for name, has in WHOLE.items()}
    found |= {name: [(has(melody), 1) for melody in cut] for name, has in CUT.items()}
    for lag in (lag for lag in RETURNS if lag < bars):
        returns = [returning_bars(melody, lag) for melody in cut]
        for kind in ("exact", "moved", "rhythm"):
            found[f"{kind}_after_{lag}"] = [(getattr(r, kind), r.able) for r in returns]
    return {name: np.array(pairs, np.int64).reshape(-1, 2) for name, pairs in found.items()}


def pooled_share(counts: Counts) -> float:
    """Divide the hits of all tunes by their chances; 0 where there were none."""
    hits, chances = counts.sum(0).tolist()
    return hits / chances if chances else 0.0


def halves_band(counts: Counts, halvings: int = HALVINGS, seed: int = 0) -> float:
    """Find the difference of two halves of a set that 95 % of its halvings do not exceed.

    counts: (tunes, 2). halvings: at random, from `seed`. The halves are compared by their pooled shares.
    """
    tunes = len(counts)
    order = np.random.default_rng(seed).random((halvings, tunes)).argsort(1)
    halves = order[:, : tunes // 2], order[:, tunes // 2 : tunes // 2 * 2]
    sums = [counts[half].sum(1) for half in halves]  # (halvings, 2) each
    one, other = (s[:, 0] / np.maximum(s[:, 1], 1) for s in sums)
    return float(np.quantile(abs(one - other), INSIDE))
