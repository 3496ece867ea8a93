"""Well-formed tunes, and every way of not being one, token by token."""

import numpy as np
import pytest

from ritornello.encoding import Grid
from ritornello.evaluate.form import faults
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions

HOLD, OFF, FOUR_FOUR, SIX_EIGHT, END = 128, 129, 132, 140, 144


def of(*tokens: int | list[int]) -> np.ndarray:
    return np.array([t for part in tokens for t in (part if isinstance(part, list) else [part])])


def held(pitch: int, steps: int) -> list[int]:
    return [pitch, *[HOLD] * (steps - 1)]


@pytest.mark.parametrize(
    ("tokens", "bars"),
    [
        (of(FOUR_FOUR, held(60, 16), held(62, 16), END), 2),
        (of(FOUR_FOUR, held(60, 16), held(62, 4), END), 2),  # ends before its bar is full
        (of(FOUR_FOUR, [HOLD] * 12, held(60, 4), held(62, 16), END), 1),  # a pick-up's bar is not counted
        (of(FOUR_FOUR, [HOLD] * 4, held(60, 28), END), 2),  # a short rest is a rest
        (of(SIX_EIGHT, held(60, 6), held(62, 6), END), 1),
        (of(SIX_EIGHT, held(60, 8), held(62, 4), END), 1),  # a quarter is long enough
        (of(FOUR_FOUR, 60, OFF, HOLD, HOLD, held(62, 12), END), 1),
    ],
)
def test_a_well_formed_tune_has_no_fault(tokens, bars):
    assert faults(tokens, Grid(version=1), bars) == []


@pytest.mark.parametrize(
    ("tokens", "fault"),
    [
        (of(FOUR_FOUR, held(60, 16), END), "it fills 1 bars, not 2"),
        (of(FOUR_FOUR, held(60, 33), END), "it fills 2.0625 bars, not 2"),
        (of(FOUR_FOUR, held(60, 29), held(62, 3), END), "its last note is shorter than a beat (or a quarter)"),
        (of(SIX_EIGHT, held(60, 21), held(62, 3), END), "its last note is shorter than a beat (or a quarter)"),
        (of(FOUR_FOUR, held(60, 28), OFF, HOLD, END), "it ends in silence"),
        (of(FOUR_FOUR, held(60, 32)), "it has no end"),
        (of(FOUR_FOUR, OFF, held(60, 31), END), "token 1, note_off, is not legal there"),
        (of(held(60, 32), END), "token 0, note_on 60, is not legal there"),
        (of(FOUR_FOUR, held(60, 32), END, END), "token 34, end, is not legal there"),
        (of(FOUR_FOUR, held(49, 28), held(71, 4), END), "pitch 49 lies outside 50 to 70"),
    ],
)
def test_what_is_wrong_is_said(tokens, fault):
    assert fault in faults(tokens, Grid(version=1), 2, (50, 70))


def test_the_plain_alphabet_has_to_fill_its_bars():
    plain = Grid(plain=True)
    assert faults(of(held(60, 16)), plain, 1) == []
    assert faults(of(held(60, 15)), plain, 1) == ["it fills 0.9375 bars, not 1"]
    assert faults(of([HOLD] * 16), plain, 1) == ["it has no note"]


def test_what_is_composed_is_well_formed(make_network):
    network = make_network(145, width=16, scale=0.5, seed=3)
    tunes = compose(network, Grid(version=1), GenerateOptions(bars=3), 1, range(40), pitch_range=(50, 70))
    assert [faults(t.tokens, Grid(version=1), 3, (50, 70)) for t in tunes] == [[]] * 40


@pytest.mark.parametrize(("steps", "found"), [(4, []), (3, ["its last note is shorter than a beat (or a quarter)"])])
def test_a_beat_that_falls_between_two_steps_is_rounded(steps, found):
    grid = Grid(6)  # of 3/16, a beat of one dotted eighth, four and a half steps
    assert faults(np.array([*grid.begin("3/16"), 60, *[HOLD] * (steps - 1), grid.end]), grid, 1) == found


@pytest.mark.parametrize(("steps", "found"), [(8, []), (9, ["it fills 1.125 bars, not 1"])])
def test_a_bar_that_ends_between_two_steps_is_rounded(steps, found):
    grid = Grid(6)  # a bar of 5/16 is seven and a half steps
    assert faults(np.array([*grid.begin("5/16"), 60, *[HOLD] * (steps - 1), grid.end]), grid, 1) == found
