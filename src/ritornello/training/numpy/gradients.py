"""Forward and backward pass: the loss and its gradient with respect to every weight, in NumPy alone.

S streams, T steps, P parts, F features, N = T * S, V ids of a part. Weights have the names and shapes of
`model/lstm.py`, with two differences: gates stand in the order i, f, o, g, and `entry` (R, E) holds the embedding and
the tables of the features, one below the other.

The first layer's input product is computed once for each row of `entry`, not for each step, and so is its gradient.
Dropout therefore silences the same numbers of a row of `entry` wherever it occurs in a block, after Gal & Ghahramani
2016 ("A Theoretically Grounded Application of Dropout in Recurrent Neural Networks", section 4.2, words of a
sequence); PyTorch's draws them anew at each step. Between layers and before the softmax it is as there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import tensor_shapes
from ritornello.model.memory import Recalled, gate_inputs
from ritornello.model.options import NetworkOptions
from ritornello.training.data import IGNORED, Batch
from ritornello.training.numpy.lstm import Recurrence, halved

Weights = dict[str, np.ndarray]
State = list[tuple[np.ndarray, np.ndarray]]  # per layer: output and cell, each (S, H)
Masks = list[
    np.ndarray
]  # of dropout, 0 or the scale of what is kept: of `entry`, then of each layer's output (T, S, H)


def weight_shapes(network: NetworkOptions, alphabet: Alphabet) -> dict[str, tuple[int, ...]]:
    """Compute the shape of every weight by name, for a network without attention."""
    shapes = tensor_shapes(network, alphabet)
    entry = [shapes.pop(name) for name in list(shapes) if name == "embedding" or name.startswith("side.")]
    return {"entry": (sum(rows for rows, _ in entry), network.embedding), **shapes}


class Pass:
    """The buffers for blocks of `streams` x `steps`, and the state carried from block to block."""

    def __init__(self, network: NetworkOptions, alphabet: Alphabet, dtype: np.dtype, streams: int, steps: int):
        self._alphabet, self.shape = alphabet, (streams, steps)
        self.layers = [Recurrence(steps, streams, network.width, dtype) for _ in range(network.layers)]
        self._gradient = np.empty((steps, streams, network.width), dtype)

    def ending(self) -> State:
        """Copy the state after the last forward pass."""
        return [(layer.output[-1].copy(), layer.cell[-1].copy()) for layer in self.layers]

    def forward(self, weights: Weights, batch: Batch, masks: Masks | None = None, state: State | None = None) -> None:
        """Run the layers over a block.

        state: before it; that of one stream serves all, None is zeros.
        """
        self._masks = masks
        self._entry = weights["entry"] if masks is None else weights["entry"] * masks[0]
        tables = self._alphabet.features
        offsets = self._alphabet.size + 1 + np.cumsum([0, *tables])[:-1].astype(np.int64)
        rows = np.concatenate([batch.inputs, batch.features[:, :, : len(tables)] + offsets], 2).transpose(1, 0, 2)
        self._rows = np.ascontiguousarray(rows).reshape(-1, rows.shape[2])  # of `entry`, (N, P + F)
        self._features = self._rows[:, batch.inputs.shape[2] :] - offsets  # (N, F)
        table = self._entry @ halved(weights["lstm.0.input"]).T  # (R, 4H)
        table += halved(weights["lstm.0.bias"]) / self._rows.shape[1]
        gates = self.layers[0].gates.reshape(len(self._rows), -1)
        np.take(table, self._rows[:, 0], 0, gates, "clip")  # the first layer's input is the sum of these rows
        for column in self._rows.T[1:]:
            gates += table[column]
        self._hidden: list[np.ndarray] = []  # outputs of the layers after dropout, (N, H)
        for n, layer in enumerate(self.layers):
            layer.output[0], layer.cell[0] = state[n] if state else (0, 0)
            if n:
                gates = layer.gates.reshape(-1, 4 * layer.width)
                np.matmul(self._hidden[-1], halved(weights[f"lstm.{n}.input"]).T, gates)
                gates += halved(weights[f"lstm.{n}.bias"])
            layer.forward(halved(weights[f"lstm.{n}.recurrent"]))
            output = layer.output[1:] if masks is None else layer.output[1:] * masks[1 + n]
            self._hidden.append(output.reshape(-1, layer.width))
        self._top = self._hidden[-1]  # the softmaxes' input: the top layer's outputs, or the sum of all by `mix`
        if "mix" in weights:
            total = sum(share * layer.output[1:] for share, layer in zip(weights["mix"], self.layers, strict=True))
            total = total if masks is None else total * masks[-1]
            self._top = np.reshape(total, self._top.shape)

    def backward(self, weights: Weights, batch: Batch, gradients: Weights, count: int) -> float:
        """Set `gradients` to those of nats / count by every weight; return the nats."""
        gradient = self._gradient
        nats = self.nats(weights, batch, gradients, count)
        mix, by_mix = weights.get("mix"), gradient
        for n in reversed(range(len(self.layers))):
            layer = self.layers[n]
            if self._masks is not None:
                gradient *= self._masks[1 + n]
            if mix is not None:
                if layer is self.layers[-1]:
                    by_mix = gradient.copy()
                    gradient[:] = 0
                gradients["mix"][n] = np.vdot(by_mix, layer.output[1:])
                gradient += mix[n] * by_mix
            layer.backward(weights[f"lstm.{n}.recurrent"], gradient)
            gates = layer.gates.reshape(-1, 4 * layer.width)
            np.matmul(gates.T, layer.output[:-1].reshape(-1, layer.width), gradients[f"lstm.{n}.recurrent"])
            np.sum(gates, 0, out=gradients[f"lstm.{n}.bias"])
            if n:
                np.matmul(gates.T, self._hidden[n - 1], gradients[f"lstm.{n}.input"])
                np.matmul(gates, weights[f"lstm.{n}.input"], gradient.reshape(-1, layer.width))
        gates = self.layers[0].gates.reshape(len(self._rows), -1)
        counts = np.zeros((len(self._rows), len(self._entry)), gates.dtype)
        for column in self._rows.T:
            counts[np.arange(len(counts)), column] += 1
        table = counts.T @ gates  # (R, 4H): summed over the steps that used a row
        np.matmul(table.T, self._entry, gradients["lstm.0.input"])
        np.matmul(table, weights["lstm.0.input"], gradients["entry"])
        if self._masks is not None:
            gradients["entry"] *= self._masks[0]
        return nats

    def nats(self, weights: Weights, batch: Batch, gradients: Weights | None = None, count: int = 1) -> float:
        """Sum the nats of all targets after `forward`; set the heads' `gradients` of nats / count."""
        targets = batch.targets.transpose(1, 0, 2).reshape(len(self._rows), -1)  # (T * S, P)
        if len(self._alphabet.parts) == 1:
            return self._softmax(weights, "output", self._top, targets[:, 0], None, gradients, count)[0]
        recalls: list[Recalled | None] = [by_step(each, *self.shape) for each in batch.memory]
        recalls = recalls or [None, None]
        nats, _ = self._softmax(weights, "output.0", self._top, targets[:, 0], recalls[0], gradients, count)
        return nats + self._chain(weights, targets, recalls[1], gradients, count)

    def _softmax(
        self,
        weights: Weights,
        name: str,
        top: np.ndarray,
        targets: np.ndarray,
        recalled: Recalled | None,
        gradients: Weights | None,
        count: int,
    ) -> tuple[float, np.ndarray | None]:
        """Sum the nats of targets, (N,), given `top`, (N, H); return them and their gradients by it."""
        logits = top @ weights[f"{name}.weight"].T
        logits += weights[f"{name}.bias"]
        has_aspects = bool(self._alphabet.aspects) and top is self._top
        aspects_backward = open_aspects(weights, self._alphabet, self._features, top, logits) if has_aspects else None
        memory = f"memory.{name[-1]}"
        gate_backward = None if recalled is None else open_gate(weights, memory, recalled, top, logits)
        nats = _cross_entropy(logits, targets)
        if gradients is None:
            return nats, None
        logits *= 1 / count
        by_gate = None if gate_backward is None else gate_backward(logits, gradients)
        by_aspects = None if aspects_backward is None else aspects_backward(logits, gradients)
        np.matmul(logits.T, top, gradients[f"{name}.weight"])
        np.sum(logits, 0, out=gradients[f"{name}.bias"])
        out = self._gradient.reshape(top.shape) if top is self._top else None
        gradient = np.matmul(logits, weights[f"{name}.weight"], out)
        for more in (by_gate, by_aspects):
            if more is not None:
                gradient += more
        return nats, gradient

    def _chain(
        self, weights: Weights, targets: np.ndarray, recalled: Recalled | None, gradients: Weights | None, count: int
    ) -> float:
        """Sum the nats of part 1 given part 0: tanh(chain.input @ top + chain.embedding[part 0])."""
        first = np.maximum(targets[:, 0], 0)
        second = np.where(targets[:, 1] == IGNORED, IGNORED, targets[:, 1] - self._alphabet.parts[0])
        hidden = self._top @ weights["chain.input"].T  # (N, C)
        hidden += weights["chain.embedding"][first]
        np.tanh(hidden, hidden)
        nats, gradient = self._softmax(weights, "output.1", hidden, second, recalled, gradients, count)
        if gradients is not None and gradient is not None:
            gradient *= 1 - hidden * hidden
            np.matmul(gradient.T, self._top, gradients["chain.input"])
            gradients["chain.embedding"][:] = 0
            np.add.at(gradients["chain.embedding"], first, gradient)
            self._gradient += (gradient @ weights["chain.input"]).reshape(self._gradient.shape)
        return nats


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Sum the nats of targets, (N,), under logits, (N, V); turn these into its gradients."""
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


def by_step(recalled: Recalled, streams: int, steps: int) -> Recalled:
    """Put what is recalled stream by stream in the order of T steps of S streams each."""
    stream, step = np.divmod(recalled.row, steps)
    evidence = recalled.evidence.reshape(streams, steps, *recalled.evidence.shape[1:]).swapaxes(0, 1)
    return recalled._replace(row=step * streams + stream, evidence=evidence.reshape(recalled.evidence.shape))


def open_aspects(
    weights: Weights, alphabet: Alphabet, features: np.ndarray, seen: np.ndarray, logits: np.ndarray
) -> Callable[[np.ndarray, Weights], np.ndarray]:
    """Add aspects' scores to part 0's logits, (N, V), in place; return the backward pass.

    The formulas are in `model/network.py`. features: (N, F). seen: (N, H), the softmax's input. The backward pass
    takes the gradients by these logits, sets those of the weights and returns those by `seen`.
    """
    width = alphabet.meanings + 1
    scores = np.pad(seen @ weights["aspects"].T, ((0, 0), (0, 1)))  # 0 for an id without meaning
    first = width * np.arange(len(seen))[:, None]
    places = [
        first + rows[features[:, aspect.feature]]
        for aspect, rows in zip(alphabet.aspects, alphabet.aspect_rows, strict=True)
    ]
    for place in places:
        logits += scores.reshape(-1)[place]

    def backward(by_logits: np.ndarray, gradients: Weights) -> np.ndarray:
        by_scores = np.zeros(scores.size)
        for place in places:
            by_scores += np.bincount(place.ravel(), by_logits.ravel(), scores.size)
        by_own = by_scores.reshape(scores.shape)[:, :-1].astype(logits.dtype)
        np.matmul(by_own.T, seen, gradients["aspects"])
        return by_own @ weights["aspects"]

    return backward


def open_gate(
    weights: Weights, name: str, recalled: Recalled, seen: np.ndarray, logits: np.ndarray
) -> Callable[[np.ndarray, Weights], np.ndarray]:
    """Raise one part's logits, (N, V), by what is recalled, in place; return the backward pass.

    The formulas are in `model/memory.py`. name: "memory.0" or "memory.1". seen: (N, H), the softmax's input; it must
    not change before the backward pass, which turns the gradients by these logits, (N, V), into those by the
    network's own, sets those of the gate and returns those by `seen`, (N, H).
    """
    evidence = gate_inputs(recalled.evidence).astype(logits.dtype)
    units = evidence @ weights[f"{name}.evidence"].T
    units += seen @ weights[f"{name}.seen"].T
    units += weights[f"{name}.bias"]
    np.tanh(units, units)
    shares = units @ weights[f"{name}.gate"].T  # (N, L + 1)
    shares += weights[f"{name}.level"]
    own = logits.copy()
    logits *= shares[:, -1:]
    places = recalled.row * logits.shape[1] + recalled.token
    raised = shares[recalled.row, recalled.level] * recalled.gain
    logits += np.bincount(places, raised, logits.size).reshape(logits.shape)

    def backward(by_logits: np.ndarray, gradients: Weights) -> np.ndarray:
        by_raised = by_logits.reshape(-1)[places] * recalled.gain
        levels = recalled.row * shares.shape[1] + recalled.level
        by_shares = np.bincount(levels, by_raised, shares.size).reshape(shares.shape).astype(logits.dtype)
        by_shares[:, -1] = (by_logits * own).sum(1)
        by_logits *= shares[:, -1:]
        np.sum(by_shares, 0, out=gradients[f"{name}.level"])
        np.matmul(by_shares.T, units, gradients[f"{name}.gate"])
        by_units = by_shares @ weights[f"{name}.gate"]
        by_units *= 1 - units * units
        np.sum(by_units, 0, out=gradients[f"{name}.bias"])
        np.matmul(by_units.T, evidence, gradients[f"{name}.evidence"])
        np.matmul(by_units.T, seen, gradients[f"{name}.seen"])
        return by_units @ weights[f"{name}.seen"]

    return backward
