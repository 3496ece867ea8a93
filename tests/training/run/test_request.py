"""What is asked for: an encoding by name and options, or one that is there already."""

import pytest

from ritornello.encoding import Grid, make_encoding
from ritornello.training.run.request import NetworkRequest


def test_where_nothing_is_given_nothing_is_requested():
    assert NetworkRequest("").network() is NetworkRequest().network() is None
    assert NetworkRequest().made_encoding() is None
    assert NetworkRequest(encoding="", inputs="", memory="").made_encoding() is None


def test_an_empty_sequence_says_none_of_them():
    chosen = NetworkRequest(inputs=[]).made_encoding()
    assert (chosen.name, chosen.inputs, chosen.memory) == ("interval", (), ("own", "corpus", "ending"))
    assert NetworkRequest(encoding="note", inputs=()).made_encoding() == make_encoding("note")


def test_an_encoding_that_is_handed_over_is_taken_as_it_is():
    encoding = make_encoding("note", inputs=("metre",))
    assert NetworkRequest(encoding=encoding).made_encoding() is encoding
    assert NetworkRequest(encoding=encoding, inputs="", memory="").made_encoding() is encoding


def test_options_beside_it_are_refused_by_name():
    with pytest.raises(ValueError, match="has its options already: leave plain, inputs out"):
        NetworkRequest(encoding=Grid(), plain=True, inputs=[]).made_encoding()
    with pytest.raises(ValueError, match="has its options already: leave steps_per_quarter, relative_to out"):
        NetworkRequest(encoding=Grid(), steps_per_quarter=4, relative_to="key").made_encoding()


@pytest.mark.parametrize("wrong", [7, Grid, ["note"]])
def test_what_is_no_encoding_is_refused(wrong):
    with pytest.raises(ValueError, match="encoding is a name or what make_encoding gives, not "):
        NetworkRequest(encoding=wrong).made_encoding()
