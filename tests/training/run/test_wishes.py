"""What is asked for: an encoding by name and options, or one that is there already."""

import pytest

from ritornello.encoding import Grid, make_encoding
from ritornello.training.run.wishes import wishes


def test_where_nothing_is_said_nothing_is_wished_for():
    assert wishes() == (None, None)
    assert wishes(encoding="", inputs="", echoes="") == (None, None)


def test_an_empty_sequence_says_none_of_them():
    chosen = wishes(inputs=[]).encoding
    assert (chosen.name, chosen.inputs, len(chosen.echoes)) == ("interval", (), 7)
    assert wishes(encoding="note", inputs=(), echoes=[]).encoding == make_encoding("note")


def test_an_encoding_that_is_handed_over_is_taken_as_it_is():
    encoding = make_encoding("note", inputs=("metre",))
    assert wishes(encoding=encoding).encoding is encoding
    assert wishes(encoding=encoding, inputs="", echoes="").encoding is encoding


def test_options_beside_it_are_refused_by_name():
    with pytest.raises(ValueError, match="has its options already: leave plain, inputs out"):
        wishes(encoding=Grid(), plain=True, inputs=[])
    with pytest.raises(ValueError, match="has its options already: leave steps_per_quarter, relative_to out"):
        wishes(encoding=Grid(), steps_per_quarter=4, relative_to="key")


@pytest.mark.parametrize("wrong", [7, Grid, ["note"]])
def test_what_is_no_encoding_is_refused(wrong):
    with pytest.raises(ValueError, match="encoding is a name or what make_encoding gives, not "):
        wishes(encoding=wrong)
