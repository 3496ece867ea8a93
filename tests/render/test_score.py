"""Several parts in one picture: a staff each, barlines through all, a piano's two on a brace."""

import re
from xml.etree import ElementTree

import pytest

import ritornello as rito
from ritornello.music.scores.writer import write_score
from ritornello.music.values import Key, Melody, Metre, Note, Timeline
from ritornello.render.staff import score_svg

pytest.importorskip("verovio")

UPPER = Melody(tuple(Note(480 * i, 480, 72 + i % 5) for i in range(32)), title="Duet")
LOWER = Melody(tuple(Note(960 * i, 960, 43 + i % 5) for i in range(14)), UPPER.timeline)  # two bars shorter
DUET = """X:1
T:Two voices
C:A. Nonymous
M:3/4
L:1/4
Q:1/4=90
K:G
V:1 name="Flute"
G A B | c2 d |]
V:2 name="Bass" clef=bass
G,,2 D, | C,3 |]
"""


def staves(svg):
    """Staves in each system."""
    return [
        part.split('class="measure"')[1].count('class="staff"') for part in svg.split('class="system"')[1:] if part
    ]


def test_each_line_has_its_staff_and_its_own_clef():
    svg = score_svg([UPPER, LOWER], ["Violin", "Cello"])
    assert staves(svg) == [2] * len(staves(svg))
    marked = re.findall(r'data-part="(\d)" data-note="(\d+)"', svg)
    assert sorted({*map(int, (n for p, n in marked if p == "1"))}) == list(range(14))
    assert sorted({*map(int, (n for p, n in marked if p == "0"))}) == list(range(32))
    assert "Violin" in svg
    assert 'aria-label="Score of Duet"' in svg


def measures(text, part):
    return ElementTree.fromstring(text).findall(f"part[@id='P{part}']/measure")


def test_barlines_go_through_and_shorter_lines_rest_to_the_end():
    text = write_score([UPPER, LOWER], ["", ""])
    assert text.count("<group-barline>yes</group-barline>") == 1
    assert "<group-symbol>bracket</group-symbol>" in text
    assert len(measures(text, 1)) == len(measures(text, 2)) == 8
    assert measures(text, 2)[7].find("note/rest[@measure='yes']") is not None
    assert [measures(text, n)[0].findtext("attributes/clef/sign") for n in (1, 2)] == ["G", "F"]
    assert "<group-symbol>brace</group-symbol>" in write_score([UPPER, LOWER], ["", ""], is_braced=True)


def test_parts_without_a_key_share_the_one_that_all_their_notes_suggest():
    only_c_sharp = Melody((Note(0, 1920, 61),), UPPER.timeline)
    d_major = Melody(
        tuple(Note(480 * i, 480, p) for i, p in enumerate([62, 64, 66, 67, 69, 71, 73, 74])), UPPER.timeline
    )
    svg = score_svg([d_major, only_c_sharp])
    assert svg.count('class="keyAccid"') == 2 * 2 * len(staves(svg))


def test_a_file_s_parts_are_drawn_under_its_title_and_composer(tmp_path):
    (tmp_path / "duet.abc").write_text(DUET)
    rito.render_file(tmp_path / "duet.abc", tmp_path / "duet.svg", all_parts=True)
    svg = (tmp_path / "duet.svg").read_text("utf-8")
    assert staves(svg) == [2]
    words = ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert words[:3] == ["Two voices", "A. Nonymous", "= 90"]
    assert rito.read(tmp_path / "duet.abc")[0]._repr_svg_() == svg


def test_two_staves_of_a_piano_stand_on_a_brace(tmp_path):
    names = DUET.replace('"Flute"', '"Piano"').replace('"Bass"', '"Piano"')
    (tmp_path / "piano.abc").write_text(names)
    [piece] = rito.read(tmp_path / "piano.abc")
    assert [part.name for part in piece.parts] == ["Piano", "Piano"]
    assert piece.staves().count("Piano</") == 1  # named once


def test_only_pictures_show_all_parts(tmp_path):
    (tmp_path / "duet.abc").write_text(DUET)
    with pytest.raises(ValueError, match=r"all parts are drawn as \.svg or \.png"):
        rito.render_file(tmp_path / "duet.abc", tmp_path / "duet.html", all_parts=True)


def test_lines_of_different_metres_make_no_score():
    other = Melody(UPPER.notes, Timeline(metres=(Metre(0, 3, 4),), keys=(Key(0, 0),)))
    with pytest.raises(ValueError, match="all of the same metres"):
        score_svg([UPPER, other])
    with pytest.raises(ValueError, match="one line or more"):
        score_svg([])


def test_the_tempo_stands_once_above_the_highest_staff():
    text = write_score([UPPER, LOWER], ["", ""])
    assert len(ElementTree.fromstring(text).findall("part[@id='P1']//metronome")) == 1
    assert text.count("<sound tempo=") == 1
