"""Fit the weights by which a key signature is estimated: a regression on features of a melody, alike in all keys.

    python -m benchmarks.engraving.fit

prints the table `SIGNATURE_WEIGHTS` of `ritornello.music.keys`. It is fitted to songs and hymns that the benchmark
does not measure (it takes at most 140 of each group with its usual seed); no kern is used.
"""

from __future__ import annotations

import numpy as np
from benchmarks.engraving.__main__ import main_fifths
from benchmarks.engraving.material import Named, named_tunes

from ritornello.music.keys import LEAST_SHARE
from ritornello.music.values import Melody

MEASURED = 140  # hymns that are left to the benchmark
SONGS = 280
STEPS = 400
SHRINKAGE = 0.002


def main() -> None:
    """Fit and print."""
    hymns = named_tunes(282, groups=("hymns",))[MEASURED:]
    songs = named_tunes(SONGS, seed=2, groups=("songs",))
    for row in fitted([*hymns, *songs]):
        print(f"    ({', '.join(f'{weight:.1f}' for weight in row)}),")


def fitted(tunes: list[Named], rate: float = 0.05) -> np.ndarray:
    """Fit weights (3, 12) by softmax over the twelve signatures; gradient descent with Adam's step sizes."""
    rows = np.array([features(tune.melody) for tune in tunes])  # (tunes, 3, 12)
    turned = np.stack([np.roll(rows, -fifths, 2) for fifths in range(12)], 1)  # (tunes, 12, 3, 12)
    right = np.array([main_fifths(tune.melody) % 12 for tune in tunes])
    weights, mean, square = (np.zeros((3, 12)) for _ in range(3))
    for step in range(1, STEPS + 1):
        fits = np.einsum("tsfk,fk->ts", turned, weights)
        shares = np.exp(fits - fits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        shares[np.arange(len(right)), right] -= 1
        gradient = np.einsum("ts,tsfk->fk", shares, turned) / len(right) + SHRINKAGE * weights
        mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        weights -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return np.round(weights - weights.mean(1, keepdims=True), 1)


def features(melody: Melody) -> np.ndarray:
    """Make the features of a melody, (3, 12), by place on the line of fifths from C on."""
    places = [note.pitch * 7 % 12 for note in melody.notes]
    time = np.bincount(places, [note.duration for note in melody.notes], 12)
    found = np.zeros((3, 12))
    found[0] = np.log(time / time.sum() + LEAST_SHARE)
    found[1, places[-1]] = found[2, places[0]] = 1
    return found


if __name__ == "__main__":
    main()
