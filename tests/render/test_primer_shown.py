"""A primer and its continuation are told apart: on staff and roll, in words, in files."""

import re

import pytest

import ritornello as rito
from ritornello.music.values import Melody, Metre, Note, Timeline
from ritornello.render.roll import roll_svg
from ritornello.render.staff import staff_svg
from ritornello.render.words import primer_in_words

QUARTERS = Melody(tuple(Note(480 * i, 480, 60 + i) for i in range(12)), title="Up")
WITH_PICK_UP = Melody(QUARTERS.notes, Timeline(metres=(Metre(0, 4, 4), Metre(480, 4, 4))))


@pytest.mark.parametrize(
    ("melody", "notes", "words"),
    [
        (QUARTERS, 0, ""),
        (QUARTERS, 4, "bar 1 is the primer"),
        (QUARTERS, 8, "bars 1-2 are the primer"),
        (QUARTERS, 1, "the first note of bar 1 is the primer"),
        (QUARTERS, 2, "the first 2 notes of bar 1 are the primer"),
        (QUARTERS, 9, "bars 1-2 and the first note of bar 3 are the primer"),
        (QUARTERS, 12, "all of it is the primer"),
        (WITH_PICK_UP, 1, "the pick-up is the primer"),
        (WITH_PICK_UP, 9, "the pick-up and bars 1-2 are the primer"),
        (WITH_PICK_UP, 6, "the pick-up and bar 1 and the first note of bar 2 are the primer"),
    ],
)
def test_a_line_says_which_bars_are_the_primer(melody, notes, words):
    assert primer_in_words(melody, notes) == words


def marked(svg):
    """The numbers of the notes that are drawn as a primer."""
    return [int(n) for n in re.findall(r'data-note="(\d+)" class="note (?:judged )?primer"', svg)]


def test_the_staff_colours_the_primer_s_notes_and_says_so():
    svg = staff_svg(QUARTERS, primer_notes=8)
    assert marked(svg) == list(range(8))
    assert 'aria-label="Staff of Up; bars 1-2 are the primer"' in svg
    assert "bars 1-2 are the primer</text>" in svg
    assert "primer" not in staff_svg(QUARTERS)


def test_the_roll_lays_the_primer_on_a_ground_of_its_own():
    svg = roll_svg(QUARTERS, primer_notes=8)
    assert svg.count('class="note primer"') == 8
    assert '<rect class="primer"' in svg
    assert "C4, primer</title>" in svg
    assert "; bars 1-2 are the primer" in svg
    assert "primer" not in roll_svg(QUARTERS)


def test_a_tune_keeps_its_primer_apart_in_pages_and_pictures(tmp_path):
    tune = rito.load_model().generate(bars=4, primer="C4 E4 G4 E4", seed=1)
    assert tune.primer_notes == 4
    assert [n.duration for n in tune.melody.notes[:4]] == [tune.melody.timeline.ticks_per_quarter] * 4
    for suffix in (".svg", ".html"):
        tune.save(tmp_path / f"tune{suffix}")
        text = (tmp_path / f"tune{suffix}").read_text("utf-8")
        assert {*marked(text)} == {0, 1, 2, 3}
        assert "bar 1 is the primer" in text
    assert "<li>Bar 1 is the primer</li>" in text  # for screen readers
    assert "Bar 1 is the primer" in tune._repr_html_()
    assert "primer" in tune._repr_svg_()


def test_a_tune_without_its_primer_has_none_to_show():
    tune = rito.load_model().generate(bars=4, primer="C4 E4 G4 E4", seed=1, without_primer=True)
    assert tune.primer_notes == 0
    assert rito.load_model().generate(bars=2, seed=1).primer_notes == 0
