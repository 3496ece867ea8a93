"""The LSTM as it plays: NumPy alone, one melody or many at a time.

Tensors (float; V ids in all, E the embedding's size, H the width; gates in PyTorch's order i, f, g, o):

    embedding              (V + 1, E)    its last row is "nothing yet", before the first token
    side.N                 (size, E)     one table for each feature, if any
    lstm.N.input           (4H, E or H)
    lstm.N.recurrent       (4H, H)
    lstm.N.bias            (4H,)
    mix                    (layers,)     weights of a learned sum of the layers' outputs, fed to the output softmax;
                                         if absent, the top layer only
    output.weight, .bias   (V, H), (V,)
    start.N.output, .cell  (H,)          the state that a melody begins from; zeros if absent

An alphabet of two parts (V = V0 + V1 ids; a note is one token of each) has in place of `output`

    output.0.weight, .bias (V0, H), (V0,)
    chain.input            (C, H)
    chain.embedding        (V0, C)
    output.1.weight, .bias (V1, C), (V1,)

With attention (`attention.py`) the softmaxes see 2H numbers: the output and the context. With memory (`memory.py`)
the logits of what followed contexts like the present one are raised.

The recurrence runs once for a group of tokens, on the sum of their embeddings and those of the features ("nothing
yet" fills every place of its group); its output predicts part 0. Given part 0 as well, tanh(chain.input @ output +
chain.embedding[part 0]) predicts part 1.

Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The first layer's input product
depends on tokens alone, so it is folded into tables; a sigmoid is a scaled tanh, so that one tanh serves all four.
"""

from __future__ import annotations

from copy import copy
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ritornello.encoding.memory import needs_counts
from ritornello.model.alphabet import Alphabet
from ritornello.model.attention import Attention, Memory, attention_shapes
from ritornello.model.counts import PREFIX, counts_of_tensors
from ritornello.model.memory import Gate, Recalled, memory_shapes
from ritornello.model.options import NetworkOptions
from ritornello.model.recall import Corpus

Rows = np.ndarray | slice
Layers = tuple[tuple[np.ndarray, np.ndarray], ...]


class State(NamedTuple):
    """The state of each melody of a batch. No step changes a state: it gives a new one.

    layers: hidden and cell state of each, (batch, H). part: the part of its group that the next token fed is of.
    given: tokens of part 0 in an unfinished group, (batch,), or None. seen: input of the softmaxes, (batch, H or 2H),
    once something was fed. memory: what attention looks back on.
    """

    layers: Layers
    part: int
    given: np.ndarray | None = None
    seen: np.ndarray | None = None
    memory: Memory | None = None

    def keep(self, rows: Rows) -> State:
        """Return the state of these melodies alone (indices, a mask or a slice)."""
        layers = tuple((output[rows], cell[rows]) for output, cell in self.layers)
        given, seen = (None if it is None else it[rows] for it in (self.given, self.seen))
        memory = None if self.memory is None else self.memory.keep(rows)
        return State(layers, self.part, given, seen, memory)


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
        check_parts(alphabet)
        weights = {name: np.asarray(v, np.float64) for name, v in tensors.items() if not name.startswith(PREFIX)}
        self.layers, self.width, self.alphabet = options.layers, options.width, alphabet
        self.dtype = np.dtype(dtype)
        self._is_chained = len(alphabet.parts) == 2
        self._table, self._features = self._tables(weights)
        names = [f"lstm.{n}" for n in range(self.layers)]
        products = [weights[f"{name}.recurrent"].T for name in names]
        for n, name in enumerate(names[1:], 1):  # of the first layer the input is the table
            products[n] = np.concatenate([weights[f"{name}.input"].T, products[n]])
        self._products = [self._gates_last(product) for product in products]
        self._biases = [self._gates_last(weights[f"{name}.bias"]) for name in names]
        self._mix = weights["mix"].astype(self.dtype) if options.is_mixed else None
        self._attention = Attention(weights, self.dtype) if options.attention else None
        nothing, numbers = np.zeros(self.width), range(self.layers)
        states = [[weights.get(f"start.{n}.{part}", nothing) for part in ("output", "cell")] for n in numbers]
        self._start: Layers = tuple((output[None].astype(dtype), cell[None].astype(dtype)) for output, cell in states)
        self._own = [slice(*ends) for ends in pairwise(alphabet.firsts)]
        self._outputs = [self._output(weights, part) for part in range(len(alphabet.parts))]
        self._gates = [Gate(weights, part, self.dtype) for part in range(len(alphabet.levels))]
        self.counts = counts_of_tensors(tensors) if needs_counts(alphabet.memory) else None
        self.corpus = Corpus(self.counts) if self.counts else None
        if self._is_chained:
            self._chain = np.ascontiguousarray(weights["chain.input"].T, self.dtype)  # (H, C)
            self._chain_table = weights["chain.embedding"].astype(self.dtype)  # (V0, C)

    def stretched(self, feature: int, factor: float) -> NumpyLstm:
        """Return this network with one feature taken more seriously.

        Its values lie so many times as far from its value 0, "unknown". Guidance in one pass. Source of the idea:
        Ho & Salimans 2022, "Classifier-Free Diffusion Guidance" (arXiv 2207.12598), which needs two.
        """
        other = copy(self)
        other._features = list(self._features)
        table = self._features[feature]
        other._features[feature] = table[:1] + self.dtype.type(factor) * (table - table[:1])
        return other

    def start(self, batch: int) -> State:
        """Return the state before the first token, "nothing yet", is fed."""
        layers = tuple((output.repeat(batch, 0), cell.repeat(batch, 0)) for output, cell in self._start)
        memory = None if self._attention is None else self._attention.start(batch)
        return State(layers, len(self.alphabet.parts) - 1, memory=memory)

    def feed(self, tokens: np.ndarray, state: State, features: np.ndarray | None = None) -> State:
        """Feed one token to each melody, part by part.

        The recurrence runs where it completes its group.
        tokens: (batch,) of int; the vocabulary's size itself means "nothing yet", a group of its own.
        features: (batch, F) of int, of the group that is due after this token; read where it completes its group.
        Raises ValueError where a network with features gets none.
        """
        if state.part + 1 < len(self.alphabet.parts):
            return state._replace(part=state.part + 1, given=tokens)
        hidden, cell = self._cell(self._entry(tokens, state, features), state.layers[0][1])
        after = [(hidden, cell)]
        for n, (output, cell) in enumerate(state.layers[1:], 1):
            gates = np.concatenate((hidden, output), 1) @ self._products[n]
            gates += self._biases[n]
            hidden, cell = self._cell(gates, cell)
            after.append((hidden, cell))
        seen, memory = hidden, state.memory
        if self._mix is not None:
            seen = self._mix[0] * after[0][0]
            for share, (output, _) in zip(self._mix[1:], after[1:], strict=True):
                seen += share * output
        if self._attention is not None and memory is not None:
            seen, memory = self._attention.look(seen, memory)
        return State(tuple(after), 0, None, seen, memory)

    def logits(self, state: State, recalled: Recalled | None = None, dials: np.ndarray | None = None) -> np.ndarray:
        """Compute the logits of the part that is due, (batch, parts[part]), unnormalised.

        recalled, dials: where there is memory, what it recalls for that part, and factors of its levels.
        """
        assert state.seen is not None  # something was fed
        seen, part = state.seen, state.part
        if part:
            assert state.given is not None
            seen = seen @ self._chain
            seen += _looked_up(self._chain_table, state.given, np.empty_like(seen))
            np.tanh(seen, seen)  # (batch, C)
        weight, bias = self._outputs[part]
        logits = (seen @ weight)[:, self._own[part]] + bias
        return logits if recalled is None else self._gates[part].open(logits, seen, recalled, dials)

    def _entry(self, tokens: np.ndarray, state: State, features: np.ndarray | None) -> np.ndarray:
        """Compute the first layer's gates before its tanh, (batch, 4H)."""
        gates = state.layers[0][0] @ self._products[0]
        row = np.empty_like(gates)  # where rows of the tables are gathered, one table after another
        gates += _looked_up(self._table, tokens, row)
        if state.given is not None:
            gates += _looked_up(self._table, state.given, row)
        if features is None:
            if self.alphabet.features:
                raise ValueError(
                    f"this network needs its {len(self.alphabet.features)} features with each group of tokens"
                )
            return gates
        for table, values in zip(self._features, features.T, strict=False):
            gates += _looked_up(table, values, row)
        return gates

    def _cell(self, gates: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute hidden and cell state from gates in the order i, f, o, g, the first three halved."""
        width = self.width
        np.tanh(gates, gates)
        sigmoids = gates[:, : 3 * width]
        sigmoids *= 0.5
        sigmoids += 0.5
        cell = sigmoids[:, width : 2 * width] * cell
        cell += sigmoids[:, :width] * gates[:, 3 * width :]
        return sigmoids[:, 2 * width :] * np.tanh(cell), cell

    def _tables(self, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Fold the first layer's input product and bias into tables by token and feature.

        Shapes: (V + 1, 4H) for the tokens, (values, 4H) for each feature.
        """
        product = weights["lstm.0.input"].T
        table = weights["embedding"] @ product
        table[-1] *= len(self.alphabet.parts)  # "nothing yet" fills every place of its group
        table[: self.alphabet.parts[0]] += weights["lstm.0.bias"]
        table[-1] += weights["lstm.0.bias"]
        features = [weights[f"side.{n}"] @ product for n in range(len(self.alphabet.features))]
        return self._gates_last(table), [self._gates_last(values) for values in features]

    def _gates_last(self, weights: np.ndarray) -> np.ndarray:
        """Put columns i, f, g, o in the order i, f, o, g, the sigmoids' halved."""
        i, f, g, o = np.split(weights, 4, axis=-1)
        return np.ascontiguousarray(np.concatenate([i / 2, f / 2, o / 2, g], axis=-1), self.dtype)

    def _output(self, weights: dict[str, np.ndarray], part: int) -> tuple[np.ndarray, np.ndarray]:
        """Return weight (H or C, V) and bias (ids of the part) of a part's softmax.

        The product is as wide as the vocabulary: in which order BLAS adds depends on the width, and tunes on that.
        """
        name = f"output.{part}" if self._is_chained else "output"
        own, product = self._own[part], weights[f"{name}.weight"].T
        weight = np.zeros((len(product), self.alphabet.size), self.dtype)
        weight[:, own] = product
        return weight, weights[f"{name}.bias"].astype(self.dtype)


def check_parts(alphabet: Alphabet) -> None:
    """Raise ValueError for an alphabet that the LSTM cannot read."""
    if len(alphabet.parts) > 2:
        raise ValueError(f"the lstm reads groups of 1 or 2 tokens, not of {len(alphabet.parts)}")


def _looked_up(table: np.ndarray, ids: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Look up a row for each id, into `out` for several ids: one row is not copied."""
    return table.take(ids, 0, out, "clip") if len(ids) > 1 else table[int(ids[0])]


def tensor_shapes(network: NetworkOptions, alphabet: Alphabet) -> dict[str, tuple[int, ...]]:
    """Name the tensors that a network of these options needs, with their shapes.

    Raises ValueError for an alphabet of more than two parts.
    """
    check_parts(alphabet)
    width, chain = network.width, network.chain
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
    head = "output" if len(alphabet.parts) == 1 else "output.0"
    shapes |= {f"{head}.weight": (alphabet.parts[0], seen), f"{head}.bias": (alphabet.parts[0],)}
    if len(alphabet.parts) == 2:
        shapes |= {"chain.input": (chain, seen), "chain.embedding": (alphabet.parts[0], chain)}
        shapes |= {"output.1.weight": (alphabet.parts[1], chain), "output.1.bias": (alphabet.parts[1],)}
    return shapes | memory_shapes(alphabet.levels, (seen, chain))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Compute the softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Compute the nats of one id in each row, (n,) of float64.

    logits: (n, ids). targets: (n,) of int.
    """
    exact = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return np.log(np.exp(exact).sum(-1)) - exact[np.arange(len(targets)), targets]
