"""Which encodings a test runs with."""

from __future__ import annotations

import pytest
from walks import CASES


@pytest.fixture(params=CASES)
def options(request) -> dict:
    """The options of each encoding, in each way of using it."""
    return CASES[request.param]


@pytest.fixture(params=["note", "interval", "previous", "note in keys"])
def group_options(request) -> dict:
    """The options of the encodings that keep exact lengths."""
    return CASES[request.param]
