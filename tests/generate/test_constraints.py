"""What the form adds to the logits, place by place in one tune."""

from functools import partial

import numpy as np

from ritornello.encoding import Grid as GridOf
from ritornello.generate.constraints import forms_of, is_pickup, steering_key, with_lock
from ritornello.generate.options import GenerateOptions

Grid = partial(GridOf, version=1)  # an alphabet of 145 tokens

OUT = -np.inf
NO_EVENT, NOTE_OFF, BEGIN, END = 128, 129, 132, 144


def bias_after(tokens: list[int], **options) -> np.ndarray:
    grid = Grid()
    tracker = grid.tracker()
    [form] = forms_of(grid, GenerateOptions(**options), [tracker], (0, 127))
    form.observe()
    for token in tokens:
        tracker.advance(token)
        form.observe()
    return form.bias()


def test_before_the_first_token_metres_alone():
    bias = bias_after([])
    assert np.flatnonzero(bias > OUT).tolist() == list(range(130, 143))
    assert np.flatnonzero(bias_after([], metre="3/4") > OUT).tolist() == [131]


def test_in_the_middle_of_a_tune_nothing_is_favoured():
    bias = bias_after([BEGIN, 60, *[NO_EVENT] * 6], bars=2)
    assert np.flatnonzero(bias > OUT).tolist() == list(range(130))
    assert (bias[:130] == 0).all()


def test_one_more_note_of_the_same_pitch_is_less_likely_after_seven():
    seven = [BEGIN, *[60] * 7]
    assert bias_after(seven[:-1], bars=8)[60] == 0
    bias = bias_after(seven, bars=8)
    assert (bias[60], bias[62], bias[NO_EVENT]) == (-3, 0, 0)
    assert bias_after([*seven, NO_EVENT, NOTE_OFF], bars=8)[60] == -3  # a rest between them changes nothing
    assert bias_after([*seven, 62], bars=8)[60] == 0


def test_the_first_note_comes_within_the_first_bar():
    assert bias_after([BEGIN, *[NO_EVENT] * 14])[NO_EVENT] == 0
    assert np.flatnonzero(bias_after([BEGIN, *[NO_EVENT] * 15]) > OUT).tolist() == list(range(128))


def test_a_rest_of_most_of_the_only_bar_is_a_pickup_that_may_go_on():
    assert bias_after([BEGIN, *[NO_EVENT] * 13], bars=1)[NO_EVENT] == 0
    assert bias_after([BEGIN, *[NO_EVENT] * 7], bars=1)[NO_EVENT] == 0


def test_on_the_line_of_the_last_bar_there_is_no_end_yet_and_no_pitch_is_favoured():
    bias = bias_after([BEGIN, 64, 67, 60, *[NO_EVENT] * 13], bars=2)
    assert bias[END] == OUT
    assert bias[NOTE_OFF] == OUT
    assert {bias[p] for p in range(128)} == {0.0}


def test_later_in_the_last_bar_the_network_alone_chooses_between_notes_and_the_end():
    bias = bias_after([BEGIN, 60, *[NO_EVENT] * 20], bars=2)
    assert (bias[NO_EVENT], bias[END], bias[60], bias[61]) == (0, 0, 0, 0)


def test_the_end_waits_until_the_last_note_has_lasted_a_beat():
    tune = [BEGIN, *([60, *[NO_EVENT] * 15]), 62]
    assert bias_after([*tune, *[NO_EVENT] * 2], bars=2)[END] == OUT
    assert bias_after([*tune, *[NO_EVENT] * 3], bars=2)[END] == 0


def test_no_note_starts_with_less_than_a_beat_to_go():
    tune = [BEGIN, 60, *[NO_EVENT] * 27]
    assert bias_after(tune, bars=2)[61] > OUT  # step 28: a quarter is left
    later = bias_after([*tune, NO_EVENT], bars=2)
    assert (later[:128] == OUT).all()
    assert np.flatnonzero(later > OUT).tolist() == [NO_EVENT, END]


def test_silence_gives_way_to_a_note_while_one_can_still_start():
    silent = [BEGIN, 60, NOTE_OFF, *[NO_EVENT] * 24]
    assert bias_after(silent, bars=2)[NO_EVENT] == 0
    assert bias_after(silent, bars=2)[END] == OUT
    last_place = bias_after([*silent, *[NO_EVENT] * 2], bars=2)
    assert np.flatnonzero(last_place > OUT).tolist() == list(range(128))


def test_at_the_end_of_the_last_bar_there_is_only_the_end():
    bias = bias_after([BEGIN, 60, *[NO_EVENT] * 31], bars=2)
    assert np.flatnonzero(bias > OUT).tolist() == [END]


def test_a_range_and_a_scale_are_out_of_reach_everywhere():
    bias = bias_after([BEGIN, 60], lowest=60, highest=72, key="G", scale_lock=True)
    assert np.flatnonzero(bias[:128] > OUT).tolist() == [60, 62, 64, 66, 67, 69, 71, 72]


def test_which_key_steers_the_drawing():
    assert steering_key(GenerateOptions()) is None
    assert steering_key(GenerateOptions(key="G")) is None  # the tune is moved afterwards
    assert steering_key(GenerateOptions(scale_lock=True)).fifths == 0
    assert steering_key(GenerateOptions(scale_lock=True, key="G")).fifths == 1


def test_a_key_and_a_range_lock_the_scale_unless_the_header_names_the_key():
    tight = GenerateOptions(key="G", lowest=60)  # there may be no room to move the tune
    assert with_lock(tight, names_key=False).scale_lock
    assert not with_lock(tight, names_key=True).scale_lock
    for free in (GenerateOptions(key="G"), GenerateOptions(lowest=60)):
        assert with_lock(free, names_key=False) == free
    locked = GenerateOptions(scale_lock=True)
    assert with_lock(locked, names_key=True) == locked


def test_half_a_bar_of_rest_is_a_pickups():
    assert [is_pickup(opening, 16) for opening in (0, 7, 8, 15)] == [False, False, True, True]
    assert [is_pickup(opening, 5) for opening in (2, 3)] == [False, True]
