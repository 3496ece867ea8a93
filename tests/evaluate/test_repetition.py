"""Repetition in tunes that are written out by hand."""

from dataclasses import replace

import pytest

from ritornello.evaluate.repetition import has_loop, has_round, returning_bars
from ritornello.generate.primer import parse_notes
from ritornello.music.values import Metre

BAR = "C4 E4 G4 E4 "
OTHER = "D4:2 F4 A4 "
PLAIN = "G4 A4:1/2 B4:1/2 C5 D5 "


@pytest.mark.parametrize(
    ("text", "bars", "counts"),
    [
        (BAR + OTHER + BAR + OTHER, 2, (2, 0, 0, 2)),
        (BAR + OTHER + BAR + OTHER, 1, (0, 0, 0, 3)),
        (BAR + "D4 F#4 A4 F#4", 1, (0, 1, 0, 1)),  # all two semitones up
        (BAR + "D4 F4 A4 F4", 1, (0, 0, 1, 1)),  # other intervals, the same rhythm
        (BAR + "C4:1/2 E4:3/2 G4 E4", 1, (0, 0, 0, 1)),  # other places
        (BAR + "C4 E4 G4 E4:1/2 r:1/2", 1, (0, 0, 0, 1)),  # another duration
        ("C4:4 " * 3, 1, (0, 0, 0, 0)),  # too little in a bar
        (BAR + "C4:4 " + BAR, 1, (0, 0, 0, 0)),
        (BAR + "C4:4 " + BAR, 2, (1, 0, 0, 1)),
        (BAR + "r:4 " + BAR, 2, (1, 0, 0, 1)),
        ("r:3 C4 " + BAR + BAR, 1, (1, 0, 0, 1)),
        (BAR, 4, (0, 0, 0, 0)),
        ("C4 E4 G4 C5:2 E4 G4 C5", 1, (0, 0, 0, 1)),  # a note over the barline belongs to the bar where it starts
    ],
)
def test_bars_that_return_exactly_moved_or_in_rhythm(text, bars, counts):
    assert returning_bars(parse_notes(text), bars) == counts


def test_the_bars_after_a_pickup_are_compared_as_they_are_counted():
    melody = parse_notes("r:3 C5 " + (BAR + OTHER) * 2).with_pickup()
    assert melody.timeline.pickup == melody.timeline.ticks_per_quarter
    assert returning_bars(melody, 2) == (2, 0, 0, 2)


@pytest.mark.parametrize(
    ("text", "exact", "nearly"),
    [
        (BAR * 4, True, True),
        (BAR * 3 + OTHER, False, False),
        ((BAR + OTHER) * 4, True, True),
        ((BAR + OTHER) * 3 + BAR, False, False),  # the fourth time is not whole
        ((BAR + OTHER + BAR + PLAIN) * 4, True, True),
        ((BAR + OTHER + PLAIN) * 4, False, False),  # three bars are no unit
        ("D4:2 " + BAR * 4 + "D4:2 ", True, True),  # from the middle of a bar on
        ("r:1 C4 E4 G4 " * 4, True, True),  # a rest belongs to it
        ("r:1 C4 E4 G4 " * 3 + "C4 C4 E4 G4 ", False, False),  # three notes are too few to differ in one
        ("C4:4 " * 4, True, True),
        ("C4:16 ", False, False),
        (BAR * 3 + "C4 E4 G4 F4 ", False, True),  # one pitch
        (BAR * 3 + "C4 E4 G4 E4:1/2 F4:1/2 ", False, True),  # one note more
        (BAR * 3 + "C4 E4 G4:2 ", False, True),  # one note less
        (BAR * 3 + "C4 E4 G4:1/2 E4:3/2 ", False, True),  # one place
        (BAR + "C4 E4 G4 E4:1/2 r:1/2 " + BAR * 2, False, True),  # one duration
        (BAR * 3 + "C4 E4 A4 F4 ", False, False),
        (BAR + "C4 E4 G4 F4 " + "C4 E4 A4 F4 " + "C4 D4 A4 F4 ", False, True),  # one more each time
        ("C4 E4:3 C4 F4:3 C4 G4:3 C4 A4:3 ", False, False),
    ],
)
def test_units_of_bars_that_go_round(text, exact, nearly):
    melody = parse_notes(text)
    assert has_loop(melody) is exact
    assert has_loop(melody, 1) is nearly
    assert has_loop(melody.transposed(5)) is exact


def test_only_the_units_that_are_asked_for_go_round():
    melody = parse_notes((BAR + OTHER) * 4)
    assert [has_loop(melody, units=(unit,)) for unit in (1, 2, 4)] == [False, True, False]


def test_the_length_of_a_unit_is_that_of_the_metre():
    text = "C4 E4 G4 " * 4
    assert has_loop(parse_notes(text, "3/4"))
    assert not has_loop(parse_notes(text, "4/4"))
    changed = parse_notes("D4:4 " + text)
    metres = (Metre(0, 4, 4), Metre(4 * changed.timeline.ticks_per_quarter, 3, 4))
    assert has_loop(replace(changed, timeline=replace(changed.timeline, metres=metres)))


@pytest.mark.parametrize(
    ("text", "exact", "nearly"),
    [
        ("C4 " * 16, True, True),
        ("C4 " * 15 + "D4 ", False, True),
        ("C4 D4 " * 8, True, True),
        ("C4 D4 " * 7 + "C4", False, False),
        ("E4 F4 " + "C4 D4:1/2 E4 " * 5 + "C4 ", True, True),
        ("C4 D4 E4 F4 " * 4, True, True),
        ("C4 D4 E4 F4 G4 " * 4, False, False),  # five notes
        ("C4 D4 " * 4 + "C4 D4:2 " * 4, False, False),  # another duration
        ("C4 D4 E4 F4 " * 3 + "C4 D4 E4 G4", False, True),
        ("C4 D4 E4 F4 " * 3 + "C4 D4 F4 G4", False, False),
        ("C4 D4 E4 F4 C4 D4 E4 G4 C4 D4 F4 G4 C4 E4 F4 G4", False, True),  # one more each time
        ("C4 D4 C4 E4 C4 F4 C4 G4 C4 A4 C4 B4 C4 C5 C4 D5", False, False),  # a figure of two has none to spare
    ],
)
def test_figures_of_up_to_four_notes_that_go_round(text, exact, nearly):
    melody = parse_notes(text)
    assert has_round(melody) is exact
    assert has_round(melody, 1) is nearly
