"""Pitches get the names that a musician would write in the key."""

import pytest

from ritornello.music.spelling import spell

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}


def names(pitches: list[int], fifths: int) -> str:
    return " ".join(f"{step}{SIGNS[alter]}{octave}" for step, alter, octave in spell(pitches, fifths))


@pytest.mark.parametrize(
    ("fifths", "pitches", "expected"),
    [
        (0, [60, 62, 64, 65, 67, 69, 71, 72], "C4 D4 E4 F4 G4 A4 B4 C5"),
        (3, [69, 71, 73, 74, 76, 78, 80, 81], "A4 B4 C#5 D5 E5 F#5 G#5 A5"),
        (-4, [68, 70, 72, 73, 75, 77, 79, 80], "Ab4 Bb4 C5 Db5 Eb5 F5 G5 Ab5"),
        (7, [61, 63, 65, 66, 68, 70, 72, 73], "C#4 D#4 E#4 F#4 G#4 A#4 B#4 C#5"),
        (-7, [59, 61, 63, 64, 66, 68, 70, 71], "Cb4 Db4 Eb4 Fb4 Gb4 Ab4 Bb4 Cb5"),
    ],
)
def test_a_scale_is_spelt_with_the_letters_of_its_key(fifths, pitches, expected):
    assert names(pitches, fifths) == expected


def test_the_leading_note_of_a_minor_key_is_sharp():
    assert names([69, 68, 69], 0) == "A4 G#4 A4"
    assert names([60, 59, 60], -3) == "C4 B4 C4".replace("B4", "B3")


def test_a_passing_note_is_sharp_on_the_way_up_and_flat_on_the_way_down():
    assert names([60, 61, 62, 63, 64], 0) == "C4 C#4 D4 D#4 E4"
    assert names([64, 63, 62, 61, 60], 0) == "E4 Eb4 D4 Db4 C4"
    assert names([69, 68, 67, 66, 67, 70], 0) == "A4 Ab4 G4 F#4 G4 Bb4"


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_every_spelling_sounds_at_its_pitch_and_stays_within_double_accidentals(fifths):
    for move in (-1, 0, 1):
        for pitch in range(1, 127):
            step, alter, octave = spell([pitch, pitch + move], fifths)[0]
            assert 12 * (octave + 1) + SEMITONES[step] + alter == pitch
            assert -2 <= alter <= 2


def test_a_key_or_pitch_out_of_range_is_refused():
    with pytest.raises(ValueError, match="-7 to 7"):
        spell([60], 8)
    with pytest.raises(ValueError, match="0 to 127"):
        spell([128], 0)
