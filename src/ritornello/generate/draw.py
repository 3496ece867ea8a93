"""From logits to ids: temperature, top-k, top-p and min-p, then a draw that can be repeated on any machine.

Temperature below 1 sharpens the choice among what a tune's own past suggests, and among all the rest, but not the
choice between the two: each token that copies makes the next copy likelier, so that sharpened copying has no end.

The filters are pure functions of logits; they know ids, not music. logits: (batch, ids), unnormalised, -inf for what
is already out; each returns the same shape, and each row keeps at least one token.

Draw k of melody i under a seed depends on (seed, i, k) alone, so a melody is the same alone or in a batch.
Counter-based, after Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"); the 32-bit mixer is
the finaliser of MurmurHash3 (Appleby), which any language with 32-bit integers can repeat.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ritornello.generate.options import GenerateOptions

LOGIT_STEP = 2.0**-10  # logits are rounded to this before anything else happens to them
WEIGHT_SCALE = 1 << 16
DRAW_BITS = 24
BLOCK = 64  # rolls made at once
STALE_BIAS = -1000.0  # nats, on what would go on with a circle: the last choice, but better than none
LEAST_SHARE = 1e-9  # of what is suggested, or not, that is weighed against the other
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


def filtered(
    logits: np.ndarray,
    options: GenerateOptions,
    suggested: np.ndarray | None = None,
    stale: np.ndarray | None = None,
) -> np.ndarray:
    """Apply temperature, top-k, top-p and min-p, in this order.

    suggested: (batch, ids) of bool, see `keep_share`; None for nothing. stale: likewise, what is to be avoided
    whatever the temperature.
    """
    temperature = options.temperature
    if suggested is not None and 0 < temperature < 1:
        logits = keep_share(logits, temperature, suggested)
    elif temperature not in (0, 1):
        logits = apply_temperature(logits, temperature)
    if stale is not None:
        logits = logits + STALE_BIAS * stale
    if temperature == 0:
        logits = apply_temperature(logits, 0)
    if options.top_k:
        logits = keep_top(logits, options.top_k)
    logits = keep_nucleus(logits, options.top_p)
    return keep_likely(logits, options.min_p) if options.min_p else logits


def draw_likely(
    logits: np.ndarray,
    options: GenerateOptions,
    dice: Dice,
    suggested: np.ndarray | None = None,
    stale: np.ndarray | None = None,
) -> np.ndarray:
    """Draw one id per row, (batch,), from what `filtered` leaves.

    Ids that no row allows are left out first: most steps allow few.
    """
    if len(logits) == 1:
        return draw(filtered(logits, options, suggested, stale), dice)
    possible = np.flatnonzero(np.maximum.reduce(logits) > -np.inf)
    if not len(possible):
        possible = np.arange(1)  # refused by `draw`
    masks = (None if mask is None else mask.take(possible, 1) for mask in (suggested, stale))
    return possible[draw(filtered(logits.take(possible, 1), options, *masks), dice)]


def keep_share(logits: np.ndarray, temperature: float, suggested: np.ndarray) -> np.ndarray:
    """Apply a temperature below 1 that leaves what is suggested its total probability.

    It stays as it is at 1. temperature: above 0. suggested: (batch, ids) of bool, what the tune's own past
    suggests. Where next to nothing
    is suggested, or all of it, this is the plain temperature. Rounded as logits are, so that tunes are the same on
    every machine.
    """
    cooled = logits / temperature
    wanted, other_wanted = _shares(logits, suggested)
    found, other_found = _shares(cooled, suggested)
    shares = np.stack([wanted, other_wanted, found, other_found])  # (4, batch)
    is_weighed = shares.min(0) > LEAST_SHARE
    wanted, other_wanted, found, other_found = np.where(is_weighed, shares, 1.0)
    shift = np.where(suggested, np.log(wanted / found)[:, None], np.log(other_wanted / other_found)[:, None])
    return rounded(cooled + shift)


def _shares(logits: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the probability of what is in a mask and of what is not, (batch,) each."""
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    total = weights.sum(-1)
    return np.where(mask, weights, 0.0).sum(-1) / total, np.where(mask, 0.0, weights).sum(-1) / total


def draw(logits: np.ndarray, dice: Dice) -> np.ndarray:
    """Draw one id per row by the whole-numbered weights round(2^16 exp(logit - highest)).

    logits: (batch, ids) of float64, -inf for what must not be drawn. Returns (batch,) of int64.
    Raises ValueError where a row allows nothing.
    """
    highest = np.maximum.reduce(logits, -1, keepdims=True)
    if not np.minimum.reduce(highest, None) > -np.inf:
        raise ValueError("no token is allowed here: the constraints contradict each other")
    weights = logits - highest
    np.exp(weights, weights)
    weights *= WEIGHT_SCALE
    sums = np.rint(weights, weights).cumsum(-1)  # (batch, ids) of whole numbers, exact as float64 for 8,192 ids
    chosen = np.floor(dice.roll() * sums[:, -1] * 2.0**-DRAW_BITS)
    return (sums > chosen[:, None]).argmax(-1)  # the first one


def apply_temperature(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Divide by the temperature: below 1 safer, above 1 wilder.

    0 keeps only the most likely token.
    Raises ValueError if temperature is negative or above 10.
    """
    if not 0 <= temperature <= 10:
        raise ValueError(f"temperature must be 0 to 10, not {temperature}")
    if temperature == 0:
        return keep_top(logits, 1)
    return logits if temperature == 1 else logits / temperature


def keep_top(logits: np.ndarray, top_k: int) -> np.ndarray:
    """Keep the k most likely tokens (of equals, those of lower id); 0 keeps all.

    Raises ValueError if top_k is negative. Source: Fan et al. 2018 (arXiv 1805.04833).
    """
    if top_k < 0:
        raise ValueError(f"top_k must be 0 or more, not {top_k}")
    if top_k == 0 or top_k >= logits.shape[-1]:
        return logits
    ranked = np.sort(logits, -1)[:, ::-1]
    return _keep_first(logits, logits, ranked, np.full(len(logits), top_k))


def keep_nucleus(logits: np.ndarray, top_p: float) -> np.ndarray:
    """Keep the nucleus: the fewest most likely tokens whose probabilities reach top_p.

    1 keeps all.
    Raises ValueError if top_p is outside (0, 1].
    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration" (arXiv 1904.09751).
    """
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
    if top_p == 1:
        return logits
    shares = logits - np.maximum.reduce(logits, -1, keepdims=True)
    np.exp(shares, shares)
    ranked = shares.copy()
    ranked.sort(-1)
    ranked = ranked[:, ::-1]  # likeliest first
    reached = ranked.cumsum(-1)
    before = reached - ranked  # probability of all likelier tokens, unnormalised
    count = np.add.reduce(before < top_p * reached[:, -1:], -1)
    return _keep_first(logits, shares, ranked, count)


def keep_likely(logits: np.ndarray, min_p: float) -> np.ndarray:
    """Keep tokens at least min_p times as likely as the likeliest; 0 keeps all.

    Raises ValueError if min_p is outside [0, 1]. Source: Nguyen et al. 2024, min-p (arXiv 2407.01082).
    """
    if not 0 <= min_p <= 1:
        raise ValueError(f"min_p must be 0 to 1, not {min_p}")
    if min_p == 0:
        return logits
    return np.where(logits >= logits.max(-1, keepdims=True) + np.log(min_p), logits, -np.inf)


def _keep_first(logits: np.ndarray, scores: np.ndarray, ranked: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Keep the `count`, (batch,), best ids of each row; of equal ones, those of lower id.

    scores: (batch, ids), in the order of the logits. ranked: the scores of each row in falling order.
    """
    edge = ranked[np.arange(len(ranked)), count - 1][:, None]
    kept = scores >= edge
    if np.count_nonzero(kept) != np.add.reduce(count):  # never fewer in a row
        above, level = scores > edge, scores == edge
        room = count[:, None] - above.sum(-1, keepdims=True)
        kept = above | (level & (np.cumsum(level, -1) <= room))
    return np.where(kept, logits, -np.inf)


def _mix(value: np.ndarray | np.uint64) -> np.ndarray:
    """Apply the 32-bit finaliser of MurmurHash3 to uint64 that hold 32 bits."""
    value = np.asarray(value, np.uint64) & _MASK
    value = (value ^ (value >> np.uint64(16))) * np.uint64(0x85EBCA6B) & _MASK
    value = (value ^ (value >> np.uint64(13))) * np.uint64(0xC2B2AE35) & _MASK
    return value ^ (value >> np.uint64(16))


def drawn_name(counts: Mapping[str, int], roll: int) -> str:
    """Take a name by its share of the counts. roll: 0 to 2^24 - 1."""
    names = sorted(counts, key=lambda name: (-counts[name], name))
    sums = np.cumsum([counts[name] for name in names])
    return names[int(np.searchsorted(sums, roll * int(sums[-1]) >> DRAW_BITS, side="right"))]
