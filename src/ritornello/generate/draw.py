"""Chance that can be repeated anywhere: a small specified generator and an integer-weighted draw.

Draw k of melody i under a seed depends on (seed, i, k) alone, so a melody is the same alone or in a batch.
Counter-based, after Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"); the 32-bit mixer is
the finaliser of MurmurHash3 (Appleby), which any language with 32-bit integers can repeat.
"""

from __future__ import annotations

import numpy as np

LOGIT_STEP = 2.0**-10  # logits are rounded to this before anything else happens to them
WEIGHT_SCALE = 1 << 16
DRAW_BITS = np.uint64(24)
_GOLDEN = np.uint64(0x9E3779B9)
_MASK = np.uint64(0xFFFFFFFF)


class Dice:
    """One stream of chance per melody. seed: 0 to 2^63 - 1. melodies: their indices, (batch,).

    With G = 0x9E3779B9, everything modulo 2^32: key = mix(mix(mix(low + G) ^ high) + melody G), where low and
    high are the seed's halves; roll k (from 1) = the upper 24 bits of mix(mix(key + k G) ^ key).
    Seed 1, melody 0 begins 14202235, 13808289, 5165124. Raises ValueError for another seed.
    """

    def __init__(self, seed: int, melodies: np.ndarray):
        if not 0 <= seed < 1 << 63:
            raise ValueError(f"seed must be 0 to 2^63 - 1, not {seed}")
        low, high = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
        self._key = _mix(_mix(_mix(low + _GOLDEN) ^ high) + np.asarray(melodies, np.uint64) * _GOLDEN)
        self._count = 0

    def __len__(self) -> int:
        return len(self._key)

    def roll(self) -> np.ndarray:
        """The next whole number from 0 to 2^24 - 1 for each melody, (batch,) of uint64."""
        self._count += 1
        return _mix(_mix(self._key + np.uint64(self._count) * _GOLDEN) ^ self._key) >> np.uint64(8)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone (indices or a mask)."""
        self._key = self._key[rows]


def rounded(logits: np.ndarray) -> np.ndarray:
    """Logits to the nearest 2^-10, float64: what two machines compute almost alike becomes alike."""
    return np.rint(logits / LOGIT_STEP) * LOGIT_STEP


def draw(logits: np.ndarray, dice: Dice) -> np.ndarray:
    """One token per row, in proportion to the whole-numbered weights round(2^16 exp(logit - highest)).

    logits: (batch, vocabulary) of float64, -inf for what must not be drawn. Returns (batch,) of int64.
    Raises ValueError where a row allows nothing.
    """
    highest = logits.max(-1, keepdims=True)
    if not np.isfinite(highest).all():
        raise ValueError("no token is allowed here: the constraints contradict each other")
    weights = np.rint(np.exp(logits - highest) * WEIGHT_SCALE).astype(np.uint64)
    sums = np.cumsum(weights, -1)  # (batch, vocabulary), below 2^40
    chosen = (dice.roll() * sums[:, -1]) >> DRAW_BITS
    return (sums <= chosen[:, None]).sum(-1)


def _mix(value: np.ndarray | np.uint64) -> np.ndarray:
    """MurmurHash3's 32-bit finaliser, on uint64 that hold 32 bits."""
    value = np.asarray(value, np.uint64) & _MASK
    value = (value ^ (value >> np.uint64(16))) * np.uint64(0x85EBCA6B) & _MASK
    value = (value ^ (value >> np.uint64(13))) * np.uint64(0xC2B2AE35) & _MASK
    return value ^ (value >> np.uint64(16))
