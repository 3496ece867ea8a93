"""Alignment: a melody as a copy of some stretch of another, or of its own past, with single notes changed.

Every note of every other melody has a weight, that of being the counterpart of the next note. With each note read,
the weights move on by one; they grow where the two agree and shrink where not, and a small weight comes in anywhere,
since a copy may begin at any time. It is the forward algorithm of a hidden Markov model without insertions, with
weights that are capped and not normalised. The next pitch is predicted by the weighted counterparts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from benchmarks.expectation.counts import LEAST
from benchmarks.expectation.material import Notes

CAP = 100.0  # of a weight
AT_START = 0.05  # the weight of beginning with another melody's beginning
_CELLS = 4_000_000  # weights in memory at a time
_OFFSET, _SPAN = 64, 129  # of an interval


class Setting(NamedTuple):
    """How weights change. is_relative: intervals are compared and copied, not pitches. entry: comes in anywhere."""

    is_relative: bool
    agree: float
    differ: float
    entry: float


OTHERS = (Setting(False, 4.0, 0.15, 3e-4), Setting(True, 4.0, 0.3, 3e-4), Setting(True, 2.0, 0.4, 3e-4))
OWN = (Setting(False, 4.0, 0.2, 0.05), Setting(True, 4.0, 0.3, 0.05), Setting(True, 2.0, 0.4, 0.05))


def aligned_with_others(notes: Notes, groups: np.ndarray, folds: np.ndarray, setting: Setting) -> np.ndarray:
    """Sum the weights of counterparts by their fold and the pitch that they foretell, (N, folds, P).

    groups, folds: (N,); counterparts in a note's own group weigh nothing.
    """
    symbols = np.clip(notes.steps + _OFFSET, 0, _SPAN - 1) if setting.is_relative else notes.targets
    width = _SPAN if setting.is_relative else len(notes.alphabet)
    order = np.argsort(folds * width + symbols, kind="stable")
    keys, first = np.unique((folds * width + symbols)[order], return_index=True)
    count = folds.max() + 1
    found = np.zeros((len(notes), count, len(notes.alphabet)), np.float32)
    for rows, weights in _walk(notes, setting):
        others = np.where(groups[rows, None] == groups, np.float32(0), weights)
        table = np.zeros((len(rows), count * width), np.float32)
        table[:, keys] = np.add.reduceat(others[:, order], first, axis=1)
        table = table.reshape(len(rows), count, width)
        if setting.is_relative and notes.place[rows[0]] == 0:
            continue  # there is no last pitch to move from
        if setting.is_relative:
            candidates = notes.alphabet - notes.before(1)[rows, None] + _OFFSET  # (n, P)
            is_there = (candidates >= 0) & (candidates < _SPAN)
            at = np.where(is_there, candidates, 0)[:, None]
            table = np.take_along_axis(table, np.repeat(at, count, 1), 2) * is_there[:, None]
        found[rows] = table
    return found


def _walk(notes: Notes, setting: Setting):
    """Read melodies side by side; yield the notes that come next, and the weights of their counterparts, (n, N)."""
    items = notes.steps if setting.is_relative else notes.pitches
    before, is_start = np.append(0, items[:-1]), notes.place == 0
    by_length = np.argsort(notes.lengths, kind="stable")
    many = max(1, _CELLS // len(notes))
    for at in range(0, len(by_length), many):
        alive = by_length[at : at + many]
        weights = np.zeros((len(alive), len(notes)), np.float32)
        for place in range(notes.lengths[alive[-1]]):
            is_longer = notes.lengths[alive] > place
            alive, weights = alive[is_longer], weights[is_longer]
            rows = notes.starts[alive] + place
            if place:
                weights[:, 1:] = weights[:, :-1]
                weights += np.float32(setting.entry)
                if not (setting.is_relative and place == 1):  # the first note has no interval to compare
                    agrees = before == items[rows - 1, None]
                    weights *= np.where(agrees, np.float32(setting.agree), np.float32(setting.differ))
                np.minimum(weights, np.float32(CAP), out=weights)
                weights[:, is_start] = 0
            else:
                weights[:, is_start] = AT_START
            yield rows, weights


def aligned_with_own(notes: Notes, setting: Setting) -> np.ndarray:
    """Sum the weights of counterparts earlier in the same melody by the pitch that they foretell, (N, P)."""
    melodies, longest, size = len(notes.starts), notes.lengths.max(), len(notes.alphabet)
    pitches, items = np.full((2, melodies, longest), -1)
    pitches[notes.melody, notes.place] = notes.pitches
    items[notes.melody, notes.place] = notes.steps if setting.is_relative else notes.pitches
    steps = np.diff(pitches, axis=1, prepend=-1)
    index = np.full(1024, -1)
    index[notes.alphabet + 256] = np.arange(size)
    found, weights = np.zeros((len(notes), size), np.float32), np.zeros((melodies, longest), np.float32)
    for place in range(1, longest):
        weights[:, 1:] = weights[:, :-1]
        weights[:, :place] += np.float32(setting.entry)
        agrees = items[:, :-1] == items[:, place - 1, None]
        weights[:, 1:] *= np.where(agrees, np.float32(setting.agree), np.float32(setting.differ))
        np.minimum(weights, np.float32(CAP), out=weights)
        weights[:, 0] = weights[:, place:] = 0
        alive = np.flatnonzero(notes.lengths > place)
        moved = (
            pitches[alive, place - 1, None] + steps[alive, :place] if setting.is_relative else pitches[alive, :place]
        )
        columns = index[moved + 256]  # (alive, place)
        keys = np.where(columns < 0, size, columns) + np.arange(len(alive))[:, None] * (size + 1)
        sums = np.bincount(keys.ravel(), weights[alive, :place].ravel(), len(alive) * (size + 1))
        found[notes.starts[alive] + place] = sums.reshape(len(alive), -1)[:, :size]
    return found


def expert(weights: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blend weights with the probabilities below them, which weigh 1; (N, P) each.

    Returns what the weights add to log p, (N, 1, P), and of each note how much they are, the share of the largest,
    and their share beside 1, (N, 3).
    """
    total = weights.sum(1, keepdims=True)
    blended = np.maximum((weights + below) / (total + 1), LEAST)
    added = np.log(blended) - np.log(np.maximum(below, LEAST))
    features = [np.log(total + 1e-3) / 3, weights.max(1, keepdims=True) / (total + 1e-9), total / (1 + total)]
    return added[:, None].astype(np.float32), np.concatenate(features, 1).astype(np.float32)
