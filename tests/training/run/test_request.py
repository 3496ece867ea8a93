"""What is asked for: an encoding by name and options, or one that is there already."""

import pytest

from ritornello.encoding import Grid, make_encoding
from ritornello.training.run.request import requested_encoding, requested_network


def test_where_nothing_is_given_nothing_is_requested():
    assert requested_network("") is requested_network(None) is None
    assert requested_encoding() is None
    assert requested_encoding("", inputs="", echoes="") is None


def test_an_empty_sequence_says_none_of_them():
    chosen = requested_encoding(inputs=[])
    assert (chosen.name, chosen.inputs, len(chosen.echoes)) == ("interval", (), 7)
    assert requested_encoding("note", inputs=(), echoes=[]) == make_encoding("note")


def test_an_encoding_that_is_handed_over_is_taken_as_it_is():
    encoding = make_encoding("note", inputs=("metre",))
    assert requested_encoding(encoding) is encoding
    assert requested_encoding(encoding, inputs="", echoes="") is encoding


def test_options_beside_it_are_refused_by_name():
    with pytest.raises(ValueError, match="has its options already: leave plain, inputs out"):
        requested_encoding(encoding=Grid(), plain=True, inputs=[])
    with pytest.raises(ValueError, match="has its options already: leave steps_per_quarter, relative_to out"):
        requested_encoding(encoding=Grid(), steps_per_quarter=4, relative_to="key")


@pytest.mark.parametrize("wrong", [7, Grid, ["note"]])
def test_what_is_no_encoding_is_refused(wrong):
    with pytest.raises(ValueError, match="encoding is a name or what make_encoding gives, not "):
        requested_encoding(encoding=wrong)
