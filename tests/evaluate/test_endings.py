"""Endings and lost tuplets, in tunes that are written out by hand."""

from dataclasses import replace

import pytest

from ritornello.evaluate.endings import (
    ends_on_downbeat,
    ends_on_its_tonic,
    ends_on_last_beat,
    final_key,
    hammers_tonic,
    is_readable,
)
from ritornello.generate.primer import parse_notes
from ritornello.music.keys import key_name
from ritornello.music.values import Key

BAR = "C4 E4 G4 E4 "
IN_C = "C4 E4 G4 F4 D4 B3 C4:2 "


@pytest.mark.parametrize(
    ("text", "metre", "downbeat", "last_beat"),
    [
        (BAR + "C4:4", "4/4", True, False),
        (BAR + "C4:2 C4:2", "4/4", False, False),
        (BAR + "C4:3 C4", "4/4", False, True),
        (BAR + "C4:5/2 C4", "4/4", False, False),
        (BAR + "C4:7/2 C4:1/2", "4/4", False, True),  # after it begins
        ("C4:2 C4", "3/4", False, True),
        ("C4:3 C4:3/2", "6/8", True, False),
        ("C4:3 C4:3/2 C4", "6/8", False, True),
        ("C4:1 C4:1/2", "3/8", False, True),  # felt in one: its last eighth
        ("C4:1/2 C4", "3/8", False, False),
        ("C4:3/2 C4:3/2", "3/8", True, False),
    ],
)
def test_where_in_its_bar_the_last_note_falls(text, metre, downbeat, last_beat):
    melody = parse_notes(text, metre)
    assert ends_on_downbeat(melody) is downbeat
    assert ends_on_last_beat(melody) is last_beat


def test_bars_are_counted_from_the_barline_after_a_pickup():
    melody = parse_notes("r:3 G4 " + BAR + "C4:3").with_pickup()
    assert ends_on_downbeat(melody)
    assert not ends_on_last_beat(melody)
    assert ends_on_last_beat(parse_notes("r:3 G4 " + BAR + "C4:3 C4").with_pickup())


def in_key(text: str, key: Key):
    melody = parse_notes(text)
    return replace(melody, timeline=replace(melody.timeline, keys=(key,)))


@pytest.mark.parametrize(
    ("last", "is_hammered"),
    [
        ("C4 C4 C4:2", True),
        ("C4 C5 C4:2", True),  # in any octave
        ("C4 C4:3", False),
        ("C4 D4 C4:2", False),
        ("G4 G4 G4:2", False),
        ("C4:4", False),
    ],
)
def test_a_hammered_ending_is_three_notes_or_more_all_tonic(last, is_hammered):
    melody = parse_notes(IN_C + last)
    assert hammers_tonic(melody) is is_hammered
    assert hammers_tonic(in_key(BAR + last, Key(0, 0))) is is_hammered
    assert not hammers_tonic(in_key(BAR + last.replace("G4", "E4"), Key(0, 1)))  # in G


def test_the_key_that_is_named_goes_before_the_one_that_the_notes_suggest():
    text = IN_C + "C4:4"
    assert key_name(final_key(parse_notes(text))) == key_name(Key(0, 0))
    assert ends_on_its_tonic(parse_notes(text))
    assert not ends_on_its_tonic(in_key(text, Key(0, 1)))
    assert ends_on_its_tonic(in_key(text.replace("C4:4", "D4:4"), Key(0, 0, "dorian")))


@pytest.mark.parametrize(
    ("text", "metre", "readable"),
    [
        ("C4:1/3 D4:1/3 E4:1/3 C4:3", "4/4", True),
        ("C4:1/3 D4:2/3 C4:3", "4/4", True),
        ("C4:1/3 D4:1/2 E4:1/6 C4:3", "4/4", True),  # dotted inside its beat
        ("C4:1/3 D4 E4 F4 G4 A4 B4 C4:5/3", "4/4", False),  # lost and never found again
        ("C4:1/3 D4 E4:2/3 C4:2", "4/4", True),  # a syncopated sextuplet of two beats
        ("C4:1/3 D4 E4 F4:2/3 C4", "4/4", False),
        ("C4:2/3 D4:2/3 E4:2/3 C4:2", "4/4", True),  # quarter triplets
        ("C4:4/3 D4:4/3 E4:4/3", "4/4", True),  # half note triplets
        ("C4 D4:2/3 E4:2/3 F4:2/3 G4", "4/4", True),
        ("C4:4/3 D4:1/3 E4:1/3 C4:2", "4/4", True),  # tied into a triplet
        ("C4:1/3 D4:1/3 E4:4/3 C4:2", "4/4", True),  # tied out of it
        ("C4:1/3 r:1 E4 F4 G4:2/3", "4/4", False),  # a rest is lost too
        ("C4:1/3 r:1/3 E4:1/3 C4:3", "4/4", True),
        ("C4:3 D4:1/3 E4:1/3 F4:4/3 C4:3", "4/4", True),  # over the barline
        ("C4:3 D4:2/3 E4:2/3 F4:2/3 C4:3", "4/4", False),
        ("C4:3 D4:2/3", "4/4", False),  # it ends inside its triplet
        ("C4:3/5 D4:3/5 E4:3/10 C4:3/2", "6/8", True),
        ("C4:1/5 D4:4/5 C4:3", "4/4", True),
        ("C4:1/5 D4 E4 F4 G4:4/5", "4/4", False),
        ("C4:1/9 D4:8/9 C4:3", "4/4", False),  # no tuplet of more than seven
        ("C4:1/32 D4:31/32 C4:3", "4/4", False),  # nothing shorter than a 64th
        ("C4:1/16 D4:15/16 C4:3", "4/4", True),
        ("C4:1/2 D4 E4 F4 G4:1/2", "4/4", True),
    ],
)
def test_tuplets_are_completed_and_values_can_be_read(text, metre, readable):
    assert is_readable(parse_notes(text, metre)) is readable


def test_a_pickup_of_a_triplet_is_counted_back_from_its_barline():
    assert is_readable(parse_notes("r:10/3 G4:1/3 A4:1/3 C4:4").with_pickup())
    assert not is_readable(parse_notes("r:10/3 G4 A4:2/3 C4:3").with_pickup())
