"""Scoring of whole melodies: what a player pays event by event, and never asked event by event."""

import numpy as np
import pytest
from networks import network_of

from ritornello.corpus.embedded import embedded
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import make_encoding
from ritornello.encoding.features import length_of
from ritornello.encoding.memory import SOURCES, Sizes
from ritornello.evaluate.surprise import note_costs
from ritornello.model import scoring
from ritornello.model.alphabet import Alphabet
from ritornello.model.counts import counts_to_tensors
from ritornello.model.lstm import tensor_shapes
from ritornello.model.options import NetworkOptions
from ritornello.model.players import Player
from ritornello.model.scoring import sequence_nats
from ritornello.model.suggestions import read_events, suggest
from ritornello.training.memory import Memory

ENCODINGS = {
    "plain": make_encoding("interval", inputs=("position", "key")),
    "own": make_encoding("interval", inputs=("position", "bar_ago"), memory=("own",)),
    "both": make_encoding("interval", inputs=("position", "countdown"), memory=("own", "corpus")),
    "previous": make_encoding("interval", relative_to="previous", memory=("own", "corpus")),
    "endings": make_encoding("interval", inputs=("position", "countdown"), memory=SOURCES),
    "grid": make_encoding("grid"),
}


@pytest.fixture(scope="module")
def corpus():
    return embedded("songs")


def network_for(encoding, melodies, dtype=np.float64):
    """Weights drawn at random, with counts of some melodies."""
    memory = Memory(encoding, melodies, list(range(len(melodies)))) if encoding.memory else None
    options = NetworkOptions(2, 16, 12, 0.0, attention=6, chain=8)
    random, shapes = np.random.default_rng(1), tensor_shapes(options, Alphabet.of(encoding))
    tensors = {name: 0.2 * random.standard_normal(shape) for name, shape in shapes.items()}
    return network_of(tensors | (counts_to_tensors(memory.counts) if memory and memory.counts else {}), dtype)


def paid_by_a_player(network, encoding, tokens: np.ndarray, until: int = -1) -> np.ndarray:
    player, nats = Player(network, encoding), []
    player.count_down(until)
    for token in tokens.tolist():
        nats.append(-np.log(player.ask()[token]))
        player.feed(token)
    return np.array(nats)


@pytest.mark.parametrize("name", ENCODINGS)
def test_real_melodies_cost_what_a_player_pays(corpus, name, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 50)
    encoding = ENCODINGS[name]
    melodies = corpus_tokens(corpus, encoding, "test", range(12))
    network = network_for(encoding, corpus_tokens(corpus, encoding, "train", range(30)))
    expected = [paid_by_a_player(network, encoding, tokens).sum() for tokens in melodies]
    np.testing.assert_allclose(sequence_nats(network, encoding, melodies), expected, rtol=1e-7)
    costs = note_costs(network, encoding, melodies)
    np.testing.assert_allclose([each["bits"].sum() * np.log(2) for each in costs], expected, rtol=1e-7)
    monkeypatch.setattr(scoring, "BLOCK", 100)
    np.testing.assert_allclose(sequence_nats(network, encoding, melodies), expected, rtol=1e-7)


@pytest.mark.parametrize("name", ["both", "endings"])
def test_a_known_end_costs_what_a_player_pays_who_counts_down(corpus, name):
    encoding = ENCODINGS[name]
    melodies = corpus_tokens(corpus, encoding, "test", range(6))
    network = network_for(encoding, corpus_tokens(corpus, encoding, "train", range(30)))
    ends = np.array([length_of(encoding, tokens) for tokens in melodies])
    expected = [
        paid_by_a_player(network, encoding, *each).sum() for each in zip(melodies, ends.tolist(), strict=True)
    ]
    found = sequence_nats(network, encoding, melodies, ends)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    assert (found != sequence_nats(network, encoding, melodies)).all()


def test_a_melody_is_never_compared_with_its_past_event_by_event(corpus, monkeypatch):
    def refuse(*_):
        raise AssertionError("this grows with the square of the length")

    monkeypatch.setattr("ritornello.model.recall.Recall.recall", refuse)
    encoding = ENCODINGS["both"]
    melodies = corpus_tokens(corpus, encoding, "test", range(3))
    network = network_for(encoding, melodies)
    assert (sequence_nats(network, encoding, melodies) > 0).all()
    assert all(len(table) for table in note_costs(network, encoding, melodies))


def test_groups_are_told_apart_however_many_there_are(corpus):
    encoding = ENCODINGS["own"]
    events = read_events(encoding, corpus_tokens(corpus, encoding, "test", range(2)))
    far = events._replace(group=events.group + 70_000, groups=events.groups + 70_000)
    for part in (0, 1):
        near, found = (suggest(each, Sizes.of(encoding), part, ("own",), None) for each in (events, far))
        rows = np.arange(events.groups)
        for ours, theirs in zip(found.recall(rows + 70_000), near.recall(rows), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_network_of_another_encoding_is_refused(corpus):
    network = network_for(ENCODINGS["plain"], [])
    with pytest.raises(ValueError, match="use the encoding that is stored with the model"):
        sequence_nats(network, ENCODINGS["both"], [])
