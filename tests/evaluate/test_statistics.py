"""Habits of tunes, on tunes small enough to be judged by eye."""

import pytest

from ritornello.evaluate.statistics import (
    distances,
    divergence,
    ends_long,
    ends_on_tonic,
    habits,
    longest_repeat,
    profile_of,
    tied_notes,
)
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


def test_intervals_durations_and_ranges_are_distributions():
    profile = profile_of([tune([60, 62, 62, 60], [1, 1, 1, 1]), tune([60, 80, 40], [0.5, 0.5, 1]), tune([60], [4])])
    assert profile.melodies == 2
    # +2, 0, -2 of the first; +20 and -40, counted as an octave each, of the second
    assert profile.distributions["intervals"] == pytest.approx({2: 0.2, 0: 0.2, -2: 0.2, 12: 0.2, -12: 0.2})
    assert profile.distributions["durations"] == pytest.approx({1: 5 / 7, 0.5: 2 / 7})
    assert profile.distributions["ranges"] == pytest.approx({2: 0.5, 36: 0.5})


@pytest.mark.parametrize(
    ("metre", "quarters", "pickup", "share"),
    [
        ((4, 4), [1, 0.5, 0.5, 2], 0, 3 / 4),
        ((6, 8), [1, 0.5, 1.5, 1], 0, 3 / 4),  # beats at 0 and 1.5: the second note, at 1, is on none
        ((6, 8), [0.5, 1.5, 1.5], 0.5, 2 / 3),  # an eighth before the barline is on no beat
        ((3, 4), [1, 1, 2], 1, 1),
        ((4, 4), [0.5, 1, 0.5, 2], 0.5, 1 / 2),
    ],
)
def test_notes_on_a_beat_are_counted_from_the_barline(metre, quarters, pickup, share):
    melody = tune(list(range(60, 60 + len(quarters))), quarters, metre, pickup)
    assert profile_of([melody]).shares["on_beat"] == pytest.approx(share)


def test_repetition_is_the_same_pitch_at_the_same_place_so_many_bars_before():
    bars = [[60, 62], [60, 62], [64, 62], [60, 62], [60, 64]]  # two half notes each
    profile = profile_of([tune([p for bar in bars for p in bar], [2] * 10)])
    # one bar before: both, the second, the second, the first; two: the second, both, neither; four: the first
    assert profile.shares["repeats_1"] == pytest.approx(5 / 8)
    assert profile.shares["repeats_2"] == pytest.approx(3 / 6)
    assert profile.shares["repeats_4"] == pytest.approx(1 / 2)


def test_a_note_held_where_one_began_is_no_repetition():
    assert profile_of([tune([60, 60, 60], [4, 2, 2])]).shares["repeats_1"] == pytest.approx(1 / 2)
    assert profile_of([tune([60, 62], [1, 1])]).shares["repeats_1"] == 0  # nothing could be


def test_divergence_by_hand():
    assert divergence({1: 1.0}, {1: 1.0}) == 0
    assert divergence({1: 1.0}, {2: 1.0}) == pytest.approx(1)
    assert divergence({1: 0.5, 2: 0.5}, {2: 0.5, 3: 0.5}) == pytest.approx(0.5)
    # against the middle (3/4, 1/4): 1/2 log2(4/3) + 1/2 (1/2 log2(2/3) + 1/2 log2 2)
    assert divergence({1: 1.0}, {1: 0.5, 2: 0.5}) == pytest.approx(0.3112781)


def test_distances_name_every_statistic_and_are_none_to_oneself():
    one = profile_of([tune(C_MAJOR, [1] * 7)])
    other = profile_of([tune([p + 1 for p in [60, 67, 60, 67]], [0.5] * 4)])
    assert set(distances(one, one).values()) == {0}
    found = distances(one, other)
    assert set(found) == {
        "intervals", "durations", "ranges", "on_beat", "tonic_endings", "long_endings",
        "repeats_1", "repeats_2", "repeats_4",
    }  # fmt: skip
    assert found["durations"] == pytest.approx(1)
    assert found["on_beat"] == pytest.approx(1 / 2)
    assert all(0 <= d <= 1 for d in found.values())
