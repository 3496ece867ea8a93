"""A plain interpolated n-gram: the baseline beside every training run, and a player like the networks.

Each order's estimate is blended with the next lower one by Witten & Bell's rule (1991, method C): a context
seen n times with t different followers gives the lower order the weight t / (n + t). Below the unigram
stands the uniform distribution, so nothing has probability 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_ORDER = 16
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class _Counts:
    """How often each token followed each context of one length.

    One sorted array of keys holds both: the upper bits are the context's hash, the lower ones the token. (With
    the 45 bits and more that the hash keeps, two of a million contexts meet once in thousands of corpora.)
    """

    def __init__(self, contexts: np.ndarray, tokens: np.ndarray, token_bits: int):
        self._token_bits = np.uint64(token_bits)
        keys = self._keys_of(contexts, tokens)
        keys.sort()
        first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
        self._keys = keys[first]  # ascending, each once
        self._counts = np.diff(np.append(first, len(keys))).astype(np.int32)
        self._sums = np.concatenate([[0], np.cumsum(self._counts, dtype=np.int64)])

    def followers(self, context: int) -> tuple[np.ndarray, np.ndarray]:
        """List the tokens that followed a context, and how often each did."""
        low, high = self._spans(np.array([context], np.uint64))
        part = slice(int(low[0]), int(high[0]))
        mask = np.uint64((1 << int(self._token_bits)) - 1)
        return (self._keys[part] & mask).astype(np.int64), self._counts[part]

    def totals(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count how often each context was seen, and how many different tokens followed it."""
        low, high = self._spans(contexts)
        return self._sums[high] - self._sums[low], high - low

    def of_pairs(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Count how often each token followed its context."""
        if not len(self._keys):
            return np.zeros(len(tokens), np.int64)
        keys = self._keys_of(contexts, tokens)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._counts[at], 0)

    def _spans(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low = self._keys_of(contexts, np.zeros(len(contexts), np.int64))
        high = low | np.uint64((1 << int(self._token_bits)) - 1)
        return np.searchsorted(self._keys, low), np.searchsorted(self._keys, high, side="right")

    def _keys_of(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        mixed = contexts ^ (contexts >> np.uint64(31))
        mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)  # a step of SplitMix64's finaliser (Steele et al. 2014)
        mixed ^= mixed >> np.uint64(29)
        return (mixed << self._token_bits) | tokens.astype(np.uint64)


class Ngram:
    """Counts over token sequences. order: the longest context, 0 (unigram) to 16. vocabulary_size: V."""

    def __init__(self, sequences: Sequence[np.ndarray], vocabulary_size: int, order: int):
        if not 0 <= order <= MAX_ORDER:
            raise ValueError(f"order must be 0 to {MAX_ORDER}, not {order}")
        self.order, self.vocabulary_size = order, vocabulary_size
        tokens = np.concatenate([np.asarray(s, np.int64) for s in sequences]) if len(sequences) else np.zeros(0, int)
        bits = max(1, vocabulary_size.bit_length())
        hashes = _context_hashes(sequences, vocabulary_size, order)
        self._counts = [_Counts(h, tokens, bits) for h in hashes]

    def log2_probabilities(self, sequence: np.ndarray, up_to: int | None = None) -> np.ndarray:
        """Compute the bits of each token given all before it, as negative numbers.

        Returns (length,) of float64. up_to: use contexts of at most this many tokens.
        """
        sequence = np.asarray(sequence, np.int64)
        contexts = _context_hashes([sequence], self.vocabulary_size, self.order)
        p = np.full(len(sequence), 1 / self.vocabulary_size)
        longest = self.order if up_to is None else up_to
        for counts, hashes in list(zip(self._counts, contexts, strict=True))[: longest + 1]:
            total, kinds = counts.totals(hashes)
            blended = (counts.of_pairs(hashes, sequence) + kinds * p) / np.maximum(total + kinds, 1)
            p = np.where(total > 0, blended, p)
        return np.log2(p)

    def best_order(self, validation: Sequence[np.ndarray]) -> int:
        """Find the context length, up to `order`, that gives `validation` the highest likelihood."""
        joined = [[self.log2_probabilities(s, up_to=k).sum() for s in validation] for k in range(1, self.order + 1)]
        return 1 + int(np.argmax([sum(bits) for bits in joined])) if joined else 0

    def player(self, learn: bool = True) -> NgramPlayer:
        """Make a player to feed and ask. learn: count what is fed, too (in this player alone)."""
        return NgramPlayer(self, learn)


class NgramPlayer:
    """An n-gram playing one tune; it learns as it is fed. See `Player` for the verbs."""

    def __init__(self, model: Ngram, learn: bool):
        self._model, self._learn = model, learn
        self._learned: list[dict[int, dict[int, int]]] = [{} for _ in range(model.order + 1)]
        self.reset()

    def reset(self) -> None:
        """Start a new melody; what was learned stays."""
        self._history: list[int] = []

    def feed(self, token: int) -> None:
        """Go on by one token and count it. Raises ValueError for an id outside the vocabulary."""
        if not 0 <= token < self._model.vocabulary_size:
            raise ValueError(
                f"token {token} is outside this model's vocabulary (0 to {self._model.vocabulary_size - 1})"
            )
        if self._learn:
            for learned, context in zip(self._learned, self._contexts(), strict=True):
                followers = learned.setdefault(context, {})
                followers[token] = followers.get(token, 0) + 1
        self._history = [*self._history, token][-self._model.order :] if self._model.order else []

    def ask(self) -> np.ndarray:
        """Compute the probabilities of the next token, (vocabulary,) of float64, summing to 1."""
        p = np.full(self._model.vocabulary_size, 1 / self._model.vocabulary_size)
        for counts, learned, context in zip(self._model._counts, self._learned, self._contexts(), strict=True):
            here = np.zeros(self._model.vocabulary_size)
            tokens, times = counts.followers(context)
            here[tokens] += times
            for token, count in learned.get(context, {}).items():
                here[token] += count
            total, kinds = here.sum(), np.count_nonzero(here)
            if total:
                p = (here + kinds * p) / (total + kinds)
        return p / p.sum()

    def _contexts(self) -> list[int]:
        """Hash the context of each length that ends here.

        Before the start stands the vocabulary's size.
        """
        order = self._model.order
        padded = [self._model.vocabulary_size] * (order - len(self._history)) + self._history
        hashes, value = [0], 0
        for token in reversed(padded):
            value = (value * int(_MULTIPLIER) + token + 1) & 0xFFFFFFFFFFFFFFFF
            hashes.append(value)
        return hashes


def _context_hashes(sequences: Sequence[np.ndarray], start: int, order: int) -> list[np.ndarray]:
    """Hash the tokens before every position, for each length 0..order, sequences end to end."""
    padded = [np.concatenate([np.full(order, start), s]).astype(np.uint64) for s in sequences]
    hashes = [[np.zeros(len(s) - order, np.uint64) for s in padded]]
    with np.errstate(over="ignore"):
        for k in range(1, order + 1):
            before = [s[order - k : len(s) - k] for s in padded]
            hashes.append([h * _MULTIPLIER + s + np.uint64(1) for h, s in zip(hashes[-1], before, strict=True)])
    return [np.concatenate(h) if h else np.zeros(0, np.uint64) for h in hashes]
