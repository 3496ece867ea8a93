"""The n-gram: Witten and Bell's numbers by hand, and the same numbers however they are asked for."""

import math

import numpy as np
import pytest

from ritornello.model.ngram import Ngram

# One tune over four tokens. Seen: 0 twice, 1 twice, 2 once; after 0: 1, 1; after 1: 0, 2; at the start: 0.
TUNE = np.array([0, 1, 0, 1, 2])
UNIGRAM = [3 / 8 - 1 / 32, 3 / 8 - 1 / 32, 7 / 32, 3 / 32]  # (count + 3 kinds x 1/4) / (5 + 3)


def asked(model: Ngram, history: list[int], learn: bool = False) -> np.ndarray:
    player = model.player(learn)
    for token in history:
        player.feed(token)
    return player.ask()


def test_unigram_by_hand():
    np.testing.assert_allclose(asked(Ngram([TUNE], 4, 0), []), UNIGRAM)
    assert UNIGRAM == [2.75 / 8, 2.75 / 8, 1.75 / 8, 0.75 / 8]
    np.testing.assert_allclose(asked(Ngram([TUNE], 4, 0), [3, 1, 2]), UNIGRAM)


def test_bigrams_by_hand():
    model = Ngram([TUNE], 4, 1)
    # after 0 (seen 2 times, 1 kind): (count + 1 x unigram) / 3
    np.testing.assert_allclose(asked(model, [0]), [0.34375 / 3, 2.34375 / 3, 0.21875 / 3, 0.09375 / 3])
    # after 1 (seen 2 times, 2 kinds): (count + 2 x unigram) / 4
    np.testing.assert_allclose(asked(model, [1]), [1.6875 / 4, 0.6875 / 4, 1.4375 / 4, 0.1875 / 4])
    # at the start (seen once, 1 kind): (count + 1 x unigram) / 2
    np.testing.assert_allclose(asked(model, []), [1.34375 / 2, 0.34375 / 2, 0.21875 / 2, 0.09375 / 2])
    # after 2 and after 3 nothing was seen: the unigram
    np.testing.assert_allclose(asked(model, [2]), UNIGRAM)
    np.testing.assert_allclose(asked(model, [0, 3]), UNIGRAM)


def test_a_trigram_by_hand():
    after_0 = [0.34375 / 3, 2.34375 / 3, 0.21875 / 3, 0.09375 / 3]
    model = Ngram([TUNE], 4, 2)
    # after 1 0 (seen once, 1 kind): 1
    np.testing.assert_allclose(
        asked(model, [1, 0]), [(n + p) / 2 for n, p in zip([0, 1, 0, 0], after_0, strict=True)]
    )
    # after 2 0 nothing was seen: what follows 0
    np.testing.assert_allclose(asked(model, [2, 0]), after_0)
    # after start 0 (seen once): 1; unlike after 3 0
    np.testing.assert_allclose(asked(model, [0]), [(n + p) / 2 for n, p in zip([0, 1, 0, 0], after_0, strict=True)])


def test_a_context_does_not_reach_back_into_another_tune():
    model = Ngram([np.array([0, 1]), np.array([2, 3])], 4, 1)
    np.testing.assert_allclose(asked(model, [1]), asked(Ngram([np.array([0, 1, 2, 3])], 4, 0), []))


def test_probabilities_sum_to_one_after_any_history():
    random = np.random.default_rng(1)
    tunes = [random.integers(0, 9, 30) for _ in range(5)]
    for order in (0, 1, 3, 6):
        player = Ngram(tunes, 11, order).player()
        for token in random.integers(0, 11, 60):
            p = player.ask()
            assert p.shape == (11,)
            assert p.min() > 0
            assert p.sum() == pytest.approx(1, abs=1e-12)
            player.feed(int(token))


def by_counting(tunes: list[list[int]], size: int, order: int, history: list[int], token: int) -> float:
    """Witten-Bell from dictionaries, without hashes: an independent oracle."""
    p = 1 / size
    for k in range(order + 1):
        padded = [[size] * k + list(t) for t in tunes]
        context = tuple(([size] * k + history)[-k:]) if k else ()
        followers = [t[i] for t in padded for i in range(k, len(t)) if tuple(t[i - k : i]) == context]
        if followers:
            kinds = len(set(followers))
            p = (followers.count(token) + kinds * p) / (len(followers) + kinds)
    return p


def test_log_probabilities_and_player_agree_with_plain_counting():
    random = np.random.default_rng(2)
    tunes = [random.integers(0, 4, random.integers(1, 25)) for _ in range(6)]
    test = random.integers(0, 5, 40)
    for order in (0, 1, 2, 5):
        model = Ngram(tunes, 5, order)
        expected = [math.log2(by_counting(tunes, 5, order, test[:n].tolist(), int(t))) for n, t in enumerate(test)]
        np.testing.assert_allclose(model.log2_probabilities(test), expected, atol=1e-9)
        player = model.player(learn=False)
        for token, bits in zip(test, expected, strict=True):
            assert math.log2(player.ask()[token]) == pytest.approx(bits, abs=1e-9)
            player.feed(int(token))


def test_a_shorter_context_by_choice():
    tunes = [np.array([0, 1, 2, 0, 1, 3])]
    long, short = Ngram(tunes, 4, 5), Ngram(tunes, 4, 2)
    test = np.array([1, 2, 0, 1, 0])
    np.testing.assert_allclose(long.log2_probabilities(test, up_to=2), short.log2_probabilities(test))


def test_the_player_learns_what_it_is_fed_as_if_it_had_been_trained_on_it():
    learning = Ngram([TUNE], 4, 2).player()
    fed = [3, 3, 0, 3, 3]
    for n, token in enumerate(fed):
        expected = [by_counting([TUNE.tolist(), fed[:n]], 4, 2, fed[:n], t) for t in range(4)]
        np.testing.assert_allclose(learning.ask(), expected)
        learning.feed(token)
    learning.reset()  # what was learned stays
    np.testing.assert_allclose(learning.ask(), [by_counting([TUNE.tolist(), fed], 4, 2, [], t) for t in range(4)])


def test_players_learn_for_themselves_alone():
    model = Ngram([TUNE], 4, 1)
    one, other = model.player(), model.player()
    before = other.ask()
    for _ in range(5):
        one.feed(3)
    one.reset()
    np.testing.assert_array_equal(other.ask(), before)
    assert one.ask()[3] > before[3]
    np.testing.assert_array_equal(model.player(learn=False).ask(), before)


def test_a_player_that_does_not_learn_stays_as_it_is():
    player = Ngram([TUNE], 4, 1).player(learn=False)
    before = player.ask()
    for _ in range(5):
        player.feed(3)
    player.reset()
    np.testing.assert_array_equal(player.ask(), before)


@pytest.mark.parametrize("bad", [-1, 4])
def test_a_token_outside_the_vocabulary_is_refused(bad):
    with pytest.raises(ValueError, match=f"token {bad} is outside this model's vocabulary \\(0 to 3\\)"):
        Ngram([TUNE], 4, 1).player().feed(bad)


@pytest.mark.parametrize("order", [-1, 17])
def test_an_order_out_of_range_is_refused(order):
    with pytest.raises(ValueError, match="order must be 0 to 16"):
        Ngram([TUNE], 4, order)


def second_order(seed: int) -> np.ndarray:
    """Tokens that mostly follow from the two before them, and otherwise from nothing."""
    random, tokens = np.random.default_rng(seed), [0, 1]
    for _ in range(3000):
        follows = (3 * tokens[-2] + tokens[-1]) % 4
        tokens.append(follows if random.random() < 0.6 else int(random.integers(4)))
    return np.array(tokens)


def test_the_order_that_suits_held_out_tunes():
    random = np.random.default_rng(3)
    noise = [random.integers(0, 3, 3000)]
    assert Ngram(noise, 3, 6).best_order([random.integers(0, 3, 3000)]) == 1
    pattern = np.tile([0, 0, 1, 0, 0, 2], 20)  # two tokens back tell 1 from 2 only together with the third
    assert Ngram([pattern], 3, 8).best_order([pattern[:60]]) >= 3
    assert Ngram(noise, 3, 0).best_order(noise) == 0
    assert Ngram([second_order(1)], 4, 5).best_order([second_order(2)]) == 2


def test_nothing_learned_is_all_alike():
    model = Ngram([], 8, 3)
    np.testing.assert_allclose(asked(model, [1, 2]), np.full(8, 1 / 8))
    np.testing.assert_allclose(model.log2_probabilities(np.array([1, 7])), [-3, -3])
    assert model.log2_probabilities(np.zeros(0, int)).shape == (0,)
