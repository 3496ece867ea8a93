"""A corpus as tokens of an encoding, melody by melody."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ritornello.corpus.store import Corpus
from ritornello.encoding import Grid


def corpus_tokens(corpus: Corpus, encoding: Grid, split: str | None = None) -> list[np.ndarray]:
    """Tokens of each melody of a split, in file order, (length,) each.

    Token arrays that were kept step for step are given back unchanged by the plain grid of 4 steps.
    Melodies without a note are left out.
    """
    kept = encoding.plain and encoding.steps_per_quarter == 4
    tokens = []
    for melody, (_, part) in zip(corpus.melodies(split), corpus.slices(split), strict=True):
        if kept and part.steps is not None and corpus.steps is not None:
            tokens.append(corpus.steps[slice(*part.steps)].astype(np.int16))
        elif melody.notes:
            tokens.append(encoding.encode(melody).tokens)
    return tokens


def encoding_losses(corpus: Corpus, encoding: Grid, split: str | None = None) -> Counter[str]:
    """What the encoding could not keep of a split's notes, by name, and how many `notes` there were."""
    total: Counter[str] = Counter()
    for melody in corpus.melodies(split):
        total.update(encoding.encode(melody).losses)
        total["notes"] += len(melody.notes)
    return total
