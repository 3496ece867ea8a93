"""A melody on a screen of text. The pictures are written out by hand."""

from ritornello.music.values import Melody, Metre, Note, Timeline
from ritornello.render.terminal import melody_text, roll_text

TWO_BARS = Timeline(480, 1920, (Metre(0, 2, 4),))


def test_a_row_is_two_semitones_and_a_column_a_sixteenth():
    melody = Melody((Note(0, 480, 63), Note(480, 240, 62), Note(720, 240, 60), Note(960, 960, 61)), TWO_BARS)
    assert roll_text(melody).splitlines() == [
        " E♭4 │▀▀▀▀▄▄  │        │",
        "  C4 │      ▄▄│▀▀▀▀▀▀▀▀│",
    ]


def test_a_note_that_is_struck_again_is_parted_from_the_one_before_it():
    melody = Melody((Note(0, 480, 60), Note(480, 480, 60)), Timeline(480, 960, (Metre(0, 2, 4),)))
    assert roll_text(melody) == "  C4 │▀▀▀ ▀▀▀▀│"


def test_a_note_held_over_a_barline_is_drawn_in_both_bars():
    melody = Melody((Note(480, 960, 60),), TWO_BARS)
    assert roll_text(melody) == "  C4 │    ▀▀▀▀│▀▀▀▀    │"


def test_a_pick_up_is_a_short_bar():
    timeline = Timeline(480, 1440, (Metre(0, 2, 4), Metre(480, 2, 4)))
    assert roll_text(Melody((Note(0, 1440, 60),), timeline)) == "  C4 │▀▀▀▀│▀▀▀▀▀▀▀▀│"


def test_bars_that_do_not_fit_go_below_and_one_always_fits():
    melody = Melody((Note(0, 1920, 60),), TWO_BARS)
    assert roll_text(melody, 24) == "  C4 │▀▀▀▀▀▀▀▀│▀▀▀▀▀▀▀▀│"
    for narrow in (23, 1):
        assert roll_text(melody, narrow) == "  C4 │▀▀▀▀▀▀▀▀│\n\n  C4 │▀▀▀▀▀▀▀▀│"


def test_notes_shorter_than_a_column_are_seen():
    assert roll_text(Melody((Note(0, 1, 60),), Timeline(480, 480, (Metre(0, 1, 4),)))) == "  C4 │▀   │"


def test_a_melody_without_notes_is_no_roll():
    assert roll_text(Melody((), TWO_BARS)) == ""


def test_abc_stands_above_the_roll():
    text = melody_text(Melody((Note(0, 1920, 60),), TWO_BARS, "Long"))
    abc, roll = text.split("\n\n")
    assert abc.startswith("X:1")
    assert "T:Long" in abc
    assert roll == "  C4 │▀▀▀▀▀▀▀▀│▀▀▀▀▀▀▀▀│"
