"""Exact note values: what the table holds, and the one way to tie what it does not hold."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from ritornello.encoding.durations import AFTER, DURATIONS, LENGTHS, MAY_TIE, SHORTEST_TIE, TICKS, spelled


def values(quarters: str) -> list[str]:
    """The spelling of a length, in quarters."""
    indices = spelled(int(Fraction(quarters) * TICKS))
    return [str(DURATIONS[n]) for n in indices]


def test_the_table_holds_68_values_from_a_thirty_second_of_a_quarter_to_twelve_quarters():
    assert len(DURATIONS) == 68
    assert [str(d) for d in DURATIONS[:8]] == ["1/32", "1/28", "1/24", "1/20", "1/16", "1/14", "1/12", "3/32"]
    assert [str(d) for d in DURATIONS[-6:]] == ["15/2", "8", "9", "10", "11", "12"]
    assert LENGTHS.tolist() == [d * 3360 for d in DURATIONS]
    assert list(DURATIONS) == sorted(set(DURATIONS))


@pytest.mark.parametrize(
    ("quarters", "pieces"),
    [("1/3", "1/3"), ("7/2", "7/2"), ("17/4", "4 1/4"), ("25/8", "3 1/8"), ("20/3", "13/2 1/6"), ("13/3", "4 1/3"),
     ("15/32", "1/4 7/32"), ("11/5", "2 1/5"), ("7/12", "1/2 1/12"), ("17/2", "8 1/2"), ("35/4", "8 3/4"),
     ("24", "12 12"), ("41/2", "12 8 1/2"), ("13", "12 1"), ("99/4", "12 12 3/4"), ("2401/24", "12 " * 8 + "4 1/24")],
)  # fmt: skip
def test_what_is_not_in_the_table_is_tied_longest_first(quarters, pieces):
    assert values(quarters) == pieces.split()


@pytest.mark.parametrize("parts", [24, 32, 20, 28])
def test_every_multiple_of_the_finest_parts_has_a_spelling_of_that_length(parts):
    for count in range(1, 40 * parts):
        ticks = TICKS * count // parts
        assert sum(LENGTHS[list(spelled(ticks))]) == ticks


@pytest.mark.parametrize("ticks", [1, 104, TICKS // 48, TICKS // 9, TICKS + TICKS // 11])
def test_a_length_between_them_has_none(ticks):
    assert spelled(ticks) is None


def test_the_ties_allowed_are_just_the_spellings():
    """Every sequence of up to three pieces, walked through the table of states, beside what `spelled` gives."""
    allowed = {}
    for first in range(len(LENGTHS)):
        state = AFTER[0, first]
        allowed[(first,)] = LENGTHS[first]
        for second in np.flatnonzero(MAY_TIE[state]):
            allowed[(first, int(second))] = LENGTHS[first] + LENGTHS[second]
            after = AFTER[state, second]
            for third in np.flatnonzero(MAY_TIE[after]):
                allowed[(first, int(second), int(third))] = LENGTHS[[first, second, third]].sum()
    assert len(set(allowed.values())) == len(allowed)  # no length can be written in two ways
    assert all(spelled(int(ticks)) == pieces for pieces, ticks in allowed.items())
    for pieces in product(range(len(LENGTHS)), repeat=2):  # and none of the others is a spelling
        assert (spelled(int(LENGTHS[list(pieces)].sum())) == pieces) == (pieces in allowed)


def test_the_shortest_tie_of_each_state():
    assert SHORTEST_TIE[0] > 10**9
    quarter = AFTER[0, DURATIONS.index(Fraction(1))]
    assert SHORTEST_TIE[quarter] == TICKS // 32
    assert not MAY_TIE[AFTER[0, DURATIONS.index(Fraction(1, 3))]].any()
