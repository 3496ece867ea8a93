"""What lets tests run at the same time: groups that stay in one process, and a folder of its own for each test."""

from pathlib import Path

import pytest


@pytest.mark.xdist_group("side by side")
def test_a_group_is_known_to_what_deals_out_the_tests(request):
    if getattr(request.config.option, "loadgroup", False):  # as in `make test`
        assert request.node.nodeid.endswith("@side by side")


@pytest.mark.parametrize("_", range(2))
def test_a_relative_path_is_one_of_this_test_alone(_, tmp_path):
    assert not Path("run").exists()
    Path("run").mkdir()
    assert (tmp_path / "run").is_dir()
