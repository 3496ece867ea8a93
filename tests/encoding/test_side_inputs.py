"""Side inputs: what a network is told besides the tokens, the same while training and while playing."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from walks import walked

from ritornello.encoding import make_encoding
from ritornello.encoding.side_inputs import INPUTS


def streamed(encoding, tokens: list[int]) -> list[list[int]]:
    """What the tracker says before each group."""
    tracker, rows = encoding.tracker(1), []
    for token in tokens:
        if tracker.part[0] == 0:
            rows.append(tracker.side()[0].tolist())
        tracker.advance(np.array([token]))
    return rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(seed=st.integers(0, 1 << 30))
def test_the_tracker_says_group_by_group_what_side_inputs_say_at_once(options, seed):
    encoding = make_encoding(**options, inputs=INPUTS)
    tokens, _ = walked(encoding, seed, 120)
    whole = encoding.side_inputs(np.array(tokens, np.int16))
    assert whole.dtype == np.int16
    assert whole.tolist() == streamed(encoding, tokens)
    assert (whole >= 0).all()
    assert (whole < [column.size for column in encoding.side]).all()
