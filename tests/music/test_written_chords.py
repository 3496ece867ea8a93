"""Chord symbols are written, and come back: MusicXML, ABC, MIDI, music21, the staff; rarely asked ones too."""

import re
from fractions import Fraction

import pytest

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.options import BuildOptions
from ritornello.music.abc.writer import write_abc
from ritornello.music.chords import read_chord
from ritornello.music.files import scan_content
from ritornello.music.lines import part_lines
from ritornello.music.midi.reader import read_midi, write_midi, write_midi_piece
from ritornello.music.objects import from_music21, to_music21
from ritornello.music.scores.harmony import KINDS, kind_of
from ritornello.music.scores.writer import write_musicxml
from ritornello.music.values import Key, Melody, Metre, Note, Part, Piece, Timeline
from ritornello.render.engraving.readable import rounded
from ritornello.render.staff import piece_svg, staff_svg

SYMBOLS = (
    *(
        "F7",
        "Bb",
        "Dm/A",
        "Gm(maj7)",
        "A7b5/C#",
        "C13b9",
        "F7sus4",
        "N.C.",
        "Ebmaj7#11",
        "Bb69",
        "Cm7b5",
        "F7alt",
        "Gb7",
    ),
    *("Edim7/G", "Daug", "C7#5", "Bbadd9", "F5", "C7no5", "Asus2", "Eb6/Bb", "Dm11", "F7b9#9", "G#dim"),
)


def lead_sheet():
    """A tune with a pick-up in B flat; its chords stand on notes, between them, on a rest and in triplets."""
    key = Key(0, -2)
    line = Timeline(480, 480 + 1920 * 8, (Metre(0, 4, 4), Metre(480, 4, 4)), (key,))
    long = (Note(480 + 1920 * n, 1920 - 480 * (n % 2), 60 + n) for n in range(8))
    places = [0, 480, *(480 + 640 * n for n in range(1, len(SYMBOLS) - 1))]
    chords = tuple((tick, read_chord(name, key)) for tick, name in zip(places, SYMBOLS, strict=True))
    return Melody((Note(0, 480, 65), *long), line, "A lead sheet", chords=chords)


def symbols(music):
    line = music.timeline
    return [(Fraction(t, line.ticks_per_quarter), chord.name(line.key_at(t))) for t, chord in music.chords]


TUNE = lead_sheet()


@pytest.mark.parametrize(
    ("name", "written"),
    [("a.musicxml", write_musicxml), ("a.abc", write_abc), ("a.mid", write_midi)],
)
def test_each_format_gives_chords_and_notes_back(name, written):
    content = written(TUNE)
    [piece], remarks = scan_content(content if isinstance(content, bytes) else content.encode(), name)
    again = part_lines(piece)[0]
    ticks = Fraction(again.timeline.ticks_per_quarter, 480)
    assert symbols(piece) == symbols(again) == symbols(TUNE)
    assert [(n.start, n.duration, n.pitch) for n in again.notes] == [
        (n.start * ticks, n.duration * ticks, n.pitch) for n in TUNE.notes
    ]
    assert remarks == []


def test_music21_takes_and_gives_chords():
    pytest.importorskip("music21")
    score = to_music21(TUNE)
    figures = [symbol.figure for symbol in score.recurse().getElementsByClass("Harmony")]
    assert figures[:3] == ["F7", "B-", "Dm/A"]
    names = [name for _, name in symbols(from_music21(score))]
    assert len(names) == len(SYMBOLS)
    assert names[:4] == list(SYMBOLS[:4])


def test_a_build_of_an_export_keeps_chords(tmp_path):
    (tmp_path / "tune.abc").write_text(write_abc(TUNE), "utf-8")
    corpus = build_corpus(tmp_path / "tune.abc", BuildOptions(least_notes=4, min_bars=1))
    [melody] = corpus.melodies()
    assert symbols(melody) == symbols(TUNE)


def test_a_midi_file_of_a_piece_has_markers_and_those_of_others_are_no_chords():
    piece = Piece((Part(TUNE.notes, "Piano"),), TUNE.timeline, chords=TUNE.chords)
    content = write_midi_piece(piece)
    assert b"Dm/A" in content
    assert read_midi(content).chords == ()  # it does not say that it is ours: "A" may be a section
    assert symbols(read_midi(write_midi(TUNE))) == symbols(TUNE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_musicxml_needs_no_degrees(kind):
    assert [KINDS[kind_of(KINDS[kind])[0]], kind_of(KINDS[kind])[1]] == [KINDS[kind], []]


def test_the_staff_shows_symbols_above_it_once_each():
    svg = staff_svg(TUNE)
    shown = re.findall(r'class="harm"><text[^>]*>([^<]*)</text>', svg)
    assert shown == [re.sub(r"(?<=[A-G])b|b(?=\d)", "♭", name).replace("#", "♯") for name in SYMBOLS]
    voices = (Part(TUNE.notes, "Soprano"), Part(tuple(n._replace(pitch=n.pitch - 12) for n in TUNE.notes), "Bass"))
    assert piece_svg(Piece(voices, TUNE.timeline, chords=TUNE.chords)).count('class="harm"') == len(SYMBOLS)


def test_symbols_of_a_system_do_not_touch():
    """Each begins behind the one before it: letters are about 0.6 of their size wide."""
    svg = staff_svg(TUNE)
    marks = re.findall(r'class="harm"><text x="(\d+)" y="(\d+)" font-size="(\d+)px">([^<]*)<', svg)
    rows = {}
    for x, y, size, text in marks:
        rows.setdefault(y, []).append((int(x), int(size), text))
    assert len(marks) == len(SYMBOLS)
    for row in rows.values():
        for (x, size, text), (following, *_) in zip(row, row[1:], strict=False):
            assert x + 0.5 * size * len(text) <= following or x > following, text


def test_a_melody_that_is_rounded_for_print_keeps_its_chords_at_their_beats():
    played = Melody(
        tuple(n._replace(start=n.start + 3, duration=n.duration - 5) for n in TUNE.notes),
        TUNE.timeline,
        chords=TUNE.chords,
    )
    drawn, _ = rounded(played)
    assert [name for _, name in symbols(drawn)] == list(SYMBOLS)
    assert all(abs(a - b) <= Fraction(1, 8) for (a, _), (b, _) in zip(symbols(drawn), symbols(TUNE), strict=True))


@pytest.mark.parametrize(
    ("fifths", "chord", "pitches", "name", "in_abc"),
    [
        (1, "Cm", [63, 64], "E-", "_E"),  # without the chord a sharp, since it rises
        (1, "B7", [63, 62], "D#", "^D"),  # and here a flat, since it falls
        (0, "Fm6", [68, 69], "A-", "_A"),
        (0, "C7", [70, 71], "B-", "_B"),
        (-3, "D7", [66, 65], "F#", "^F"),
        (0, "Gb7", [66, 65], "G-", "_G"),  # spelled otherwise than its key would
        (0, "Cm", [68, 69], "G#", "^G"),  # no chord tone
        (0, "N.C.", [63, 64], "D#", "^D"),
        (1, "D#dim", [66, 62], "F#", "F"),  # a note of the key stays
        (0, "Abm", [71, 72], "B", "B"),  # and is not C flat
    ],
)
def test_a_chromatic_note_is_written_as_its_chord_has_it(fifths, chord, pitches, name, in_abc):
    key = Key(0, fifths)
    notes = tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate(pitches))
    line = Timeline(480, 1920, (Metre(0, 4, 4),), (key,))
    tune = Melody(notes, line, chords=((0, read_chord(chord, key)),))
    first = to_music21(tune).recurse().notes.getElementsByClass("Note")[0]
    assert first.pitch.name == name
    music = write_abc(tune).splitlines()[-1]
    assert music.split('"')[-1].lstrip("=").startswith(in_abc)
