"""Attention over the network's own last outputs, as it plays: NumPy.

Tensors (H the width, A a quarter of it, N the reach in steps):

    attention.key     (A, H)    W1: what an output may be found by
    attention.query   (A, H)    W2: what this step looks for
    attention.vector  (A,)      v
    attention.place   (N,)      liking for a place in the reach, the oldest first, this step's own output last

For each output h_i of this tune among the last N, that of this step t included:
u_i = v . tanh(W1 h_i + W2 h_t) + place_i; the softmax of u weighs the outputs; their sum, the context, stands
beside h_t where the softmaxes over tokens see both.

Source: Bahdanau et al. 2014 (arXiv 1409.0473), as Magenta's Melody RNN uses it ("Generating long-term structure
in songs and stories", 2016). Departures: Magenta also feeds the context into the next input, which would forbid a
fused LSTM over all steps and cost most of the speed of training; it looks for h_i by the cell's state, and knows
no place, so that "one bar ago" has to be counted out by the recurrence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPARE_STEPS = 64  # room on a tape beyond the reach, so that it is copied once in so many steps


@dataclass(slots=True)
class _Tape:
    """Room for keys, (batch, room, A), and outputs, (batch, room, H), of which `used` steps are written."""

    keys: np.ndarray
    outputs: np.ndarray
    used: int


@dataclass(frozen=True, slots=True)
class Memory:
    """The last outputs of each tune of a batch: `length` steps of a tape up to step `stop`.

    Memories of successive steps share a tape, which only ever grows behind them; one that is gone on from a
    second time moves to a tape of its own.
    """

    tape: _Tape
    length: int
    stop: int

    @property
    def keys(self) -> np.ndarray:
        """(batch, length, A)."""
        return self.tape.keys[:, self.stop - self.length : self.stop]

    @property
    def outputs(self) -> np.ndarray:
        """(batch, length, H)."""
        return self.tape.outputs[:, self.stop - self.length : self.stop]

    def with_step(self, key: np.ndarray, output: np.ndarray, reach: int) -> Memory:
        """Add one step, (batch, A) and (batch, H), and drop those older than `reach` steps."""
        length = min(self.length + 1, reach)
        memory = self
        if self.stop != self.tape.used or self.stop == self.tape.keys.shape[1]:
            memory = self._copied(slice(None), length - 1, reach)
        tape, stop = memory.tape, memory.stop
        tape.keys[:, stop], tape.outputs[:, stop] = key, output
        tape.used = stop + 1
        return Memory(tape, length, stop + 1)

    def keep(self, rows: np.ndarray | slice) -> Memory:
        """Keep the memory of these melodies alone."""
        if isinstance(rows, slice) and len(range(*rows.indices(len(self.tape.keys)))) == len(self.tape.keys):
            return self
        return self._copied(rows, self.length, self.length)

    def _copied(self, rows: np.ndarray | slice, length: int, reach: int) -> Memory:
        """Copy the last `length` steps of some melodies to a new tape."""
        keys, outputs = (part[rows, self.stop - length : self.stop] for part in (self.tape.keys, self.tape.outputs))
        tape = _Tape(_with_room(keys, reach), _with_room(outputs, reach), length)
        return Memory(tape, length, length)


def empty_memory(batch: int, key: int, output: int, dtype: np.dtype) -> Memory:
    """Make a memory with nothing in it. key, output: widths of what a step leaves there."""
    tape = _Tape(np.empty((batch, SPARE_STEPS, key), dtype), np.empty((batch, SPARE_STEPS, output), dtype), 0)
    return Memory(tape, 0, 0)


def _with_room(steps: np.ndarray, reach: int) -> np.ndarray:
    batch, length, width = steps.shape
    room = np.empty((batch, min(reach, 2 * length) + SPARE_STEPS, width), steps.dtype)
    room[:, :length] = steps
    return room


def attention_shapes(width: int, reach: int) -> dict[str, tuple[int, ...]]:
    """Name the tensors of an attention over outputs of this width, with their shapes.

    reach: how many steps it looks back.
    """
    found_by = max(1, width // 4)
    both = {f"attention.{name}": (found_by, width) for name in ("key", "query")}
    return {**both, "attention.vector": (found_by,), "attention.place": (reach,)}


class Attention:
    """The attention of a trained network. weights: by name, float64."""

    def __init__(self, weights: dict[str, np.ndarray], dtype: np.dtype):
        both = np.concatenate([weights["attention.key"], weights["attention.query"]])
        self._keys_and_queries = np.ascontiguousarray(both.T, dtype)  # (H, 2A)
        self._vector = weights["attention.vector"].astype(dtype)
        self._place = weights["attention.place"].astype(dtype)
        self.reach = len(self._place)

    def start(self, batch: int) -> Memory:
        """Return a memory with nothing in it."""
        hidden, both = self._keys_and_queries.shape
        return empty_memory(batch, both // 2, hidden, self._vector.dtype)

    def look(self, hidden: np.ndarray, memory: Memory) -> tuple[np.ndarray, Memory]:
        """Return output and context side by side, (batch, 2H), and the memory with this step in it.

        hidden: (batch, H), the network's output at this step.
        """
        both = hidden @ self._keys_and_queries
        width = len(self._vector)
        memory = memory.with_step(both[:, :width], hidden, self.reach)
        found = memory.keys + both[:, None, width:]  # (batch, length, A)
        scores = np.tanh(found, found) @ self._vector
        scores += self._place[self.reach - memory.length :]
        scores -= scores.max(1, keepdims=True)
        shares = np.exp(scores, scores)  # (batch, length)
        shares /= shares.sum(1, keepdims=True)
        context = shares[:, None] @ memory.outputs  # (batch, 1, H)
        return np.concatenate((hidden, context[:, 0]), 1), memory
