"""The tests of the shared data are all there: none lost, none left out of the list, none switched off.

What is skipped while it runs is looked after in conftest.py.
"""

from pathlib import Path

LIST = Path(__file__).with_name("shared_data_tests.txt")
ROOT = LIST.parents[1]


def listed() -> dict[str, set[str]]:
    """Names of tests by file, as the list has them."""
    tests: dict[str, set[str]] = {}
    for line in LIST.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            file, name = line.split("::")
            tests.setdefault(file, set()).add(name)
    return tests


def test_every_listed_test_of_the_shared_data_is_going_to_run(request):
    items = request.session.items
    files = {item.path.relative_to(ROOT).as_posix() for item in items}
    if request.config.getoption("keyword"):
        return  # a part of the tests was asked for by name
    found: dict[str, set[str]] = {}
    for item in items:
        if item.get_closest_marker("shared_data") and not any(map(item.get_closest_marker, ("skip", "slow"))):
            file = item.path.relative_to(ROOT).as_posix()
            found.setdefault(file, set()).add(item.originalname)
    wanted = {file: names for file, names in listed().items() if file in files}
    assert found == wanted


def test_every_file_of_the_list_exists():
    assert [file for file in listed() if not (ROOT / file).is_file()] == []
    assert sum(map(len, listed().values())) >= 10
