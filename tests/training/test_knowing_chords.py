"""Chords in training and scoring: known for a quarter of the melodies with some, never where tunes are scored."""

from dataclasses import replace

import numpy as np
import pytest

from ritornello.encoding import make_encoding
from ritornello.encoding.features import chord_columns, harmony_of
from ritornello.evaluate.likelihood import melody_nats
from ritornello.generate.primer import parse_notes
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm
from ritornello.model.players import Players
from ritornello.music.chords import read_chord
from ritornello.training.data import Streams, lead_in, whole_melodies

ENCODINGS = [make_encoding("note", ("position", "chord")), make_encoding("interval", ("position", "chord"))]
CHORDS = slice(1, 4)
MELODY = replace(parse_notes("C4 D4 E4 F4 " * 5), chords=((0, read_chord("C")), (1920, read_chord("G7"))))
OTHER = parse_notes("C4:2 D4:2 " * 9)


def passes(streams, encoding, chunks):
    """The columns of chords of each melody that one stream reads."""
    found = []
    for _ in range(chunks):
        batch = streams.chunk(7)
        for given, target, features in zip(batch.inputs[0], batch.targets[0], batch.features[0], strict=True):
            if given[0] == encoding.vocabulary.size:
                found.append([])
            if target[0] >= 0:
                found[-1].append(tuple(features[CHORDS].tolist()))
    return found[:-1]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
def test_a_quarter_of_the_melodies_with_chords_know_them_wholly_or_not_at_all(encoding):
    tunes = [encoding.encode(melody).tokens for melody in (MELODY, OTHER)]
    harmony = harmony_of(encoding, MELODY)
    streams = Streams(tunes, encoding, 1, 3, 55, 70, harmonies=[harmony, None])
    read = passes(streams, encoding, 2400)
    moved = {}  # by transposition
    for shift in range(-6, 6):
        tokens = encoding.transpose(tunes[0], shift)
        rows = chord_columns(encoding, tokens, harmony.transposed(shift)).tolist()
        moved[shift] = tuple(map(tuple, rows))
    known = [tuple(each) for each in read if set(each) != {(0, 0, 0)}]
    assert len(read) > 400
    on_stage = {tuple((now, 0, 0) for now, _, _ in each) for each in moved.values()}
    assert set(known) <= {*moved.values(), *on_stage}
    assert 0.1 < sum(each in on_stage for each in known) / len(known) < 0.4
    keys = 1 if encoding.is_keyed else 11  # in which C4 to F4 lie within 55 to 70
    assert len({each for each in known if each not in on_stage}) == keys
    assert 0.07 < len(known) / len(read) < 0.18  # a quarter of one melody of two


def test_a_corpus_without_chords_is_read_as_before():
    encoding = ENCODINGS[0]
    tunes = [encoding.encode(melody).tokens for melody in (MELODY, OTHER)]
    plain, none = (Streams(tunes, encoding, 2, 5, harmonies=known) for known in ((), [None, None]))
    for _ in range(30):
        one, other = plain.chunk(11), none.chunk(11)
        np.testing.assert_array_equal(one.features, other.features)
        np.testing.assert_array_equal(one.targets, other.targets)


def test_streams_taken_up_again_draw_as_they_would_have():
    encoding = ENCODINGS[1]
    tunes, known = [encoding.encode(m).tokens for m in (MELODY, OTHER)], [harmony_of(encoding, MELODY), None]
    streams = Streams(tunes, encoding, 2, 5, harmonies=known)
    for _ in range(9):
        streams.chunk(11)
    other = Streams(tunes, encoding, 2, 5, harmonies=known)
    other.restore(streams.state())
    for _ in range(40):
        np.testing.assert_array_equal(streams.chunk(11).features, other.chunk(11).features)


def test_checks_and_states_to_begin_from_do_not_know_them():
    encoding = ENCODINGS[1]
    tunes = [encoding.encode(m).tokens for m in (MELODY, OTHER)]
    for batch in (*whole_melodies(encoding, tunes, 500), lead_in(encoding, tunes[0])):
        assert not batch.features[:, :, CHORDS].any()


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
def test_scores_with_chords_are_those_of_a_player_that_knows_them(encoding, make_network):
    alphabet = Alphabet.of(encoding)
    network: NumpyLstm = make_network(
        encoding.vocabulary.size, scale=0.3, seed=4, dtype=np.float64,
        second=alphabet.parts[1], side=alphabet.features,
    )  # fmt: skip
    tokens, harmony = encoding.encode(MELODY).tokens, harmony_of(encoding, MELODY)
    costs = []
    for known in (harmony, None):
        players, nats = Players(network, encoding, 1), 0.0
        players.trackers[0].harmony = known
        for token in tokens.tolist():
            logits = players.logits[0].astype(float)
            nats += np.log(np.exp(logits - logits.max()).sum()) - (logits - logits.max())[token - players.first]
            players.feed(np.array([token]))
        costs.append(nats)
    with_chords, without = (melody_nats(network, [tokens], encoding, harmonies=each)[0] for each in ([harmony], ()))
    np.testing.assert_allclose([with_chords, without], costs)
    assert abs(costs[0] - costs[1]) > 1e-3
