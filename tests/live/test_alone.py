"""A machine that plays alone: its phrases are melodies in every register to which it wanders."""

from itertools import pairwise

import pytest

from ritornello.api.live import jam


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_an_installation_plays_melodies_not_one_pitch_over_and_over(seed):
    made = jam(preset="installation", seconds=60, seed=seed)
    pitches = [note.pitch for note in made.piece.parts[1].notes]
    repeated = sum(before == after for before, after in pairwise(pitches))
    assert len(pitches) >= 12
    assert len({*pitches}) >= 6
    assert repeated <= 0.5 * len(pitches)  # nearly all, where the header named an octave above the register
