"""Baselines: uniform, unigram, and two interpolated n-grams.

The n-grams learn the same training melodies in the same keys as the network, and the length of their context is
chosen on the validation set. One reads the encoding's tokens; the other, which the network has to beat, reads one
symbol per note or rest, pitch with duration, made from the melodies: the same for every encoding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ritornello.corpus.tokens import in_every_key, pitch_range_of, shifts_within
from ritornello.encoding import Encoding, MelodyEncoding
from ritornello.evaluate.likelihood import Likelihood, measure
from ritornello.evaluate.pairs import PairAlphabet
from ritornello.model.ngram import Ngram

TOKEN_ORDER, PAIR_ORDER = 10, 5


def ngram_on_pairs(
    train: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    test: Sequence[np.ndarray],
    encoding: MelodyEncoding,
) -> tuple[Likelihood, int]:
    """Score the test melodies by an n-gram over (pitch, duration); return its order, too."""
    splits = [[encoding.decode(tokens) for tokens in split] for split in (train, validation, test)]
    alphabet = PairAlphabet.of([melody for split in splits for melody in split], framed=encoding.end is not None)
    learned, validated, scored = ([alphabet.spell(melody) for melody in split] for split in splits)
    keys = _in_every_key(alphabet, learned)
    nats, order = _score_ngram(keys, validated, scored, alphabet.size, PAIR_ORDER)
    return measure(nats, test, encoding), order


def ngram_on_tokens(
    train: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    test: Sequence[np.ndarray],
    encoding: Encoding,
) -> tuple[Likelihood, int]:
    """Score the test melodies by an n-gram over the encoding's tokens; return its order, too."""
    keys = in_every_key(encoding, list(train))
    nats, order = _score_ngram(keys, validation, test, encoding.vocabulary.size, TOKEN_ORDER)
    return measure(nats, test, encoding), order


def unigram(train: Sequence[np.ndarray], test: Sequence[np.ndarray], encoding: Encoding) -> Likelihood:
    """Score the test melodies by the frequencies of single tokens in every key."""
    model = Ngram(in_every_key(encoding, list(train)), encoding.vocabulary.size, 0)
    return measure([_nats(model, m, 0) for m in test], test, encoding)


def uniform(test: Sequence[np.ndarray], encoding: Encoding) -> Likelihood:
    """Score the test melodies where every token is as likely as every other."""
    return measure([len(m) * math.log(encoding.vocabulary.size) for m in test], test, encoding)


def _in_every_key(alphabet: PairAlphabet, melodies: list[np.ndarray]) -> list[np.ndarray]:
    """Transpose melodies to every key that their common range allows."""
    pitches = [alphabet.pitches(symbols) for symbols in melodies]
    pitch_range = pitch_range_of(pitches)
    return [
        alphabet.transpose(symbols, shift)
        for symbols, of_melody in zip(melodies, pitches, strict=True)
        for shift in shifts_within(of_melody, *pitch_range)
    ]


def _score_ngram(train, validation, test, size: int, max_order: int) -> tuple[list[float], int]:
    """Count n-grams and choose their order on validation; return nats of the test set and it."""
    model = Ngram(train, size, max_order)
    order = model.best_order(validation) if len(validation) else max_order
    return [_nats(model, m, order) for m in test], order


def _nats(model: Ngram, tokens: np.ndarray, order: int) -> float:
    """Return the negative log likelihood of a sequence."""
    return float(-model.log2_probabilities(tokens, up_to=order).sum() * math.log(2))
