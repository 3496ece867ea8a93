"""What every network offers to a player, its state, and what stands at its output: softmaxes and gates over memory.

Tensors (V ids in all, S numbers at the input of the softmaxes):

    output.weight, .bias   (V, S), (V,)

An alphabet of two parts (V = V0 + V1 ids; a note is one token of each) has in place of `output`

    output.0.weight, .bias (V0, S), (V0,)
    chain.input            (C, S)
    chain.embedding        (V0, C)
    output.1.weight, .bias (V1, C), (V1,)

The input predicts part 0. Given part 0 as well, tanh(chain.input @ input + chain.embedding[part 0]) predicts part 1.
With memory (`memory.py`) the logits of what followed contexts like the present one are raised.

Where ids have aspects (`encoding.features.Aspect`; M meanings in all), what an id of part 0 means beside a feature of
the group that is due adds to its logit:

    aspects                (M, S)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

import numpy as np

from ritornello.model.alphabet import Alphabet
from ritornello.model.counts import Counts
from ritornello.model.memory import Gate, Recalled, memory_shapes
from ritornello.model.recall import Corpus

Rows = np.ndarray | slice
Layers = tuple[tuple[np.ndarray, np.ndarray], ...]


class LookBack(Protocol):
    """What a network looks back on, of each melody of a batch: `attention.Memory` or `transformer.Cache`."""

    def keep(self, rows: Rows) -> Self:
        """Keep that of these melodies alone."""


class State(NamedTuple):
    """The state of each melody of a batch. No step changes a state: it gives a new one.

    layers: hidden and cell state of each recurrent one, (batch, H). part: the part of its group that the next token
    fed is of. given: tokens of part 0 in an unfinished group, (batch,), or None. seen: input of the softmaxes,
    (batch, S), once something was fed, and the features beside which ids mean something. memory: what attention looks
    back on.
    """

    layers: Layers
    part: int
    given: np.ndarray | None = None
    seen: np.ndarray | None = None
    memory: LookBack | None = None

    def keep(self, rows: Rows) -> State:
        """Return the state of these melodies alone (indices, a mask or a slice)."""
        layers = tuple((output[rows], cell[rows]) for output, cell in self.layers)
        given, seen = (None if it is None else it[rows] for it in (self.given, self.seen))
        memory = None if self.memory is None else self.memory.keep(rows)
        return State(layers, self.part, given, seen, memory)


class Network(Protocol):
    """A trained network ready to play: `NumpyLstm` or `NumpyTransformer`.

    counts, corpus: of a network with memory of its training melodies.
    """

    alphabet: Alphabet
    counts: Counts | None
    corpus: Corpus | None

    def stretched(self, feature: int, factor: float) -> Network:
        """Return this network with one feature taken more seriously.

        Its values lie so many times as far from its value 0, "unknown". Guidance in one pass. Source of the idea:
        Ho & Salimans 2022, "Classifier-Free Diffusion Guidance" (arXiv 2207.12598), which needs two.
        """

    def start(self, batch: int) -> State:
        """Return the state before the first token, "nothing yet", is fed."""

    def feed(self, tokens: np.ndarray, state: State, features: np.ndarray | None = None) -> State:
        """Feed one token to each melody, part by part.

        The network takes a step where it completes its group.
        tokens: (batch,) of int; the vocabulary's size itself means "nothing yet", a group of its own.
        features: (batch, F) of int, of the group that is due after this token; read where it completes its group.
        Raises ValueError where a network with features gets none.
        """

    def logits(self, state: State, recalled: Recalled | None = None, dials: np.ndarray | None = None) -> np.ndarray:
        """Compute the logits of the part that is due, (batch, parts[part]), unnormalised.

        recalled, dials: where there is memory, what it recalls for that part, and factors of its levels.
        """


class Head:
    """The softmaxes and gates of a trained network. weights: by name, float64."""

    def __init__(self, weights: dict[str, np.ndarray], alphabet: Alphabet, dtype: np.dtype):
        self._outputs = [_output(weights, alphabet, part, dtype) for part in range(len(alphabet.parts))]
        self._gates = [Gate(weights, part, dtype) for part in range(len(alphabet.levels))]
        self._columns = [aspect.feature for aspect in alphabet.aspects]
        self._rows = alphabet.aspect_rows
        self._aspects = weights["aspects"].T.astype(dtype) if alphabet.aspects else None  # (S, M)
        if len(alphabet.parts) == 2:
            self._chain = np.ascontiguousarray(weights["chain.input"].T, dtype)  # (S, C)
            self._chain_table = weights["chain.embedding"].astype(dtype)  # (V0, C)

    def seen(self, top: np.ndarray, features: np.ndarray | None) -> np.ndarray:
        """Join the features that aspects read to the input of the softmaxes, (batch, S)."""
        if self._aspects is None or features is None:
            return top
        return np.concatenate([top, features[:, self._columns]], 1, dtype=top.dtype)  # whole numbers, and small

    def logits(self, state: State, recalled: Recalled | None, dials: np.ndarray | None) -> np.ndarray:
        """Compute the logits of the part that is due (see `Network.logits`)."""
        assert state.seen is not None  # something was fed
        seen, part, meant = state.seen, state.part, None
        if self._aspects is not None:
            seen, values = np.split(seen, [len(self._aspects)], 1)
            meant = None if part else self._meant(seen, values.astype(np.intp))
        if part:
            assert state.given is not None
            seen = seen @ self._chain
            seen += looked_up(self._chain_table, state.given, np.empty_like(seen))
            np.tanh(seen, seen)  # (batch, C)
        weight, bias = self._outputs[part]
        logits = seen @ weight
        logits += bias
        logits = logits if meant is None else logits + meant
        return logits if recalled is None else self._gates[part].open(logits, seen, recalled, dials)

    def _meant(self, seen: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum the scores of what each id means, (batch, ids).

        values: of the features, (batch, aspects).
        """
        assert self._aspects is not None
        scores = np.pad(seen @ self._aspects, ((0, 0), (0, 1)))  # 0 for an id without meaning
        found = [np.take_along_axis(scores, rows[at], 1) for rows, at in zip(self._rows, values.T, strict=True)]
        return np.sum(found, 0)


def _output(
    weights: dict[str, np.ndarray], alphabet: Alphabet, part: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """Return weight, (S or C, ids of the part), and bias of a part's softmax."""
    name = f"output.{part}" if len(alphabet.parts) == 2 else "output"
    weight = np.ascontiguousarray(weights[f"{name}.weight"].T, dtype)
    return weight, weights[f"{name}.bias"].astype(dtype)


def head_shapes(alphabet: Alphabet, seen: int, chain: int) -> dict[str, tuple[int, ...]]:
    """Name the tensors of softmaxes and gates with their shapes. seen: S. chain: C."""
    head = "output" if len(alphabet.parts) == 1 else "output.0"
    shapes: dict[str, tuple[int, ...]] = {
        f"{head}.weight": (alphabet.parts[0], seen),
        f"{head}.bias": (alphabet.parts[0],),
    }
    if len(alphabet.parts) == 2:
        shapes |= {"chain.input": (chain, seen), "chain.embedding": (alphabet.parts[0], chain)}
        shapes |= {"output.1.weight": (alphabet.parts[1], chain), "output.1.bias": (alphabet.parts[1],)}
    shapes |= {"aspects": (alphabet.meanings, seen)} if alphabet.aspects else {}
    return shapes | memory_shapes(alphabet.levels, (seen, chain))


def check_parts(kind: str, alphabet: Alphabet) -> None:
    """Raise ValueError for an alphabet that no network can read."""
    if len(alphabet.parts) > 2:
        raise ValueError(f"the {kind} reads groups of 1 or 2 tokens, not of {len(alphabet.parts)}")


def check_features(alphabet: Alphabet) -> None:
    """Raise ValueError where a network with features gets none."""
    if alphabet.features:
        raise ValueError(f"this network needs its {len(alphabet.features)} features with each group of tokens")


def stretched_tables(tables: Sequence[np.ndarray], feature: int, factor: float) -> list[np.ndarray]:
    """Stretch the table of one feature: its rows lie so many times as far from row 0, "unknown"."""
    table = tables[feature]
    stretched = table[:1] + table.dtype.type(factor) * (table - table[:1])
    return [*tables[:feature], stretched, *tables[feature + 1 :]]


def looked_up(table: np.ndarray, ids: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Look up a row for each id, into `out` for several ids: one row is not copied."""
    return table.take(ids, 0, out, "clip") if len(ids) > 1 else table[int(ids[0])]


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
