"""Habits of sets of tunes, and how far their halves lie apart."""

import numpy as np
import pytest

from ritornello.evaluate.habits import count_habits, halves_band, has_far_key, pooled_share
from ritornello.generate.primer import parse_notes
from ritornello.music.values import Key, Melody, Timeline

BAR = "C4 E4 G4 E4 "
OTHER = "D4:2 F4 A4 "


def test_habits_are_counted_tune_by_tune():
    round_and_round = parse_notes(BAR * 8)
    returning = parse_notes((BAR + OTHER + "G4:4 " + OTHER) * 2 + "C4:4")
    found = count_habits([round_and_round, returning, parse_notes("C4:4")], 8)
    assert {name for name in found if name.endswith("_4")} == {"exact_after_4", "moved_after_4", "rhythm_after_4"}
    assert not any(name.endswith("_8") for name in found)
    assert found["loops"].tolist() == [[1, 1], [0, 1]]  # one note has no habits
    assert found["rounds"].tolist() == [[1, 1], [0, 1]]
    assert found["downbeat"].tolist() == [[0, 1], [1, 1]]
    assert found["exact_after_4"].tolist() == [[4, 4], [3, 3]]
    assert pooled_share(found["loops"]) == 0.5
    assert pooled_share(found["exact_after_4"]) == 1


def test_only_the_first_bars_of_longer_tunes_are_counted_but_their_own_ending():
    melody = parse_notes(OTHER + PLAIN_BARS + BAR * 4 + "C4:4")
    assert count_habits([melody], 8)["loops"].tolist() == [[1, 1]]
    assert count_habits([melody], 5)["loops"].tolist() == [[0, 1]]
    assert count_habits([melody], 5)["downbeat"].tolist() == [[1, 1]]


PLAIN_BARS = "G4 A4 B4 C5 D5:2 C5:2 "


@pytest.mark.parametrize(
    ("fifths", "is_far"), [(0, False), (4, False), (-4, False), (5, True), (-5, True), (7, True)]
)
def test_far_keys_have_five_accidentals_or_more(fifths, is_far):
    melody = parse_notes(BAR)
    assert has_far_key(Melody(melody.notes, Timeline(keys=(Key(0, fifths),)))) is is_far


def test_a_key_that_is_not_named_is_found_in_the_notes():
    assert not has_far_key(parse_notes(BAR * 2 + "F4 D4 B3 C4"))
    assert has_far_key(parse_notes("F#4 A#4 C#5 A#4 F#4 A#4 C#5 A#4 B4 G#4 F4 F#4"))


def test_halves_of_equal_tunes_do_not_differ():
    assert halves_band(np.array([[1, 1]] * 10)) == 0
    assert halves_band(np.array([[2, 4]] * 11)) == 0


def test_the_band_holds_95_of_100_halvings():
    # Two tunes, one of which has the habit: every halving puts it in one half alone.
    assert halves_band(np.array([[1, 1], [0, 1]])) == 1
    # One tune in forty: one half has it once in twenty.
    assert halves_band(np.array([[1, 1]] + [[0, 1]] * 39)) == pytest.approx(1 / 20)
    counts = np.array([[n % 2, 1] for n in range(200)])
    # Hypergeometric, 100 of 200 of which 100 have it: the deviation of the difference is 0.0709; 1.96 of them 0.139.
    assert halves_band(counts) == pytest.approx(0.139, abs=0.02)
    assert halves_band(counts) == halves_band(counts)


def test_tunes_weigh_by_their_chances():
    assert pooled_share(np.array([[0, 0], [3, 4], [0, 2]])) == 0.5
    assert pooled_share(np.zeros((0, 2), int)) == 0
