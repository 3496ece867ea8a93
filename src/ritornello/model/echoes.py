"""Copy gates: what echoes of the tune's own past name is made more likely, by as much as the network sees fit. NumPy.

An echo (see `encoding`) names, for the group that is about to be foreseen, a token of each part and how strong the
evidence for it is. Tensors (C echoes, S strengths, H what the softmax sees, K the chain's hidden units):

    echo.gate.weight, .bias      (C, H), (C,)
    echo.strength                (C, S)
    echo.1.gate.weight, .bias    (C, K), (C,)    for an alphabet of two parts
    echo.1.strength              (C, S, 2)

The logit of the token of part 0 that echo c names rises by gate_c(h) + strength[c, s], h being what the softmax
sees and s how strong the evidence is; where several echoes name one token, by the sum. Part 1 likewise, h being
the chain's hidden layer, but with a second table for the case that the token of part 0 is the one that c named.

Sources of the idea: pointer sentinel mixtures, Merity et al. 2016; copying, Gu et al. 2016; neural cache, Grave et
al. 2016; Magenta's lookback labels, Waite 2016; the short-term model of IDyOM, Conklin & Witten 1995, Pearce 2005.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ritornello.model.alphabet import Alphabet


class Named(NamedTuple):
    """What the echoes name for one part of N groups; arrays (N, C).

    token: an id within the part plus 1, 0 where nothing is named. evidence: a row of the table that is (C * rows).
    """

    token: np.ndarray
    evidence: np.ndarray


def named_first(side: np.ndarray, alphabet: Alphabet) -> Named:
    """For part 0. side: (N, F), see `Alphabet.beside`."""
    token, _, strength = (side[:, place] for place in alphabet.echo_places)
    return Named(token, strength + alphabet.echo_rows)


def named_second(side: np.ndarray, first: np.ndarray, alphabet: Alphabet) -> Named:
    """For part 1 given the tokens of part 0, (N,)."""
    before, token, strength = (side[:, place] for place in alphabet.echo_places)
    is_same = before == first[:, None] + 1
    return Named(token, 2 * (strength + alphabet.echo_rows) + is_same)


def places_of(token: np.ndarray, width: int, first: int = 0) -> np.ndarray:
    """Where the logits of named tokens stand, (N * C,), in rows of `width` laid end to end.

    first: where the part's own begin in a row. Where nothing is named it is some other place: add 0 there.
    """
    return (token + np.arange(first - 1, first - 1 + width * len(token), width)[:, None]).ravel()


def echo_shapes(alphabet: Alphabet, width: int, chain: int) -> dict[str, tuple[int, ...]]:
    """Shape of every weight of the gates by name; none where there are no echoes.

    width, chain: how many numbers the softmax of part 0 and that of part 1 see.
    """
    if not alphabet.echoes:
        return {}
    sources, strengths = len(alphabet.echoes), max(alphabet.echoes)
    shapes = _shapes("echo", width, (sources, strengths))
    return shapes if len(alphabet.parts) == 1 else shapes | _shapes("echo.1", chain, (sources, strengths, 2))


def _shapes(name: str, width: int, table: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.gate.weight": (table[0], width),
        f"{name}.gate.bias": table[:1],
        f"{name}.strength": table,
    }


class Gates:
    """The copy gates of one part as they play."""

    def __init__(self, weights: Mapping[str, np.ndarray], part: int, alphabet: Alphabet, dtype: np.dtype):
        name = "echo.1" if part else "echo"
        self._weight = np.ascontiguousarray(weights[f"{name}.gate.weight"].T, dtype)  # (H, C)
        table = weights[f"{name}.strength"].reshape(len(alphabet.echoes), -1) + weights[f"{name}.gate.bias"][:, None]
        self._table = table.astype(dtype).ravel()
        self._first = alphabet.first(part)

    def open(self, logits: np.ndarray, seen: np.ndarray, named: Named) -> None:
        """Raise what is named, in place. logits: (N, V) of all parts. seen: (N, H), what the softmax sees."""
        raised = seen @ self._weight
        raised += self._table[named.evidence]
        raised *= named.token > 0
        np.add.at(logits.reshape(-1), places_of(named.token, logits.shape[1], self._first), raised.ravel())
