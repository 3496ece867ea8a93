"""The LSTM as it plays: NumPy alone, one tune or many at a time.

Tensors (float; V ids in all, E the embedding's size, H the width; gates in PyTorch's order i, f, g, o):

    embedding              (V + 1, E)    its last row stands for "nothing yet", before the first token
    side.N                 (size, E)     one table for each input beside the tokens, if any
    lstm.N.input           (4H, E or H)
    lstm.N.recurrent       (4H, H)
    lstm.N.bias            (4H,)
    mix                    (layers,)     share of each layer's output in what foresees; the last alone where missing
    output.weight, .bias   (V, H), (V,)
    start.N.output, .cell  (H,)          the state that a tune begins from; zeros where they are missing

An alphabet of two parts (V = V0 + V1 ids; a note is one token of each) has in place of `output`

    output.0.weight, .bias (V0, H), (V0,)
    chain.input            (C, H)
    chain.embedding        (V0, C)
    output.1.weight, .bias (V1, C), (V1,)

With attention (`attention.py`) the softmaxes see 2H numbers: the output and, beside it, the context. With echoes
(`echoes.py`) gates beside the softmaxes make it likelier that a group of the tune's own past comes again.

The recurrence runs once for a group of tokens, on the sum of their embeddings and those of the side inputs
("nothing yet" fills every place of its group); its output foresees part 0. Given part 0 as well,
tanh(chain.input @ output + chain.embedding[part 0]) foresees part 1.

Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The first layer's input
product depends on tokens alone, so it is folded into tables; a sigmoid is a scaled tanh, so that one
tanh serves all four gates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ritornello.model.alphabet import Alphabet
from ritornello.model.attention import Attention, Memory, attention_shapes
from ritornello.model.echoes import Gates, echo_shapes, named_first, named_second
from ritornello.model.options import NetworkOptions

Rows = np.ndarray | slice


@dataclass(frozen=True, slots=True)
class State:
    """What a network remembers of each tune of a batch. No step changes a state: it gives a new one.

    layers: output and cell of each, (batch, H). part: which part of its group the next token fed is.
    heard: tokens of part 0 in the group under way, (batch,), if that has begun. above: what the softmaxes see,
    (batch, H or 2H), once something was fed. memory: what attention looks back on. side: what stood beside the
    tokens at the last step of a network with echoes, (batch, F).
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    part: int
    heard: np.ndarray | None = None
    above: np.ndarray | None = None
    memory: Memory | None = None
    side: np.ndarray | None = None

    def keep(self, rows: Rows) -> State:
        """The state of these tunes alone (indices, a mask or a slice)."""
        layers = tuple((output[rows], cell[rows]) for output, cell in self.layers)
        heard, above, side = (None if part is None else part[rows] for part in (self.heard, self.above, self.side))
        memory = None if self.memory is None else self.memory.keep(rows)
        return State(layers, self.part, heard, above, memory, side)


class NumpyLstm:
    """A trained network ready to play. dtype: float32 is fast, float64 repeats to the last digit."""

    def __init__(self, tensors: dict[str, np.ndarray], dtype: type = np.float32):
        weights = {name: np.asarray(value, np.float64) for name, value in tensors.items()}
        self.layers = sum(name.endswith(".recurrent") for name in weights)
        self.width = weights["lstm.0.recurrent"].shape[1]
        self.dtype = np.dtype(dtype)
        self.alphabet = Alphabet.of_tensors(weights)
        self.parts = self.alphabet.parts
        self._table, self._side = self._tables(weights)
        self._products = [self._layer(weights, n) for n in range(self.layers)]
        self._biases = [self._gates_last(weights[f"lstm.{n}.bias"]) for n in range(self.layers)]
        self._mix = weights["mix"].astype(self.dtype) if "mix" in weights else None
        self._attention = Attention(weights, self.dtype) if "attention.key" in weights else None
        self._start = [self._beginning(weights, n) for n in range(self.layers)]
        self._outputs = [self._output(weights, part) for part in range(len(self.parts))]
        parts = range(len(self.parts) if self.alphabet.echoes else 0)
        self._gates = [Gates(weights, part, self.alphabet, self.dtype) for part in parts]
        if len(self.parts) == 2:
            self._chain = np.ascontiguousarray(weights["chain.input"].T, self.dtype)  # (H, C)
            self._chain_table = weights["chain.embedding"].astype(self.dtype)  # (V0, C)

    @property
    def vocabulary_size(self) -> int:
        """How many tokens the network knows, of all parts."""
        return self.alphabet.size

    def start(self, batch: int) -> State:
        """The state before the first token, which is the vocabulary's size: "nothing yet"."""
        layers = tuple((output.repeat(batch, 0), cell.repeat(batch, 0)) for output, cell in self._start)
        memory = None if self._attention is None else self._attention.start(batch)
        return State(layers, len(self.parts) - 1, memory=memory)

    def step(self, tokens: np.ndarray, state: State, side: np.ndarray | None = None) -> tuple[np.ndarray, State]:
        """Feed one token to each tune, part by part.

        tokens: (batch,) of int; the vocabulary's size itself means "nothing yet", a group of its own.
        side: (batch, F) of int, what the encoding's tracker says beside the tokens once this one is counted; read
        where the token completes its group. Raises ValueError where a network that needs it is given none.
        Returns logits (batch, vocabulary), unnormalised, -inf for the parts that are not next, and the new state.
        """
        if state.part + 1 < len(self.parts):
            return self._further(tokens, state)
        layers = self._recur(self._entry(tokens, state, side), state)
        above, memory = self._heard(layers), state.memory
        if self._attention is not None and memory is not None:
            above, memory = self._attention.look(above, memory)
        weight, bias = self._outputs[0]
        logits = above @ weight + bias
        if not self._gates:
            return logits, State(layers, 0, None, above, memory)
        assert side is not None  # or the entry had raised
        self._gates[0].open(logits, above, named_first(side, self.alphabet))
        return logits, State(layers, 0, None, above, memory, side)

    def _further(self, tokens: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Logits of part 1 given the tokens of part 0, without a recurrence."""
        assert state.above is not None  # a group begins after a recurrence
        hidden = np.tanh(state.above @ self._chain + self._chain_table[tokens])  # (batch, C)
        weight, bias = self._outputs[1]
        logits = hidden @ weight + bias
        if state.side is not None:
            self._gates[1].open(logits, hidden, named_second(state.side, tokens, self.alphabet))
        return logits, State(state.layers, 1, tokens, state.above, state.memory)

    def _entry(self, tokens: np.ndarray, state: State, side: np.ndarray | None) -> np.ndarray:
        """The first layer's gates before its tanh, (batch, 4H)."""
        gates = state.layers[0][0] @ self._products[0]
        gates += self._table[tokens]
        if state.heard is not None:
            gates += self._table[state.heard]
        if side is None:
            if self.alphabet.beside:
                raise ValueError(
                    f"this network needs its {len(self.alphabet.beside)} side inputs with each group of tokens"
                )
            return gates
        for n, table in enumerate(self._side):
            gates += table[side[:, n]]
        return gates

    def _recur(self, gates: np.ndarray, state: State) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Output and cell of each layer after one step."""
        hidden, cell = self._cell(gates, state.layers[0][1])
        after = [(hidden, cell)]
        for n, (output, cell) in enumerate(state.layers[1:], 1):
            gates = np.concatenate((hidden, output), 1) @ self._products[n]
            gates += self._biases[n]
            hidden, cell = self._cell(gates, cell)
            after.append((hidden, cell))
        return tuple(after)

    def _heard(self, layers: tuple[tuple[np.ndarray, np.ndarray], ...]) -> np.ndarray:
        """What foresees, (batch, H): the last layer's output, or the sum of all by the network's shares."""
        if self._mix is None:
            return layers[-1][0]
        above = self._mix[0] * layers[0][0]
        for share, (output, _) in zip(self._mix[1:], layers[1:], strict=True):
            above += share * output
        return above

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

    def _tables(self, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """The first layer's input product by token, (V + 1, 4H), its bias once a group; and by side value."""
        product = weights["lstm.0.input"].T
        table = weights["embedding"] @ product
        table[-1] *= len(self.parts)  # "nothing yet" fills every place of its group
        table[: self.parts[0]] += weights["lstm.0.bias"]
        table[-1] += weights["lstm.0.bias"]
        side = [weights[f"side.{n}"] @ product for n in range(len(self.alphabet.side))]
        return self._gates_last(table), [self._gates_last(values) for values in side]

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

    def _output(self, weights: dict[str, np.ndarray], part: int) -> tuple[np.ndarray, np.ndarray]:
        """Weight (H or C, V) and bias (V,) of a part's softmax; other parts' ids have bias -inf."""
        name = "output" if len(self.parts) == 1 else f"output.{part}"
        own = slice(self.alphabet.first(part), self.alphabet.first(part + 1))
        weight = np.zeros((weights[f"{name}.weight"].shape[1], self.vocabulary_size), self.dtype)
        bias = np.full(self.vocabulary_size, -np.inf, self.dtype)
        weight[:, own], bias[own] = weights[f"{name}.weight"].T, weights[f"{name}.bias"]
        return weight, bias


def tensor_shapes(network: NetworkOptions, alphabet: Alphabet) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that a network of these options cannot do without."""
    width, chain = network.width, network.chain
    shapes: dict[str, tuple[int, ...]] = {"embedding": (alphabet.size + 1, network.embedding)}
    shapes |= {f"side.{n}": (size, network.embedding) for n, size in enumerate(alphabet.side)}
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
    return shapes | echo_shapes(alphabet, seen, chain)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)
