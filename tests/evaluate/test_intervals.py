"""Intervals by bootstrap over tunes: seeded, paired, and as wide as theory says."""

import numpy as np
import pytest

from ritornello.evaluate.intervals import bootstrap


def test_the_same_tunes_give_the_same_intervals():
    bits, notes = np.random.default_rng(1).uniform(10, 90, (2, 40)), np.full(40, 20)
    assert bootstrap(bits, notes) == bootstrap(bits, notes)


def test_the_width_is_that_of_a_normal_mean():
    """400 tunes of equal length: 1.96 standard errors to each side, within what 2000 draws can tell."""
    values = np.random.default_rng(2).normal(3, 0.5, 400)
    (interval,) = bootstrap([values * 10], np.full(400, 10)).rates
    assert interval is not None
    error = values.std() / 20
    assert interval == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.2 * error)


def test_long_tunes_count_for_their_notes():
    """One long tune at 1 bit among short ones at 3: no draw leaves 1 to 3, most lie near 1."""
    bits, notes = [1000.0, *[30.0] * 4], [1000, *[10] * 4]
    (interval,) = bootstrap([bits], notes).rates
    assert interval is not None
    low, high = interval
    assert 1 < low < 1.05
    assert high == pytest.approx(3)  # a third of the draws leave the long one out


def test_a_difference_is_paired_by_tune():
    """Tunes differ by bits, the second model is always 0.1 bits a note better: its interval is that, to rounding."""
    first = np.random.default_rng(3).uniform(20, 90, 30)
    found = bootstrap([first, first - 1.0, first + 2.0], np.full(30, 10))
    assert found.differences[0] == pytest.approx((-0.1, -0.1))
    assert found.differences[1] == pytest.approx((0.2, 0.2))
    assert found.rates[0] is not None
    assert found.rates[0][1] - found.rates[0][0] > 1


def test_one_tune_has_no_interval():
    found = bootstrap([[10.0], [12.0]], [4])
    assert found.rates == (None, None)
    assert found.differences == (None,)
