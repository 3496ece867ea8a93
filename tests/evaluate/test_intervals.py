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


def test_variants_of_a_tune_are_drawn_together():
    """25 families of 16 tunes that cost the same: the interval is that of 25 families, as wide as theirs."""
    values = np.random.default_rng(4).normal(3, 0.5, 25)
    names = [f"family {n}" for n in range(25)]
    alone = bootstrap([values * 10, values * 11], np.full(25, 10))
    families = bootstrap([np.tile(values, 16) * 10, np.tile(values, 16) * 11], np.full(400, 10), names * 16)
    assert families.rates[0] == pytest.approx(alone.rates[0])
    assert families.differences[0] == pytest.approx(alone.differences[0])


def test_tunes_without_a_family_stand_alone():
    bits, notes = np.random.default_rng(5).uniform(10, 90, (1, 30)), np.full(30, 20)
    assert bootstrap(bits, notes, [""] * 30) == bootstrap(bits, notes)


def test_one_family_has_no_interval():
    assert bootstrap([[10.0, 12.0]], [4, 5], ["a", "a"]).rates == (None,)


def test_the_interval_covers_the_truth_where_tunes_come_in_families():
    """60 corpora of 40 families, a tenth of them of ten variants: most intervals hold the true 3 bits."""
    random, hits = np.random.default_rng(6), 0
    sizes = [10] * 4 + [1] * 36
    names = [f"{n}" for n, size in enumerate(sizes) for _ in range(size)]
    for _ in range(60):
        costs = np.repeat(random.normal(3, 0.4, 40), sizes) + random.normal(0, 0.1, len(names))
        (interval,) = bootstrap([costs * 20], np.full(len(names), 20), names).rates
        assert interval is not None
        hits += interval[0] < 3 < interval[1]
    assert hits >= 48  # where tunes are drawn one by one: far fewer
