"""Chords that the bench of chorales gives beforehand: named by rule, and told for the moment of each token."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.chorales.labels import OTHER, LabelledEncoding, label


@pytest.mark.parametrize(
    ("pitches", "found"),
    [
        ([48, 55, 60, 64], (1, 0)),  # C major
        ([52, 55, 60, 67], (1, 0)),  # on its third
        ([45, 52, 60, 64], (2, 9)),  # A minor
        ([47, 50, 53, 62], (3, 11)),  # B diminished
        ([48, 52, 56, 60], (4, 0)),  # C augmented, named after its lowest voice
        ([43, 47, 50, 53], (1, 7)),  # a seventh besides
        ([45, 48, 52, 55], (2, 9)),  # A minor with a seventh, not C major above A
        ([48, 52, 60, -1], (1, 0)),  # without its fifth
        ([48, 50, -1, 60], (OTHER, -1)),
        ([-1, -1, -1, -1], (0, -1)),
    ],
)
def test_a_chord_is_named_by_the_notes_that_sound(pitches, found):
    assert label(pitches) == found


def test_each_token_sees_the_chord_of_its_own_step():
    encoding = LabelledEncoding(False)
    pitches = np.array([[72, 67, 64, 48], [71, 67, 62, 55]])  # C major, then G major
    rows = encoding.feature_rows(encoding.write(pitches))
    names = [feature.name for feature in encoding.features]
    kind, root = (rows[:, names.index(name)].tolist() for name in ("label_kind", "label_root"))
    assert kind == [1] * 8 + [OTHER + 1]  # and after the last one there is none
    # C above what each voice sang last, at first 64 by definition: 60 - 64 is 8; then G above 72, 67, 64 and 48
    assert root == [1 + 8, 13 + 8, 25 + 8, 37 + 8, 1 + 7, 13 + 0, 25 + 3, 37 + 7, 0]
    up = encoding.feature_rows(encoding.write(pitches + 2))
    assert up[4:8, names.index("label_root")].tolist() == root[4:8]  # the same in every key
