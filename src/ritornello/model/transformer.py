"""The transformer as it plays: NumPy alone, one melody or many at a time, with a cache of keys and values.

Tensors (float; V ids in all, H the width, A heads of D = H / A numbers, R the reach in note groups):

    embedding                 (V + 1, H)   its last row is "nothing yet", before the first token
    side.N                    (size, H)    one table for each feature, if any
    block.N.query, .key, .value  (H, H)
    block.N.query_bias        (H,)
    block.N.distance          (R, D)       a row for each distance between two groups, the largest first, 0 last
    block.N.context           (H, H)
    block.N.inner             (4H, H)
    block.N.inner_bias        (4H,)
    block.N.outer             (H, 4H)
    block.N.outer_bias        (H,)

and those of softmaxes and gates (`network.py`). The sum x of the embeddings of a note group and of the features
("nothing yet" fills every place of its group) goes through the blocks:

    q, k, v = query @ n(x) + query_bias, key @ n(x), value @ n(x)      n: mean 0 and variance 1
    x += context @ (sum of v_i of this group and the R - 1 before it in the melody, weighed by the softmax of
         q . (k_i + distance_i) / sqrt(D), in each head alone)
    x += outer @ relu(inner @ n(x) + inner_bias) + outer_bias

n(x) after the last block is the input of the softmaxes.

Source: Vaswani et al. 2017 (arXiv 1706.03762); the distances are those of Shaw et al. 2018 (arXiv 1803.02155) and of
the Music Transformer, Huang et al. 2019 (arXiv 1809.04281). Departures: one table of distances for all heads of a
block, and n before each product instead of after (Xiong et al. 2020, arXiv 2002.04745), without weights of its own.
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np

from ritornello.encoding.memory import needs_counts
from ritornello.model.alphabet import Alphabet
from ritornello.model.attention import Memory, empty_memory
from ritornello.model.counts import PREFIX, counts_of_tensors
from ritornello.model.memory import Recalled
from ritornello.model.network import (
    Head,
    Rows,
    State,
    check_features,
    check_parts,
    head_shapes,
    looked_up,
    stretched_tables,
)
from ritornello.model.options import NetworkOptions
from ritornello.model.recall import Corpus

INNER = 4  # hidden units of a block's second half, in widths
EPSILON = 1e-5


class Cache(NamedTuple):
    """Keys and values of the last groups of each melody of a batch, block by block, in place of `outputs`."""

    blocks: tuple[Memory, ...]

    def keep(self, rows: Rows) -> Cache:
        """Keep the cache of these melodies alone."""
        return Cache(tuple(block.keep(rows) for block in self.blocks))


class NumpyTransformer:
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
        check_parts("transformer", alphabet)
        weights = {name: np.asarray(v, np.float64) for name, v in tensors.items() if not name.startswith(PREFIX)}
        self.alphabet, self.dtype, self._width = alphabet, np.dtype(dtype), options.width
        table = _centred(weights["embedding"])
        table[-1] *= len(alphabet.parts)  # "nothing yet" fills every place of its group
        self._table = table.astype(self.dtype)
        names = [f"side.{n}" for n in range(len(alphabet.features))]
        self._features = [_centred(weights[name]).astype(self.dtype) for name in names]
        self._blocks = [_Block(weights, f"block.{n}", options, self.dtype) for n in range(options.layers)]
        self._head = Head(weights, alphabet, self.dtype)
        self.counts = counts_of_tensors(tensors) if needs_counts(alphabet.memory) else None
        self.corpus = Corpus(self.counts) if self.counts else None

    def stretched(self, feature: int, factor: float) -> NumpyTransformer:
        """Return this network with one feature taken more seriously (see `Network.stretched`)."""
        other = copy(self)
        other._features = stretched_tables(self._features, feature, factor)
        return other

    def start(self, batch: int) -> State:
        """Return the state before the first token, "nothing yet", is fed."""
        empty = empty_memory(batch, self._width, self._width, self.dtype)
        return State((), len(self.alphabet.parts) - 1, memory=Cache((empty,) * len(self._blocks)))

    def feed(self, tokens: np.ndarray, state: State, features: np.ndarray | None = None) -> State:
        """Feed one token to each melody, part by part (see `Network.feed`)."""
        if state.part + 1 < len(self.alphabet.parts):
            return state._replace(part=state.part + 1, given=tokens)
        row = np.empty((len(tokens), self._width), self.dtype)
        hidden = looked_up(self._table, tokens, row).reshape(row.shape).copy()  # (batch, H)
        if state.given is not None:
            hidden += looked_up(self._table, state.given, row)
        if features is None:
            check_features(self.alphabet)
        else:
            for table, values in zip(self._features, features.T, strict=False):
                hidden += looked_up(table, values, row)
        assert isinstance(state.memory, Cache)
        memories = []
        for block, memory in zip(self._blocks, state.memory.blocks, strict=True):
            memories.append(block.step(hidden, memory))
        return State((), 0, None, self._head.seen(_normal(hidden), features), Cache(tuple(memories)))

    def logits(self, state: State, recalled: Recalled | None = None, dials: np.ndarray | None = None) -> np.ndarray:
        """Compute the logits of the part that is due (see `Network.logits`)."""
        return self._head.logits(state, recalled, dials)


class _Block:
    """Attention over a melody so far, then two layers on its result. weights: by name, float64."""

    def __init__(self, weights: dict[str, np.ndarray], name: str, options: NetworkOptions, dtype: np.dtype):
        def ready(values: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(values, dtype)

        scale = (options.width // options.heads) ** -0.5
        query, key, value, context, inner, outer = (
            weights[f"{name}.{each}"].T for each in ("query", "key", "value", "context", "inner", "outer")
        )
        self._heads, self._reach = options.heads, options.attention
        self._products = ready(np.concatenate([scale * query, key, value], 1))  # (H, 3H)
        self._query_bias = ready(scale * weights[f"{name}.query_bias"])
        self._distance = ready(weights[f"{name}.distance"].T)  # (D, R)
        self._context = ready(_centred(context))
        self._inner, self._inner_bias = ready(inner), ready(weights[f"{name}.inner_bias"])
        self._outer, self._outer_bias = ready(_centred(outer)), ready(_centred(weights[f"{name}.outer_bias"]))

    def step(self, hidden: np.ndarray, memory: Memory) -> Memory:
        """Add to the hidden values, (batch, H), in place; return the memory with this step in it."""
        batch, width = hidden.shape
        products = _normal(hidden) @ self._products
        memory = memory.with_step(products[:, width : 2 * width], products[:, 2 * width :], self._reach)
        shape = (batch, memory.length, self._heads, -1)
        keys, values = memory.keys.reshape(shape), memory.outputs.reshape(shape)
        query = (products[:, :width] + self._query_bias).reshape(batch, self._heads, 1, -1)
        scores = query @ keys.transpose(0, 2, 3, 1)  # (batch, A, 1, length)
        scores += query @ self._distance[:, self._reach - memory.length :]
        scores -= scores.max(-1, keepdims=True)
        shares = np.exp(scores, scores)
        context = shares @ values.transpose(0, 2, 1, 3)  # (batch, A, 1, D)
        context /= shares.sum(-1, keepdims=True)
        hidden += context.reshape(batch, width) @ self._context
        inner = _normal(hidden) @ self._inner
        inner += self._inner_bias
        np.maximum(inner, 0, out=inner)
        hidden += inner @ self._outer
        hidden += self._outer_bias
        return memory


def _centred(values: np.ndarray) -> np.ndarray:
    """Subtract the mean from each row.

    All that hidden values are the sum of has mean 0 then; nothing sees them but through `_normal`.
    """
    return values - values.mean(-1, keepdims=True)


def _normal(hidden: np.ndarray) -> np.ndarray:
    """Scale hidden values, (batch, H), of mean 0 to variance 1."""
    variance = np.einsum("bh,bh->b", hidden, hidden) / hidden.shape[1]
    return hidden / np.sqrt(variance + hidden.dtype.type(EPSILON))[:, None]


def transformer_shapes(network: NetworkOptions, alphabet: Alphabet) -> dict[str, tuple[int, ...]]:
    """Name the tensors that a transformer of these options needs, with their shapes.

    Raises ValueError for an alphabet of more than two parts.
    """
    check_parts("transformer", alphabet)
    width, inner = network.width, INNER * network.width
    shapes: dict[str, tuple[int, ...]] = {"embedding": (alphabet.size + 1, width)}
    shapes |= {f"side.{n}": (size, width) for n, size in enumerate(alphabet.features)}
    for n in range(network.layers):
        name = f"block.{n}"
        shapes |= {f"{name}.{each}": (width, width) for each in ("query", "key", "value", "context")}
        shapes |= {f"{name}.query_bias": (width,), f"{name}.distance": (network.attention, width // network.heads)}
        shapes |= {f"{name}.inner": (inner, width), f"{name}.inner_bias": (inner,)}
        shapes |= {f"{name}.outer": (width, inner), f"{name}.outer_bias": (width,)}
    return shapes | head_shapes(alphabet, width, network.chain)
