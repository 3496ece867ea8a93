"""Which keys a tune may be moved to, for training data in every key."""

from __future__ import annotations

import numpy as np

from ritornello.encoding.protocol import MelodyEncoding

TRANSPOSITIONS = range(-6, 6)  # every key once


def possible_shifts(encoding: MelodyEncoding, tokens: np.ndarray, lowest: int, highest: int) -> list[int]:
    """List the semitones, -6 to 5, by which a melody may move within lowest to highest.

    Always at least [0].
    A tune that already lies outside them is not moved further out, and none to where the encoding has no pitches.
    """
    bottom, top = encoding.pitch_range
    return shifts_within(encoding.pitches(tokens), max(lowest, bottom), min(highest, top))


def shifts_within(pitches: np.ndarray, lowest: int, highest: int) -> list[int]:
    """List the `possible_shifts` of a melody with these pitches, (notes,) of int."""
    if not len(pitches):
        return [0]
    low, high = int(pitches.min()), int(pitches.max())
    return [s for s in TRANSPOSITIONS if min(low, lowest) <= low + s and high + s <= max(high, highest)] or [0]


def in_every_key(encoding: MelodyEncoding, melodies: list[np.ndarray]) -> list[np.ndarray]:
    """Transpose every melody to every key that their own range allows.

    As they are where pitches are relative to the key.
    """
    if encoding.is_keyed:
        return melodies  # elsewhere only the header would differ
    low, high = pitch_range_of([encoding.pitches(m) for m in melodies])
    return [encoding.transpose(m, s) for m in melodies for s in possible_shifts(encoding, m, low, high)]


def pitch_range_of(pitches: list[np.ndarray]) -> tuple[int, int]:
    """Find the lowest and highest pitch of several melodies; 0 and 127 where there are none."""
    known = [p for p in pitches if len(p)]
    return (min(int(p.min()) for p in known), max(int(p.max()) for p in known)) if known else (0, 127)
