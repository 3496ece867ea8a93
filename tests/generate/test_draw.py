"""Chance that anyone can repeat: the generator by its specification, and a fair draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.generate.draw import Dice, draw, filtered, rounded
from ritornello.generate.options import GenerateOptions

MASK = 0xFFFFFFFF
PUBLISHED = [14202235, 13808289, 5165124, 8198982, 13743078]  # seed 1, melody 0


def mix(value: int) -> int:
    """MurmurHash3's 32-bit finaliser in Python's own whole numbers."""
    value &= MASK
    value = (value ^ value >> 16) * 0x85EBCA6B & MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & MASK
    return value ^ value >> 16


def specified_rolls(seed: int, melody: int, count: int) -> list[int]:
    """The specification: a key from seed and melody, then roll k (from 1) from key and k, its upper 24 bits."""
    golden = 0x9E3779B9
    low, high = seed & MASK, seed >> 32
    key = mix(mix(mix(low + golden) ^ high) + melody * golden)
    return [mix(mix(key + k * golden) ^ key) >> 8 for k in range(1, count + 1)]


def test_the_first_rolls_of_seed_1_are_published():
    dice = Dice(1, np.array([0]))
    assert [int(dice.roll()[0]) for _ in range(5)] == PUBLISHED == specified_rolls(1, 0, 5)


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 2**40), min_size=1, max_size=5))
def test_every_roll_is_as_specified(seed, melodies):
    dice = Dice(seed, np.array(melodies))
    rolled = np.stack([dice.roll() for _ in range(4)], 1)
    assert rolled.tolist() == [specified_rolls(seed, melody, 4) for melody in melodies]


def test_a_stream_does_not_depend_on_the_others_beside_it():
    together, alone = Dice(9, np.arange(10)), Dice(9, np.array([6]))
    for k in range(20):
        if k == 7:
            together.keep(np.array([2, 6, 9]))
        row = 6 if k < 7 else 1
        assert together.roll()[row] == alone.roll()[0]
    assert len(together) == 3


def test_streams_and_seeds_differ():
    keys = {tuple(specified_rolls(seed, melody, 3)) for seed in range(20) for melody in range(20)}
    assert len(keys) == 400


def test_rolls_are_even():
    rolls = np.concatenate([Dice(3, np.arange(4000)).roll(), Dice(4, np.arange(4000)).roll()])
    counts = np.bincount((rolls >> np.uint64(20)).astype(int), minlength=16)
    assert len(counts) == 16
    chi_square = ((counts - 500) ** 2 / 500).sum()
    assert chi_square < 37.7  # 15 degrees of freedom, one in a thousand


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be 0 to"):
        Dice(seed, np.array([0]))


def test_tokens_come_as_often_as_their_probabilities_say():
    p = np.array([0.5, 0.0, 0.25, 0.125, 0.1, 0.025])
    with np.errstate(divide="ignore"):
        logits = np.tile(np.log(p) + 3.7, (20_000, 1))
    drawn = draw(logits, Dice(5, np.arange(20_000)))
    counts = np.bincount(drawn, minlength=6)
    assert counts[1] == 0
    expected = 20_000 * p[p > 0]
    chi_square = ((counts[p > 0] - expected) ** 2 / expected).sum()
    assert chi_square < 18.5  # 4 degrees of freedom, one in a thousand


def test_a_token_that_is_out_is_never_drawn():
    logits = np.full((3000, 5), -np.inf)
    logits[:, 3] = -700.0
    assert (draw(logits, Dice(1, np.arange(3000))) == 3).all()
    logits[:, 0] = -700.0
    assert set(draw(logits, Dice(1, np.arange(3000))).tolist()) == {0, 3}


def test_the_draw_is_whole_number_arithmetic():
    logits = np.log(np.array([[3.0, 1.0, 4.0]]))
    weights = [round(65536 * 0.75), round(65536 * 0.25), 65536]
    dice = Dice(11, np.array([4]))
    for roll in specified_rolls(11, 4, 50):
        place = roll * sum(weights) >> 24
        expected = 0 if place < weights[0] else 1 if place < weights[0] + weights[1] else 2
        assert draw(logits, dice).tolist() == [expected]


class Rolled:
    """Dice that show what they are told to."""

    def __init__(self, *rolls: int):
        self._rolls = np.array(rolls, np.uint64)

    def roll(self) -> np.ndarray:
        return self._rolls


def test_the_lowest_and_the_highest_roll_draw_what_is_allowed():
    logits = np.array([[-np.inf, 0.0, 0.0, -np.inf]] * 4)
    half = 1 << 23
    assert draw(logits, Rolled(0, half - 1, half, (1 << 24) - 1)).tolist() == [1, 1, 2, 2]


def test_where_nothing_is_allowed_the_constraints_are_named():
    logits = np.array([[0.0, 1.0], [-np.inf, -np.inf]])
    with pytest.raises(ValueError, match="no token is allowed here: the constraints contradict each other"):
        draw(logits, Dice(1, np.arange(2)))
    with pytest.raises(ValueError, match="no token is allowed"):
        draw(np.array([[0.0, np.nan]]), Dice(1, np.arange(1)))


def test_logits_are_rounded_to_a_fixed_step():
    out = rounded(np.array([1.0, 1.0 + 2**-12, 1.0 + 2**-10 + 2**-13, -0.3, -np.inf]))
    assert out.tolist() == [1.0, 1.0, 1.0 + 2**-10, -307 / 1024, -np.inf]


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 1.5])
@pytest.mark.parametrize(("second", "drawn"), [(-30.0, 1), (-np.inf, 0)], ids=["another", "nothing else"])
def test_what_goes_round_is_the_last_choice_however_sure_the_network_is(temperature, second, drawn):
    logits, stale = np.array([[0.0, second]]), np.array([[True, False]])
    options = GenerateOptions(temperature=temperature, top_p=0.9)
    assert draw(filtered(logits, options, None, stale), Dice(1, np.zeros(1, np.int64))).tolist() == [drawn]
