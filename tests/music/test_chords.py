"""Chord symbols: every usual spelling, their qualities and degrees, names in keys, transposition, clear refusals."""

import pytest

from ritornello.music.chords import NO_CHORD, QUALITIES, Chord, read_chord
from ritornello.music.keys import parse_key
from ritornello.music.values import Key, Melody, Note, Piece, Timeline

SPELLINGS = {  # written by hand: one spelling for all ways to write a chord, and its quality
    "C": ("major", "C Cmaj CM Cmajor CMaj"),
    "Cm": ("minor", "Cm C- Cmin Cmi CMIN Cminor"),
    "Cdim": ("diminished", "Cdim C° Co C(dim)"),
    "Caug": ("augmented", "Caug C+"),
    "C7": ("dominant", "C7 Cdom7 C(7)"),
    "Cmaj7": ("major7", "Cmaj7 CM7 C∆ C∆7 CΔ C^7 C^ Cj7 CMa7 Cma7 CMAJ7 C7M C(maj7)"),
    "Cm7": ("minor7", "Cm7 C-7 Cmin7 Cmi7 CMI7 Cm(7)"),
    "Cm7b5": ("half-diminished", "Cm7b5 Cm7(b5) C-7b5 Cø Cø7 Ch7 Cm7-5 Cmin7♭5"),
    "Cdim7": ("diminished7", "Cdim7 C°7 Co7"),
    "Csus2": ("sus2", "Csus2 C(sus2)"),
    "Csus4": ("sus4", "Csus4 Csus C(sus4)"),
    "C7sus4": ("sus4", "C7sus4 C7sus Csus4(7)"),
    "C9sus4": ("sus4", "C9sus4 C9sus Csus9"),
    "C6": ("major", "C6 Cmaj6 CM6"),
    "C69": ("major", "C69 C6/9 C6(9)"),
    "Cm6": ("minor", "Cm6 C-6 Cmin6"),
    "Cm(maj7)": ("minor", "Cm(maj7) CmM7 C-∆ Cmmaj7 CmMaj7 Cm(M7) Cm#7"),
    "C9": ("dominant", "C9 C7/9 C7(9)"),
    "Cmaj9": ("major7", "Cmaj9 CM9 C∆9 Cmaj7(9)"),
    "Cm9": ("minor7", "Cm9 C-9 Cmin9"),
    "Cm11": ("minor7", "Cm11 C-11"),
    "C13": ("dominant", "C13 C9(13)"),
    "C7b9": ("dominant", "C7b9 C7(b9) C7-9 C7♭9"),
    "C7#9": ("dominant", "C7#9 C7+9 C7(#9)"),
    "C7b9b13": ("dominant", "C7b9b13 C7(b9,b13) C7(b13)(b9)"),
    "C13#11": ("dominant", "C13#11 C13(#11)"),
    "C13b9": ("dominant", "C13b9"),
    "C7b5": ("dominant", "C7b5 C7-5 C7(b5)"),
    "C7#5": ("augmented", "C7#5 C+7 Caug7 C7+5 C7+"),
    "Cmaj7#5": ("augmented", "Cmaj7#5 C+M7 CM7+5"),
    "C7alt": ("dominant", "C7alt Calt C7(alt)"),
    "Cadd9": ("major", "Cadd9 C(add9) CADD9"),
    "Cmadd9": ("minor", "Cmadd9 Cm(add9) C-add9"),
    "C5": ("major", "C5 C(no3) Comit3"),
    "C7no5": ("dominant", "C7no5 C7(omit5)"),
    "C/E": ("major", "C/E CM/E"),
    "Am7/G": ("minor7", "Am7/G A-7/G"),
    "Bbm7b5/Ab": ("half-diminished", "Bbm7b5/Ab B♭ø/A♭"),
    "Bdim": ("diminished", "Bdim"),
    "F#7": ("dominant", "F#7 F♯7"),
    "N.C.": ("none", "N.C. NC n.c."),
}
SPELLED = [(name, quality, written) for name, (quality, all_of) in SPELLINGS.items() for written in all_of.split()]


@pytest.mark.parametrize(("name", "quality", "written"), SPELLED)
def test_each_spelling_of_a_chord_reads_as_one(name, quality, written):
    chord = read_chord(written)
    assert (chord.name(), chord.quality) == (name, quality)
    assert read_chord(chord.name()) == chord


@pytest.mark.parametrize(
    ("written", "pitches"),
    [
        *[("C", {0, 4, 7}), ("F#m", {6, 9, 1}), ("G7", {7, 11, 2, 5}), ("Ebmaj7", {3, 7, 10, 2}), ("N.C.", set())],
        *[("Bm7b5", {11, 2, 5, 9}), ("Cdim7", {0, 3, 6, 9}), ("Aaug", {9, 1, 5}), ("Dsus4", {2, 7, 9})],
        *[("Dsus2", {2, 4, 9}), ("C/D", {0, 2, 4, 7}), ("C9", {0, 4, 7, 10, 2}), ("C13b9", {0, 4, 7, 10, 1, 9})],
        *[("C6", {0, 4, 7, 9}), ("C5", {0, 7}), ("C7#5", {0, 4, 8, 10}), ("G7alt", {7, 11, 1, 3, 5, 8, 10})],
    ],
)
def test_pitch_classes_are_all_that_the_symbol_asks_for(written, pitches):
    assert read_chord(written).pitch_classes == pitches


def test_a_plain_symbol_is_root_quality_and_bass():
    assert read_chord("Am7") == Chord(9, "minor7", 9)
    assert read_chord("Gb") == read_chord("F#") == Chord(6, "major", 6)
    assert read_chord("C/E") == Chord(0, "major", 4)
    assert read_chord("N.C.") == NO_CHORD == Chord(0, "none", 0)
    assert read_chord("C9")[:3] == (0, "dominant", 0)


@pytest.mark.parametrize("quality", QUALITIES)
def test_each_quality_reads_what_it_writes(quality):
    for root in range(12):
        chord = Chord(root, quality, root) if quality != "none" else NO_CHORD
        assert read_chord(chord.name()) == chord


@pytest.mark.parametrize(
    ("key", "chord", "name"),
    [
        *[("C", (10, "major", 10), "Bb"), ("C", (6, "half-diminished", 6), "F#m7b5"), ("C", (1, "major", 1), "Db")],
        *[("C", (8, "diminished7", 8), "G#dim7"), ("C", (8, "major", 8), "Ab"), ("Am", (4, "dominant", 8), "E7/G#")],
        *[("Eb", (8, "minor", 11), "Abm/Cb"), ("E", (8, "minor", 8), "G#m"), ("E", (9, "major", 1), "A/C#")],
        *[("F#", (10, "minor", 10), "A#m"), ("Gb", (10, "minor", 10), "Bbm"), ("Gb", (11, "major", 11), "Cb")],
        *[
            ("Db", (4, "dominant", 2), "E7/D"),
            ("Bbm", (5, "dominant", 9), "F7/A"),
            ("D", (0, "dominant", 10), "C7/Bb"),
        ],
    ],
)
def test_roots_and_basses_are_spelled_in_the_key(key, chord, name):
    assert Chord(*chord).name(parse_key(key)) == name


def test_a_spelling_against_the_key_is_kept():
    assert read_chord("Gb7", Key(0, 0)).name(Key(0, 0)) == "Gb7"
    assert read_chord("F#7", Key(0, 0)) == Chord(6, "dominant", 6)
    assert read_chord("A#dim", Key(0, -1)).name(Key(0, -1)) == "A#dim"


def test_transposition_moves_root_bass_and_spelling():
    assert read_chord("C/E").transposed(2) == read_chord("D/F#")
    assert read_chord("Db9/F").transposed(-1).name() == "C9/E"
    assert read_chord("C13b9").transposed(3, fifths=-3).name() == "Eb13b9"
    assert read_chord("C13b9").transposed(6, fifths=6).name() == "F#13b9"
    assert NO_CHORD.transposed(5) == NO_CHORD


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *[("am7", "Am7"), ("H7", "B7"), ("Cminn", "Cmin"), ("Gmajj7/B", "Gmaj7/B"), ("Cmaj77", "Cmaj7")],
        *[("C/H", "C/B"), ("Fsuss4", "Fsus4"), ("c", "C"), ("Dm7b6b", "Dm7b5")],
        *[("Amoll", "Am"), ("Bbdur", "Bb"), ("Hmoll", "Bm"), ("Cmoll/H", "Cm/B")],
    ],
)
def test_an_unknown_chord_is_refused_and_the_nearest_named(written, meant):
    with pytest.raises(ValueError, match="no such chord") as refusal:
        read_chord(written)
    assert f'did you mean "{meant}"?' in str(refusal.value)


@pytest.mark.parametrize(
    "written", ["", "X7", "hello", "12", "Chorus", "Fine", "Da Capo", "Allegro", "Coda", "Solo", "I", "A B"]
)
def test_words_that_are_no_chord_are_refused(written):
    with pytest.raises(ValueError, match="no such chord"):
        read_chord(written)


def test_a_melody_keeps_its_chords_when_transposed_cut_and_counted_anew():
    chords = ((0, read_chord("F")), (480, read_chord("C7/E")), (960, NO_CHORD))
    melody = Melody((Note(0, 480, 65), Note(480, 960, 64)), Timeline(480, 1440, keys=(Key(0, -1),)), chords=chords)
    up = melody.transposed(2)
    assert [chord.name(up.timeline.key) for _, chord in up.chords] == ["G", "D7/F#", "N.C."]
    assert melody.between(600, 1440).chords == ((0, read_chord("C7/E")), (360, NO_CHORD))
    assert melody.with_resolution(24).chords == ((0, chords[0][1]), (24, chords[1][1]), (48, NO_CHORD))
    assert [melody.chord_at(tick) for tick in (0, 479, 480, 1439)] == [chords[i][1] for i in (0, 0, 1, 2)]
    assert Melody(melody.notes).chord_at(0) is None


@pytest.mark.parametrize("value", [Melody, Piece])
def test_chords_out_of_order_are_refused(value):
    with pytest.raises(ValueError, match="chords begin"):
        value((), chords=((480, NO_CHORD), (480, read_chord("C"))))
