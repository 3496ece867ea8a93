"""Tunes in every key, within the range that the tunes themselves have."""

import numpy as np

from ritornello.corpus.tokens import in_every_key, possible_shifts
from ritornello.encoding import Grid

TUNE = np.array([133, 149, 60, 128, 129, 67, 152], np.int16)


def test_a_tune_with_room_goes_to_every_key_once():
    assert possible_shifts(Grid(), TUNE, 0, 127) == [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5]


def test_a_tune_stays_within_the_range():
    assert possible_shifts(Grid(), TUNE, 58, 68) == [-2, -1, 0, 1]
    assert possible_shifts(Grid(), TUNE, 60, 67) == [0]


def test_a_tune_outside_the_range_is_not_moved_further_out():
    assert possible_shifts(Grid(), TUNE, 62, 80) == [0, 1, 2, 3, 4, 5]
    assert possible_shifts(Grid(), TUNE, 62, 65) == [0]


def test_a_tune_without_notes_stays_as_it_is():
    assert possible_shifts(Grid(), np.array([133, 149, 128, 152]), 0, 127) == [0]


def test_every_melody_in_every_key_that_the_melodies_range_allows():
    low = np.array([133, 149, 59, 152], np.int16)
    out = [m.tolist() for m in in_every_key(Grid(), [TUNE, low])]
    moved = [[133, 149, 60 + s, 128, 129, 67 + s, 152] for s in (-1, 0)]
    assert out == moved + [[133, 149, 59 + s, 152] for s in range(6)]
    assert in_every_key(Grid(), []) == []
