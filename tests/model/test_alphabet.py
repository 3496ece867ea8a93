"""Groups of tokens, and whose token is whose."""

import numpy as np
import pytest

from ritornello.encoding import Grid
from ritornello.model.alphabet import Alphabet

TWO = Alphabet((11, 4), (5,))


def test_an_encoding_gives_its_sizes():
    assert Alphabet.of(Grid()) == Alphabet((145,))
    encoding = Grid(inputs=("metre",))
    assert Alphabet.of(encoding) == Alphabet((145,), (encoding.side[0].size,))


def test_weights_give_theirs(make_tensors):
    assert Alphabet.of_tensors(make_tensors(20)) == Alphabet((20,))
    assert Alphabet.of_tensors(make_tensors(20, second=6, side=(2, 3), attention=4)) == Alphabet((14, 6), (2, 3))


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


def test_three_parts_are_too_many():
    with pytest.raises(ValueError, match="groups of 1 or 2 tokens, not of 3"):
        Alphabet((4, 4, 4))
