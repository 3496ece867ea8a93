"""What a network has to beat: uniform, unigram, and two interpolated n-grams.

The n-grams learn the same training melodies in the same keys as the network, and the length of their
context is chosen on validation. One reads the encoding's tokens; the other, the one that counts, reads one
symbol per note or rest, pitch with duration, made from the melodies: the same beside every encoding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ritornello.encoding import Encoding
from ritornello.encoding.transposition import in_every_key, pitch_range_of, shifts_within
from ritornello.evaluate.likelihood import Likelihood, measure
from ritornello.evaluate.pairs import PairAlphabet
from ritornello.model.ngram import Ngram

TOKEN_ORDER, PAIR_ORDER = 10, 5


def ngram_on_pairs(
    train: Sequence[np.ndarray], validation: Sequence[np.ndarray], test: Sequence[np.ndarray], encoding: Encoding
) -> tuple[Likelihood, int]:
    """Likelihood of the test melodies under the n-gram over (pitch, duration), and its order."""
    tunes = [[encoding.decode(m) for m in part] for part in (train, validation, test)]
    alphabet = PairAlphabet.of([m for part in tunes for m in part], framed=encoding.end is not None)
    learned, watched, scored = ([alphabet.spell(m) for m in part] for part in tunes)
    keys = _in_every_key(alphabet, learned)
    nats, order = _chosen_ngram(keys, watched, scored, alphabet.size, PAIR_ORDER)
    return measure(nats, test, encoding), order


def ngram_on_tokens(
    train: Sequence[np.ndarray], validation: Sequence[np.ndarray], test: Sequence[np.ndarray], encoding: Encoding
) -> tuple[Likelihood, int]:
    """Likelihood of the test melodies under the n-gram over the encoding's tokens, and its order."""
    keys = in_every_key(encoding, list(train))
    nats, order = _chosen_ngram(keys, validation, test, encoding.vocabulary.size, TOKEN_ORDER)
    return measure(nats, test, encoding), order


def unigram(train: Sequence[np.ndarray], test: Sequence[np.ndarray], encoding: Encoding) -> Likelihood:
    """Likelihood under the frequencies of single tokens in every key."""
    model = Ngram(in_every_key(encoding, list(train)), encoding.vocabulary.size, 0)
    return measure([_nats(model, m, 0) for m in test], test, encoding)


def uniform(test: Sequence[np.ndarray], encoding: Encoding) -> Likelihood:
    """Likelihood where every token is as likely as every other."""
    return measure([len(m) * math.log(encoding.vocabulary.size) for m in test], test, encoding)


def _in_every_key(alphabet: PairAlphabet, tunes: list[np.ndarray]) -> list[np.ndarray]:
    pitches = [alphabet.pitches(symbols) for symbols in tunes]
    pitch_range = pitch_range_of(pitches)
    return [
        alphabet.transposed(symbols, shift)
        for symbols, heard in zip(tunes, pitches, strict=True)
        for shift in shifts_within(heard, *pitch_range)
    ]


def _chosen_ngram(train, validation, test, size: int, max_order: int) -> tuple[list[float], int]:
    model = Ngram(train, size, max_order)
    order = model.best_order(validation) if len(validation) else max_order
    return [_nats(model, m, order) for m in test], order


def _nats(model: Ngram, melody: np.ndarray, order: int) -> float:
    return float(-model.log2_probabilities(melody, up_to=order).sum() * math.log(2))
