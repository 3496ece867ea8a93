"""A block of streams once through the network and back: the nll and its gradient by every weight, in NumPy alone.

Weights have the names and shapes of `model/lstm.py`, with two differences: gates stand in the order i, f, o, g, and
`entry` (R, E) holds the embedding and the tables of the side inputs, one below the other.

The first layer's input product is made once for each row of `entry`, not for each step, and so is its gradient.
With dropout too, a row of `entry` loses the same numbers wherever it occurs in a block, after Gal &
Ghahramani 2016 ("A Theoretically Grounded Application of Dropout in Recurrent Neural Networks", section 4.2, words of
a sequence); PyTorch's draws them anew at each step. Between layers and before the softmax it is as there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.model.alphabet import Alphabet
from ritornello.model.echoes import Suggested, suggested_durations, suggested_events
from ritornello.model.lstm import tensor_shapes
from ritornello.model.options import NetworkOptions
from ritornello.training.data import IGNORED, Batch
from ritornello.training.numpy.echoes import OpenGates
from ritornello.training.numpy.lstm import Recurrence, halved

Weights = dict[str, np.ndarray]
State = list[tuple[np.ndarray, np.ndarray]]  # per layer: output and cell, each (S, H)


def weight_shapes(network: NetworkOptions, alphabet: Alphabet) -> dict[str, tuple[int, ...]]:
    """Shape of every weight by name, of a network without attention."""
    shapes = tensor_shapes(network, alphabet)
    entry = [shapes.pop(name) for name in list(shapes) if name == "embedding" or name.startswith("side.")]
    return {"entry": (sum(rows for rows, _ in entry), network.embedding), **shapes}


class Masks(NamedTuple):
    """What dropout lets through and by how much it is raised. entry (R, E); layers: (T, S, H) above each."""

    entry: np.ndarray
    layers: list[np.ndarray]


class Pass:
    """The buffers for blocks of `streams` x `steps`, and the state carried from block to block."""

    def __init__(self, network: NetworkOptions, alphabet: Alphabet, streams: int, steps: int, dtype: np.dtype):
        self._alphabet = alphabet
        self.layers = [Recurrence(steps, streams, network.width, dtype) for _ in range(network.layers)]
        self._slope = np.empty((steps, streams, network.width), dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """(streams, steps)."""
        steps, streams, _ = self._slope.shape
        return streams, steps

    def begin(self, state: State | None) -> None:
        """Start the next block from this state (one of a single stream serves all), or from zeros."""
        for n, layer in enumerate(self.layers):
            layer.output[0], layer.cell[0] = state[n] if state else (0, 0)

    def ending(self) -> State:
        """The state after the block last run forward."""
        return [(layer.output[-1].copy(), layer.cell[-1].copy()) for layer in self.layers]

    def forward(self, weights: Weights, batch: Batch, masks: Masks | None = None) -> None:
        """Run the layers over a block."""
        self._rows = entry_rows(batch, self._alphabet)
        self._masks = masks
        self._entry = weights["entry"] if masks is None else weights["entry"] * masks.entry
        self._enter(weights)
        self._between = []
        for n, layer in enumerate(self.layers):
            if n:
                below = self._dropped(n - 1)
                self._between.append(below)
                gates = layer.gates.reshape(-1, 4 * layer.width)
                np.matmul(below, halved(weights[f"lstm.{n}.input"]).T, gates)
                gates += halved(weights[f"lstm.{n}.bias"])
            layer.forward(halved(weights[f"lstm.{n}.recurrent"]))
        self._above = self._heard(weights)

    def nats(self, weights: Weights, batch: Batch) -> float:
        """Sum over all targets of the block last run forward."""
        return self._heads(weights, batch, None, 1)

    def backward(self, weights: Weights, batch: Batch, gradients: Weights, count: int) -> float:
        """Set `gradients` to those of (nats / count) by every weight; return the nats of the last block."""
        gradient = self._slope
        nats = self._heads(weights, batch, gradients, count)
        mix, heard = weights.get("mix"), gradient
        for n in reversed(range(len(self.layers))):
            layer = self.layers[n]
            if self._masks is not None:
                gradient *= self._masks.layers[n]
            if mix is not None:
                if layer is self.layers[-1]:
                    heard = gradient.copy()
                    gradient[:] = 0
                gradients["mix"][n] = np.vdot(heard, layer.output[1:])
                gradient += mix[n] * heard
            layer.backward(weights[f"lstm.{n}.recurrent"], gradient)
            gates = layer.gates.reshape(-1, 4 * layer.width)
            np.matmul(gates.T, layer.output[:-1].reshape(-1, layer.width), gradients[f"lstm.{n}.recurrent"])
            np.sum(gates, 0, out=gradients[f"lstm.{n}.bias"])
            if n:
                np.matmul(gates.T, self._between[n - 1], gradients[f"lstm.{n}.input"])
                np.matmul(gates, weights[f"lstm.{n}.input"], gradient.reshape(-1, layer.width))
        self._leave(weights, gradients)
        return nats

    def _enter(self, weights: Weights) -> None:
        """The first layer's input: a row of the table for each of the group's tokens and side inputs."""
        gates = self.layers[0].gates.reshape(len(self._rows), -1)
        table = self._entry @ halved(weights["lstm.0.input"]).T  # (R, 4H)
        table += halved(weights["lstm.0.bias"]) / self._rows.shape[1]
        np.take(table, self._rows[:, 0], 0, gates, "clip")
        for column in self._rows.T[1:]:
            gates += table[column]

    def _leave(self, weights: Weights, gradients: Weights) -> None:
        """Slopes of the table, and from it of the embeddings and the first layer's input weights."""
        gates = self.layers[0].gates.reshape(len(self._rows), -1)
        counts = np.zeros((len(self._rows), len(self._entry)), gates.dtype)
        for column in self._rows.T:
            counts[np.arange(len(counts)), column] += 1
        table = counts.T @ gates  # (R, 4H): a sum over the places where a row stood
        np.matmul(table.T, self._entry, gradients["lstm.0.input"])
        np.matmul(table, weights["lstm.0.input"], gradients["entry"])
        if self._masks is not None:
            gradients["entry"] *= self._masks.entry

    def _heard(self, weights: Weights) -> np.ndarray:
        """What the softmaxes see, (T * S, H): the last layer's outputs, or the sum of all by the shares `mix`."""
        if "mix" not in weights:
            return self._dropped(len(self.layers) - 1)
        total = sum(share * layer.output[1:] for share, layer in zip(weights["mix"], self.layers, strict=True))
        if self._masks is not None:
            total = total * self._masks.layers[-1]
        return np.reshape(total, (-1, self.layers[0].width))

    def _dropped(self, n: int) -> np.ndarray:
        """Outputs of layer n as the one above gets them, (T * S, H)."""
        layer = self.layers[n]
        output = layer.output[1:]
        if self._masks is not None:
            output = output * self._masks.layers[n]
        return output.reshape(-1, layer.width)

    def _heads(self, weights: Weights, batch: Batch, gradients: Weights | None, count: int) -> float:
        """Nats of all parts; where wanted, sets `gradients` of the softmaxes and `_slope` by their input."""
        targets = batch.targets.transpose(1, 0, 2).reshape(len(self._rows), -1)  # (T * S, P)
        side = batch.features.transpose(1, 0, 2).reshape(len(self._rows), -1)  # (T * S, F)
        named = suggested_events(side, self._alphabet) if self._alphabet.echoes else None
        if len(self._alphabet.parts) == 1:
            return self._softmax(weights, "output", self._above, targets[:, 0], named, gradients, count)[0]
        nats, _ = self._softmax(weights, "output.0", self._above, targets[:, 0], named, gradients, count)
        return nats + self._chain(weights, targets, side, gradients, count)

    def _softmax(
        self,
        weights: Weights,
        name: str,
        above: np.ndarray,
        targets: np.ndarray,
        named: Suggested | None,
        gradients: Weights | None,
        count: int,
    ) -> tuple[float, np.ndarray | None]:
        """Nats of targets (N,) given `above` (N, H), and their gradients by it; IGNORED targets count for nothing."""
        logits = above @ weights[f"{name}.weight"].T
        logits += weights[f"{name}.bias"]
        echo = "echo.1" if name == "output.1" else "echo"
        gates = None if named is None else OpenGates(weights, echo, named, above, logits)
        nats = _cross_entropy(logits, targets)
        if gradients is None:
            return nats, None
        logits *= 1 / count
        np.matmul(logits.T, above, gradients[f"{name}.weight"])
        np.sum(logits, 0, out=gradients[f"{name}.bias"])
        out = self._slope.reshape(above.shape) if above is self._above else None
        gradient = np.matmul(logits, weights[f"{name}.weight"], out)
        if gates is not None:
            gradient += gates.backward(logits, gradients)
        return nats, gradient

    def _chain(
        self, weights: Weights, targets: np.ndarray, side: np.ndarray, gradients: Weights | None, count: int
    ) -> float:
        """Nats of part 1 given part 0, through tanh(chain.input @ above + chain.embedding[part 0])."""
        first = np.maximum(targets[:, 0], 0)
        second = np.where(targets[:, 1] == IGNORED, IGNORED, targets[:, 1] - self._alphabet.parts[0])
        hidden = self._above @ weights["chain.input"].T  # (N, C)
        hidden += weights["chain.embedding"][first]
        np.tanh(hidden, hidden)
        named = suggested_durations(side, first, self._alphabet) if self._alphabet.echoes else None
        nats, gradient = self._softmax(weights, "output.1", hidden, second, named, gradients, count)
        if gradients is not None and gradient is not None:
            gradient *= 1 - hidden * hidden
            np.matmul(gradient.T, self._above, gradients["chain.input"])
            gradients["chain.embedding"][:] = 0
            np.add.at(gradients["chain.embedding"], first, gradient)
            self._slope += (gradient @ weights["chain.input"]).reshape(self._slope.shape)
        return nats


def entry_rows(batch: Batch, alphabet: Alphabet) -> np.ndarray:
    """Rows of `entry` that each group sums, (T * S, P + side inputs)."""
    offsets = alphabet.size + 1 + np.cumsum([0, *alphabet.features])[:-1].astype(np.int64)
    rows = np.concatenate([batch.inputs, batch.features[:, :, : len(alphabet.features)] + offsets], 2)
    return np.ascontiguousarray(rows.transpose(1, 0, 2)).reshape(-1, rows.shape[2])


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Sum of nats of `targets` (N,) under `logits` (N, V), which are turned into gradients of that sum."""
    learned = targets != IGNORED
    places = (np.arange(len(targets)), np.where(learned, targets, 0))
    logits -= logits.max(1, keepdims=True)
    wanted = logits[places]
    np.exp(logits, logits)
    totals = logits.sum(1, keepdims=True)
    nats = float(((np.log(totals[:, 0]) - wanted) * learned).sum(dtype=np.float64))
    logits /= totals
    logits[places] -= 1
    logits *= learned[:, None]
    return nats
