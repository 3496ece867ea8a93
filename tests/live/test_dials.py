"""Dials: one table, ranges named in messages."""

import pytest

from ritornello.live.dials import Dials


def test_turning_a_dial_leaves_the_others():
    dials = Dials(temperature=0.5).turned("density", 2)
    assert (dials.temperature, dials.density, dials.mode) == (0.5, 2.0, "call-response")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 4, "temperature must be 0 to 3, not 4"),
        ("mode", "solo", "mode must be one of call-response, continue"),
        ("speed", 1, "no such dial: 'speed'; there are mode, temperature"),
        ("low", 124, "low must be 0 to 123, not 124"),
    ],
)
def test_a_wrong_value_is_refused_with_its_range(name, value, message):
    with pytest.raises(ValueError, match=message):
        Dials().turned(name, value)


def test_a_range_of_pitches_leaves_room():
    with pytest.raises(ValueError, match="4 semitones or more apart, not 60 and 62"):
        Dials(low=60, high=62)
