"""Encodings as they are asked for."""

import pytest

from ritornello.encoding import Grid
from ritornello.encoding.choice import chosen_encoding


def test_what_is_left_out_is_as_the_encoding_has_it():
    assert chosen_encoding() == Grid()
    assert chosen_encoding("grid", plain=True) == Grid(plain=True)
    assert chosen_encoding("grid", steps_per_quarter=12) == Grid(12)


def test_a_name_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"no such encoding: 'gird'; there are .*grid"):
        chosen_encoding("gird")


def test_an_option_that_does_not_go_with_the_encoding_is_refused():
    with pytest.raises(ValueError, match=r"--relative-to does not go with the encoding 'grid'; it takes .*--plain"):
        chosen_encoding("grid", relative_to="key")
