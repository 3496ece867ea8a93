"""What the network has to beat, by hand where hands can reach."""

import math

import numpy as np
import pytest

from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Grid, make_encoding
from ritornello.evaluate.baselines import ngram_on_pairs, ngram_on_tokens, uniform, unigram
from ritornello.evaluate.scores import score_baselines

# 132 begins 4/4, 144 ends, 128 no_event, 129 note_off


def test_uniform_costs_the_logarithm_of_the_vocabulary():
    found = uniform([np.array([132, 60, 128, 144])], Grid(version=1))
    assert found.nats == pytest.approx(4 * math.log(145))
    assert found.bits_per_note == pytest.approx(4 * math.log2(145))


def test_unigram_by_hand():
    train, test = [np.array([60, 60, 128, 128])], [np.array([60, 128, 61])]
    # one key fits the tunes' own range; counts 2 and 2 of 4, 2 kinds: (2 + 2/130) / 6, unseen (2/130) / 6
    expected = -2 * math.log((2 + 2 / 130) / 6) - math.log(2 / 130 / 6)
    assert unigram(train, test, Grid(plain=True)).nats == pytest.approx(expected)


def test_both_ngrams_learn_a_repeated_tune():
    grid = Grid(version=1)
    tune = np.array([132, *([60, 128, 64, 128, 67, 128, 128, 128] * 6), 144], np.int16)
    other = np.array([132, *([61, 128, 65, 128, 68, 128, 128, 128] * 6), 144], np.int16)
    train = [tune] * 6 + [other] * 2
    tokens, order = ngram_on_tokens(train, [tune], [tune], grid)
    pairs, pair_order = ngram_on_pairs(train, [tune], [tune], grid)
    assert 1 <= order <= 10
    assert 1 <= pair_order <= 5
    assert (tokens.notes, tokens.tokens, tokens.quarters) == (18, 50, 12.0)
    assert (pairs.notes, pairs.tokens, pairs.quarters) == (18, 50, 12.0)
    single = unigram(train, [tune], grid).bits_per_note
    assert max(pairs.bits_per_note, tokens.bits_per_note) < 0.5 < single < uniform([tune], grid).bits_per_note


@pytest.mark.parametrize("context", [1, 2, 3])
def test_the_order_is_the_context_that_the_music_needs(context):
    """Three pitches: the next follows from the sum of the last `context` ones, nine times out of ten."""
    random = np.random.default_rng(context)
    melody = [60] * context
    while len(melody) < 4000:
        follows = 60 + (sum(melody[-context:]) + 1) % 3
        melody.append(follows if random.random() < 0.9 else int(60 + random.integers(3)))
    train, validation, test = np.split(np.array(melody, np.int16), [3000, 3500])
    for ngram in (ngram_on_tokens, ngram_on_pairs):
        assert ngram([train], [validation], [test], Grid(plain=True))[1] == context
    assert ngram_on_tokens([train], [], [test], Grid(plain=True))[1] == 10  # the longest where nothing tells
    assert ngram_on_pairs([train], [], [test], Grid(plain=True))[1] == 5


@pytest.mark.parametrize("name", ["note", "interval"])
def test_the_ngram_over_pairs_is_the_same_line_beside_every_encoding(name, tiny_corpus):
    def line(encoding):
        parts = [corpus_tokens(tiny_corpus, encoding, split) for split in ("train", "validation", "test")]
        return ngram_on_pairs(*parts, encoding)

    (grid, order), (other, other_order) = line(Grid(version=1)), line(make_encoding(name))
    assert (other.nats, other.notes, other_order) == (grid.nats, grid.notes, order)
    assert other.tokens < grid.tokens


def test_every_baseline_takes_an_encoding_of_two_parts(tiny_corpus):
    scores = score_baselines(tiny_corpus, make_encoding("interval"))
    assert set(scores) == {"uniform", "unigram", "ngram_tokens", "ngram_pairs"}
    assert all(0 < score.bits_per_note < 40 for score in scores.values())
