"""Temperature, top-k, top-p and min-p: pure functions of logits. They know ids, not music.

logits: (batch, ids), unnormalised, -inf for what is already out. Each returns the same shape, and
each row keeps at least one token.
"""

from __future__ import annotations

import numpy as np


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
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    ranked = np.sort(shares, -1)[:, ::-1]  # likeliest first
    before = ranked.cumsum(-1) - ranked  # probability of all likelier tokens, unnormalised
    count = (before < top_p * ranked.sum(-1, keepdims=True)).sum(-1)
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
    if (kept.sum(-1) != count).any():
        above, level = scores > edge, scores == edge
        room = count[:, None] - above.sum(-1, keepdims=True)
        kept = above | (level & (np.cumsum(level, -1) <= room))
    return np.where(kept, logits, -np.inf)
