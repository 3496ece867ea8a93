"""Training data as the network reads it: whole melodies laid end to end in parallel streams.

Windows never overlap and the state is carried from one chunk to the next, so every token is a target once
per epoch. Each melody is preceded by the "nothing yet" group and moved to a random key within its range.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ritornello.encoding import Encoding
from ritornello.encoding.transposition import possible_shifts
from ritornello.model.alphabet import Alphabet
from ritornello.training.batches import Batch, batch_of, melody_rows

KEPT_BYTES = 100_000_000  # of melodies laid out before, so that what stands beside their tokens is not found anew


class Streams:
    """An endless supply of chunks from `melodies`, token arrays of one encoding.

    streams: how many run side by side. seed: fixes order and keys. lowest, highest: pitches not to be left
    by transposing (a melody that lies outside them already is not moved further out).
    """

    def __init__(
        self,
        melodies: Sequence[np.ndarray],
        encoding: Encoding,
        streams: int,
        seed: int,
        lowest: int = 0,
        highest: int = 127,
    ):
        self._melodies = melodies
        self._encoding = encoding
        self._alphabet = Alphabet.of(encoding)
        self._shifts = [possible_shifts(encoding, m, lowest, highest) for m in melodies]
        self._random = np.random.default_rng(seed)
        self._order: list[int] = []
        columns = len(self._alphabet.parts) + len(self._alphabet.beside)
        self._waiting = [np.zeros((0, columns), np.int64) for _ in range(streams)]
        self._taken = 0
        self._kept: dict[tuple[int, int], np.ndarray] = {}  # by melody and shift, int16
        self._room = KEPT_BYTES

    @property
    def tokens(self) -> int:
        """Tokens of all melodies: an epoch."""
        return sum(map(len, self._melodies))

    @property
    def epochs(self) -> float:
        """How often each melody was taken, on average."""
        return self._taken / len(self._melodies)

    def chunk(self, steps: int) -> Batch:
        """The next `steps` groups of every stream; a target is the group after its input.

        An input is "nothing yet" where its target is the first group of a melody.
        """
        rows = [self._take(n, steps + 1) for n in range(len(self._waiting))]
        return batch_of(np.stack(rows), self._alphabet)

    def state(self) -> dict[str, np.ndarray | int | str]:
        """All that is needed to go on with the same chunks: the order, the chance, and what waits in each stream."""
        waiting = {f"waiting.{n}": rows.copy() for n, rows in enumerate(self._waiting)}
        chance = json.dumps(self._random.bit_generator.state)
        return {"order": np.array(self._order, np.int64), "taken": self._taken, "random": chance, **waiting}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of streams over the same melodies. Raises ValueError where it is not one of them."""
        waiting = [
            np.array(state[name], np.int64) for n in range(len(self._waiting)) if (name := f"waiting.{n}") in state
        ]
        if len(waiting) != len(self._waiting) or f"waiting.{len(waiting)}" in state:
            raise ValueError(f"the saved place is not one in {len(self._waiting)} streams: begin a new run")
        order = np.asarray(state["order"]).tolist()
        if any(index >= len(self._melodies) for index in order):
            raise ValueError(
                f"the saved place is not one among these {len(self._melodies)} melodies: begin a new run"
            )
        self._waiting, self._order, self._taken = waiting, order, int(state["taken"])
        self._random.bit_generator.state = json.loads(str(state["random"]))

    def _take(self, stream: int, count: int) -> np.ndarray:
        """`count` rows of a stream; the last of them stays, to be the first of the next chunk."""
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
        self._taken += 1
        return self._rows(index, shift).astype(np.int64)

    def _rows(self, index: int, shift: int) -> np.ndarray:
        """A melody in a key, laid out."""
        if (index, shift) in self._kept:
            return self._kept[index, shift]
        rows = melody_rows(self._encoding, self._encoding.transpose(self._melodies[index], shift)).astype(np.int16)
        if self._room >= rows.nbytes:
            self._room -= rows.nbytes
            self._kept[index, shift] = rows
        return rows
