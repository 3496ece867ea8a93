"""The LSTM as it plays: NumPy alone, one tune or many at a time.

Tensors (float; V the vocabulary's size, E the embedding's, H the width; gates in PyTorch's order i, f, g, o):

    embedding              (V + 1, E)    its last row stands for "nothing yet", before the first token
    lstm.N.input           (4H, E or H)
    lstm.N.recurrent       (4H, H)
    lstm.N.bias            (4H,)
    output.weight          (V, H)
    output.bias            (V,)
    start.N.output, .cell  (H,)          the state that a tune begins from; zeros where they are missing

Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The first layer's input
product depends on the token alone, so it is folded into a table; a sigmoid is a scaled tanh, so that one
tanh serves all four gates.
"""

from __future__ import annotations

import numpy as np

State = list[tuple[np.ndarray, np.ndarray]]  # per layer: output and cell, each (batch, H)


class NumpyLstm:
    """A trained network ready to play. dtype: float32 is fast, float64 repeats to the last digit."""

    def __init__(self, tensors: dict[str, np.ndarray], dtype: type = np.float32):
        weights = {name: np.asarray(value, np.float64) for name, value in tensors.items()}
        self.layers = sum(name.endswith(".recurrent") for name in weights)
        self.width = weights["lstm.0.recurrent"].shape[1]
        self.dtype = np.dtype(dtype)
        table = weights["embedding"] @ weights["lstm.0.input"].T + weights["lstm.0.bias"]
        self._table = self._gates_last(table)  # (V + 1, 4H)
        self._products = [self._layer(weights, n) for n in range(self.layers)]
        self._biases = [self._gates_last(weights[f"lstm.{n}.bias"]) for n in range(self.layers)]
        self._start = [self._beginning(weights, n) for n in range(self.layers)]
        self._output = np.ascontiguousarray(weights["output.weight"].T, self.dtype)  # (H, V)
        self._output_bias = weights["output.bias"].astype(self.dtype)

    @property
    def vocabulary_size(self) -> int:
        """How many tokens the network knows."""
        return len(self._output_bias)

    def start(self, batch: int) -> State:
        """The state before the first token."""
        return [(output.repeat(batch, 0), cell.repeat(batch, 0)) for output, cell in self._start]

    def step(self, tokens: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Feed one token to each tune.

        tokens: (batch,) of int; the vocabulary's size itself means "nothing yet".
        Returns logits (batch, vocabulary), unnormalised, and the new state; the old one stays as it was.
        """
        gates = state[0][0] @ self._products[0]  # (batch, 4H)
        gates += self._table[tokens]
        hidden, cell = self._cell(gates, state[0][1])
        after = [(hidden, cell)]
        for n, (output, cell) in enumerate(state[1:], 1):
            gates = np.concatenate((hidden, output), 1) @ self._products[n]
            gates += self._biases[n]
            hidden, cell = self._cell(gates, cell)
            after.append((hidden, cell))
        return hidden @ self._output + self._output_bias, after

    def _cell(self, gates: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The LSTM's own arithmetic, on gates in the order i, f, o, g with the first three halved."""
        width = self.width
        np.tanh(gates, gates)
        sigmoids = gates[:, : 3 * width]
        sigmoids *= 0.5
        sigmoids += 0.5
        cell = sigmoids[:, width : 2 * width] * cell
        cell += sigmoids[:, :width] * gates[:, 3 * width :]
        return sigmoids[:, 2 * width :] * np.tanh(cell), cell

    def _beginning(self, weights: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
        """Output and cell of a layer before the first token, each (1, H)."""
        nothing = np.zeros(self.width)
        output, cell = (weights.get(f"start.{n}.{part}", nothing) for part in ("output", "cell"))
        return output[None].astype(self.dtype), cell[None].astype(self.dtype)

    def _layer(self, weights: dict[str, np.ndarray], n: int) -> np.ndarray:
        """One product for a layer: recurrent alone for the first (its input is the table), both after it."""
        product = weights[f"lstm.{n}.recurrent"].T
        if n:
            product = np.concatenate([weights[f"lstm.{n}.input"].T, product])
        return self._gates_last(product)

    def _gates_last(self, weights: np.ndarray) -> np.ndarray:
        """Columns i, f, g, o put in the order i, f, o, g, the sigmoids' halved."""
        i, f, g, o = np.split(weights, 4, axis=-1)
        return np.ascontiguousarray(np.concatenate([i / 2, f / 2, o / 2, g], axis=-1), self.dtype)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)
