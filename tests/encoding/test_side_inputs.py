"""Side inputs: what a network is told besides the tokens, the same while training and while playing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.encoding import make_encoding
from ritornello.encoding.side_inputs import INPUTS

CASES = [
    ("grid", {}),
    ("grid", {"steps_per_quarter": 1}),
    ("grid", {"steps_per_quarter": 12}),
    ("grid", {"plain": True}),
    ("note", {}),
    ("interval", {}),
    ("interval", {"relative_to": "previous"}),
]


def legal_tokens(encoding, data, most: int) -> list[int]:
    """Up to `most` tokens, each legal after those before it; rarer kinds come as often as notes."""
    tracker, tokens = encoding.tracker(1), []
    for _ in range(most):
        legal = np.flatnonzero(tracker.legal()[0])
        if not len(legal):
            break
        rows = [
            row for row in encoding.vocabulary.rows if ((legal >= row.first) & (legal < row.first + row.size)).any()
        ]
        row = data.draw(st.sampled_from(rows))
        inside = legal[(legal >= row.first) & (legal < row.first + row.size)]
        tokens.append(int(data.draw(st.sampled_from(inside.tolist()))))
        tracker.advance(np.array(tokens[-1:]))
    return tokens


def streamed(encoding, tokens: list[int]) -> list[list[int]]:
    """What the tracker says before each group."""
    tracker, rows = encoding.tracker(1), []
    for token in tokens:
        if tracker.part[0] == 0:
            rows.append(tracker.side()[0].tolist())
        tracker.advance(np.array([token]))
    return rows


@pytest.mark.parametrize(("name", "options"), CASES)
@given(data=st.data())
def test_the_tracker_says_group_by_group_what_side_inputs_say_at_once(name, options, data):
    encoding = make_encoding(name, inputs=INPUTS, **options)
    tokens = legal_tokens(encoding, data, 60)
    whole = encoding.side_inputs(np.array(tokens, np.int16))
    assert whole.dtype == np.int16
    assert whole.tolist() == streamed(encoding, tokens)
    assert (whole >= 0).all()
    assert (whole < [column.size for column in encoding.side]).all()
