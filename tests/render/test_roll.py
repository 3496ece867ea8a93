"""The piano roll: where notes lie, what they tell, and what the picture says in words."""

from xml.etree import ElementTree

import pytest

from ritornello.music.keys import pitch_name
from ritornello.music.values import Melody, Metre, Note, Tempo, Timeline
from ritornello.render.roll import KEYBOARD, roll_svg, surprise_colour

SVG = "{http://www.w3.org/2000/svg}"
TUNE = Melody(
    (Note(0, 480, 60, 40), Note(480, 240, 64, 80), Note(720, 1200, 67, 120)),
    Timeline(tempos=(Tempo(0, 120), Tempo(960, 60))),
    title="A <tune>",
)


def drawn(svg, name):
    root = ElementTree.fromstring(svg)
    return [e for e in root.iter() if name in (e.get("class") or "").split()]


def test_notes_carry_their_seconds_through_tempo_changes():
    times = [(e.get("data-start"), e.get("data-duration")) for e in drawn(roll_svg(TUNE), "note")]
    assert times == [("0.0000", "0.5000"), ("0.5000", "0.2500"), ("0.7500", "2.2500")]


def test_notes_lie_in_time_order_and_higher_notes_lie_higher():
    notes = drawn(roll_svg(TUNE), "note")
    assert [float(n.get("x")) for n in notes] == sorted(float(n.get("x")) for n in notes)
    heights = [float(n.get("y")) for n in notes]
    assert heights[0] - heights[1] == 40  # four semitones of ten pixels
    assert heights[1] - heights[2] == 30


def test_x_is_proportional_to_ticks():
    first, second, third = (float(n.get("x")) - KEYBOARD for n in drawn(roll_svg(TUNE), "note"))
    assert first == pytest.approx(0.5)
    assert (third - 0.5) / (second - 0.5) == pytest.approx(1.5, abs=0.01)


def test_the_map_of_time_has_a_point_at_each_tempo_and_both_ends():
    root = ElementTree.fromstring(roll_svg(TUNE))
    seconds = [float(pair.split(",")[0]) for pair in root.get("data-map").split()]
    assert seconds == [0.0, 1.0, 3.0]
    assert float(root.get("data-map").split()[0].split(",")[1]) == KEYBOARD


def test_barlines_and_bar_numbers_leave_out_the_pick_up():
    melody = Melody((Note(0, 480, 60), Note(480, 1440, 62)), Timeline(metres=(Metre(0, 3, 4), Metre(480, 3, 4))))
    svg = roll_svg(melody)
    assert [t.text for t in drawn(svg, "bar-number")] == ["1"]
    assert drawn(svg, "bars")[0].get("d").count("M") == 3
    assert drawn(svg, "beats")[0].get("d").count("M") == 2


def test_compound_bars_show_two_beats():
    melody = Melody((Note(0, 1440, 60),), Timeline(metres=(Metre(0, 6, 8),)))
    assert drawn(roll_svg(melody), "beats")[0].get("d").count("M") == 1


def test_louder_notes_are_stronger():
    ink = [float(n.get("fill-opacity")) for n in drawn(roll_svg(TUNE), "note")]
    assert ink == sorted(ink)
    assert len(set(ink)) == 3


def test_probabilities_colour_the_notes_and_are_shown_in_bits():
    svg = roll_svg(TUNE, [1.0, 0.25, 0.01])
    notes = drawn(svg, "note")
    assert [n.get("fill") for n in notes] == ["#4a7a9c", surprise_colour(0.25), "#c43a1c"]
    assert [n.find(f"{SVG}title").text for n in notes] == ["C4, 0.0 bits", "E4, 2.0 bits", "G4, 6.6 bits"]


@pytest.mark.parametrize("probabilities", [[0.5, 0.5], [0.5, 0.5, 0.0], [0.5, 1.5, 0.5], [0.5, float("nan"), 0.5]])
def test_wrong_probabilities_are_refused(probabilities):
    with pytest.raises(ValueError, match="probabilit"):
        roll_svg(TUNE, probabilities)


def test_the_picture_says_what_it_shows():
    root = ElementTree.fromstring(roll_svg(TUNE))
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "Piano roll of A <tune>: 3 notes in 1 bar, C4 to G4"


def test_keys_are_named():
    svg = roll_svg(TUNE)
    assert "C4" in [e.text for e in drawn(svg, "octave-name")]
    assert {"E", "G"} <= {e.text for e in drawn(svg, "key-name")}
    assert [pitch_name(p) for p in (0, 60, 61, 127)] == ["C-1", "C4", "C♯4", "G9"]


def test_a_long_melody_is_wider_and_an_empty_one_is_drawn():
    long = Melody(tuple(Note(480 * i, 480, 60) for i in range(400)))
    assert float(ElementTree.fromstring(roll_svg(long)).get("width")) > 7000
    assert drawn(roll_svg(Melody(())), "note") == []


def test_extreme_pitches_stay_on_the_keyboard():
    for pitch in (0, 127):
        svg = roll_svg(Melody((Note(0, 480, pitch),)))
        height = float(ElementTree.fromstring(svg).get("height"))
        assert all(0 <= float(n.get("y")) < height for n in drawn(svg, "note"))
