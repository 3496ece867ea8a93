"""What a network has to beat: uniform, unigram, and two interpolated n-grams.

The n-grams learn the same training melodies in the same keys as the network, and the length of their
context is chosen on validation. One reads grid tokens; the other, the one that counts, reads one symbol
per note or rest: pitch with duration.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ritornello.encoding import Grid
from ritornello.encoding.grid import NO_EVENT, NOTE_OFF
from ritornello.encoding.transposition import in_every_key
from ritornello.evaluate.likelihood import Likelihood, measure
from ritornello.model.ngram import Ngram

LONGEST = 192  # steps that one symbol can last; longer ones are continued
REST, CONTINUED = 128, 129
GRID_ORDER, PAIR_ORDER = 10, 5


def ngram_on_pairs(
    train: Sequence[np.ndarray], validation: Sequence[np.ndarray], test: Sequence[np.ndarray], encoding: Grid
) -> tuple[Likelihood, int]:
    """Likelihood of the test melodies under the n-gram over (pitch, duration), and its order."""
    keys = in_every_key(encoding, list(train))
    size = (CONTINUED + 1) * LONGEST + encoding.vocabulary.size
    spelled, watched, scored = ([pair_symbols(m, encoding) for m in part] for part in (keys, validation, test))
    nats, order = _chosen_ngram(spelled, watched, scored, size, PAIR_ORDER)
    return measure(nats, test, encoding), order


def ngram_on_tokens(
    train: Sequence[np.ndarray], validation: Sequence[np.ndarray], test: Sequence[np.ndarray], encoding: Grid
) -> tuple[Likelihood, int]:
    """Likelihood of the test melodies under the n-gram over grid tokens, and its order."""
    keys = in_every_key(encoding, list(train))
    nats, order = _chosen_ngram(keys, validation, test, encoding.vocabulary.size, GRID_ORDER)
    return measure(nats, test, encoding), order


def unigram(train: Sequence[np.ndarray], test: Sequence[np.ndarray], encoding: Grid) -> Likelihood:
    """Likelihood under the frequencies of single tokens in every key."""
    model = Ngram(in_every_key(encoding, list(train)), encoding.vocabulary.size, 0)
    return measure([_nats(model, m, 0) for m in test], test, encoding)


def uniform(test: Sequence[np.ndarray], encoding: Grid) -> Likelihood:
    """Likelihood where every token is as likely as every other."""
    return measure([len(m) * math.log(encoding.vocabulary.size) for m in test], test, encoding)


def pair_symbols(tokens: np.ndarray, encoding: Grid) -> np.ndarray:
    """Grid tokens as one symbol per note or rest: pitch (REST for silence) x LONGEST + duration - 1.

    What lasts longer than LONGEST steps is continued by further symbols; begin and end keep one of their own.
    """
    steps = tokens[tokens <= NOTE_OFF]
    frame = np.flatnonzero(tokens > NOTE_OFF)
    opening = (CONTINUED + 1) * LONGEST
    edges = np.flatnonzero(steps != NO_EVENT)
    if len(steps) and (not len(edges) or edges[0]):
        edges = np.concatenate([[0], edges])
    symbols: list[int] = []
    for start, end in zip(edges, np.append(edges[1:], len(steps))[: len(edges)], strict=True):
        what = int(steps[start]) if steps[start] < NO_EVENT else REST
        symbols += _lasting(what, int(end - start))
    begins = [opening + int(tokens[at]) for at in frame if at == 0]
    ends = [opening + int(tokens[at]) for at in frame if at > 0]
    return np.array(begins + symbols + ends, np.int64)


def _lasting(what: int, duration: int) -> list[int]:
    symbols = []
    while duration > 0:
        symbols.append(what * LONGEST + min(duration, LONGEST) - 1)
        what, duration = CONTINUED, duration - LONGEST
    return symbols


def _chosen_ngram(train, validation, test, size: int, max_order: int) -> tuple[list[float], int]:
    model = Ngram(train, size, max_order)
    order = model.best_order(validation) if len(validation) else max_order
    return [_nats(model, m, order) for m in test], order


def _nats(model: Ngram, melody: np.ndarray, order: int) -> float:
    return float(-model.log2_probabilities(melody, up_to=order).sum() * math.log(2))
