"""Names of chords on a staff stand apart, also in a last system that is not stretched."""

import re

import pytest

import ritornello as rito
from ritornello.render.staff import staff_svg

pytest.importorskip("verovio")


def test_names_of_chords_do_not_touch():
    melody = next(m for m in rito.load_corpus("hymns").melodies() if m.title == "By Grace I'm Saved")
    svg = staff_svg(melody)
    names = re.findall(r'class="harm"><text x="(\d+)" y="(\d+)" font-size="(\d+)px">([^<]*)<', svg)
    assert "Am7/C" in [name for *_, name in names]
    assert not any("\N{NO-BREAK SPACE}" in name for *_, name in names)
    for (x, y, size, name), (after, same, *_) in zip(names, names[1:]):
        if y == same and int(after) > int(x):  # in one system; a letter takes 0.6 of its size
            assert int(after) - int(x) > 0.65 * int(size) * len(name), name
