"""Which tests run, and what lets them run at once: groups that stay in one process, a folder for each test."""

from fnmatch import fnmatch
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


def test_no_folder_of_tests_is_passed_over(repo_root, request):
    """By its defaults, pytest does not look into a folder named `build` or `dist`."""
    tests = repo_root / "tests"
    folders = {parent for path in tests.rglob("test_*.py") for parent in path.relative_to(tests).parents}
    patterns = request.config.getini("norecursedirs")
    assert [f for f in folders if any(fnmatch(f.name, pattern) for pattern in patterns)] == []
