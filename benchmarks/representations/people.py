"""People's tunes compared with people's tunes: the scale on which composed ones are judged."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from benchmarks.representations.run import lengths_of, not_learned

from ritornello.corpus.store import Corpus
from ritornello.evaluate.novelty import longest_shared_runs
from ritornello.evaluate.statistics import distances, profile_of

HALVINGS = 20


def people(corpus: Corpus) -> dict[str, Any]:
    """Measure the mean distance of two random halves of validation and test tunes, and their shared runs."""
    melodies = not_learned(corpus)
    random = np.random.default_rng(0)
    sums: dict[str, float] = defaultdict(float)
    for _ in range(HALVINGS):
        order = random.permutation(len(melodies))
        halves = [profile_of([melodies[n] for n in part]) for part in np.array_split(order, 2)]
        for name, distance in distances(*halves).items():
            sums[name] += distance / HALVINGS
    runs = sorted(run["notes"] for run in longest_shared_runs(melodies, corpus))
    return {
        "tunes": len(melodies),
        "bars": lengths_of(melodies),
        "halves": dict(sums),
        "longest_shared_run": {"median": runs[len(runs) // 2], "largest": runs[-1]},
    }
