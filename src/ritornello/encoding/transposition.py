"""Which keys a tune may be moved to, for training data in every key."""

from __future__ import annotations

import numpy as np

from ritornello.encoding.grid import Grid

TRANSPOSITIONS = range(-6, 6)  # every key once


def possible_shifts(encoding: Grid, tokens: np.ndarray, lowest: int, highest: int) -> list[int]:
    """Semitones from -6 to 5 by which a tune may move without leaving lowest to highest; always at least [0].

    A tune that already lies outside them is not moved further out.
    """
    pitches = encoding.pitches(tokens)
    if not len(pitches):
        return [0]
    low, high = int(pitches.min()), int(pitches.max())
    return [s for s in TRANSPOSITIONS if min(low, lowest) <= low + s and high + s <= max(high, highest)] or [0]


def in_every_key(encoding: Grid, melodies: list[np.ndarray]) -> list[np.ndarray]:
    """Every melody in every key that the melodies' own range allows."""
    pitches = [p for m in melodies if len(p := encoding.pitches(m))]
    low, high = (min(int(p.min()) for p in pitches), max(int(p.max()) for p in pitches)) if pitches else (0, 127)
    return [encoding.transpose(m, s) for m in melodies for s in possible_shifts(encoding, m, low, high)]
