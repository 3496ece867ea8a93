"""Follow the beat of a performance whose tempo wanders around that of its file.

The phase of the beat, modulo a beat, is the hidden state of a Markov model together with its drift, one step for each
quarter of the file; what it emits are the onsets in that quarter. The likeliest path is Viterbi's (after Cemgil and
Kappen 2003, "Monte Carlo methods for tempo tracking and rhythm quantization", and Raphael 2001, "Automated rhythm
transcription", with the tempo on a grid instead of continuous). Which of the peaks of a bar is the beat is not told
here: a path is right up to a constant.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 100  # of the phase, in a quarter
FASTEST = 12  # bins that the phase may drift in a quarter
CHANGE = 0.04  # chance that the drift changes by a bin, from one quarter to the next, up or down
STEADY = 0.08
"""Where a path stays within this many quarters, the tempo is steady and only its lateness counts."""

COMB = {0: 0.4, 1 / 2: 0.24, 1 / 4: 0.08, 3 / 4: 0.08, 1 / 3: 0.04, 2 / 3: 0.06}  # onsets within a quarter
BROAD = 0.035  # standard deviation of an onset, in quarters
ROUNDS = 2  # in which the comb is replaced by the piece's own


def drift(onsets: Floats, weights: Floats) -> Floats:
    """Estimate how late the beat lies at each quarter, (quarters,), up to a constant.

    onsets, weights: (chords,), in quarters, in order; at least one.
    """
    quarters = int(onsets[-1]) + 2
    cells = np.zeros((quarters, BINS))
    at = np.floor(onsets).astype(np.int64)
    np.add.at(cells, (at, ((onsets - at) * BINS).astype(np.int64)), weights)
    profile = _comb()
    path = np.zeros(quarters)
    for turn in range(ROUNDS + 1):
        path = _viterbi(_emission(cells, profile))
        if turn < ROUNDS:
            profile = _folded(onsets - np.interp(onsets, np.arange(quarters) + 0.5, path), weights)
    if np.ptp(path) <= STEADY:
        return np.full(quarters, np.median(path))
    kernel = np.hanning(7)[1:-1]
    padded = np.pad(path, 2, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _comb() -> Floats:
    """Make the profile of a beat of any music, (BINS,): where its onsets fall."""
    phases = np.arange(BINS) / BINS
    found = np.full(BINS, 0.1 / BINS)
    for place, share in COMB.items():
        away = (phases - place + 0.5) % 1 - 0.5
        bell = np.exp(-0.5 * (away / BROAD) ** 2)
        found += share * bell / bell.sum()
    return found / found.sum()


def _folded(onsets: Floats, weights: Floats) -> Floats:
    """Make the profile of this piece's beat, (BINS,), smoothed."""
    counts = np.bincount(np.floor(onsets % 1 * BINS).astype(np.int64) % BINS, weights, BINS)
    away = (np.arange(BINS) / BINS + 0.5) % 1 - 0.5
    bell = np.exp(-0.5 * (away / (0.6 * BROAD)) ** 2)
    smooth = np.fft.irfft(np.fft.rfft(counts) * np.fft.rfft(bell / bell.sum()), BINS)
    return 0.9 * np.maximum(smooth, 0) / counts.sum() + 0.1 / BINS


def _emission(cells: Floats, profile: Floats) -> Floats:
    """Compute the log likelihood of each quarter's onsets for each phase, (quarters, BINS)."""
    logs = np.log(profile * BINS)
    places = (np.arange(BINS)[:, None] - np.arange(BINS)) % BINS
    return cells @ logs[places]


def _viterbi(emission: Floats) -> Floats:
    """Find the likeliest path of the phase, in quarters, without jumps at a whole one."""
    speeds = np.arange(-FASTEST, FASTEST + 1)
    quarters = len(emission)
    score = emission[0] - 0.5 * np.abs(speeds)[:, None]  # (speeds, BINS)
    moved = (np.arange(BINS) - speeds[:, None]) % BINS  # where a phase came from, at each speed
    back = np.zeros((quarters, len(speeds), BINS), np.int8)
    rows = np.arange(len(speeds))[:, None]
    cost = np.log([CHANGE, 1 - 2 * CHANGE, CHANGE])
    wall = np.full((1, BINS), -np.inf)
    for quarter in range(1, quarters):
        below, above = np.vstack((wall, score[:-1])) + cost[0], np.vstack((score[1:], wall)) + cost[2]
        best = score + cost[1]
        turn = np.zeros(best.shape, np.int8)
        for step, other in ((-1, below), (1, above)):
            better = other > best
            best, turn = np.where(better, other, best), np.where(better, step, turn)
        back[quarter] = turn[rows, moved]
        score = best[rows, moved] + emission[quarter]
    speed, phase = np.unravel_index(int(score.argmax()), score.shape)
    path = np.empty(quarters)
    total = int(phase)
    for quarter in range(quarters - 1, -1, -1):
        path[quarter] = total
        turn_taken = back[quarter, speed, total % BINS]
        total -= int(speeds[speed])
        speed += turn_taken
    return path / BINS
