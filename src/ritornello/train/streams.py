"""Training data as the network reads it: whole melodies laid end to end in parallel streams.

Windows never overlap and the state is carried from one chunk to the next, so every token is a target once
per epoch. Each melody is preceded by the "nothing yet" token and moved to a random key within its range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ritornello.encoding import Grid
from ritornello.encoding.transposition import possible_shifts


class Streams:
    """An endless supply of chunks from `melodies`, token arrays of one encoding.

    streams: how many run side by side. seed: fixes order and keys. lowest, highest: pitches not to be left
    by transposing (a melody that lies outside them already is not moved further out).
    """

    def __init__(
        self,
        melodies: Sequence[np.ndarray],
        encoding: Grid,
        streams: int,
        seed: int,
        lowest: int = 0,
        highest: int = 127,
    ):
        self._melodies = melodies
        self._encoding = encoding
        self._shifts = [possible_shifts(encoding, m, lowest, highest) for m in melodies]
        self._random = np.random.default_rng(seed)
        self._order: list[int] = []
        self._waiting = [np.zeros(0, np.int64) for _ in range(streams)]
        self.epochs = 0.0

    def chunk(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """The next inputs and targets, each (streams, steps) of int64; a target is the token after its input.

        An input is "nothing yet" (the vocabulary's size) where its target is the first token of a melody.
        """
        rows = [self._take(n, steps + 1) for n in range(len(self._waiting))]
        block = np.stack(rows)  # (streams, steps + 1)
        targets = block[:, 1:].copy()
        inputs = block[:, :-1]
        start = self._encoding.vocabulary.size
        begins = targets == start
        # "Nothing yet" is an input only: where it would be a target, nothing is learned.
        targets[begins] = -100
        return inputs, targets

    def _take(self, stream: int, count: int) -> np.ndarray:
        """`count` tokens of a stream; the last of them stays, to be the first of the next chunk."""
        waiting = self._waiting[stream]
        while len(waiting) < count:
            waiting = np.concatenate([waiting, self._next_melody()])
        self._waiting[stream] = waiting[count - 1 :]
        return waiting[:count]

    def _next_melody(self) -> np.ndarray:
        if not self._order:
            self._order = self._random.permutation(len(self._melodies)).tolist()
        index = self._order.pop()
        shift = int(self._random.choice(self._shifts[index]))
        self.epochs += 1 / len(self._melodies)
        tokens = self._encoding.transpose(self._melodies[index], shift)
        return np.concatenate([[self._encoding.vocabulary.size], tokens]).astype(np.int64)
