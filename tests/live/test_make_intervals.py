"""The script that counts the intervals of hymns, on one hymn counted by hand and on all of them."""

import importlib.util
import sys

import numpy as np
import pytest

from ritornello.live.line.intervals import BARLINE, BEAT, BETWEEN, FILE
from ritornello.music.abc.reader import read_abc

HYMN = """X: 1
T: A Hymn
C: Words and music: somebody.
C: copyright: {copyright}.
M: 3/4
L: 1/4
V: S1V1
V: S1V2
V: S2V1
V: S2V2
K: C
[V: S1V1] c|d c/B/ A|c3|]
[V: S1V2] G|G2 F|z3|]
[V: S2V1] E|D2 D|E3|]
[V: S2V2] C,|B,,2 D,|C,3|]
"""


@pytest.fixture(scope="module")
def script(repo_root):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("make_intervals", repo_root / "scripts" / "make_intervals.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_intervals_are_counted_as_by_hand(script):
    (piece,) = read_abc(HYMN.format(copyright="public domain"), "a.abc", "written")
    assert list(script.intervals_of(piece, 0)) == [
        (BEAT, 0, 0, 5),  # the pick-up: C above G, nothing before
        (BARLINE, 4, 6, 7),  # D above G, a step up
        (BEAT, 2, 8, 5),
        (BETWEEN, 2, 6, 4),  # B above G that sounds on
        (BEAT, 2, 5, 4),  # A above F
    ]  # under the last C the alto is silent
    assert [found for *_, found in script.intervals_of(piece, 1)] == [0, 3, 1, 0, 7, 0]


def test_only_hymns_in_the_public_domain_are_counted(script, tmp_path):
    (tmp_path / "free.abc").write_text(HYMN.format(copyright="public domain"))
    (tmp_path / "owned.abc").write_text(HYMN.format(copyright="somebody, 1990"))
    assert [piece.source for piece in script.pieces_in_four_voices(tmp_path)] == ["free.abc"]


def test_the_shipped_table_is_what_the_script_makes(script, shared_data, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["make_intervals.py", str(shared_data("hymns")), "-o", str(tmp_path / "out")])
    script.main()
    with np.load(tmp_path / "out" / FILE.name) as made, np.load(FILE) as shipped:
        assert np.array_equal(made["counts"], shipped["counts"])
    pages = [folder / "PROVENANCE.md" for folder in (tmp_path / "out", FILE.parent)]
    assert pages[0].read_text() == pages[1].read_text()
