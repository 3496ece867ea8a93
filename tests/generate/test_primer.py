"""Primers and ranges by name."""

from fractions import Fraction
from pathlib import Path

import pytest

from ritornello.encoding import make_encoding
from ritornello.generate.primer import parse_notes, parse_range, what_changes
from ritornello.music.values import Melody, Metre, Note, Timeline


def spelled(text: str) -> list[tuple[Fraction, Fraction, int]]:
    melody = parse_notes(text)
    per = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, per), Fraction(n.duration, per), n.pitch) for n in melody.notes]


def test_notes_follow_one_another_a_quarter_each():
    assert spelled("C4 E4 G4") == [(0, 1, 60), (1, 1, 64), (2, 1, 67)]


def test_lengths_rests_and_commas():
    assert spelled("C4:1/2, r F#4:1.5 R:2 Bb3:1/3") == [
        (0, Fraction(1, 2), 60),
        (Fraction(3, 2), Fraction(3, 2), 66),
        (5, Fraction(1, 3), 58),
    ]


PITCHES = {"C-1": 0, "G9": 127, "c4": 60, "b4": 71, "bb4": 70, "Cb4": 59, "B#3": 60, "F##4": 67, "Ebb4": 62,
           "A♭4": 68, "F♯4": 66, "A0": 21}  # fmt: skip


@pytest.mark.parametrize(("name", "pitch"), PITCHES.items())
def test_names_of_pitches(name, pitch):
    assert [n[2] for n in spelled(name)] == [pitch]


def test_the_timeline_holds_closing_rests_and_the_metre():
    melody = parse_notes("C4 r:2", "6/8")
    assert melody.timeline.length == 3 * melody.timeline.ticks_per_quarter
    assert melody.timeline.metre.name == "6/8"
    assert spelled("r C4") == [(1, 1, 60)]


@pytest.mark.parametrize("word", ["H4", "4", "60", "C#b4", "C4-", "x", "C###4", "C4.5"])
def test_what_is_not_a_note_is_named(word):
    with pytest.raises(ValueError, match="not a note") as error:
        parse_notes(f"C4 {word} G4")
    assert repr(word) in str(error.value)


@pytest.mark.parametrize(
    "word", ["C4:", "C4:0", "C4:-1", "C4:1/0", "C4:0/1", "C4:65", "C4:x", "r:1/", "C4:1e3", "C4:.5"]
)
def test_what_is_not_a_length_is_named(word):
    if word == "C4:":
        assert spelled(word) == [(0, 1, 60)]  # as if none were given
        return
    with pytest.raises(ValueError, match=r"not a length|lasts") as error:
        parse_notes(word)
    assert repr(word) in str(error.value)


OCTAVES = {
    "C E G": [60, 64, 67],
    "c, e, g": [60, 64, 67],
    "C B A": [60, 59, 57],
    "C A F": [60, 57, 53],
    "G C E": [67, 72, 76],
    "C5 B C": [72, 71, 72],
    "C3 E G:2 C": [48, 52, 55, 60],
    "B F B": [71, 77, 83],  # of two as near the higher
    "Bb F#:1/2 r Bb": [70, 66, 70],
    "Cb B#": [59, 60],
    "b": [71],
    "G9 A": [127, 117],
    "C-1 B": [0, 11],
    "60 62 64": [60, 62, 64],
    "60,62:1/2,r,0 127": [60, 62, 0, 127],
}


@pytest.mark.parametrize(("text", "pitches"), OCTAVES.items())
def test_names_without_octave_and_numbers(text, pitches):
    assert [n[2] for n in spelled(text)] == pitches


def test_numbers_have_lengths_and_rests():
    assert spelled("60 r:2 62:1/2") == [(0, 1, 60), (3, Fraction(1, 2), 62)]


@pytest.mark.parametrize("word", ["Cb-1", "G#9", "C10", "A-2", "128", "999999999999"])
def test_a_pitch_outside_the_vocabulary_is_named(word):
    with pytest.raises(ValueError, match=rf"'{word}' is outside the vocabulary"):
        parse_notes(word)


@pytest.mark.parametrize("text", ["", "   ", "r", "r:4 r", ","])
def test_a_primer_without_notes_is_refused(text):
    with pytest.raises(ValueError, match="at least one note"):
        parse_notes(text)


def test_lengths_too_fine_to_count_are_refused():
    with pytest.raises(ValueError, match="too fine"):
        parse_notes("C4:1/999983 D4:1/999979 E4:0.1234567890123")


@pytest.mark.parametrize(
    ("text", "span"),
    [("C4-C6", (60, 84)), ("60-84", (60, 84)), ("C-1-G9", (0, 127)), ("Bb3 to f#5", (58, 78)), (" 60 84 ", (60, 84))],
)
def test_ranges(text, span):
    assert parse_range(text) == span


@pytest.mark.parametrize("text", ["", "C4", "C4-", "60-", "C-C", "high", "C4-C6-C8", "C4/C6"])
def test_what_is_not_a_range_is_refused(text):
    with pytest.raises(ValueError, match="not a range"):
        parse_range(text)


CHANGES = [
    ("grid", "C4:1/3 D4:1/3 E4:1/3", "4/4", "notes moved: 2; notes made longer or shorter: 3"),
    ("lookback", "C4:1/8 D4:1/16 E4", "4/4", "notes moved: 1; notes made longer or shorter: 1; notes left out: 1"),
    ("interval", "C4:1/3 D4:1/3 E4:1/3", "4/4", ""),
    ("note", "C4 D4 r:2", "4/4", "the rest at its end is left out"),
    ("plain", "C4 D4 r:2", "4/4", ""),
    ("plain", "C4 D4", "3/4", "3/4 is read as 4/4"),
    ("miditok", "C4:20", "4/4", "notes made longer or shorter: 1"),
    ("interval", "C4:20", "4/4", ""),
    ("grid", "C4", "7/8", ""),
    ("interval", "C4", "17/8", "17/8 is read as 4/4"),
    ("grid", "r C4 E4:1/2", "6/8", ""),
]


@pytest.mark.parametrize(("name", "text", "metre", "changes"), CHANGES)
def test_what_an_encoding_cannot_keep_of_a_primer_is_said(name, text, metre, changes):
    encoding = make_encoding("grid", plain=True) if name == "plain" else make_encoding(name)
    told = what_changes(encoding, parse_notes(text, metre))
    assert told == (f"the model cannot write this primer exactly: {changes}" if changes else "")


def test_a_pick_up_is_no_change():
    timeline = Timeline(480, 1440, (Metre(0, 3, 4), Metre(480, 3, 4)))
    primer = Melody((Note(0, 480, 67), Note(480, 960, 60)), timeline)
    assert [what_changes(make_encoding(name), primer) for name in ("grid", "note", "interval")] == ["", "", ""]


def test_the_command_and_python_warn_of_a_primer_that_is_changed(command, little_model, tmp_path):
    from ritornello.api import load_model

    primer, line = "C4:1/3 D4:1/3 E4:1/3", "the model cannot write this primer exactly: notes moved: 2; "
    words = ["generate", little_model, "--seed", 1, "--primer", primer, "-o", tmp_path / "tunes"]
    told = command(*words)
    assert told.status == 0
    assert told.err == f"ritornello: {line}notes made longer or shorter: 3\n"
    assert command(*words, "--json").err == told.err
    assert command(*words, "-q").err == ""
    with pytest.warns(UserWarning, match=line) as warned:
        load_model(little_model).generate(primer=primer, seed=1, n=3)
    assert [Path(warning.filename).name for warning in warned] == ["test_primer.py"]
    assert command(*words[:4], "--primer", "C4 D4", "-o", tmp_path / "kept").err == ""


def test_a_metre_that_names_none_is_refused_with_those_that_do(command, little_model, tmp_path):
    told = command("generate", little_model, "--metre", "other", "-o", tmp_path / "tunes")
    assert told.status == 1
    assert told.err.startswith("ritornello: no such metre: 'other'; choose 1 to 16 over 1, 2, 4, 8 or 16")
    assert told.err.count("\n") == 1
