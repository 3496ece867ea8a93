"""The LSTM as it plays: NumPy alone, one melody or many at a time.

Tensors (float; V ids in all, E the embedding's size, H the width; gates in PyTorch's order i, f, g, o):

    embedding              (V + 1, E)    its last row is "nothing yet", before the first token
    side.N                 (size, E)     one table for each feature, if any
    lstm.N.input           (4H, E or H)
    lstm.N.recurrent       (4H, H)
    lstm.N.bias            (4H,)
    mix                    (layers,)     weights of a learned sum of the layers' outputs, fed to the output softmax;
                                         if absent, the top layer only
    start.N.output, .cell  (H,)          the state that a melody begins from; zeros if absent

and those of softmaxes and gates (`network.py`). With attention (`attention.py`) the softmaxes see 2H numbers: the
output and the context.

The recurrence runs once for a group of tokens, on the sum of their embeddings and those of the features ("nothing
yet" fills every place of its group).

Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The first layer's input product
depends on tokens alone, so it is folded into tables; a sigmoid is a scaled tanh, so that one tanh serves all four.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from ritornello.encoding.memory import needs_counts
from ritornello.model.alphabet import Alphabet
from ritornello.model.attention import Attention, Memory, attention_shapes
from ritornello.model.counts import PREFIX, counts_of_tensors
from ritornello.model.memory import Recalled
from ritornello.model.network import (
    Head,
    Layers,
    State,
    check_features,
    check_parts,
    head_shapes,
    looked_up,
    stretched_tables,
)
from ritornello.model.options import NetworkOptions
from ritornello.model.recall import Corpus

SPARE = 16  # columns of the tables: rows as long as a power of two share places in the cache, and are read slowly


class NumpyLstm:
    """A trained network ready to play. dtype: float32 is fast, float64 repeats to the last digit.

    Raises ValueError for an alphabet of more than two parts.
    """

    def __init__(
        self,
        tensors: dict[str, np.ndarray],
        options: NetworkOptions,
        alphabet: Alphabet,
        dtype: type = np.float32,
    ):
        check_parts("lstm", alphabet)
        weights = {name: np.asarray(v, np.float64) for name, v in tensors.items() if not name.startswith(PREFIX)}
        self.layers, self.width, self.alphabet = options.layers, options.width, alphabet
        self.dtype = np.dtype(dtype)
        self._table, self._features = self._tables(weights)
        names = [f"lstm.{n}" for n in range(self.layers)]
        products = [weights[f"{name}.recurrent"] for name in names]
        for n, name in enumerate(names[1:], 1):  # of the first layer the input is the table
            products[n] = np.concatenate([weights[f"{name}.input"], products[n]], 1)
        self._products = [np.ascontiguousarray(self._gates_last(product.T).T) for product in products]
        self._biases = [self._gates_last(weights[f"{name}.bias"])[:, None] for name in names]
        self._mix = weights["mix"].astype(self.dtype) if options.is_mixed else None
        self._attention = Attention(weights, self.dtype) if options.attention else None
        nothing, numbers = np.zeros(self.width), range(self.layers)
        states = [[weights.get(f"start.{n}.{part}", nothing) for part in ("output", "cell")] for n in numbers]
        self._start: Layers = tuple((output[None].astype(dtype), cell[None].astype(dtype)) for output, cell in states)
        self._head = Head(weights, alphabet, self.dtype)
        self.counts = counts_of_tensors(tensors) if needs_counts(alphabet.memory) else None
        self.corpus = Corpus(self.counts) if self.counts else None

    def stretched(self, feature: int, factor: float) -> NumpyLstm:
        """Return this network with one feature taken more seriously (see `Network.stretched`)."""
        other = copy(self)
        other._features = stretched_tables(self._features, feature, factor)
        return other

    def start(self, batch: int) -> State:
        """Return the state before the first token, "nothing yet", is fed."""
        layers = tuple((output.repeat(batch, 0), cell.repeat(batch, 0)) for output, cell in self._start)
        memory = None if self._attention is None else self._attention.start(batch)
        return State(layers, len(self.alphabet.parts) - 1, memory=memory)

    def feed(self, tokens: np.ndarray, state: State, features: np.ndarray | None = None) -> State:
        """Feed one token to each melody, part by part (see `Network.feed`)."""
        if state.part + 1 < len(self.alphabet.parts):
            return state._replace(part=state.part + 1, given=tokens)
        hidden, cell = self._cell(self._entry(tokens, state, features), state.layers[0][1])
        after = [(hidden, cell)]
        for n, (output, cell) in enumerate(state.layers[1:], 1):
            gates = self._products[n] @ columns_of(hidden, output)
            gates += self._biases[n]
            hidden, cell = self._cell(gates, cell)
            after.append((hidden, cell))
        seen, memory = hidden, state.memory
        if self._mix is not None:
            seen = self._mix[0] * after[0][0]
            for share, (output, _) in zip(self._mix[1:], after[1:], strict=True):
                seen += share * output
        if self._attention is not None:
            assert isinstance(memory, Memory)
            seen, memory = self._attention.look(seen, memory)
        return State(tuple(after), 0, None, self._head.seen(seen, features), memory)

    def logits(self, state: State, recalled: Recalled | None = None, dials: np.ndarray | None = None) -> np.ndarray:
        """Compute the logits of the part that is due (see `Network.logits`)."""
        return self._head.logits(state, recalled, dials)

    def _entry(self, tokens: np.ndarray, state: State, features: np.ndarray | None) -> np.ndarray:
        """Compute the first layer's gates before its tanh, (4H, columns)."""
        entry, row = np.empty((2, len(tokens), self._table.shape[1]), self.dtype)
        given = [] if state.given is None else [(self._table, state.given)]
        if features is None:
            check_features(self.alphabet)
        else:
            given += zip(self._features, features.T, strict=False)
        self._table.take(tokens, 0, entry, "clip")
        for table, ids in given:
            entry += looked_up(table, ids, row)
        gates = self._products[0] @ columns_of(state.layers[0][0])
        gates[:, : len(tokens)] += entry[:, : 4 * self.width].T
        return gates

    def _cell(self, gates: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute hidden and cell state, (batch, H) each, from gates, (4H, columns).

        Gates are in the order i, f, o, g, the first three halved.
        """
        width, batch = self.width, len(cell)
        np.tanh(gates, gates)
        sigmoids = gates[: 3 * width]
        sigmoids *= 0.5
        sigmoids += 0.5
        after = sigmoids[width : 2 * width] * columns_of(cell)
        after += sigmoids[:width] * gates[3 * width :]
        hidden = sigmoids[2 * width :] * np.tanh(after)
        return hidden[:, :batch].T, after[:, :batch].T

    def _tables(self, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Fold the first layer's input product and bias into tables by token and feature.

        Shapes: (V + 1, 4H + SPARE) for the tokens, (values, 4H + SPARE) for each feature.
        """
        product = weights["lstm.0.input"].T
        table = weights["embedding"] @ product
        table[-1] *= len(self.alphabet.parts)  # "nothing yet" fills every place of its group
        table[: self.alphabet.parts[0]] += weights["lstm.0.bias"]
        table[-1] += weights["lstm.0.bias"]
        features = [weights[f"side.{n}"] @ product for n in range(len(self.alphabet.features))]
        first, *others = (np.pad(self._gates_last(values), ((0, 0), (0, SPARE))) for values in (table, *features))
        return first, others

    def _gates_last(self, weights: np.ndarray) -> np.ndarray:
        """Put columns i, f, g, o in the order i, f, o, g, the sigmoids' halved."""
        i, f, g, o = np.split(weights, 4, axis=-1)
        return np.ascontiguousarray(np.concatenate([i / 2, f / 2, o / 2, g], axis=-1), self.dtype)


def columns_of(*rows: np.ndarray) -> np.ndarray:
    """Lay the numbers of a batch, (batch, H) each, under each other, a column for each melody.

    BLAS multiplies matrices of weights with several columns faster than several rows with them, and eight columns in
    the time of five: columns of zeros fill them up.
    """
    batch = len(rows[0])
    if batch == 1:
        return rows[0].T if len(rows) == 1 else np.concatenate(rows, 1).T
    filled = batch if batch == 2 else -(-batch // 8) * 8
    columns = np.zeros((sum(each.shape[1] for each in rows), filled), rows[0].dtype)
    first = 0
    for each in rows:
        last = first + each.shape[1]
        columns[first:last, :batch] = each.T
        first = last
    return columns


def tensor_shapes(network: NetworkOptions, alphabet: Alphabet) -> dict[str, tuple[int, ...]]:
    """Name the tensors that a network of these options needs, with their shapes.

    Raises ValueError for an alphabet of more than two parts.
    """
    check_parts("lstm", alphabet)
    width = network.width
    shapes: dict[str, tuple[int, ...]] = {"embedding": (alphabet.size + 1, network.embedding)}
    shapes |= {f"side.{n}": (size, network.embedding) for n, size in enumerate(alphabet.features)}
    for n in range(network.layers):
        shapes[f"lstm.{n}.input"] = (4 * width, width if n else network.embedding)
        shapes[f"lstm.{n}.recurrent"] = (4 * width, width)
        shapes[f"lstm.{n}.bias"] = (4 * width,)
    if network.is_mixed:
        shapes["mix"] = (network.layers,)
    shapes |= attention_shapes(width, network.attention) if network.attention else {}
    seen = 2 * width if network.attention else width
    return shapes | head_shapes(alphabet, seen, network.chain)
