"""Copy gates: add a learned bonus to the logits of tokens suggested by earlier passages of the same melody. NumPy.

An echo (see `encoding.features`) suggests, for the group that is due, a token of each part, with a strength. Tensors
(C echoes, S strengths, H inputs of the softmax, K hidden units of the chain):

    echo.gate.weight, .bias      (C, H), (C,)
    echo.strength                (C, S)
    echo.1.gate.weight, .bias    (C, K), (C,)    for an alphabet of two parts
    echo.1.strength              (C, S, 2)

The logit of the token of part 0 that echo c suggests rises by gate_c(h) + strength[c, s], with h the input of the
softmax and s the strength; where several echoes suggest one token, by the sum. Part 1 likewise, with h the chain's
hidden layer, and a second table for the case that the token of part 0 is the one that c suggested.

Sources of the idea: pointer sentinel mixtures, Merity et al. 2016; copying, Gu et al. 2016; neural cache, Grave et
al. 2016; Magenta's lookback labels, Waite 2016; the short-term model of IDyOM, Conklin & Witten 1995, Pearce 2005.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ritornello.model.alphabet import Alphabet


class Suggested(NamedTuple):
    """What the echoes suggest for one part of N groups; arrays (N, C).

    token: an id within the part plus 1, 0 for none. evidence: a row of the table (C * rows,).
    """

    token: np.ndarray
    evidence: np.ndarray


def suggested(features: np.ndarray, alphabet: Alphabet, first: np.ndarray | None = None) -> Suggested:
    """Read the suggestions for part 0 or, given its tokens, (N,), for part 1.

    features: (N, F), see `Alphabet.feature_sizes`.
    """
    event, duration, strength = (features[:, place] for place in alphabet.echo_places)
    row = strength + alphabet.echo_rows
    return Suggested(event, row) if first is None else Suggested(duration, 2 * row + (event == first[:, None] + 1))


def places_of(token: np.ndarray, width: int) -> np.ndarray:
    """Find suggested tokens in logits of `width` columns laid in one row, (N * C,).

    Rows without a suggestion get a harmless place; the caller adds 0 there.
    """
    return (token + np.arange(-1, -1 + width * len(token), width)[:, None]).ravel()


def echo_shapes(alphabet: Alphabet, width: int, chain: int) -> dict[str, tuple[int, ...]]:
    """Name the weights of the gates with their shapes; none where there are no echoes.

    width, chain: number of inputs of the softmax of part 0 and of part 1.
    """
    if not alphabet.echoes:
        return {}
    sources, strengths = len(alphabet.echoes), max(alphabet.echoes)
    tables = {"echo": (width, (sources, strengths)), "echo.1": (chain, (sources, strengths, 2))}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (inputs, table) in list(tables.items())[: len(alphabet.parts)]:
        gate = {f"{name}.gate.weight": (sources, inputs), f"{name}.gate.bias": (sources,)}
        shapes |= gate | {f"{name}.strength": table}
    return shapes


class Gates:
    """The copy gates of one part as they play."""

    def __init__(self, weights: Mapping[str, np.ndarray], part: int, alphabet: Alphabet, dtype: np.dtype):
        name = "echo.1" if part else "echo"
        self._weight = np.ascontiguousarray(weights[f"{name}.gate.weight"].T, dtype)  # (H, C)
        table = weights[f"{name}.strength"].reshape(len(alphabet.echoes), -1) + weights[f"{name}.gate.bias"][:, None]
        self._table = table.astype(dtype).ravel()

    def open(self, logits: np.ndarray, seen: np.ndarray, named: Suggested) -> None:
        """Raise the logits of what is suggested, in place.

        logits: (N, ids of the part). seen: (N, H), the input of the softmax.
        """
        raised = seen @ self._weight
        raised += self._table.take(named.evidence)
        if len(logits) == 1:  # a few numbers are added sooner one by one
            row = logits[0]
            for token, bonus in zip(named.token[0].tolist(), raised[0], strict=True):
                if token:
                    row[token - 1] += bonus
            return
        raised *= named.token > 0
        np.add.at(logits.reshape(-1), places_of(named.token, logits.shape[1]), raised.ravel())
