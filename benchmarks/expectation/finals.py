"""A melody heard from its end: which pitch it will close on is unknown, and inferred note by note.

Training melodies are counted as degrees, semitones from their last note. For a melody that is read, every pitch of
the alphabet may be the last one; the probability of each is updated by Bayes' rule with every note, and the next
pitch is predicted by the mean of them all. Key finding by such a filter: Temperley 2007, "Music and Probability".
"""

from __future__ import annotations

import numpy as np
from benchmarks.expectation.counts import LEAST
from benchmarks.expectation.material import Notes

ORDER = 2  # the longest context, in notes
REACH = 24  # semitones from the last note; further ones count as this far
DEGREES = 2 * REACH + 2  # and one for the beginning
PRIOR = 0.2  # of a count, for pitches that no training melody closes on


class Finals:
    """The experts of all notes. groups: (N,), left out together as in `CorpusCounts`."""

    def __init__(self, notes: Notes, groups: np.ndarray):
        self._notes, self._groups = notes, groups
        self._closing = notes.pitches[notes.starts + notes.lengths - 1]  # (M,)
        own = self._closing[notes.melody]
        self._contexts = self._contexts_from(np.arange(len(notes)), own[:, None])  # each (N, 1)
        self._symbols = _degrees(notes.pitches, own)

    def experts(self, learned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict from the learned notes, (N,) of bool.

        Returns what each order adds to log p, (N, orders, P), and how sure the last note is, (N, 2).
        """
        notes, size = self._notes, len(self._notes.alphabet)
        tables = [self._counted(np.flatnonzero(learned), order) for order in range(ORDER + 1)]
        closing = np.bincount(self._places(np.unique(notes.melody[learned])), minlength=size).astype(float)
        log_p, sureness = np.zeros((len(notes), ORDER + 1, size), np.float32), np.zeros((len(notes), 2), np.float32)
        for group in np.unique(self._groups):
            rows = np.flatnonzero(self._groups == group)
            if learned[rows[0]]:
                mine = [self._counted(rows, order, sparse=True) for order in range(ORDER + 1)]
                own = np.bincount(self._places(np.unique(notes.melody[rows])), minlength=size)
                for table, (keys, counts) in zip(tables, mine):
                    table[keys] -= counts
                log_p[rows], sureness[rows] = self._predict(rows, tables, closing - own)
                for table, (keys, counts) in zip(tables, mine):
                    table[keys] += counts
            else:
                log_p[rows], sureness[rows] = self._predict(rows, tables, closing)
        added = np.diff(log_p, axis=1, prepend=np.float32(-np.log(size)))
        return added, sureness

    def _predict(self, rows: np.ndarray, tables: list[np.ndarray], closing: np.ndarray):
        """Predict the notes of some melodies. tables: counts of each order. closing: (P,), counts of last notes."""
        notes, alphabet = self._notes, self._notes.alphabet
        candidates = _degrees(alphabet[None], alphabet[:, None])  # (finals, P)
        below, orders = np.full((1, 1, 1), 1 / len(alphabet), np.float32), []
        for table, contexts in zip(tables, self._contexts_from(rows, alphabet[None])):
            counts = table[contexts[:, :, None] * DEGREES + candidates]  # (n, finals, P)
            total, kinds = counts.sum(2, keepdims=True), (counts > 0).sum(2, keepdims=True)
            below = np.where(total > 0, (counts + kinds * below) / np.maximum(total + kinds, 1), below)
            orders.append(below)
        likelihood = np.log(np.maximum(below[np.arange(len(rows)), :, notes.targets[rows]], LEAST))  # (n, finals)
        past = np.cumsum(likelihood, 0) - likelihood
        first = np.searchsorted(rows, notes.starts[notes.melody[rows]])
        prior = (closing + PRIOR) / (closing + PRIOR).sum()
        log_posterior = np.log(prior) + past - past[first]
        posterior = np.exp(log_posterior - log_posterior.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        mixed = np.stack([np.einsum("nf,nfp->np", posterior, p) for p in orders], 1)
        entropy = -(posterior * np.log(posterior + LEAST)).sum(1)
        return np.log(np.maximum(mixed, LEAST)), np.stack([entropy, posterior.max(1)], 1)

    def _contexts_from(self, rows: np.ndarray, finals: np.ndarray) -> list[np.ndarray]:
        """Number the contexts of each order, (n, finals), as degrees from assumed last notes, (n or 1, finals)."""
        found = [np.zeros((len(rows), finals.shape[1]), np.int64)]
        for lag in range(1, ORDER + 1):
            degrees = _degrees(self._notes.before(lag)[rows, None], finals)
            is_there = self._notes.place[rows, None] >= lag
            found.append(found[-1] * DEGREES + np.where(is_there, degrees, DEGREES - 1))
        return found

    def _counted(self, rows: np.ndarray, order: int, sparse: bool = False):
        keys = self._contexts[order][rows, 0] * DEGREES + self._symbols[rows]
        if sparse:
            return np.unique(keys, return_counts=True)
        return np.bincount(keys, minlength=DEGREES ** (order + 1)).astype(np.float32)

    def _places(self, melodies: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._notes.alphabet, self._closing[melodies])


def _degrees(pitches: np.ndarray, final: np.ndarray) -> np.ndarray:
    return np.clip(pitches - final, -REACH, REACH) + REACH
