"""Features: the categorical inputs of a network besides the tokens."""

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from walks import checked_rows, walked

from ritornello.encoding import make_encoding
from ritornello.encoding.durations import DURATIONS
from ritornello.encoding.features import INPUTS, feature_rows
from ritornello.music.values import Key, Melody, Metre, Note, Timeline


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(seed=st.integers(0, 1 << 30))
def test_every_feature_lies_within_its_column(options, seed):
    encoding = make_encoding(**options, inputs=INPUTS)
    checked_rows(encoding, walked(encoding, seed, 120)[0])


def tune(*notes: tuple[int, int, int], metre=(3, 4), pickup=0, keys=()) -> Melody:
    """Notes of (start, duration, pitch) at 480 ticks per quarter."""
    metres = (Metre(0, *metre), *([Metre(pickup, *metre)] if pickup else []))
    return Melody(tuple(Note(*n) for n in notes), Timeline(480, 0, metres, keys))


def column(encoding, melody: Melody, name: str) -> list[int]:
    rows = feature_rows(encoding, encoding.encode(melody).tokens)
    return rows[:, [c.name for c in encoding.features].index(name)].tolist()


def test_the_place_in_the_bar_counts_from_the_barline_after_the_pickup():
    note = make_encoding("note", inputs=("position", "strength", "metre"))
    melody = tune((0, 480, 67), (480, 720, 72), (1200, 240, 71), (1440, 480, 72), pickup=480)
    # before the header nothing is known; then the third beat, the first, halfway through the second, the third, end
    assert column(note, melody, "position") == [0, 1, 25, 1, 19, 25, 1]
    assert column(note, melody, "strength") == [0, 1, 3, 1, 4, 3, 1]
    assert column(note, melody, "numerator") == [0, 3, 3, 3, 3, 3, 3]
    assert column(note, melody, "denominator") == [0, 3, 3, 3, 3, 3, 3]  # the third of 1, 2, 4, 8, 16
    older = make_encoding("note", inputs=("position", "strength", "metre"), version=1)
    assert column(older, melody, "position") == [0, 25, 1, 19, 25, 1]
    assert column(older, melody, "metre") == [0, 2, 2, 2, 2, 2]


def test_after_a_metre_begins_places_count_from_it():
    note = make_encoding("note", inputs=("position", "metre"))
    timeline = Timeline(480, 0, (Metre(0, 2, 4), Metre(960, 7, 8)))
    melody = Melody(tuple(Note(480 * n, 480, 60 + n) for n in range(5)), timeline)
    # before the header; two quarters; the metre; three quarters from there; the end
    assert column(note, melody, "position") == [0, 1, 13, 1, 1, 13, 25, 37]
    assert column(note, melody, "numerator") == [0, 2, 2, 2, 7, 7, 7, 7]
    assert column(note, melody, "denominator") == [0, 3, 3, 3, 4, 4, 4, 4]


def test_the_middle_of_the_bar_and_the_thirds_of_a_beat():
    note = make_encoding("note", inputs=("strength",))
    eighths = [(240 * n, 240, 60) for n in range(7)]
    assert column(note, tune(*eighths, metre=(6, 8)), "strength") == [0, 1, 4, 4, 2, 4, 4, 1, 4]
    assert column(note, tune(*eighths, metre=(4, 4)), "strength") == [0, 1, 4, 3, 4, 2, 4, 3, 4]
    assert column(note, tune((0, 120, 60), (120, 60, 60)), "strength") == [0, 1, 5, 6]


@pytest.mark.parametrize(("name", "first"), [("note", [60, 64, 67]), ("interval", [6, 10, 13])])
def test_what_stood_a_bar_ago_says_what_to_write_to_repeat_it(name, first):
    encoding = make_encoding(name, inputs=("bar_ago",))
    quarter, half = (DURATIONS.index(Fraction(q)) for q in ("1", "2"))
    melody = tune((0, 960, 60), (960, 480, 64), (1440, 480, 67), (1920, 480, 67), (2880, 480, 67), keys=(Key(0, 0),))
    header = [0] * (1 if name == "note" else 2)
    # bar 1: C (two beats) E; bar 2: G, G while the C still sounds, a rest where the E began; bar 3: where the G began
    whats = [0, 0, 1 + first[0], 1 + first[0], 1 + first[1], 1 + first[2], 1 + first[2]]
    assert column(encoding, melody, "bar_ago") == header + whats
    lengths = [0, 0, 2 + half, 1, 2 + quarter, 2 + quarter, 2 + quarter]
    assert column(encoding, melody, "bar_ago_length") == header + lengths


def test_relative_to_the_note_before_it_is_the_interval_to_the_pitch_of_then():
    encoding = make_encoding("interval", relative_to="previous", inputs=("bar_ago", "degree", "key"))
    melody = tune((0, 1440, 62), (1440, 480, 66), (1920, 960, 69), (2880, 480, 62), keys=(Key(0, 2),))
    ids = [0, 0, 0, 1 + 127, 1 + 127 + 62 - 66, 1 + 127 + 66 - 69, 1 + 127 + 69 - 62]
    assert column(encoding, melody, "bar_ago") == ids
    assert column(encoding, melody, "degree") == [0, 0, 0, 1, 5, 8, 1]
    assert column(encoding, melody, "key") == [0, 0, 3, 3, 3, 3, 3]


def test_the_grid_says_which_pitch_sounded_and_whether_it_began_then():
    grid = make_encoding("grid", steps_per_quarter=1, inputs=("bar_ago", "key"))
    melody = tune((0, 960, 60), (1440, 480, 67), (2880, 480, 60))  # C . off G off . C
    assert column(grid, melody, "bar_ago") == [0, 0, 0, 0, 0, 61, 61, 129, 68, 129]
    assert column(grid, melody, "bar_ago_length") == [0, 0, 0, 0, 0, 2, 1, 2, 2, 2]
    assert column(grid, melody, "key")[:4] == [0, 0, 0, 1]  # nothing heard, nothing heard, C major


def test_a_name_that_is_no_input_is_refused_and_their_order_is_fixed():
    with pytest.raises(ValueError, match="no such side input: 'beat'"):
        make_encoding("grid", inputs=["metre", "beat"])
    assert make_encoding("grid", inputs=["key", "position"]).inputs == ("position", "key")
    assert make_encoding("note", inputs="metre").inputs == ("metre",)
