"""The engraved staff: what the SVG holds, and that it becomes a picture."""

import random
import re
import struct
import sys
from xml.etree import ElementTree

import pytest

from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline
from ritornello.render.engraving.readable import drawable, rounded
from ritornello.render.staff import staff_png, staff_svg, svg_size

pytest.importorskip("verovio")

SCALE = Melody(
    tuple(Note(480 * i, 480, p) for i, p in enumerate([60, 62, 64, 65, 67, 69, 71, 72])), title="Scale & co"
)
LONG = Melody(tuple(Note(240 * i, 240, 60 + i % 12) for i in range(8 * 16)), Timeline(length=16 * 1920))


def systems(svg):
    """Bars in each system."""
    return [part.count('class="measure"') for part in svg.split('class="system"')[1:]]


def test_every_note_is_drawn_once_and_numbered():
    found = re.findall(r'<g data-note="(\d+)" class="note"', staff_svg(SCALE))
    assert found == [str(i) for i in range(8)]


def test_all_tied_parts_of_a_note_carry_its_number():
    melody = Melody((Note(0, 960, 60), Note(960, 1920, 62)))
    assert re.findall(r'data-note="(\d+)"', staff_svg(melody)) == ["0", "1", "1"]


def test_it_is_well_formed_named_and_fetches_nothing():
    svg = staff_svg(SCALE)
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == "Staff of Scale & co"
    links = re.findall(r'href="([^"]*)"', svg)
    assert links
    assert all(link.startswith("#") for link in links)
    assert "url(" not in svg


def test_glyphs_are_found_under_their_names():
    svg = staff_svg(SCALE)
    assert {link[1:] for link in re.findall(r'href="([^"]*)"', svg)} <= set(re.findall(r'id="([^"]*)"', svg))


def test_the_same_melody_gives_the_same_bytes_and_two_melodies_share_no_names():
    assert staff_svg(SCALE) == staff_svg(SCALE)
    names = [set(re.findall(r' id="([^"]*)"', staff_svg(m))) for m in (SCALE, LONG)]
    assert not names[0] & names[1]


def test_a_narrower_staff_has_more_systems_and_the_height_follows():
    wide, narrow = staff_svg(LONG, 900), staff_svg(LONG, 400)
    assert len(systems(narrow)) > len(systems(wide)) > 1
    assert svg_size(narrow)[1] > svg_size(wide)[1]
    assert svg_size(staff_svg(SCALE))[1] < 170  # one system, no empty page below
    assert svg_size(wide)[0] == pytest.approx(900, abs=1)


def test_systems_hold_equally_many_bars():
    assert systems(staff_svg(LONG, 900)) == [4, 4, 4, 4]


def bars_of(*counts):
    """A melody in 4/4 whose bars hold so many equal notes each."""
    notes = [(1920 * bar + i * 1920 // n, 1920 // n, 60 + i) for bar, n in enumerate(counts) for i in range(n)]
    return Melody(tuple(Note(*note) for note in notes))


def test_systems_that_could_hold_more_hold_four_bars_where_that_makes_phrases():
    assert systems(staff_svg(bars_of(*[2] * 12), 1000)) == [4, 4, 4]
    assert systems(staff_svg(bars_of(*[2] * 10), 900)) == [4, 6]  # two would end ragged
    assert systems(staff_svg(bars_of(*[2] * 9), 900)) == [4, 5]  # no bar is left alone


def test_full_bars_get_shorter_systems_that_still_end_with_phrases():
    assert systems(staff_svg(bars_of(*[16] * 8), 900)) == [2] * 4  # three would fit
    assert systems(staff_svg(bars_of(*[16] * 8, *[4] * 8), 900)) == [2] * 4 + [4, 4]


def test_a_bar_that_fills_more_than_a_system_gets_one_of_its_own():
    assert systems(staff_svg(bars_of(*[32] * 4), 300)) == [1] * 4


def right_ends(svg):
    """The barline that ends each system, in pixels of a picture 900 wide."""
    ends = []
    for system in svg.split('class="system"')[1:]:
        lines = [int(x) for x in re.findall(r'class="barLine"><path d="M(\d+)', system)]
        ends.append(max(lines) / 10 * 0.42)
    return ends


def test_a_short_last_system_keeps_its_width():
    *above, last = right_ends(staff_svg(bars_of(*[8] * 8, *[4] * 2), 900))
    assert min(above) > 850
    assert last < 500


def test_a_last_system_as_full_as_those_above_it_is_stretched_with_them():
    for melody in (bars_of(*[8] * 8), bars_of(*[8] * 7), bars_of(*[2] * 8)):
        assert min(right_ends(staff_svg(melody, 900))) > 850


def texts(svg):
    """The words of a picture, from top to bottom as they are written."""
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_title_composer_and_a_tempo_in_whole_numbers_stand_above_the_staff():
    melody = Melody(SCALE.notes, Timeline(tempos=(Tempo(0, 99.7),)), "Scale & co")
    assert texts(staff_svg(melody, composer="A. Nonymous"))[:3] == ["Scale & co", "A. Nonymous", "= 100"]
    assert texts(staff_svg(melody, with_title=False))[0] == "= 100"
    in_six = Melody(SCALE.notes, Timeline(metres=(Metre(0, 6, 8),), tempos=(Tempo(0, 90.0),)))
    assert texts(staff_svg(in_six))[0] == "= 60"  # dotted quarters


def test_a_long_title_is_broken_and_stays_inside_the_picture():
    title = "The Third Booke of Ayres, or Songs to be sung to the Lute, Orpharion or Viols, newly composed"
    lines = texts(staff_svg(Melody(SCALE.notes, title=title), 400))[:-1]
    assert " ".join(lines) == title
    assert len(lines) > 1


def test_every_system_but_the_first_begins_with_the_number_of_its_bar():
    numbers = [text for text in texts(staff_svg(LONG, 900)) if text.isdigit()]
    assert numbers == ["5", "9", "13"]


def test_the_last_barline_is_a_final_one():
    *_, last = re.findall(r'<g class="barLine">(.*?)</g>', staff_svg(LONG))
    assert last.count("<path") == 2


def test_a_pick_up_goes_along_with_the_first_system():
    metres = (Metre(0, 4, 4), Metre(480, 4, 4))
    melody = Melody(tuple(Note(240 * i, 240, 60 + i % 12) for i in range(2 + 8 * 8)), Timeline(metres=metres))
    assert systems(staff_svg(melody, 900)) == [5, 4]


def test_a_long_melody_is_drawn_to_its_end():
    notes = tuple(Note(480 * i, 480, 60 + i % 12) for i in range(4 * 300))
    svg = staff_svg(Melody(notes), 500)
    assert sum(systems(svg)) == 300
    assert 'data-note="1199"' in svg


def test_accidentals_beams_and_tuplets_reach_the_drawing():
    melody = Melody(
        (*(Note(160 * i, 160, 61 + i) for i in range(3)), Note(480, 480, 66)), Timeline(keys=(Key(0, 0),))
    )
    svg = staff_svg(melody)
    assert svg.count('class="accid"') == 3  # C sharp, E flat, F sharp
    assert svg.count('class="beam"') == 1
    assert 'class="tupletNum"' in svg


def test_music_played_by_hand_is_drawn_on_a_readable_grid():
    chance = random.Random(1)
    notes = tuple(Note(480 * i + chance.randint(0, 25), 430 + chance.randint(0, 20), 60 + i) for i in range(8))
    drawn, kept = drawable(Melody(notes))
    assert [(n.start, n.duration) for n in drawn.notes] == [(480 * i, 480) for i in range(8)]
    assert kept == list(range(8))
    assert re.findall(r'data-note="(\d+)"', staff_svg(Melody(notes))) == [str(i) for i in range(8)]


def test_played_triplets_stay_triplets():
    notes = tuple(Note(160 * i + (i % 2) * 3, 155, 60 + i) for i in range(6))
    drawn, _ = drawable(Melody(notes, Timeline(length=1920)))
    assert [n.start for n in drawn.notes] == [0, 160, 320, 480, 640, 800]


def test_notes_too_close_to_draw_are_left_out_and_the_others_keep_their_numbers():
    melody = Melody((Note(0, 7, 60), Note(7, 7, 62), Note(14, 7, 64), Note(480, 480, 65)))
    drawn, kept = rounded(melody)
    assert kept == [0, 3]
    assert [n.start for n in drawn.notes] == [0, 480]


def test_what_is_written_plainly_is_not_rounded():
    melody = Melody(tuple(Note(60 * i, 60, 60 + i) for i in range(8)))
    assert drawable(melody)[0].notes == melody.notes


def test_a_key_inside_a_bar_is_drawn_at_the_next_barline():
    timeline = Timeline(keys=(Key(0, 1), Key(960, -3), Key(3840, 2), Key(3841, 4)), length=7680)
    drawn, _ = drawable(Melody((Note(0, 3840, 60),), timeline))
    assert drawn.timeline.keys == (Key(0, 1), Key(1920, -3), Key(3840, 2), Key(5760, 4))


@pytest.mark.parametrize(("width", "scale"), [(199, 40), (900, 9), (900, 201)])
def test_sizes_that_cannot_be_drawn_are_refused(width, scale):
    with pytest.raises(ValueError, match=r"must be"):
        staff_svg(SCALE, width, scale)


def test_the_png_is_a_picture_with_ink_on_white():
    pytest.importorskip("resvg_py")
    image = staff_png(SCALE, width=500, zoom=2)
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", image[16:20])[0] == 2 * 500
    pillow = pytest.importorskip("PIL.Image")
    from io import BytesIO

    grey = pillow.open(BytesIO(image)).convert("L")
    dark = sum(grey.histogram()[:80]) / (grey.width * grey.height)
    assert grey.getpixel((0, 0)) == 255
    assert 0.01 < dark < 0.2


def test_a_png_without_resvg_names_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ImportError, match=r"pip install resvg_py$"):
        staff_png(SCALE)


@pytest.mark.parametrize("width", range(300, 900, 60))
def test_only_notes_carry_numbers_whatever_identifiers_verovio_draws(width):
    found = re.findall(r'data-note="(\d+)"(?: class="(\w+)")?', staff_svg(SCALE, width))  # the width seeds them
    assert found == [(str(i), "note") for i in range(8)]
