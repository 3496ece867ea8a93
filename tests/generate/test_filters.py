"""Temperature, top-k, top-p and min-p on numbers that a hand can check."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ritornello.generate.draw import apply_temperature, keep_likely, keep_nucleus, keep_top

OUT = -np.inf
HALVES = np.log(np.array([[0.5, 0.25, 0.125, 0.125]]))


def kept(logits: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(row > OUT).tolist() for row in logits]


def test_temperature_divides():
    logits = np.array([[2.0, -1.0, OUT]])
    assert apply_temperature(logits, 1.0).tolist() == [[2.0, -1.0, OUT]]
    assert apply_temperature(logits, 0.5).tolist() == [[4.0, -2.0, OUT]]
    assert apply_temperature(logits, 10).tolist() == [[0.2, -0.1, OUT]]


def test_temperature_zero_keeps_the_likeliest_of_equals_the_first():
    assert kept(apply_temperature(np.array([[1.0, 3.0, 3.0], [0.0, OUT, -1.0]]), 0)) == [[1], [0]]


def test_the_k_likeliest():
    logits = np.array([[0.0, 3.0, 1.0, 2.0], [5.0, 5.0, 5.0, 5.0], [OUT, 1.0, OUT, OUT]])
    assert kept(keep_top(logits, 2)) == [[1, 3], [0, 1], [1]]
    assert kept(keep_top(logits, 1)) == [[1], [0], [1]]
    for everything in (0, 4, 99):
        np.testing.assert_array_equal(keep_top(logits, everything), logits)


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (0.1, [0]),
        (0.5, [0]),
        (0.51, [0, 1]),
        (0.75, [0, 1]),
        (0.76, [0, 1, 2]),
        (0.9, [0, 1, 2, 3]),
        (1.0, [0, 1, 2, 3]),
    ],
)
def test_the_nucleus_is_the_fewest_that_reach_top_p(top_p, expected):
    assert kept(keep_nucleus(HALVES, top_p)) == [expected]


def test_of_equals_at_the_edge_of_the_nucleus_the_lower_ids_stay():
    assert kept(keep_nucleus(np.zeros((1, 10)), 0.25)) == [[0, 1, 2]]
    assert kept(keep_nucleus(np.log([[0.2, 0.2, 0.4, 0.2]]), 0.5)) == [[0, 2]]


def test_min_p_is_a_share_of_the_likeliest():
    assert kept(keep_likely(HALVES, 0.3)) == [[0, 1]]
    assert kept(keep_likely(HALVES, 0.24)) == [[0, 1, 2, 3]]
    assert kept(keep_likely(HALVES, 1.0)) == [[0]]
    assert kept(keep_likely(np.array([[2.0, 2.0, OUT]]), 1.0)) == [[0, 1]]
    np.testing.assert_array_equal(keep_likely(HALVES, 0), HALVES)


@pytest.mark.parametrize(
    ("keep", "bad", "match"),
    [(apply_temperature, -0.1, "temperature must be 0 to 10"), (apply_temperature, 11, "temperature must be 0 to 10"),
     (apply_temperature, float("nan"), "temperature"), (keep_top, -1, "top_k must be 0 or more"),
     (keep_nucleus, 0, "top_p must be above 0"), (keep_nucleus, 1.1, "top_p"), (keep_nucleus, float("nan"), "top_p"),
     (keep_likely, -0.1, "min_p must be 0 to 1"), (keep_likely, 1.1, "min_p"), (keep_likely, float("nan"), "min_p")],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(keep, bad, match):
    with pytest.raises(ValueError, match=match):
        keep(HALVES, bad)


def logit_rows():
    value = st.one_of(st.sampled_from([OUT, 0.0, 1.0, 1.0]), st.integers(-30, 30).map(lambda n: n / 8))
    rows = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=value)
    return rows.filter(lambda logits: (logits > OUT).any(-1).all())


@given(logit_rows(), st.integers(0, 14), st.floats(0.01, 1), st.floats(0, 1), st.sampled_from([0, 0.5, 1.0, 3.0]))
def test_filters_keep_something_change_nothing_else_and_never_bring_back(logits, top_k, top_p, min_p, temperature):
    before = logits.copy()
    for out in (keep_top(logits, top_k), keep_nucleus(logits, top_p), keep_likely(logits, min_p)):
        assert out.shape == logits.shape
        assert (out > OUT).any(-1).all()
        assert ((out == logits) | (out == OUT)).all()
        np.testing.assert_array_equal(out.argmax(-1), logits.argmax(-1))
    warm = apply_temperature(logits, temperature)
    np.testing.assert_array_equal(warm.argmax(-1), logits.argmax(-1))
    assert ((warm > OUT) <= (logits > OUT)).all()
    np.testing.assert_array_equal(logits, before)


@given(logit_rows(), st.integers(1, 14))
def test_top_k_keeps_exactly_k_or_all_there_are(logits, top_k):
    out = keep_top(logits, top_k)
    assert ((out > OUT).sum(-1) == np.minimum(top_k, (logits > OUT).sum(-1))).all()
    for row, was in zip(out, logits, strict=True):
        lost = was[(row == OUT) & (was > OUT)]
        assert not len(lost) or lost.max() <= row[row > OUT].min()


@given(logit_rows(), st.floats(0.01, 0.99))
def test_the_nucleus_reaches_top_p_and_not_without_its_least_token(logits, top_p):
    for row, was in zip(keep_nucleus(logits, top_p), logits, strict=True):
        p = np.exp(was - was.max())
        p /= p.sum()
        inside = p[row > OUT]
        assert inside.sum() >= top_p - 1e-9
        assert inside.sum() - inside.min() < top_p + 1e-9
        assert (row > OUT).sum() == 1 or inside.min() >= p[row == OUT].max(initial=0)


@given(logit_rows(), st.floats(0.01, 1))
def test_min_p_keeps_all_that_are_likely_enough_and_no_other(logits, min_p):
    for row, was in zip(keep_likely(logits, min_p), logits, strict=True):
        share = np.exp(was - was.max())
        assert (row > OUT)[share >= min_p * (1 + 1e-9)].all()
        assert not (row > OUT)[share < min_p * (1 - 1e-9)].any()
