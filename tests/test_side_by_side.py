"""Tests of one group run in one process, one after the other: those with ports, with Link, with one notebook."""

import pytest


@pytest.mark.xdist_group("side by side")
def test_a_group_is_known_to_what_deals_out_the_tests(request):
    if getattr(request.config.option, "loadgroup", False):  # as in `make test`
        assert request.node.nodeid.endswith("@side by side")
