"""Habits of tunes, on tunes small enough to be judged by eye."""

import pytest

from ritornello.evaluate.statistics import ends_long, ends_on_tonic, habits, longest_repeat, tied_notes
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

C_MAJOR = [60, 64, 67, 65, 62, 59, 60]  # C E G F D B C


def tune(pitches: list[int], quarters: list[float], metre: tuple[int, int] = (4, 4), pickup: float = 0) -> Melody:
    """Notes one after the other, 480 ticks to a quarter."""
    notes, at = [], 0
    for pitch, length in zip(pitches, quarters, strict=True):
        notes.append(Note(at, round(480 * length), pitch))
        at = notes[-1].end
    metres = [Metre(0, *metre)] + ([Metre(round(480 * pickup), *metre)] if pickup else [])
    return Melody(tuple(notes), Timeline(480, at, tuple(metres)))


@pytest.mark.parametrize("shift", range(12))
def test_the_tonic_is_that_of_the_notes_before_the_last_in_any_key(shift):
    assert ends_on_tonic(tune([p + shift for p in C_MAJOR], [1] * 7))
    assert not ends_on_tonic(tune([p + shift for p in [*C_MAJOR[:-1], 62]], [1] * 7))


def test_the_tonic_counts_in_any_octave_and_in_minor():
    assert ends_on_tonic(tune([*C_MAJOR[:-1], 48], [1] * 7))
    assert ends_on_tonic(tune([69, 72, 76, 74, 71, 68, 69], [1] * 7))  # A C E D B G# A


def test_what_the_file_says_of_its_key_is_not_asked():
    melody = tune(C_MAJOR, [1] * 7)
    timeline = Timeline(480, 3360, melody.timeline.metres, (Key(0, 4),))
    assert ends_on_tonic(Melody(melody.notes, timeline))


@pytest.mark.parametrize(
    ("metre", "last", "is_long"),
    [
        ((4, 4), 1, True),
        ((4, 4), 0.75, False),
        ((3, 4), 1, True),
        ((2, 2), 1, False),
        ((2, 2), 2, True),
        ((6, 8), 1, False),
        ((6, 8), 1.5, True),
        ((9, 8), 1.5, True),
        ((3, 8), 0.5, False),  # felt in one
        ((3, 8), 1.5, True),
    ],
)
def test_a_long_ending_lasts_a_beat_or_more(metre, last, is_long):
    assert ends_long(tune([60, 62, 64], [1, 1, last], metre)) is is_long


@pytest.mark.parametrize(
    ("quarters", "pickup", "ties"),
    [
        ([1, 1, 1, 1, 4], 0, 0),  # ends on the barline
        ([1, 1, 1, 2, 3], 0, 1),  # half a note of two quarters in each bar
        ([3, 2, 3, 4], 0, 1),
        ([3, 2, 2, 2, 3], 0, 2),
        ([3, 9], 0, 1),  # one note, two barlines
        ([1, 4, 4], 1, 0),
        ([1, 3, 2, 3], 1, 1),
        ([2, 4, 3], 1, 2),
    ],
)
def test_notes_that_sound_over_a_barline_are_counted_once(quarters, pickup, ties):
    assert tied_notes(tune(list(range(60, 60 + len(quarters))), quarters, (4, 4), pickup)) == ties


def test_the_longest_run_on_one_pitch():
    assert longest_repeat(tune([60], [1])) == 1
    assert longest_repeat(tune([60, 62, 60, 62], [1] * 4)) == 1
    assert longest_repeat(tune([60, 62, 62, 62, 60, 60], [1] * 6)) == 3
    assert longest_repeat(tune([72, 60, 60], [1] * 3)) == 2


def test_shares_over_several_tunes():
    good = tune(C_MAJOR, [1] * 6 + [2])  # tonic, long, the last note over no barline: 6 + 2 quarters
    dull = tune([64] * 9 + [62], [0.5] * 10)  # nine on one pitch, a short ending
    alone = tune([60], [4])  # one note has no habits
    assert habits([good, dull, alone]) == {
        "melodies": 2.0,
        "tonic_endings": 0.5,
        "long_endings": 0.5,
        "ties": 0.0,
        "long_repeats": 0.5,
    }


def test_eight_on_one_pitch_is_not_yet_long():
    assert habits([tune([64] * 8 + [62], [0.5] * 9)])["long_repeats"] == 0


def test_no_tunes_have_no_habits():
    assert set(habits([]).values()) == {0.0}
