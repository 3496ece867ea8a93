"""Groups of tokens, and whose token is whose."""

import numpy as np
import pytest
from two_parts import TwoParts

from ritornello.encoding import Grid
from ritornello.encoding.protocol import Echo
from ritornello.model.alphabet import Alphabet

TWO = Alphabet((11, 4), (5,))


def test_an_encoding_gives_its_sizes():
    assert Alphabet.of(Grid(version=1)) == Alphabet((145,))
    encoding = Grid(version=1, inputs=("metre",))
    assert Alphabet.of(encoding) == Alphabet((145,), (encoding.features[0].size,))


def test_echoes_share_a_table_with_room_for_the_strongest():
    class Echoing(TwoParts):
        echoes = (Echo("bar_ago", 3), Echo("motif", 7))

    assert Alphabet.of(Echoing()) == Alphabet((11, 4), (5, 5), (7, 7))
    assert Alphabet.of(TwoParts()) == Alphabet((11, 4), (5, 5))


def test_an_echo_has_three_columns_beside_the_tokens():
    alphabet = Alphabet((11, 4), (5, 2), (3, 3))
    assert alphabet.feature_sizes == (5, 2, 12, 5, 3, 12, 5, 3)
    columns = [list(range(8))[place] for place in alphabet.echo_places]
    assert columns == [[2, 5], [3, 6], [4, 7]]
    assert Alphabet((11,), (), (3,)).feature_sizes == (12, 1, 3)
    assert str(alphabet) == "11 + 4 tokens and 2 features of 5 + 2 and 2 echoes of 3 strengths"


def test_tokens_are_laid_in_groups_and_an_end_stands_alone():
    assert TWO.groups(np.array([3, 12, 4, 14, 10], np.int16)).tolist() == [[3, 12], [4, 14], [10, 15]]
    assert TWO.groups(np.array([3, 12])).tolist() == [[3, 12]]
    assert TWO.groups(np.zeros(0, np.int16)).shape == (0, 2)
    assert Alphabet((11,)).groups(np.array([3, 10])).tolist() == [[3], [10]]


def test_each_token_has_its_part():
    assert [TWO.part_of(token) for token in (0, 10, 11, 14)] == [0, 0, 1, 1]
    for token in (-1, 15):
        with pytest.raises(ValueError, match=rf"token {token} is outside this model's vocabulary \(0 to 14\)"):
            TWO.part_of(token)
