"""Groups of tokens, and whose token is whose."""

import numpy as np
import pytest

from ritornello.encoding import Grid
from ritornello.model.alphabet import Alphabet

TWO = Alphabet((11, 4), (5,))


def test_an_encoding_gives_its_sizes():
    assert Alphabet.of(Grid(version=1)) == Alphabet((145,))
    encoding = Grid(version=1, inputs=("metre",))
    assert Alphabet.of(encoding) == Alphabet((145,), (encoding.features[0].size,))


def test_memory_has_the_levels_of_its_sources():
    alphabets = [Alphabet((11, 4), (5, 2), memory) for memory in (("own",), ("corpus",), ("own", "corpus"))]
    own, corpus, both = (alphabet.levels for alphabet in alphabets)
    assert min(own) > 10 < min(corpus)
    assert both == (own[0] + corpus[0], own[1] + corpus[1])
    assert Alphabet((11, 4)).levels == ()
    assert str(alphabets[2]) == "11 + 4 tokens and 2 features of 5 + 2 and memory of own, corpus"


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
