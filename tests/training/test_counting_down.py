"""Countdown in training, scoring and composing: known for half of the melodies, never where tunes are scored."""

import numpy as np
import pytest

from ritornello.encoding import make_encoding
from ritornello.encoding.features import countdown_column
from ritornello.evaluate.likelihood import melody_nats
from ritornello.evaluate.surprise import note_costs
from ritornello.generate import compose as composing
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm
from ritornello.model.players import Player, Players
from ritornello.reports.runs import samples
from ritornello.training.data import Streams, lead_in, whole_melodies

ENCODING = make_encoding("note", ("position", "countdown"))
PLACE = 1  # of the countdown among the features
TUNE = ENCODING.encode(parse_notes("C4 D4 E4 F4 " * 5)).tokens
OTHER = ENCODING.encode(parse_notes("C4:2 D4:2 " * 9)).tokens


@pytest.fixture
def network(make_network) -> NumpyLstm:
    alphabet = Alphabet.of(ENCODING)
    return make_network(
        ENCODING.vocabulary.size, scale=0.3, seed=4, dtype=np.float64,
        second=alphabet.parts[1], side=alphabet.features,
    )  # fmt: skip


def passes(streams: Streams, chunks: int) -> list[list[int]]:
    """The countdown of each melody that one stream reads."""
    found: list[list[int]] = []
    for _ in range(chunks):
        batch = streams.chunk(7)
        for given, target, features in zip(batch.inputs[0], batch.targets[0], batch.features[0], strict=True):
            if given[0] == ENCODING.vocabulary.size:
                found.append([])
            if target[0] >= 0:
                found[-1].append(int(features[PLACE]))
    return found[:-1]  # the last may not be over


def test_half_of_the_melodies_of_an_epoch_know_their_countdown_wholly_or_not_at_all():
    known = {tuple(countdown_column(ENCODING, tune).tolist()) for tune in (TUNE, OTHER)}
    read = [tuple(each) for each in passes(Streams([TUNE, OTHER], ENCODING, 1, 3, 55, 70), 1200)]
    assert len(read) > 250
    unknown = [each for each in read if set(each) == {0}]
    assert {each for each in read if set(each) != {0}} == known
    assert 0.4 < len(unknown) / len(read) < 0.6


def test_a_melody_read_again_is_drawn_again():
    read = passes(Streams([TUNE], ENCODING, 1, 3), 100)  # in one key: the same rows are kept
    assert {set(each) == {0} for each in read} == {True, False}


def test_streams_taken_up_again_draw_as_they_would_have():
    streams = Streams([TUNE, OTHER], ENCODING, 2, 5, 50, 75)
    for _ in range(9):
        streams.chunk(11)
    other = Streams([TUNE, OTHER], ENCODING, 2, 5, 50, 75)
    other.restore(streams.state())
    for _ in range(40):
        np.testing.assert_array_equal(streams.chunk(11).features, other.chunk(11).features)


def test_checks_and_states_to_begin_from_do_not_know_it():
    for batch in (*whole_melodies(ENCODING, [TUNE, OTHER], 500), lead_in(ENCODING, TUNE)):
        assert not batch.features[:, :, PLACE].any()


def seen_by(network: NumpyLstm, monkeypatch) -> list[np.ndarray]:
    """Record the countdown that a network is fed."""
    fed: list[np.ndarray] = []
    feed = NumpyLstm.feed

    def recorded(self, tokens, state, features=None):
        if features is not None:
            fed.append(features[:, PLACE].copy())
        return feed(self, tokens, state, features)

    monkeypatch.setattr(NumpyLstm, "feed", recorded)
    return fed


def test_scores_costs_and_bare_samples_do_not_know_it(network, monkeypatch):
    fed = seen_by(network, monkeypatch)
    melody_nats(network, [TUNE, OTHER], ENCODING)
    note_costs(network, ENCODING, [TUNE])
    samples._written_alone(network, ENCODING, parse_notes("C4 E4"))
    assert len(fed) > 40
    assert not np.concatenate(fed).any()


def test_a_score_that_knows_it_is_that_of_a_player_that_counts_down(network):
    known = melody_nats(network, [TUNE, OTHER], ENCODING, with_countdown=True)
    assert not np.isclose(known, melody_nats(network, [TUNE, OTHER], ENCODING)).any()
    player, nats = Player(network, ENCODING), 0.0
    player.count_down(5 * 4 * ENCODING.ticks_per_quarter)
    for token in TUNE.tolist():
        nats -= np.log(player.ask()[token])
        player.feed(token)
    np.testing.assert_allclose(known[0], nats, rtol=1e-9)


def test_tunes_are_composed_with_the_bars_that_are_asked_for(network, monkeypatch):
    fed = seen_by(network, monkeypatch)
    for bars, first in ((1, 1), (4, 4), (8, 5), (16, 6), (17, 7)):
        fed.clear()
        composing.compose(network, ENCODING, GenerateOptions(bars=bars, metre="4/4"), 1, [0])
        values = [int(each[0]) for each in fed]
        assert values[0] == first
        assert 0 not in values
        assert {1, 8} & {*values[-2:]}
    fed.clear()
    composing.compose(network, ENCODING, GenerateOptions(bars=6), 1, [0], parse_notes("C4 D4 E4 F4 G4 A4 B4 C5"))
    composed = [int(each[0]) for each in fed if each[0]]  # the weighing of the primer's headers knows nothing
    assert composed[:5] == [5] * 5  # metre, and the first of six bars
    assert composed[5:9] == [5] * 4
    assert composed[9] == 4


def test_composing_takes_the_countdown_twice_as_seriously(network):
    stretched = composing.counting_network(network, ENCODING)
    players = [Players(each, ENCODING, 1) for each in (network, stretched)]
    unknown = [each.logits.copy() for each in players]
    np.testing.assert_array_equal(*unknown)  # unknown is unknown to both
    table, wider = network._features[PLACE], stretched._features[PLACE]
    np.testing.assert_allclose(wider - wider[:1], 2.0 * (table - table[:1]))
    np.testing.assert_array_equal(network._features[0], stretched._features[0])


def test_a_model_that_does_not_count_down_composes_as_it_is(make_network):
    plain = make_encoding("note", ("position",))
    alphabet = Alphabet.of(plain)
    network = make_network(plain.vocabulary.size, scale=0.3, seed=4, second=alphabet.parts[1], side=alphabet.features)
    assert composing.counting_network(network, plain) is network
    [tune] = composing.compose(network, plain, GenerateOptions(bars=2), 1, [0])
    assert tune.melody.notes
