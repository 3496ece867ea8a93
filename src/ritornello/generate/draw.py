"""Reproducible random draws: a small specified generator and an integer-weighted draw.

Draw k of melody i under a seed depends on (seed, i, k) alone, so a melody is the same alone or in a batch.
Counter-based, after Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"); the 32-bit mixer is
the finaliser of MurmurHash3 (Appleby), which any language with 32-bit integers can repeat.
"""

from __future__ import annotations

import numpy as np

LOGIT_STEP = 2.0**-10  # logits are rounded to this before anything else happens to them
WEIGHT_SCALE = 1 << 16
DRAW_BITS = 24
BLOCK = 64  # rolls made at once
_GOLDEN = np.uint64(0x9E3779B9)
_MASK = np.uint64(0xFFFFFFFF)


class Dice:
    """One stream of random numbers per melody. seed: 0 to 2^63 - 1. melodies: their indices, (batch,).

    With G = 0x9E3779B9, everything modulo 2^32: key = mix(mix(mix(low + G) ^ high) + melody G), where low and
    high are the seed's halves; roll k (from 1) = the upper 24 bits of mix(mix(key + k G) ^ key).
    Seed 1, melody 0 begins 14202235, 13808289, 5165124. Raises ValueError for another seed.
    """

    def __init__(self, seed: int, melodies: np.ndarray):
        if not 0 <= seed < 1 << 63:
            raise ValueError(f"seed must be 0 to 2^63 - 1, not {seed}")
        low, high = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
        self._key = _mix(_mix(_mix(low + _GOLDEN) ^ high) + np.asarray(melodies, np.uint64) * _GOLDEN)
        self._count = 0  # rolls made
        self._rolls = np.zeros((len(self._key), 0), np.uint64)  # the next ones
        self._taken = 0  # of these

    def __len__(self) -> int:
        return len(self._key)

    def roll(self) -> np.ndarray:
        """Return the next whole number from 0 to 2^24 - 1 for each melody, (batch,) of uint64."""
        if self._taken == self._rolls.shape[1]:
            counts = np.arange(self._count + 1, self._count + 1 + BLOCK, dtype=np.uint64)
            key = self._key[:, None]
            self._rolls = _mix(_mix(key + counts * _GOLDEN) ^ key) >> np.uint64(8)  # (batch, BLOCK)
            self._count, self._taken = self._count + BLOCK, 0
        self._taken += 1
        return self._rolls[:, self._taken - 1]

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these melodies alone (indices or a mask)."""
        self._key, self._rolls = self._key[rows], self._rolls[rows]


def rounded(logits: np.ndarray) -> np.ndarray:
    """Round logits to the nearest 2^-10: what two machines compute almost alike becomes alike."""
    return np.rint(logits / LOGIT_STEP) * LOGIT_STEP


def draw(logits: np.ndarray, dice: Dice) -> np.ndarray:
    """Draw one id per row by the whole-numbered weights round(2^16 exp(logit - highest)).

    logits: (batch, ids) of float64, -inf for what must not be drawn. Returns (batch,) of int64.
    Raises ValueError where a row allows nothing.
    """
    highest = logits.max(-1, keepdims=True)
    if not highest.min() > -np.inf:
        raise ValueError("no token is allowed here: the constraints contradict each other")
    weights = np.exp(logits - highest)
    weights *= WEIGHT_SCALE
    sums = np.rint(weights, weights).cumsum(-1)  # (batch, ids) of whole numbers, exact as float64 for 8,192 ids
    chosen = np.floor(dice.roll() * sums[:, -1] * 2.0**-DRAW_BITS)
    return (sums <= chosen[:, None]).sum(-1)


def _mix(value: np.ndarray | np.uint64) -> np.ndarray:
    """Apply the 32-bit finaliser of MurmurHash3 to uint64 that hold 32 bits."""
    value = np.asarray(value, np.uint64) & _MASK
    value = (value ^ (value >> np.uint64(16))) * np.uint64(0x85EBCA6B) & _MASK
    value = (value ^ (value >> np.uint64(13))) * np.uint64(0xC2B2AE35) & _MASK
    return value ^ (value >> np.uint64(16))
