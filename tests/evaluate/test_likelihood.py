"""Likelihood: the batched sum is what a single player pays, note by note."""

import math

import numpy as np
import pytest

from ritornello.encoding import Grid, make_encoding
from ritornello.evaluate.likelihood import Likelihood, measure, melody_nats
from ritornello.model.players import Player
from ritornello.music.values import Melody, Metre, Note, Timeline


def paid_by_a_player(network, melody) -> float:
    player, nats = Player(network, Grid()), 0.0
    for token in melody:
        nats -= math.log(player.ask()[token])
        player.feed(int(token))
    return nats


@pytest.mark.parametrize("batch", [512, 7])
def test_whole_melodies_cost_what_a_player_pays(make_network, monkeypatch, batch):
    monkeypatch.setattr("ritornello.model.scoring.MOST_MELODIES", batch)
    network = make_network(153, dtype=np.float64)
    random = np.random.default_rng(1)
    melodies = [random.integers(0, 30, n) for n in (5, 1, 40, 17, 17, 2, 33, 0, 8, 25, 3)]
    nats = melody_nats(network, melodies, Grid())
    np.testing.assert_allclose(nats, [paid_by_a_player(network, m) for m in melodies], rtol=1e-9)
    assert nats[7] == 0


def test_the_order_of_melodies_does_not_matter(make_network):
    network, encoding = make_network(153), Grid()
    random = np.random.default_rng(2)
    melodies = [random.integers(0, 30, n).astype(np.int16) for n in (12, 3, 30, 8)]
    np.testing.assert_allclose(
        melody_nats(network, melodies, encoding)[::-1], melody_nats(network, melodies[::-1], encoding), rtol=1e-5
    )
    assert melody_nats(network, [], encoding).shape == (0,)


def test_rates_by_hand():
    found = Likelihood(nats=8 * math.log(2), tokens=16, notes=4, quarters=2.0)
    assert found.nll_per_token == pytest.approx(0.5 * math.log(2))
    assert found.bits_per_note == pytest.approx(2.0)
    assert found.bits_per_quarter == pytest.approx(4.0)
    assert found.to_dict() == {
        "nats": 8 * math.log(2), "tokens": 16, "notes": 4, "quarters": 2.0, "nll_per_token": found.nll_per_token,
        "bits_per_note": found.bits_per_note, "bits_per_quarter": found.bits_per_quarter,
    }  # fmt: skip


def test_what_melodies_spell_is_counted_by_hand():
    one = np.array([133, 149, 60, 128, 129, 62, 152])  # two notes in four steps
    two = np.array([132, 149, 128, 128, 60, 152])  # one note, of one step
    found = measure([3.0, 4.0], [one, two], Grid())
    assert found == Likelihood(7.0, 13, 3, 5 / 4)
    assert measure([1.0], [np.array([60, 128])], Grid(12, plain=True)) == Likelihood(1.0, 2, 1, 2 / 12)


@pytest.mark.parametrize("name", ["grid", "lookback", "note", "interval", "miditok"])
def test_time_is_that_of_the_notes_whatever_the_encoding_makes_of_a_pick_up(name):
    pytest.importorskip("miditok")
    timeline = Timeline(4, 20, (Metre(0, 4, 4), Metre(4, 4, 4)))
    melody = Melody((Note(0, 4, 60), Note(4, 8, 62), Note(16, 4, 60)), timeline)
    encoding = make_encoding(name)
    assert measure([1.0], [encoding.encode(melody).tokens], encoding).quarters == 5


def test_nothing_costs_nothing():
    nothing = measure([], [], Grid())
    assert nothing.bits_per_note == nothing.nll_per_token == nothing.bits_per_quarter == 0.0
