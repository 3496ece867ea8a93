"""Players and the player: feed, ask, keep, reset, part by part, with the features that the rules compute."""

import numpy as np
import pytest
from networks import step
from two_parts import TwoParts, features_by_hand, tune

from ritornello.encoding import Grid
from ritornello.encoding.features import feature_rows
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm
from ritornello.model.network import cross_entropy, probabilities
from ritornello.model.options import NetworkOptions
from ritornello.model.players import Player, Players
from ritornello.model.scoring import sequence_nats

GRID = Grid(version=1)


def asked_after_each(player: Player, tokens: list[int]) -> np.ndarray:
    rows = [player.ask()]
    for token in tokens:
        player.feed(token)
        rows.append(player.ask())
    return np.stack(rows)


@pytest.fixture
def network(make_network) -> NumpyLstm:
    return make_network(145)


def test_the_player_asks_what_the_network_says(network):
    player, state = Player(network, GRID), network.start(1)
    for token in [145, 132, 60, 128, 60, 144]:
        logits, state = step(network, np.array([token]), state)
        if token != 145:
            player.feed(token)
        asked = player.ask()
        assert asked.shape == (145,)
        assert asked.dtype == np.float64
        assert asked.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(asked, probabilities(logits)[0], atol=1e-12)
        np.testing.assert_array_equal(player.ask(), asked)


def test_two_parts_are_fed_and_asked_one_by_one_with_their_side_inputs(make_network):
    network = make_network(15, second=4, side=(5, 5), dtype=np.float64)
    tokens = tune(np.random.default_rng(1), 9)
    side = features_by_hand(tokens)
    asked = asked_after_each(Player(network, TwoParts()), tokens[:-1].tolist())
    state, expected = network.start(1), []
    for n, token in enumerate([15, *tokens[:-1].tolist()]):
        logits, state = step(network, np.array([token]), state, side[n // 2][None])
        expected.append(probabilities(logits)[0])
    np.testing.assert_allclose(asked, expected, atol=1e-12)
    assert asked[::2, 11:].max() == asked[1::2, :11].max() == 0
    np.testing.assert_allclose(asked.sum(1), 1)


def test_a_grid_with_side_inputs_plays_with_its_tracker(make_network):
    encoding = Grid(version=1, inputs=("position", "metre"))
    sizes = tuple(side.size for side in encoding.features)
    network = make_network(145, side=sizes)
    tokens = np.array([133, 60, 128, 128, 129, 62, 128])
    asked = asked_after_each(Player(network, encoding), tokens.tolist())
    side = feature_rows(encoding, np.append(tokens, 144))
    state = network.start(1)
    for n, token in enumerate([145, *tokens.tolist()]):
        logits, state = step(network, np.array([token]), state, side[n][None])
        np.testing.assert_allclose(asked[n], probabilities(logits)[0], atol=1e-12)


@pytest.mark.parametrize("attention", [0, 6])
def test_reset_begins_again(make_network, attention):
    player = Player(make_network(15, second=4, side=(5, 5), attention=attention), TwoParts())
    tokens = tune(np.random.default_rng(2), 12)[:-1].tolist()
    first = asked_after_each(player, tokens)
    assert not np.allclose(first[0], first[2])
    player.reset()
    np.testing.assert_array_equal(asked_after_each(player, tokens), first)
    player.reset()
    player.feed(3)  # in the middle of a group
    player.reset()
    np.testing.assert_array_equal(player.ask(), first[0])


@pytest.mark.parametrize("bad", [-1, 145, 1000])
def test_the_player_refuses_a_token_outside_its_vocabulary_and_plays_on(network, bad):
    player = Player(network, GRID)
    player.feed(3)
    before = player.ask()
    with pytest.raises(ValueError, match=f"token {bad} is outside this model's vocabulary \\(0 to 144\\)"):
        player.feed(bad)
    np.testing.assert_array_equal(player.ask(), before)


def test_the_player_refuses_a_token_of_the_part_that_is_not_next(make_network):
    player = Player(make_network(15, second=4, side=(5, 5)), TwoParts())
    with pytest.raises(ValueError, match=r"token 12 is not of the part of a note that is next \(0 to 10\)"):
        player.feed(12)
    player.feed(4)
    before = player.ask()
    with pytest.raises(ValueError, match=r"token 4 is not of the part of a note that is next \(11 to 14\)"):
        player.feed(4)
    np.testing.assert_array_equal(player.ask(), before)
    player.feed(12)


def test_an_illegal_token_of_the_vocabulary_is_taken(network):
    asked = asked_after_each(Player(network, GRID), [144, 129, 129, 133, 133, 60])
    np.testing.assert_allclose(asked.sum(1), 1)


def test_numpy_integers_may_be_fed(network):
    player = Player(network, GRID)
    player.feed(np.int16(3))
    player.feed(np.uint8(19))
    assert player.ask().sum() == pytest.approx(1)


def test_a_network_of_another_encoding_is_refused_in_one_line(network, make_network):
    with pytest.raises(ValueError) as raised:
        Player(network, TwoParts())
    assert str(raised.value) == (
        "this model reads 145 tokens, the encoding 'two_parts' has 11 + 4 tokens and 2 features of 5 + 5: "
        "use the encoding that is stored with the model"
    )
    with pytest.raises(ValueError, match="the encoding 'grid' has 130 tokens"):
        Player(network, Grid(plain=True))
    with pytest.raises(ValueError, match="this model reads 145 tokens and 1 features of 3"):
        Player(make_network(145, side=(3,)), GRID)


def test_players_are_so_many_players_and_may_leave(make_network):
    network, random = make_network(15, second=4, side=(5, 5), dtype=np.float64), np.random.default_rng(4)
    tunes = np.stack([tune(random, 12)[:-1] for _ in range(5)])
    players, alone = Players(network, TwoParts(), 5), [Player(network, TwoParts()) for _ in range(5)]
    rows = np.arange(5)
    for n in range(tunes.shape[1]):
        logits = players.logits
        for row, found in zip(rows, probabilities(logits), strict=True):
            asked = alone[row].ask()[players.first : players.first + len(found)]
            np.testing.assert_allclose(found, asked, atol=1e-12)
        if n in (0, 5, 6, 11):  # by slice, mask and indices, at either part, asked before or not
            chosen = {0: slice(5), 5: rows != 2, 6: np.array([3, 0, 1]), 11: slice(2)}[n]
            players.keep(chosen)
            rows = rows[chosen]
        players.feed(tunes[rows, n].astype(np.int64))
        before = rows
        if n == 8:  # fed but not yet asked
            players.keep(np.array([True, False, True]))
            rows = rows[[0, 2]]
        for row in before:
            alone[row].feed(int(tunes[row, n]))


@pytest.mark.parametrize("attention", [0, 6])
def test_a_snapshot_is_gone_back_to_as_often_as_wanted(make_network, attention):
    network = make_network(15, second=4, side=(5, 5), attention=attention)
    players = Players(network, TwoParts(), 2)
    for token in (3, 12, 5):  # in the middle of a group
        players.feed(np.array([token, token + 1]))
    place = players.snapshot()
    ways = []
    for tokens in ((12, 4), (13, 6), (12, 4)):
        for token in tokens:
            players.feed(np.array([token, token]))
        ways.append(players.logits)
        players.restore(place)
    np.testing.assert_array_equal(ways[0], ways[2])
    assert not np.allclose(ways[0], ways[1])


def test_the_nats_of_sequences_are_those_of_each_alone(make_network):
    network, random = make_network(15, second=4, side=(5, 5), dtype=np.float64), np.random.default_rng(6)
    tunes = [tune(random, notes) for notes in (3, 9, 1, 9, 5)]
    expected = []
    for tokens in tunes:
        player = Player(network, TwoParts())
        expected.append(0.0)
        for token in tokens.tolist():
            expected[-1] -= np.log(player.ask()[token])
            player.feed(token)
    np.testing.assert_allclose(sequence_nats(network, TwoParts(), tunes), expected)
    assert sequence_nats(network, TwoParts(), []).shape == (0,)


def test_the_cross_entropy_of_a_row_of_equal_logits_is_that_of_a_fair_die():
    logits = np.array([[2.0] * 6, [0.0] * 5 + [-np.inf]], np.float32)
    np.testing.assert_allclose(cross_entropy(logits, np.array([5, 0])), np.log([6, 5]))


def test_an_alphabet_of_more_than_two_parts_is_no_alphabet_for_the_lstm(make_tensors):
    voices = Alphabet((9, 9, 9, 9))
    assert (voices.size, voices.firsts[3], voices.part_of(35), voices.groups(np.arange(6)).shape) == (
        36,
        27,
        3,
        (2, 4),
    )
    with pytest.raises(ValueError, match="the lstm reads groups of 1 or 2 tokens, not of 4"):
        NumpyLstm(make_tensors(36), NetworkOptions(2, 16, 16), voices)
