"""Files as other programs and people write them are read as those programs play them.

Every row is a small file of `tests/fixtures/other_programs` with its right value, written out by hand from a second
reader (music21, MuseScore 3, abc2midi) or from the format's specification; its README says which. A note is written
`onset:pitch(duration)` in quarters: `0:C4(1)`. One row, one kind of fault.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.pick.pick import pick_melodies, pick_melody
from ritornello.music import MusicFileError, Note, read
from ritornello.music.files import scan_content
from ritornello.music.keys import key_name

FOLDER = Path(__file__).parents[1] / "fixtures" / "other_programs"
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

OCTAVES = " ".join(f"{i}:{'CDEFGABC'[i % 8]}{4 + i % 8 // 7}(1)" for i in range(16))
ARCHES = " ".join(f"{i}:{name}(1)" for i, name in enumerate(["G4", "A4", "B4", "C5", "D5", "E5", "D5", "C5"] * 4))
FALLS = ["G4", "A4", "B4", "C5", "D5", "E5", "D5", "C5", "B4", "A4", "G4", "F4", "E4", "D4", "C4", "D4"] * 2

# File: the notes of its one part.
NOTES = {
    "a3-metre-3-8-plus-2-4.abc": "0:C5(1/2) 1/2:D5(1/2) 1:E5(1/2) 3/2:F5(1/2) 2:G5(1/2) 5/2:A5(1/2) 3:B5(1/2) "
    "7/2:C5(1/2) 4:D5(1/2) 9/2:E5(1/2) 5:F5(1/2) 11/2:G5(1/2) 6:A5(1/2) 13/2:B5(1/2)",
    "a4-accidental-on-grace.abc": "0:G5(1/2) 1/2:F#5(1/2) 1:F#5(1) 2:F#5(2) 4:F5(4)",
    "f09a-K-D-natural-c.abc": "0:C5(1/2) 1/2:D5(1/2) 1:E5(1/2) 3/2:F#5(1/2) 2:G5(1/2) 5/2:A5(1/2) 3:B5(1/2) "
    "7/2:C6(1/2)",
    "f09b-K-D-mix-natural-f.abc": "0:C5(1/2) 1/2:D5(1/2) 1:E5(1/2) 3/2:F5(1/2) 2:G5(1/2) 5/2:A5(1/2) 3:B5(1/2) "
    "7/2:C6(1/2)",
    "f10a-words-with-ellipsis-cp1252.abc": "0:C5(1) 1:D5(1) 2:E5(1) 3:F5(1) 4:G5(1) 5:A5(1) 6:B5(1) 7:C6(1)",
    "f10c-annotation-cp1252.abc": "0:C5(2) 2:D5(2) 4:E5(4)",
    "a2-five-tracks-promised.mid": OCTAVES,
    "a2-track-length-3-too-long.mid": OCTAVES,
    "f01a-program-change-mid-tune.mid": ARCHES,
    "f01b-program-change-after-first-note.mid": " ".join(f"{i}:{name}(1)" for i, name in enumerate(FALLS)),
    "f01c-two-channels-one-track.mid": " ".join(f"{i}:{name}(1)" for i, name in enumerate(FALLS)),
    "f06a-controller-value-255.mid": OCTAVES,
    "f06b-velocity-128.mid": OCTAVES,
    "f11a-expansion-list-with-norep.krn": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1) 4:C4(1) 5:D4(1) 6:E4(1) 7:F4(1) "
    "8:G4(1) 9:G4(1) 10:G4(1) 11:G4(1)",
    "f11b-expansion-list-with-endings.krn": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1) 4:G4(4) 8:C4(1) 9:D4(1) 10:E4(1) "
    "11:F4(1) 12:A4(4)",
    "f12a-kern-rep-bar.krn": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1) 4:C4(1) 5:D4(1) 6:E4(1) 7:F4(1) 8:G4(1) 9:G4(1) "
    "10:G4(1) 11:G4(1)",
    "f12b-mRpt.mei": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1) 4:C4(1) 5:D4(1) 6:E4(1) 7:F4(1) 8:G4(1) 9:A4(1) 10:B4(1) "
    "11:C5(1)",
    **dict.fromkeys(
        ("f13a-endings.mei", "f13b-endings-no-start-sign.mei"),
        "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1) 4:G4(1) 5:G4(1) 6:G4(1) 7:G4(1) 8:C4(1) 9:D4(1) 10:E4(1) 11:F4(1) "
        "12:A4(1) 13:A4(1) 14:A4(1) 15:A4(1) 16:C5(1) 17:C5(1) 18:C5(1) 19:C5(1)",
    ),
    "f20-dot-elements.mei": "0:C4(3) 3:D4(1) 4:C4(1) 5:C4(1) 6:C4(1) 7:C4(1)",
    "kern-expansion-list.krn": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1) 4:C4(1) 5:D4(1) 6:E4(1) 7:F4(1) 8:G4(1) 9:A4(1) "
    "10:B4(2)",
    "apostrophe-in-container.mxl": "0:C4(2) 2:D4(2) 4:E4(2) 6:C4(2) 8:F4(2) 10:G4(2)",
    "f07a-clarinet-b-flat-to-a.musicxml": "0:C5(1) 1:D5(1) 2:E5(1) 3:F5(1) 4:C#5(1) 5:Eb5(1) 6:F5(1) 7:F#5(1)",
    "f07b-clarinet-b-flat-to-c.musicxml": "0:C5(1) 1:D5(1) 2:E5(1) 3:F5(1) 4:C5(1) 5:D5(1) 6:E5(1) 7:F5(1)",
    "f14a-tenor-sax-alone.mscx": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1)",
    "f14a-tenor-sax-alone-source.musicxml": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1)",
    "f14b-clarinet-alone.mscx": "0:C5(1) 1:D5(1) 2:E5(1) 3:F5(1)",
    "f14b-clarinet-alone.mscz": "0:C5(1) 1:D5(1) 2:E5(1) 3:F5(1)",
    "f21-key-change-in-mid-bar.musicxml": "0:C4(1) 1:D4(1) 2:E4(1) 3:F#4(1) 4:D4(1) 5:D4(1) 6:D4(1) 7:D4(1)",
    "fine-in-brackets.musicxml": "0:C5(2) 2:D5(2) 4:C5(2)",
    "first-ending-bracket-stops-early.musicxml": "0:C4(2) 2:D4(2) 4:E4(2) 6:C4(2) 8:F4(2) 10:G4(2)",
    "p1-octave-shift-stop-without-size.musicxml": "0:C5(1) 1:C6(1) 2:D6(1) 3:E5(1) 4:F5(1) 5:G5(1) 6:A5(1) 7:B5(1)",
    "p2-octave-change.musicxml": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1)",
    "p2-tenor-clef-and-octave-change.musicxml": "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1)",
    "p4-accidentals-in-bar.abc": "0:F#4(1) 1:E4(1) 2:D4(1) 3:F#4(1) 4:G4(1) 5:Eb4(1) 6:F#4(1) 7:F#4(2) "
    "9:F5(1) 10:F5(1) 11:F4(1)",
    "p7-backslash.mxl": "0:D5(1) 1:G4(1) 2:A4(1) 3:B4(1) 4:C5(1) 5:B4(1)",
    "p7-macosx_nocont.mxl": "0:D5(1) 1:G4(1) 2:A4(1) 3:B4(1) 4:C5(1) 5:B4(1)",
    "p7-wrongname.mxl": "0:D5(1) 1:G4(1) 2:A4(1) 3:B4(1) 4:C5(1) 5:B4(1)",
    "p5-key-signature-minus-8.mid": OCTAVES,
    "p5-key-signature-mode-255.mid": OCTAVES,
    "p9-note-on-before-off.mid": " ".join(f"{i}:C4(1)" for i in range(8)),
    "p9-running-status-after-meta.mid": "0:C4(1) 1:D4(1) 2:E4(1)",
}

HELD = " ".join(f"{i}:{name}4(1)" for i, name in enumerate("EEFGGFEDCCDEEDDC" * 2))

# File: its melody, as a corpus and a page have it, where ticks lie beside the values that are meant.
MEANT = {
    "f02a-simple-exported-by-musescore3.mid": (
        "0:C4(1) 1:D4(1) 2:E4(1) 3:F4(1) 4:G4(2) 6:E4(1) 7:D4(1/2) 15/2:E4(1/2) 8:C4(4)"
    ),
    "f02b-duet-exported-by-abc2midi.mid": (
        "0:D4(1/2) 1/2:F#4(1/2) 1:A4(1/2) 3/2:D5(1) 5/2:F#5(1/2) 3:E5(1/2) 7/2:D5(1/2) 4:C#5(1/2) 9/2:D5(3/2) "
        "6:A4(1/2) 13/2:B4(1/2) 7:C#5(1/2) 15/2:D5(1/2) 8:C#5(1/2) 17/2:B4(1/2) 9:A4(3/2) 21/2:D4(3/2)"
    ),
    "f03b-waltz-exported-by-abc2midi.mid": (
        "0:G4(1) 1:B4(1) 2:D5(1) 3:G5(2) 5:D5(1) 6:C5(1) 7:E5(1) 8:D5(1) 9:B4(3) 12:A4(1) 13:C5(1) 14:E5(1) "
        "15:D5(2) 17:B4(1) 18:A4(1) 19:F#4(1) 20:D4(1) 21:G4(3)"
    ),
    "f04a-jig-exported-by-musescore3.mid": (
        "0:D4(1/2) 1/2:G4(1/2) 1:A4(1/2) 3/2:B4(1/2) 2:D5(1/2) 5/2:B4(1/2) 3:D5(1/2) 7/2:G5(1/2) 4:F#5(1/2) "
        "9/2:G5(1/2) 5:E5(1/2) 11/2:D5(1/2) 6:B4(1/2) 13/2:C5(1/2) 7:D5(1/2) 15/2:E5(1/2) 8:D5(1/2) "
        "17/2:B4(1/2) 9:G4(1/2) 19/2:A4(1/2) 10:F#4(1/2) 21/2:A4(1/2) 11:G4(1) 12:D4(1/2) 25/2:G4(1/2) "
        "13:A4(1/2) 27/2:B4(1/2) 14:D5(1/2) 29/2:B4(1/2) 15:D5(1/2) 31/2:G5(1/2) 16:F#5(1/2) 33/2:G5(1/2) "
        "17:E5(1/2) 35/2:D5(1/2) 18:B4(1/2) 37/2:C5(1/2) 19:D5(1/2) 39/2:E5(1/2) 20:D5(1/2) 41/2:B4(1/2) "
        "21:G4(1/2) 43/2:A4(1/2) 22:F#4(1/2) 45/2:A4(1/2) 23:G4(1) 24:F#5(1/2) 49/2:G5(1/2) 25:F#5(1/2) "
        "51/2:G5(1/2) 26:D5(1/2) 53/2:B4(1/2) 27:D5(1/2) 55/2:E5(1/2) 28:C5(1/2) 57/2:E5(1/2) 29:G5(1) "
        "30:E5(1/2) 61/2:D5(1/2) 31:B4(1/2) 63/2:G4(1/2) 32:C5(1/2) 65/2:B4(1/2) 33:A4(1/2) 67/2:G4(3/2) "
        "35:G4(1) 36:F#5(1/2) 73/2:G5(1/2) 37:F#5(1/2) 75/2:G5(1/2) 38:D5(1/2) 77/2:B4(1/2) 39:D5(1/2) "
        "79/2:E5(1/2) 40:C5(1/2) 81/2:E5(1/2) 41:G5(1) 42:E5(1/2) 85/2:D5(1/2) 43:B4(1/2) 87/2:G4(1/2) "
        "44:C5(1/2) 89/2:B4(1/2) 45:A4(1/2) 91/2:G4(3/2) 47:G4(1)"
    ),
    "f05a-quarters-held-85-percent.mid": HELD,
    "f05b-quarters-held-80-percent.mid": HELD,
}
MEANT |= {
    source: MEANT[name]
    for source, name in (
        ("f02a-simple-source.musicxml", "f02a-simple-exported-by-musescore3.mid"),
        ("f02b-duet-source.abc", "f02b-duet-exported-by-abc2midi.mid"),
        ("f03b-waltz-with-words-source.abc", "f03b-waltz-exported-by-abc2midi.mid"),
        ("f04a-jig-with-pickups-source.musicxml", "f04a-jig-exported-by-musescore3.mid"),
    )
}

# File: its title.
TITLES = {
    "f18-title-big5.mid": "茉莉花",
    "f18-title-cp1250.mid": "Žluťoučký kůň",
    "f18-title-greek.mid": "Χαρταετός",
    "f18-title-hebrew.mid": "הבה נגילה",
    "f18-title-koi8.mid": "Катюша",
    "f18-title-korean.mid": "아리랑",
    "f18-title-utf16.mid": "Größe",
    "p6-title-cp1251.mid": "Катюша",
    "p6-title-shift-jis.mid": "さくら",
    "a1-title-in-credit.musicxml": "Credit Title",
    "f10b-title-cp1252.abc": "O’Brien’s – Favourite…",
    "f10c-annotation-cp1252.abc": "Café",
    "f10e-abc-charset-iso-8859-2.abc": "Žluťoučký kůň",
}


# File: the keys of its pieces, as `key_name` names them.
KEYS = {
    "abc-dorian-tonic.abc": ["A dorian", "D mixolydian"],
    "kern-mode-tonic.krn": ["F dorian"],
}


def written(notes: list[Note], ticks_per_quarter: int) -> str:
    """Return notes as text, `0:C4(1) 1:D4(1/2)`, exact in quarters."""
    return " ".join(
        f"{Fraction(n.start, ticks_per_quarter)}:{NAMES[n.pitch % 12]}{n.pitch // 12 - 1}"
        f"({Fraction(n.duration, ticks_per_quarter)})"
        for n in notes
    )


@pytest.mark.parametrize("name", NOTES)
def test_notes_are_read_as_the_program_that_wrote_them_plays_them(name):
    (piece,) = read(FOLDER / name)
    (part,) = piece.parts
    assert written(list(part.notes), piece.timeline.ticks_per_quarter) == NOTES[name]


@pytest.mark.parametrize("name", MEANT)
def test_the_melody_has_the_values_that_are_meant(name):
    (piece,) = read(FOLDER / name)
    for melody in (pick_melody(piece), pick_melodies(piece)[0].melody):
        assert written(list(melody.notes), melody.timeline.ticks_per_quarter) == MEANT[name]


def test_what_is_late_by_a_constant_begins_on_beats():
    (piece,) = read(FOLDER / "beat-a-constant-0.87-quarter-late.mid")
    notes = pick_melodies(piece)[0].melody.notes
    assert {n.start % piece.timeline.ticks_per_quarter for n in notes} == {0}
    assert "".join(NAMES[n.pitch % 12] for n in notes) == "CDEFGFED" * 4


def test_a_tune_and_its_half_both_stay_in_one_family():
    half, whole = build_corpus(FOLDER / "half-then-whole").pieces
    assert (half.title, whole.title) == ("Own tune, first half", "Own tune, whole")
    assert half.family == whole.family


@pytest.mark.parametrize("name", TITLES)
def test_titles_are_read_in_the_characters_they_were_written_in(name):
    (piece,) = read(FOLDER / name)
    assert piece.title == TITLES[name]


# File: codes of the remarks on it.
REMARKS = {
    "a2-five-tracks-promised.mid": ["missing_tracks"],
    "a2-track-length-3-too-long.mid": ["wrong_length"],
    "f06a-controller-value-255.mid": ["large_bytes"],
    "f06b-velocity-128.mid": ["large_bytes"],
    "p9-running-status-after-meta.mid": [],
}


@pytest.mark.parametrize("name", REMARKS)
def test_what_had_to_be_repaired_is_remarked(name):
    _, remarks = scan_content((FOLDER / name).read_bytes(), name)
    assert [code for code, _ in remarks] == REMARKS[name]


# File: its first metre, and its pick-up in quarters; no other metre follows.
METRES = {
    "f03a-time-signature-at-tick-1.mid": ("3/4", 0),
    "f03b-waltz-exported-by-abc2midi.mid": ("3/4", 0),
    "f04a-jig-exported-by-musescore3.mid": ("6/8", 0.5),
}


@pytest.mark.parametrize("name", METRES)
def test_the_metre_is_the_one_that_is_meant(name):
    (piece,) = read(FOLDER / name)
    metre, pickup = METRES[name]
    assert {m.name for m in piece.timeline.metres} == {metre}
    assert piece.timeline.pickup / piece.timeline.ticks_per_quarter == pickup


@pytest.mark.parametrize("name", KEYS)
def test_a_key_keeps_its_tonic_and_mode(name):
    assert [key_name(piece.timeline.key) for piece in read(FOLDER / name)] == KEYS[name]


# File: what sounds in its bars, each of one pitch or begun with it, in playing order.
ORDERS = {
    "f08a-second-ending-without-stop.musicxml": "C D C E F G F G A",
    "first-ending-bracket-stops-early.musicxml": "C D E C F G",
    "p3-ds-al-coda-with-endings.musicxml": "G A B A D A C",
    "p8-ending-1-2.musicxml": "C G C G C A C",
}

# File: its keys, as (quarter, fifths), as they sound.
SOUNDING_KEYS = {
    "f07a-clarinet-b-flat-to-a.musicxml": [(0, 0), (4, 6)],
    "f07b-clarinet-b-flat-to-c.musicxml": [(0, 0)],
    "f14a-tenor-sax-alone.mscx": [(0, 0)],
    "f14b-clarinet-alone.mscx": [(0, 0)],
    "f14b-clarinet-alone.mscz": [(0, 0)],
    "f21-key-change-in-mid-bar.musicxml": [(0, 0), (2, 2)],
}


@pytest.mark.parametrize("name", ORDERS)
def test_bars_are_played_in_the_order_that_the_program_plays_them(name):
    (piece,) = read(FOLDER / name)
    starts = piece.timeline.barlines()[:-1]
    assert " ".join(NAMES[n.pitch % 12] for n in piece.parts[0].notes if n.start in starts) == ORDERS[name]


@pytest.mark.parametrize("name", SOUNDING_KEYS)
def test_keys_sound_where_they_change(name):
    (piece,) = read(FOLDER / name)
    quarter = piece.timeline.ticks_per_quarter
    assert [(Fraction(key.tick, quarter), key.fifths) for key in piece.timeline.keys] == SOUNDING_KEYS[name]


def test_an_internal_document_type_is_refused():
    with pytest.raises(MusicFileError, match="declares entities"):
        read(FOLDER / "a5-internal-dtd-subset.musicxml")
