"""Counts of what followed, in several views of a melody: in other melodies, and earlier in the same one.

A view says what is counted (the pitch less a reference: nothing, the last pitch, the first pitch ...) and after what
(the last 0, 1, 2 ... values of an item). Each order's estimate is blended with the one below by Witten & Bell's rule
(1991, method C: the escape of PPM-C); what an order adds, log p - log p of the order below, is one expert.
Views that move with the melody: Conklin & Witten 1995, "Multiple viewpoint systems for music prediction".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from benchmarks.expectation.material import START, Notes

LEAST = 1e-6  # of a probability
_OFFSET, _SPAN = 128, 257  # of a pitch less a reference
_ITEMS = 2048  # more than there are values of an item

CORPUS_ORDERS = {"pitch": range(9), "interval": range(9), "first": range(7), "skip": range(1, 4), "tonic": range(4)}
OWN_ORDERS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12)

PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
"""How well each degree fits a major key: Krumhansl & Kessler 1982."""


@dataclass(frozen=True)
class View:
    """One way to look at every note.

    reference: (N,), subtracted from the pitches that are counted. items: (N,), what contexts hold. orders: the
    lengths of contexts, ascending. skipped: so many of the last items are not in the context.
    """

    reference: np.ndarray
    items: np.ndarray
    orders: tuple[int, ...]
    is_relative: bool = True
    skipped: int = 0

    def contexts(self, notes: Notes) -> list[np.ndarray]:
        """Number the context of every note for each order, (N,) each; -1 where there is none of that length.

        The beginning of a melody is part of a context, once.
        """
        found, numbers = [], np.zeros(len(notes), np.int64)
        is_known = notes.place > self.skipped if self.is_relative else np.ones(len(notes), bool)
        for order in range(self.orders[-1] + 1):
            if order:
                lag, item = order + self.skipped, np.full(len(notes), START)
                item[lag:] = self.items[:-lag]
                item = np.where(notes.place < lag, START, item)
                numbers = np.unique(numbers * _ITEMS + item + _ITEMS // 4, return_inverse=True)[1]
            if order in self.orders:
                found.append(np.where(is_known & (notes.place + 1 >= order + self.skipped), numbers, -1))
        return found


def corpus_views(notes: Notes) -> list[View]:
    """List the views that are counted in other melodies."""
    pitches, last, tonic = notes.pitches, notes.before(1), tonics(notes)
    first = pitches[notes.starts][notes.melody]
    orders = {name: tuple(orders) for name, orders in CORPUS_ORDERS.items()}
    return [
        View(np.zeros_like(pitches), pitches, orders["pitch"], is_relative=False),
        View(last, notes.steps, orders["interval"]),
        View(first, pitches - first, orders["first"]),
        View(last, notes.steps, orders["skip"], skipped=1),
        View(tonic, pitches - tonic, orders["tonic"]),
    ]


def own_views(notes: Notes) -> list[View]:
    """List the views that are counted in the melody so far."""
    return [
        View(np.zeros_like(notes.pitches), notes.pitches, OWN_ORDERS, is_relative=False),
        View(notes.before(1), notes.steps, OWN_ORDERS),
    ]


def tonics(notes: Notes) -> np.ndarray:
    """Estimate a tonic before every note from the pitches so far, (N,): near, and mostly below, their mean."""
    classes = np.eye(12)[notes.pitches % 12]
    profiles = np.stack([np.roll(PROFILE - PROFILE.mean(), tonic) for tonic in range(12)], 1)
    tonic = (sums_before(notes, classes) @ profiles).argmax(1)
    mean = sums_before(notes, notes.pitches[:, None])[:, 0] / np.maximum(notes.place, 1)
    return np.where(notes.place > 0, tonic + 12 * np.round((mean - 3 - tonic) / 12).astype(np.int64), 0)


def sums_before(notes: Notes, values: np.ndarray) -> np.ndarray:
    """Sum values over the earlier notes of the same melody, (N, columns)."""
    sums = np.cumsum(values, 0) - values
    return sums - sums[notes.starts][notes.melody]


class CorpusCounts:
    """What followed the contexts of one view at one order, in the notes that a model learns from.

    contexts: (N,), -1 for none. groups: (N,); the counts of a note's own group are left out of what it is given while
    the model learns from it, as if it were tested.
    """

    def __init__(self, notes: Notes, view: View, contexts: np.ndarray, groups: np.ndarray):
        self._notes, self._is_known = notes, contexts >= 0
        self._contexts = np.maximum(contexts, 0)
        symbols = np.clip(notes.pitches - view.reference + _OFFSET, 0, _SPAN - 1)  # (N,)
        candidates = np.clip(notes.alphabet - view.reference[:, None] + _OFFSET, 0, _SPAN - 1)  # (N, P)
        known = symbols[self._is_known]
        lowest = known.min(initial=_SPAN)
        self._width = max(0, known.max(initial=0) - lowest + 1) + 1  # the last column stays empty
        self._symbols = symbols - lowest
        at = candidates - lowest
        self._columns = np.where((at < 0) | (at >= self._width - 1), self._width - 1, at).astype(np.int16)
        inside = np.unique(groups * (self._contexts.max() + 1) + self._contexts, return_inverse=True)[1]
        self._of_group = self._look_up(self._table(inside, self._is_known), inside, slice(None))

    def counts(self, learned: np.ndarray, read_on: np.ndarray | None = None) -> np.ndarray:
        """Count what followed each note's context in the learned notes, (N, P); its own group is left out of them.

        learned: (N,) of bool. read_on: melodies that are read one after the other, each of which is learned as soon
        as it has ended; only their rows are right then.
        """
        table = self._table(self._contexts, learned & self._is_known)
        if read_on is None:
            return self._look_up(table, self._contexts, slice(None)) - self._of_group * learned[:, None]
        found = np.zeros(self._columns.shape, np.float32)
        for melody in read_on:
            start = self._notes.starts[melody]
            rows = slice(start, start + self._notes.lengths[melody])
            found[rows] = self._look_up(table, self._contexts, rows)
            known = np.flatnonzero(self._is_known[rows]) + start
            np.add.at(table, self._contexts[known] * self._width + self._symbols[known], 1)
        return found

    def _table(self, contexts: np.ndarray, counted: np.ndarray) -> np.ndarray:
        keys = contexts[counted] * self._width + self._symbols[counted]
        return np.bincount(keys, minlength=(contexts.max() + 1) * self._width).astype(np.float32)

    def _look_up(self, table: np.ndarray, contexts: np.ndarray, rows: slice) -> np.ndarray:
        return table[contexts[rows, None] * self._width + self._columns[rows]] * self._is_known[rows, None]


def own_counts(notes: Notes, view: View) -> list[np.ndarray]:
    """Count what followed each note's context earlier in the same melody, (N, P) for each order."""
    now, then = _earlier_pairs(notes)
    index = np.full(4 * _SPAN, -1)
    index[notes.alphabet + _SPAN] = np.arange(len(notes.alphabet))
    column = index[notes.pitches[then] - view.reference[then] + view.reference[now] + _SPAN]
    now, then, column = now[column >= 0], then[column >= 0], column[column >= 0]
    found, size = [], len(notes) * len(notes.alphabet)
    for contexts in view.contexts(notes):
        same = (contexts[now] == contexts[then]) & (contexts[now] >= 0)
        counted = np.bincount(now[same] * len(notes.alphabet) + column[same], minlength=size)
        found.append(counted.reshape(len(notes), -1).astype(np.float32))
    return found


def _earlier_pairs(notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Pair every note with each earlier one of its melody: two arrays of note numbers."""
    now = np.repeat(np.arange(len(notes)), notes.place)
    then = np.arange(len(now)) - np.repeat(np.cumsum(notes.place) - notes.place, notes.place)
    return now, then + notes.starts[notes.melody[now]]


def chain(counts: list[np.ndarray], below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blend counts of rising order with the probabilities below them, (N, P) each.

    Returns what each order adds to log p, (N, orders, P); and of each order how much was counted, how many different
    pitches, and whether only one, (N, 3 x orders).
    """
    added, features, below = [], [], np.log(below)
    for table in counts:
        total, kinds = table.sum(1, keepdims=True), (table > 0).sum(1, keepdims=True)
        blended = (table + kinds * np.exp(below)) / np.maximum(total + kinds, 1)
        log = np.where(total > 0, np.log(np.maximum(blended, LEAST)), below)
        added.append(log - below)
        features += [np.log1p(total) / 3, np.log1p(kinds) / 2, kinds == 1]
        below = log
    return np.stack(added, 1).astype(np.float32), np.concatenate(features, 1).astype(np.float32)
