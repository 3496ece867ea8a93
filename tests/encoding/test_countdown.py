"""The countdown: how many bars of a melody are left, unknown unless a caller says when the melody is over."""

import numpy as np
import pytest

from ritornello.encoding import make_encoding
from ritornello.encoding.features import count_down, countdown_column, feature_rows, length_of
from ritornello.encoding.options import EncodingOptions
from ritornello.generate.primer import parse_notes

KINDS = ("note", "interval", "grid", "lookback")


def encoding_of(name: str):
    return make_encoding(name, ("countdown",), **({"version": 2}))


def column(encoding, rows: np.ndarray) -> list[int]:
    return rows[:, [feature.name for feature in encoding.features].index("countdown")].tolist()


@pytest.mark.parametrize(
    ("bars", "values"),
    [(1, [1]), (2, [2, 1]), (5, [5, 4, 3, 2, 1]), (9, [6, 5, 5, 5, 5, 4, 3, 2, 1]), (17, [7, *[6] * 8])],
)
def test_bars_to_go_in_coarse_classes(bars, values):
    assert [count_down(16 * bars, 0, 16 * bar + 3, 16) for bar in range(len(values))] == values


def test_unknown_is_0_and_over_is_a_class_of_its_own():
    assert count_down(-1, 0, 5, 16) == 0
    assert [count_down(16, 0, time, 16) for time in (15, 16, 40)] == [1, 8, 8]
    assert count_down(24, 0, 16, 16) == 1  # a last bar that is cut short, as after a pick-up
    assert count_down(100, 64, 90, 12) == 1  # since tick 64 in bars of 12: ticks 88 to 100


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_melody_counts_down_and_knows_nothing_by_itself(name):
    encoding = encoding_of(name)
    tokens = encoding.encode(parse_notes("C4 D4 E4 F4 G4:3 E4 C4:4")).tokens
    assert set(column(encoding, feature_rows(encoding, tokens))) == {0}
    counted = countdown_column(encoding, tokens)
    assert len(counted) == len(feature_rows(encoding, tokens))
    assert counted.dtype == np.int16
    groups = {"note": [3] + [3] * 4 + [2] * 2 + [1, 8], "interval": [3] * 2 + [3] * 4 + [2] * 2 + [1, 8]}
    steps = [3, 3] + [3] * 16 + [2] * 16 + [1] * 16 + [8]
    assert counted.tolist() == groups.get(name, steps)


@pytest.mark.parametrize("name", KINDS)
def test_a_tracker_that_knows_the_end_counts_as_training_does(name):
    encoding = encoding_of(name)
    tokens = encoding.encode(parse_notes("C4 D4 E4 F4 G4:3 E4 C4:4")).tokens
    tracker, seen = encoding.tracker(), []
    tracker.until = length_of(encoding, tokens)
    place = [feature.name for feature in encoding.features].index("countdown")
    for n, token in enumerate(tokens.tolist()):
        if n % len(encoding.parts) == 0:
            seen.append(tracker.features()[place])
        tracker.advance(token)
        assert tracker.copy().until == tracker.until
    assert seen == countdown_column(encoding, tokens).tolist()


def test_in_three_four_the_header_counts_bars_of_three_four():
    encoding = encoding_of("note")
    tokens = encoding.encode(parse_notes("C4 D4 E4 " * 3 + "C4:3", "3/4")).tokens  # 12 quarters: 4 bars, or 3 of 4/4
    assert countdown_column(encoding, tokens)[0] == 4


def test_a_pick_ups_bar_counts_as_one():
    encoding = encoding_of("note")
    melody = parse_notes("r:3 G4 C5 C5 C5 C5 C5:3")
    melody = melody.with_pickup()
    tokens = encoding.encode(melody).tokens  # metre, pick-up, ...
    assert countdown_column(encoding, tokens).tolist() == [3, 3, 3, 2, 2, 2, 2, 1, 1]  # the last bar lacks a quarter


def test_it_comes_with_the_encodings_of_notes_and_is_there_for_the_grids():
    assert all("countdown" in EncodingOptions(name).build().inputs for name in ("note", "interval"))
    assert EncodingOptions("grid").build().inputs == ()
    assert EncodingOptions("lookback", inputs="countdown").build().inputs == ("countdown",)
