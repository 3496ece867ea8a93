"""What the pitches so far say of the next note's place and of every candidate for it."""

from __future__ import annotations

import numpy as np
from benchmarks.expectation.counts import sums_before
from benchmarks.expectation.material import Notes

PHRASE = 8  # notes; places are told apart by their remainder
MEAN_WEIGHT = 2  # notes, of the alphabet's mean in the mean so far


def note_features(notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Describe the state before each note, (N, G), and each candidate in it, (N, P, Q)."""
    pitches = notes.alphabet[None].astype(np.float32)  # (1, P)
    counts = sums_before(notes, np.eye(len(notes.alphabet), dtype=np.float32)[notes.targets])  # (N, P)
    total, place, middle = counts.sum(1, keepdims=True), notes.place, pitches.mean()
    mean = (counts @ pitches.T + MEAN_WEIGHT * middle) / (total + MEAN_WEIGHT)  # (N, 1)
    last = np.where(total > 0, notes.before(1)[:, None], mean)
    older = np.where(total > 1, notes.before(2)[:, None], last)
    first = np.where(total > 0, notes.pitches[notes.starts][notes.melody][:, None], mean)
    is_known = counts > 0
    highest = np.where(total > 0, np.where(is_known, pitches, -1).max(1, keepdims=True), mean)
    lowest = np.where(total > 0, np.where(is_known, pitches, 999).min(1, keepdims=True), mean)
    classes = counts @ np.eye(12, dtype=np.float32)[notes.alphabet % 12]  # (N, 12)
    in_scale = classes[:, notes.alphabet % 12] > 0  # (N, P)
    kinds, different = is_known.sum(1, keepdims=True), (classes > 0).sum(1, keepdims=True)
    distances = [_octaves(pitches - other) for other in (mean, last, first)]
    candidates = [
        *distances,
        *map(np.abs, distances),
        _octaves(pitches - older),
        np.clip(pitches - highest, 0, 12) / 6,
        np.clip(lowest - pitches, 0, 12) / 6,
        is_known,
        in_scale,
        in_scale / (1 + different),
        np.log1p(counts),
        counts / np.maximum(total, 1),
        *(pitches == other for other in (last, older, first)),
    ]
    states = [
        np.log1p(total) / 4,
        *(total == n for n in range(3)),
        *(place[:, None] % PHRASE == n for n in range(PHRASE)),
        *(_octaves(last - other) for other in (older, mean, first)),
        np.abs(_octaves(last - older)),
        (highest - lowest) / 12,
        kinds / 10,
        1 - kinds / np.maximum(total, 1),
    ]
    return np.concatenate(states, 1).astype(np.float32), np.stack(candidates, 2).astype(np.float32)


def _octaves(semitones: np.ndarray) -> np.ndarray:
    return np.clip(semitones / 12, -1.5, 1.5)
