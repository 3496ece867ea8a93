"""Training data: every token once an epoch, nothing repeated, nothing lost between chunks."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
from two_parts import TwoParts

from ritornello.encoding import Grid as GridOf
from ritornello.encoding.features import feature_rows
from ritornello.training import data
from ritornello.training.data import Streams, whole_melodies

Grid = partial(GridOf, version=1)  # an alphabet of 145 tokens

GRID = Grid()
START = 145
TUNES = [np.array([132, 60 + n, *[128] * n, 144], np.int16) for n in range(6)]


def sequences(streams: Streams, chunks: int, steps: int, count: int) -> list[list[tuple[int, int]]]:
    """(input, target) pairs of each stream, chunk after chunk."""
    pairs: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for _ in range(chunks):
        inputs, targets, side, _ = streams.chunk(steps)
        assert inputs.shape == targets.shape == (count, steps, 1)
        assert side.shape == (count, steps, 0)
        assert inputs.dtype == targets.dtype == np.int64
        for row, some_inputs, some_targets in zip(
            pairs, inputs[:, :, 0].tolist(), targets[:, :, 0].tolist(), strict=True
        ):
            row += zip(some_inputs, some_targets, strict=True)
    return pairs


@pytest.mark.parametrize("steps", [2, 5, 7, 64])
def test_each_input_is_the_target_before_it_across_chunks(steps):
    for pairs in sequences(Streams(TUNES, GRID, 3, 1), 30, steps, 3):
        for (_, target), (following, _) in zip(pairs, pairs[1:], strict=False):
            assert following == (START if target == -100 else target)


def test_nothing_yet_comes_before_each_melody_and_is_never_a_target():
    for pairs in sequences(Streams(TUNES, GRID, 2, 1), 40, 9, 2):
        assert pairs[0][0] == START
        assert START not in [target for _, target in pairs]
        for n, (given, target) in enumerate(pairs):
            assert (given == START) == (target == 132)  # a melody's first token, and nothing else
            if target == -100:
                assert given == 144  # after a melody's end nothing is learned
            if n and given == START:
                assert pairs[n - 1] == (144, -100)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_token_is_a_target_once_an_epoch(count):
    streams = Streams(TUNES, GRID, count, 1, lowest=60, highest=65)
    laid = [[] for _ in range(count)]
    for row, pairs in zip(laid, sequences(streams, 120, 10, count), strict=True):
        row += [target for _, target in pairs if target >= 0]
    melodies = []  # whole melodies by the end token; lengths tell them apart, whatever their key
    for row in laid:
        tune: list[int] = []
        for target in row:
            tune.append(target)
            if target == 144:
                melodies.append(len(tune) - 3)
                tune = []
    seen = Counter(melodies)
    assert set(seen) == set(range(6))
    assert max(seen.values()) - min(seen.values()) <= 1 + count  # what is still under way at the end


def test_one_stream_takes_all_melodies_before_any_again():
    pairs = sequences(Streams(TUNES, GRID, 1, 3), 1, 200, 1)[0]
    lengths, length = [], 0
    for _, target in pairs:
        length += target >= 0
        if target == 144:
            lengths.append(length - 3)
            length = 0
    for epoch in range(0, len(lengths) - 6, 6):
        assert sorted(lengths[epoch : epoch + 6]) == [0, 1, 2, 3, 4, 5]
    assert lengths[:6] != lengths[6:12]  # in another order


def test_order_and_keys_come_from_the_seed_alone():
    first, again, other = (sequences(Streams(TUNES, GRID, 3, seed), 10, 16, 3) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_melodies_move_within_the_range_and_to_every_key_of_it():
    tune = np.array([132, 60, 128, 64, 144], np.int16)
    pairs = sequences(Streams([tune], GRID, 2, 1, lowest=58, highest=66), 60, 20, 2)
    pitches = {(row[n][1], row[n + 2][1]) for row in pairs for n in range(len(row) - 2) if row[n][0] == 132}
    assert pitches <= {(60 + s, 64 + s) for s in (-2, -1, 0, 1, 2)}
    assert len(pitches) == 5


def test_a_melody_outside_the_range_is_not_moved_further_out():
    tune = np.array([132, 40, 144], np.int16)
    pairs = sequences(Streams([tune], GRID, 1, 1, lowest=50, highest=80), 20, 30, 1)[0]
    pitches = {target for given, target in pairs if given == 132 and target >= 0}
    assert pitches == {40, 41, 42, 43, 44, 45}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_epochs_count_what_was_read(count):
    streams, total = Streams(TUNES, GRID, count, 1), sum(len(t) + 1 for t in TUNES)
    assert streams.epochs == 0
    for chunks in range(1, 40):
        streams.chunk(7)
        # the very first row of a stream is an input alone
        assert streams.epochs == pytest.approx((7 * chunks * count + count) / total)


LONG = np.array([132, *np.random.default_rng(5).integers(40, 90, 8000), 144], np.int16)


def test_a_very_long_melody_is_read_in_different_places_by_different_streams():
    streams = Streams([LONG], GRID, 16, 1, 40, 89)  # in its own key alone
    inputs, targets, *_ = streams.chunk(48)
    text, places = LONG.tolist(), []
    for given, wanted in zip(inputs[:, :, 0].tolist(), targets[:, :, 0].tolist(), strict=True):
        assert given[1:] == wanted[:-1]
        run = wanted[:40]
        [place] = [n for n in range(len(text)) if text[n : n + 40] == run]
        places.append(place)
        assert given[0] == (text[place - 1] if place else START)
    assert (
        len(set(places)) == 16 - 1 or len(set(places)) == 16
    )  # sixteen sections, of which a new round has one again
    assert max(places) - min(places) > 4000
    assert streams.epochs == pytest.approx((16 * 48 + 16) / (8002 + 15), rel=0.01)


def test_every_token_of_a_very_long_melody_is_a_target_once_an_epoch():
    streams = Streams([LONG], GRID, 1, 1, 40, 89)
    seen = Counter()
    while streams.epochs < 1:
        seen.update(t for t in streams.chunk(1).targets[0, :, 0].tolist() if t != -100)
    assert seen == Counter(LONG.tolist())


def test_a_group_before_a_section_is_given_and_not_learned():
    tune = np.array([132, *[60, 62] * 600, 144], np.int16)
    streams = Streams([tune], GRID, 1, 3, 60, 62)
    pairs = sequences(streams, 1, 1203, 1)[0]
    joints = [n for n, (_, target) in enumerate(pairs) if target == -100]
    assert joints
    for n in joints:
        if n + 1 < len(pairs):
            given, target = pairs[n + 1]
            assert given == START or {given, target} == {60, 62}  # it goes on as the melody does


def test_the_melodies_themselves_are_left_as_they_were():
    before = [tune.copy() for tune in TUNES]
    Streams(TUNES, GRID, 3, 1).chunk(100)
    for tune, was in zip(TUNES, before, strict=True):
        np.testing.assert_array_equal(tune, was)


@pytest.mark.parametrize("chunks", [0, 1, 3, 20])
def test_streams_taken_up_again_go_on_as_they_would_have(chunks):
    streams = Streams(TUNES, GRID, 3, 1)
    for _ in range(chunks):
        streams.chunk(7)
    saved = streams.state()
    expected = sequences(streams, 30, 7, 3)
    again = Streams(TUNES, GRID, 3, 2)
    again.chunk(50)
    again.restore(saved)
    assert sequences(again, 30, 7, 3) == expected
    assert again.epochs == streams.epochs
    again.restore(saved)  # using it has not changed it
    assert sequences(again, 30, 7, 3) == expected


def test_a_checkpoint_of_other_streams_or_melodies_is_refused():
    streams = Streams(TUNES, GRID, 3, 1)
    streams.chunk(5)
    for count in (2, 4):
        with pytest.raises(ValueError, match=f"not one of {count} streams: begin a new run"):
            Streams(TUNES, GRID, count, 1).restore(streams.state())
    state = streams.state() | {"order": np.array([0, 3])}
    Streams(TUNES[:4], GRID, 3, 1).restore(state)
    with pytest.raises(ValueError, match="not one of these 3 melodies: begin a new run"):
        Streams(TUNES[:3], GRID, 3, 1).restore(state)


def test_features_that_no_longer_fit_in_memory_are_computed_anew(monkeypatch):
    expected = sequences(Streams(TUNES, GRID, 3, 1), 60, 7, 3)
    monkeypatch.setattr(data, "KEPT_BYTES", 0)
    assert sequences(Streams(TUNES, GRID, 3, 1), 60, 7, 3) == expected


def test_note_groups_keep_their_features():
    tunes = [np.array([2, 11, 3, 12, 4, 13, 10]), np.array([5, 14, 10])]
    streams = Streams(tunes, TwoParts(), 1, 1, 2, 5)  # the first may rise by one, the second fall by three
    inputs, targets, side = (part[0].tolist() for part in streams.chunk(200)[:3])
    lengths = {11: 1, 12: 2, 13: 3, 14: 4}
    last, notes = 0, 0
    for n, (given, wanted, beside) in enumerate(zip(inputs, targets, side, strict=True)):
        if given == [15, 15]:
            last, notes = 0, 0
        elif given[0] == 10:
            assert given == [10, 15]
            assert wanted == [-100, -100]
            assert n + 1 == len(inputs) or inputs[n + 1] == [15, 15]
            continue
        else:
            last, notes = lengths[given[1]], notes + 1
        assert beside == [last, notes]
        assert wanted[1] == -100 if wanted[0] == 10 else wanted[1] in lengths
        assert n + 1 == len(inputs) or inputs[n + 1] == [wanted[0], 15 if wanted[0] == 10 else wanted[1]]
    assert {w for w, _ in targets} == {2, 3, 4, 5, 10, -100}


def test_features_are_those_of_the_melody_in_its_new_key():
    encoding = Grid(inputs=("key", "position"))
    tune = np.array([134, 60, 62, 64, 65, 67, 69, 71, 72, 144], np.int16)
    streams = Streams([tune], encoding, 1, 1, 60, 80)
    inputs, targets, side, _ = streams.chunk(400)
    begins = np.flatnonzero(inputs[0, :, 0] == 145)
    seen = set()
    for begin, stop in zip(begins, begins[1:], strict=False):
        tokens = targets[0, begin : stop - 1, 0]
        seen.add(int(tokens[1]))
        np.testing.assert_array_equal(side[0, begin : stop - 1], feature_rows(encoding, tokens))
    assert len(seen) > 3


def test_whole_melodies_are_padded_and_none_is_lost():
    random = np.random.default_rng(1)
    melodies = [np.append(random.integers(0, 100, n), 144) for n in (3, 30, 11, 11, 60, 1)]
    found = []
    for inputs, targets, side, _ in whole_melodies(GRID, melodies, 64):
        assert side.shape == (*targets.shape[:2], 0)
        for given, wanted in zip(inputs[:, :, 0], targets[:, :, 0], strict=True):
            tune = wanted[wanted != -100]
            assert given[0] == START
            np.testing.assert_array_equal(given[1 : len(tune)], tune[:-1])
            assert (wanted[len(tune) :] == -100).all()
            found.append(tune.tolist())
    assert sorted(found) == sorted(m.tolist() for m in melodies)
