"""Encodings as they are asked for."""

import pytest

from ritornello.encoding import Grid, make_encoding
from ritornello.encoding.options import EncodingOptions


def test_what_is_left_out_is_as_the_encoding_has_it():
    assert EncodingOptions("grid").build() == Grid()
    assert EncodingOptions("grid", plain=True).build() == Grid(plain=True)
    assert EncodingOptions("grid", steps_per_quarter=12).build() == Grid(12)


def test_notes_are_told_by_the_key_with_their_place_and_all_memory_where_nothing_is_said():
    encoding = EncodingOptions().build()
    assert (encoding.name, encoding.relative_to) == ("interval", "key")
    assert encoding.inputs == EncodingOptions("note").build().inputs == ("position", "strength", "metre", "countdown")
    assert encoding.memory == ("own", "corpus", "ending")


def test_none_is_a_word_for_nothing_beside_the_tokens():
    assert EncodingOptions("interval", inputs="none", memory="none").build() == make_encoding("interval")
    assert EncodingOptions("interval", inputs="metre").build().memory == EncodingOptions().build().memory


def test_a_name_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"no such encoding: 'gird'; there are .*grid"):
        EncodingOptions("gird").build()


def test_an_option_that_does_not_go_with_the_encoding_is_refused():
    with pytest.raises(ValueError, match=r"relative_to= does not go with the encoding 'grid'; it takes .*plain="):
        EncodingOptions("grid", relative_to="key").build()


@pytest.mark.parametrize("name", ["grid:", "interval:", "miditok:", "miditok:REMI:"])
def test_nothing_behind_a_colon_is_refused(name):
    with pytest.raises(ValueError, match=f"nothing stands behind the colon in '{name}'"):
        EncodingOptions(name).build()


def test_only_options_that_the_command_line_has_are_offered():
    with pytest.raises(ValueError, match=r"memory= does not go with the encoding 'miditok'; it has no options$"):
        EncodingOptions("miditok:REMI", memory="own").build()


@pytest.mark.parametrize("words", [",", " ", " , "])
def test_a_list_that_names_nothing_is_refused(words):
    with pytest.raises(ValueError, match=f'inputs="{words}" names nothing: name inputs, or none'):
        EncodingOptions("interval", inputs=words).build()
    with pytest.raises(ValueError, match=f'memory="{words}" names nothing: name memory, or none'):
        EncodingOptions("interval", memory=words).build()


def test_an_empty_sequence_is_none_of_them_and_an_empty_word_is_nothing_said():
    assert EncodingOptions("interval", inputs=[], memory=()).build() == make_encoding("interval")
    assert EncodingOptions("interval", inputs="", memory="").build() == EncodingOptions().build()
