"""ABC is read as the standard says: lengths, pitches, ties, tuplets, bars, repeats, voices, books."""

from fractions import Fraction

import pytest

from ritornello.music.abc.reader import AbcError, decode_abc, read_abc, read_book, scan_abc
from ritornello.music.values import Key, Metre, Piece, Tempo

NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]


def tune(body: str, key: str = "C", metre: str = "4/4", unit: str = "1/4", more: str = "") -> Piece:
    [piece] = read_abc(f"X:1\nT:test\nM:{metre}\nL:{unit}\n{more}K:{key}\n{body}\n")
    return piece


def written(piece: Piece, part: int = 0) -> str:
    """Notes as "C4:1 E4:1/2": name, octave, quarters; "@2" before one that does not follow the last straight on."""
    ticks, expected, words = piece.timeline.ticks_per_quarter, 0, []
    for note in piece.parts[part].notes:
        gap = "" if note.start == expected else f"@{Fraction(note.start, ticks)} "
        words.append(f"{gap}{NAMES[note.pitch % 12]}{note.pitch // 12 - 1}:{Fraction(note.duration, ticks)}")
        expected = note.end
    return " ".join(words)


def play(body: str, key: str = "C", **header) -> str:
    return written(tune(body, key, **header))


def letters(piece: Piece, part: int = 0) -> str:
    return "".join(NAMES[n.pitch % 12] for n in piece.parts[part].notes)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C, C c c'", "C3:1 C4:1 C5:1 C6:1"),
        ("C,, c''", "C2:1 C7:1"),
        ("C2 C/ C// C/4 C3/2 C3/", "C4:2 C4:1/2 C4:1/4 C4:1/4 C4:3/2 C4:3/2"),
        ("z C x2 C", "@1 C4:1 @4 C4:1"),
        ("Z C", "@4 C4:1"),
        ("X2 C", "@8 C4:1"),
        ("A>B c<d", "A4:3/2 B4:1/2 C5:1/2 D5:3/2"),
        ("A>>B c<<<d", "A4:7/4 B4:1/4 C5:1/8 D5:15/8"),
        ("A>z z<B", "A4:3/2 @5/2 B4:3/2"),
        ("[CE]>G", "C4:3/2 @0 E4:3/2 G4:1/2"),
        ("A > B", "A4:3/2 B4:1/2"),
        ("A<|B", "A4:1/2 B4:3/2"),
        ("(3CDE F", "C4:2/3 D4:2/3 E4:2/3 F4:1"),
        ("(3::2 C2D E", "C4:4/3 D4:2/3 E4:1"),
        ("(3:2:2C2D E", "C4:4/3 D4:2/3 E4:1"),
        ("(2CD (4CDEF", "C4:3/2 D4:3/2 C4:3/4 D4:3/4 E4:3/4 F4:3/4"),
        ("(5CDEFG", "C4:2/5 D4:2/5 E4:2/5 F4:2/5 G4:2/5"),
        ("(3C/D/>E/ F", "C4:1/3 D4:1/2 E4:1/6 F4:1"),
        ("(3z[CE]D F", "@2/3 C4:2/3 @2/3 E4:2/3 D4:2/3 F4:1"),
        ("{ab}C {/g}D", "C4:1 D4:1"),
        ("A{g}>B", "A4:3/2 B4:1/2"),
        ("!trill!C +fermata+D .E ~F HG vA !breath!B", "C4:1 D4:1 E4:1 F4:1 G4:1 A4:1 B4:1"),
        ('"Am"C "^over"D "_A|B"E', "C4:1 D4:1 E4:1"),
        ("(C D) (E (F G))", "C4:1 D4:1 E4:1 F4:1 G4:1"),
        ("C y D y2 E`F", "C4:1 D4:1 E4:1 F4:1"),
        ("C D ! E F !\nG", "C4:1 D4:1 E4:1 F4:1 G4:1"),
        ("[C2E]F", "C4:2 @0 E4:1 @2 F4:1"),
        ('[CE]2 ["G7"DF]/', "C4:2 @0 E4:2 D4:1/2 @2 F4:1/2"),
        ("C D \\\nE % a comment C C\nF", "C4:1 D4:1 E4:1 F4:1"),
        ("C[r: a remark]D", "C4:1 D4:1"),
        ("C [L:1/8] C2 [L:1/16] C", "C4:1 C4:1 C4:1/4"),
        ("CD\nw: do re | mi\nW: C D E\ns: !f!\nEF", "C4:1 D4:1 E4:1 F4:1"),
    ],
)
def test_lengths_and_signs(body, expected):
    assert play(body) == expected


@pytest.mark.parametrize("metre", ["6/8", "9/8", "12/8"])
def test_tuplets_of_five_and_seven_take_three_in_compound_time(metre):
    assert play("(5CDEFG", metre=metre) == "C4:3/5 D4:3/5 E4:3/5 F4:3/5 G4:3/5"
    assert play("(7CDEFGAB", metre=metre).split()[0] == "C4:3/7"


def test_a_tuplet_of_five_takes_two_in_simple_time():
    assert play("(5CDEFG", metre="3/4").split()[0] == "C4:2/5"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("^F _B =C ^^F __B", "F#4:1 Bb4:1 C4:1 G4:1 A4:1"),
        ("^F F f | F", "F#4:1 F#4:1 F#5:1 F4:1"),
        ("^F4-|F F2 F", "F#4:5 F4:2 F4:1"),
        ("^F =F F", "F#4:1 F4:1 F4:1"),
        ("[^FA] F", "F#4:1 @0 A4:1 F#4:1"),
        ("%%propagate-accidentals octave\n^F f F", "F#4:1 F5:1 F#4:1"),
        ("%%propagate-accidentals not\n^F F", "F#4:1 F4:1"),
        ("%%MIDI nobarlines\n^F F", "F#4:1 F4:1"),
        ("^/F ^3/2F", "F4:1 F#4:1"),
        ("{^F}G F f|F", "G4:1 F#4:1 F#5:1 F4:1"),
        ("{/^F}G F {=F}G F", "G4:1 F#4:1 G4:1 F4:1"),
        ("{E^F}[GB] F", "G4:1 @0 B4:1 F#4:1"),
    ],
)
def test_accidentals_hold_to_the_end_of_the_bar(body, expected):
    assert play(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C-C D", "C4:2 D4:1"),
        ("C3-|C-|C D", "C4:5 D4:1"),
        ("C-D", "C4:1 D4:1"),
        ("[CE]-[CE] D", "C4:2 @0 E4:2 D4:1"),
        ("[C-E]C E", "C4:2 @0 E4:1 @2 E4:1"),
        ("C-[CE]", "C4:2 @1 E4:1"),
        ("C.-C", "C4:2"),
        ("C (3C-CD", "C4:1 C4:4/3 D4:2/3"),
    ],
)
def test_tied_notes_are_one_note(body, expected):
    assert play(body) == expected


@pytest.mark.parametrize(
    ("key", "scale"),
    [
        ("G", "CDEF#GAB"), ("Bb", "CDEbFGABb"), ("F#m", "C#DEF#G#AB"), ("Ador", "CDEF#GAB"),
        ("D Mixolydian", "CDEF#GAB"), ("Ephr", "CDEFGAB"), ("FLyd", "CDEFGAB"), ("B loc", "CDEFGAB"),
        ("A aeolian", "CDEFGAB"), ("C ionian", "CDEFGAB"), ("Cm clef=bass", "CDEbFGAbBb"), ("none", "CDEFGAB"),
        ("HP", "C#DEF#GAB"), ("Hp", "C#DEF#GAB"), ("D exp _b _e ^f", "CDEbF#GABb"), ("D phr ^f", "CDEbF#GABb"),
        ("bass", "CDEFGAB"), ("", "CDEFGAB"), ("D =c", "CDEF#GAB"), ("D=c", "CDEF#GAB"), ("Dmix=f", "CDEFGAB"),
        ("D mix =f ^g", "CDEFG#AB"), ("Dexp ^f", "CDEF#GAB"), ("Dphr^f", "CDEbF#GABb"), ("^f_b", "CDEF#GABb"),
        ("none ^f", "CDEF#GAB"), ("B♭", "CDEbFGABb"), ("D clef = bass =c", "CDEF#GAB"),
    ],
)  # fmt: skip
def test_keys_and_modes_alter_their_letters(key, scale):
    sharp_names = scale.replace("G#", "Ab")  # one name for each pitch class
    assert letters(tune("CDEF|GAB", key)) == sharp_names


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("G", (Key(0, 1),)), ("Em", (Key(0, 1, "minor"),)), ("Ddor", (Key(0, 0, "dorian"),)),
        ("Amix", (Key(0, 2, "mixolydian"),)), ("A dorian", (Key(0, 1, "dorian"),)), ("Amin", (Key(0, 0, "minor"),)),
        ("A Mixolydian", (Key(0, 2, "mixolydian"),)), ("AMIX", (Key(0, 2, "mixolydian"),)),
        ("Bb lyd", (Key(0, -1, "lydian"),)), ("F#phr", (Key(0, 2, "phrygian"),)), ("Bloc", (Key(0, 0, "locrian"),)),
        ("C ionian", (Key(0, 0),)), ("A aeolian", (Key(0, 0, "minor"),)), ("HP", (Key(0, 2, "mixolydian"),)),
        ("D =c", (Key(0, 1, "mixolydian"),)), ("D mix =f", (Key(0, 0, "dorian"),)),
        ("none", ()), ("D exp _b _e ^f", (Key(0, -1, "minor"),)), ("D phr ^f", (Key(0, -2, "phrygian"),)),
    ],
)  # fmt: skip
def test_keys_are_known_by_tonic_and_mode(key, expected):
    assert tune("C", key).timeline.keys == expected


def test_the_key_may_change_inside_a_tune():
    piece = tune("F4|[K:D]F4|\nK:Dm\nB4|", "C")
    assert letters(piece) == "FF#Bb"
    assert piece.timeline.keys == (Key(0, 0), Key(1920, 2), Key(3840, -1, "minor"))


@pytest.mark.parametrize(
    ("key", "pitch"),
    [("C clef=treble-8", 48), ("C treble+8", 72), ("C octave=-1", 48), ("C transpose=-2", 58), ("C clef=bass", 60)],
)
def test_octave_clefs_and_transpositions_sound(key, pitch):
    assert tune("C", key).parts[0].notes[0].pitch == pitch


def test_midi_lines_transpose_and_name_the_program():
    piece = tune("%%MIDI transpose 12\n%%MIDI program 40\nC")
    assert piece.parts[0].notes[0].pitch == 72
    assert piece.parts[0].program == 40


@pytest.mark.parametrize(
    ("metre", "expected"),
    [("C", (4, 4)), ("C|", (2, 2)), ("3/4", (3, 4)), ("2+3/8", (5, 8, (2, 3))), ("(2+2+3)/8", (7, 8, (2, 2, 3))),
     ("none", (6, 4)), ("3/8+2/4", (7, 8, (3, 2, 2))), ("2+2+3/8", (7, 8, (2, 2, 3))),
     ("9/8 + 3/4", (15, 8, (3, 3, 3, 2, 2, 2))), ("( 3 + 2 ) / 8", (5, 8, (3, 2))), ("c|", (2, 2)),
     ("6/8 (3/4)", (6, 8)), ("6/8(3/4)", (6, 8)), ("3/4 2/4", (3, 4))],
)  # fmt: skip
def test_metres(metre, expected):
    assert tune("C6|", metre=metre).timeline.metre == Metre(0, *expected)


def test_bars_without_metre_are_as_long_as_written():
    piece = tune("C|C4|C3|C3|", metre="none")
    assert piece.timeline.metres == (Metre(0, 4, 4), Metre(480, 4, 4), Metre(2400, 3, 4))
    assert piece.timeline.pickup == 480


def test_the_unit_follows_the_metre_where_it_is_not_given():
    [two], [three] = (read_abc(f"X:1\nM:{m}\nK:C\nC\n") for m in ("2/4", "3/4"))
    assert (written(two), written(three)) == ("C4:1/4", "C4:1/2")


@pytest.mark.parametrize(
    ("tempo", "qpm"),
    [
        ("1/4=100", 100),
        ("3/8=60", 90),
        ('"Allegro" 1/4=120', 120),
        ('1/2=50 "slow"', 100),
        ("120", 120),
        ("C3=40", 120),
    ],
)
def test_tempos_are_in_quarters_a_minute(tempo, qpm):
    assert tune("C", more=f"Q:{tempo}\n").timeline.tempos == (Tempo(0, qpm),)


def test_the_tempo_may_change_inside_a_tune():
    assert tune('C4|[Q:1/4=60]C4|[Q:"rit."]C').timeline.tempos == (Tempo(0, 120), Tempo(1920, 60))


def test_a_pick_up_is_cut_short_by_the_second_metre_entry():
    piece = tune("G|cdef|g3|]")
    assert piece.timeline.metres == (Metre(0, 4, 4), Metre(480, 4, 4))
    assert piece.timeline.pickup == 480
    assert piece.timeline.length == 8 * 480


def test_a_first_bar_that_the_second_completes_is_still_a_pick_up():
    assert tune("G|cde|fgab|").timeline.metres == (Metre(0, 4, 4), Metre(480, 4, 4), Metre(1920, 4, 4))


def test_an_irregular_bar_re_anchors_the_next():
    assert tune("c4|c3|c4|c4|").timeline.metres == (Metre(0, 4, 4), Metre(3360, 4, 4))


def test_a_bar_cut_by_a_repeat_sign_is_one_bar():
    piece = tune("G|cdef|gfe:|G|cdef|gfe|]")
    assert piece.timeline.metres == (Metre(0, 4, 4), Metre(480, 4, 4))
    assert piece.timeline.length == 24 * 480


def test_the_metre_may_change_inside_a_tune():
    piece = tune("c4|[M:3/4]c3|c3|\nM:C|\nc4|")
    assert piece.timeline.metres == (Metre(0, 4, 4), Metre(1920, 3, 4), Metre(4800, 2, 2))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("|:CD:|E", "CDCDE"),
        ("CD:|E", "CDCDE"),
        ("C|:D:|E:|F", "CDDEEF"),
        ("|:C::D:|E", "CCDDE"),
        ("C||D:|E", "CDDE"),
        ("|:C||D:|", "CDCD"),
        ("C:|:D:|", "CCDD"),
        ("C:||:D:|", "CCDD"),
        ("|:C::|D", "CCCD"),
        ("|:C|1D:|2E|]F", "CDCEF"),
        ("|:C|[1D:|[2E||F:|G", "CDCEFFG"),
        ("|:C|1D:|2E:|F", "CDCEF"),
        ("|:C|1D|2E|]", "CDCE"),
        ("|:C|1,3D:|2E:|4F|]", "CDCECDCF"),
        ("|:C|[1-3D:|[4E|]", "CDCDCDCE"),
        ("|:C[1D:|[2E|:F:|", "CDCEFF"),
        ('|:C|["first"D:|["last time"E|]', "CDCE"),
        ("C:|2D|]E", "CCDE"),
        ("|:C:||:D|1E:|2F:|", "CCDEDF"),
        ("|: C D |\n E F :|", "CDEFCDEF"),
        ("|:C|[1D:|[3E|]F|]", "CDCEF"),
        ("|:C|[1-3,5D:|[4E:|F|]", "CDCDCDCECDF"),
        ("|:C|[1, 2 D:|[3 E|]", "CDCDCE"),
        ("C|1:|2D|]", "CCD"),
        ("|:C|1D|2E:|F", "CDCEF"),
        ("|:C|1D:|2E|F|G|A|B:|", "CDCEFGABFGAB"),  # the last :| is that of the section behind the ending
        ("|:C|1D:|2E|F|G|A|B:|c|d|]", "CDCEFGABFGABCD"),
        ("|:C|1D:|2E|F|G:|", "CDCEFG"),
        ("|:C|1D|E|F|G|A:|2E|F|G|A|B:|", "CDEFGACEFGAB"),
        ("|:C|1D||E:|2F|]G", "CDECFG"),
        ("|:C|[1D|]E:|[2F|]G", "CDECFG"),
        ("|:C|1D:|1E|]F", "CDCEF"),
        ("|:C|1D:|2E:|2F:|G", "CDCECFG"),
        ("|:C|1D|\n|1E:|2F|]", "CDECF"),
        ("|:C|1,3D:|2,4E:|F", "CDCECDCEF"),
        ("|:C::|4D|]", "CCCD"),
        ("[2 C :|D|]", "CD"),
        ("|:C|D|:E:|", "CDCDEE"),
        ("C|D|:E:|", "CDEE"),
        ("|:C|D||\n|:E:|", "CDEE"),
        ("|:C|D||:E:|", "CDEE"),
        ("|:C:|:D|]", "CCD"),
        ("|:C|D|]", "CD"),
        ("|:C|1D:|2E||F|1G:|2A|]", "CDCEFGFA"),
        ("C|D|[1E|[2F|", "CDECDF"),
    ],
)
def test_repeats_and_endings_are_unfolded(body, expected):
    assert letters(tune(body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C|D!fine!|E|F!D.C.!|]", "CDEFCD"),
        ("C|!fine!D|E|!D.C.!F|]", "CDEFCD"),
        ('C|"Fine"D|E|"D.C. al Fine"F|]', "CDEFCD"),
        ('C|D"^(Fine)"|E|F|]"_D.C."', "CDEFCD"),
        ('C|D|"^Fine"\nE|F|"^Da Capo al Fine"\n', "CDEFCD"),
        ("C|D+fine+|E|F+D.C.+|]", "CDEFCD"),
        ("C|D!fine!|E|F!D.C.alfine!|]", "CDEFCD"),
        ("C|D!fine!|E|F!dacapo!|]", "CDEFCD"),
        ("C|D!fine!|E|F!Da Capo al Fine!|]", "CDEFCD"),
        ("C|!segno!D|E|F!D.S.!|]", "CDEFDEF"),
        ("C|SD|E|F!D.S.!|]", "CDEFDEF"),
        ('C|"Segno"D|E!fine!|F"D.S. al Fine"|]', "CDEFDE"),
        ("C|!segno!D|E!dacoda!|F!D.S.alcoda!|!coda!G|A|]", "CDEFDEGA"),
        ('C|!segno!D|"To Coda"E|F"D.S. al Coda"|"Coda"G|A|]', "CDEFDEGA"),
        ("C|!segno!D|E!coda!|F!D.S.!|!coda!G|A|]", "CDEFDEGA"),
        ("C|SD|OE|F!D.S.!|OG|A|]", "CDEFDEGA"),
        ("|:C:|:D!fine!:|:E:|F!D.C.!|]", "CCDDEEFCD"),
        ("|:C|1D:|2E!fine!|]F!D.C.!|]", "CDCEFCE"),
        ("|:C|1D:|2E!D.C.!|]", "CDCECE"),
        ("C|D!D.C.!|E|]", "CDCDE"),
        ("C|D!fine!|E|F!D.C.!|]|:G|A:|]", "CDEFCDGAGA"),
        ('C|D!fine!|E|F"D.C. al Fine"|!coda!G|]', "CDEFCDG"),
        ("|:C|D!D.C.!:|", "CDCDCD"),
        ("C|!fine!D|E|]", "CDE"),
        ('C|SD!fine!|E"To Coda"|F"D.S. al Coda"|"Coda"G|]', "CDEFDEG"),
        ('C|SD"To Coda"|E!fine!|F"D.S. al Fine"|"Coda"G|]', "CDEFDE"),
        ("C|D!D.C.!|E|SF|G!D.S.!|]", "CDCDEFGFG"),
        ("C|SD!coda!|E!fine!|F!D.S.alfine!|!coda!G|]", "CDEFDE"),
        ("C|SD!fine!|E!dacoda!|F!D.S.alcoda!|!coda!G|]", "CDEFDEG"),
    ],
)
def test_jumps_are_played_from_decorations_and_words(body, expected):
    assert letters(tune(body)) == expected


def test_a_jump_to_the_segno_inside_a_bar_begins_at_its_note():
    assert letters(tune("CD !segno!EF|GA!fine!|B!D.S.!|]")) == "CDEFGABEFGA"


def test_bars_with_notes_that_are_never_played_are_a_remark():
    book = "X:1\nP:AB\nL:1/4\nK:C\nP:A\nC|D|\nP:C\nE|F|\nP:B\nG|]\n\nX:2\nK:C\nC|D|]\n"
    pieces, remarks = read_book(book, "book.abc")
    assert letters(pieces[0]) == "CDG"
    assert remarks == [("unplayed_bars", "book.abc#1, bars with notes that its repeat signs never reach (2): 3 to 4")]


def test_repeats_may_be_left_as_written():
    [piece] = read_abc("X:1\nL:1/4\nK:C\n|:C|1D:|2E|]F\n", repeats="written")
    assert letters(piece) == "CDEF"


def test_a_tie_into_both_endings_holds_in_each():
    assert play("|:C D-|1D E:|2D F|]") == "C4:1 D4:2 E4:1 C4:1 D4:2 F4:1"


def test_parts_are_played_in_the_order_of_the_header():
    assert letters(tune("P:A\nC:|\nP:B\nD|", more="P:A2BA\n")) == "CCCCDCC"
    assert letters(tune("[P:A]C[P:B]D", more="P:(AB)2\n")) == "CDCD"
    assert letters(tune("[P:A]C[P:B]D")) == "CD"
    assert letters(tune("C|[P:A]D|[P:B]E|", more="P:BAB\n")) == "CEDE"
    assert letters(tune("C:|[P:A]D|[P:B]E|", more="P:BA\n")) == "CCED"
    assert letters(tune("[P:A]C|[P:B]D|[P:A]E|", more="P:ABAA\n")) == "CDEE"
    assert letters(tune("C|[P:B]", more="P:ABA\n")) == "C"


def test_repeats_written_in_one_voice_hold_for_all():
    piece = tune("[V:1] |:C4|1D4:|2E4|]\n[V:2] G4|A4|B4|]")
    assert letters(piece, 0) == "CDCE"
    assert letters(piece, 1) == "GAGB"


def test_keys_are_repeated_with_the_music():
    assert tune("|:C4|[K:G]C4:|").timeline.keys == (Key(0, 0), Key(1920, 1), Key(3840, 0), Key(5760, 1))


def test_voices_are_parts_with_their_names():
    piece = tune(
        "[V:S] C4|D4|\n[V:A] E4|\n[V:S] E4|\n[V:A] F4|G4|\nV:B\nG,,4|",
        more='V:S clef=treble name="Soprano"\nV:A\n',
    )
    assert [p.name for p in piece.parts] == ["Soprano", "A", "B"]
    assert [letters(piece, i) for i in range(3)] == ["CDE", "EFG", "G"]


def test_voices_keep_their_own_state():
    piece = tune("[V:1][L:1/8]^F2[V:2]F2[V:1]F2[V:2][K:G]F2[V:1]|F2")
    assert written(piece, 0) == "F#4:1 F#4:1 F4:1"
    assert written(piece, 1) == "F4:2 F#4:2"


def test_voice_options_of_the_header_hold_in_the_body():
    piece = tune("[V:T]C[V:D]C", more="V:T clef=treble-8\nV:D clef=perc\n")
    assert [p.notes[0].pitch for p in piece.parts] == [48, 60]
    assert [p.is_drum for p in piece.parts] == [False, True]


def test_a_tie_and_a_tuplet_reach_over_a_break_in_the_voice():
    piece = tune("[V:1]C3 D-|\n[V:2]E4|\n[V:1]D3 E|")
    assert written(piece, 0) == "C4:3 D4:4 E4:1"


def test_an_overlay_starts_again_at_its_bar():
    assert play("C4 & E2 G2 | D") == "C4:4 @0 E4:2 G4:2 D4:1"
    assert play("C2 & E4 | D") == "C4:2 @0 E4:4 D4:1"


def test_a_line_that_looks_like_a_field_is_music_where_it_ends_a_repeat():
    assert letters(tune("C D\nE:|\nF")) == "CDECDEF"


def test_typeset_text_and_stray_comments_are_not_music():
    assert letters(tune("C\n%%begintext\nA B C\n%% D\n%%endtext\n% E F\n  % G\nD")) == "CD"


def test_title_composer_and_source_are_kept():
    [piece] = read_abc("X:7\nT:L'\\'et\\'e &amp; 50\\% % comment\nT:second\nC:A. One\nC:B. Two\nK:C\nC\n", "a.abc")
    assert (piece.title, piece.composer, piece.source) == ("L'été & 50%", "A. One; B. Two", "a.abc")


BOOK = [
    "X:1\nT:one\nM:3/4\nL:1/8\nK:D\n[K:G]FG:|\n",
    "X:2\nT:two\nK:C\nF2\n",
    "X:3\nT:three\nM:2/4\nQ:1/4=90\nK:Eb\nV:1\n(3EFG|\nV:2\nE|\n",
    "X:4\nT:four\nL:1/4\nK:C\nFG\n",
]


def without_source(pieces):
    return [(p.parts, p.timeline, p.title) for p in pieces]


def test_a_book_read_backwards_gives_the_same_tunes():
    forwards, backwards = read_abc("\n".join(BOOK), "b.abc"), read_abc("\n".join(BOOK[::-1]))
    assert without_source(forwards) == without_source(backwards[::-1])
    assert without_source(forwards) == without_source([p for t in BOOK for p in read_abc(t)])
    assert [p.source for p in forwards] == ["b.abc#1", "b.abc#2", "b.abc#3", "b.abc#4"]


def test_tunes_are_separated_without_an_empty_line_and_by_text_between():
    assert without_source(read_abc("".join(BOOK))) == without_source(read_abc("\n\nC D E by hand\n\n".join(BOOK)))


def test_the_head_of_a_file_holds_for_every_tune():
    pieces = read_abc("%abc-2.1\nM:3/4\nL:1/4\n\nX:1\nK:C\nC3\n\nX:2\nM:2/4\nK:C\nC\n")
    assert [(p.timeline.metre.name, written(p)) for p in pieces] == [("3/4", "C4:3"), ("2/4", "C4:1")]


def test_a_text_without_x_is_one_tune():
    assert letters(read_abc("K:G\nFGA")[0]) == "F#GA"


@pytest.mark.parametrize(
    ("bad", "line", "reason"),
    [
        ("X:2\nT:no key\nCDE\n", 5, "no K: field"),
        ("X:2\nK:C\nz4|\n", 5, "no notes"),
        ("X:2\nM:4:4\nK:C\nC\n", 6, "not a metre"),
        ("X:2\nL:x\nK:C\nC\n", 6, "not a note length"),
        ("X:2\nK:Csomething\nC\n", 6, "not a mode"),
        ("X:2\nK:Q\nC\n", 6, "not a key"),
        ("X:2\nK:C\nC D|\nE c''''''''\n", 8, "0 to 127"),
        ("X:2\nK:C\nC/0\n", 7, "not a note length"),
        ("X:2\nK:C\nC99999999999\n", 7, "not a note length"),
        ("X:2\nK:C\n|:C|1-9999D:|\n", 7, "1 to 64"),
        ("X:2\nK:C\n|" + ":" * 100 + "C:|\n", 7, "64"),
        ("X:2\nK:C\n(999999999CDE\n", 7, "tuplet"),
        ("X:2\nP:((((A9)9)9)9)9\nK:C\nC\n", 6, "more than 1000 parts"),
    ],
)
def test_a_bad_tune_is_named_with_its_line_and_its_neighbours_are_read(bad, line, reason):
    good = "X:1\nK:C\nCDE\n\n"
    first, error, last = scan_abc(good + bad + "\n" + good, "book.abc")
    assert isinstance(error, AbcError)
    assert (error.line, error.source) == (line, "book.abc#2")
    assert reason in str(error)
    assert str(error).startswith(f"book.abc#2, line {line}: ")
    assert letters(first) == letters(last) == "CDE"
    assert len(read_abc(good + bad)) == 1


@pytest.mark.parametrize(
    "text", ["", "just some words", "X:1\nT:title only\n", "<html><body>not music</body></html>"]
)
def test_a_text_without_any_tune_is_an_error(text):
    with pytest.raises(AbcError, match=r"x\.abc, line 1: "):
        read_abc(text, "x.abc")


def test_repeats_takes_two_words_only():
    with pytest.raises(ValueError, match="unfold"):
        read_abc("X:1\nK:C\nC", repeats="sometimes")


BOHEMIAN = "X:1\nT:Žluťoučký kůň\nK:C\nCD\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("", "utf-16-le"),
        ("", "utf-16-be"),
        ("%%abc-charset utf-8\n", "utf-8"),
        ("%%abc-charset iso-8859-1\n", "utf-8"),
        ("%%abc-charset iso-8859-2\n", "iso-8859-2"),
        ("I:abc-charset windows-1250\n", "cp1250"),
        ("% a book\n%%abc-charset Latin2\n", "iso-8859-2"),
    ],
)
def test_texts_are_read_in_every_encoding_that_says_so(head, encoding, ends):
    text = (head + BOHEMIAN).replace("\n", ends)
    [piece] = read_abc(decode_abc(text.encode(encoding)))
    assert piece.title == "Žluťoučký kůň"
    assert letters(piece) == "CD"


def test_a_text_without_a_declaration_is_windows_1252():
    assert decode_abc("T:Müller’s “Waltz”…".encode("cp1252")) == "T:Müller’s “Waltz”…"
    assert decode_abc(b"%%abc-charset zlib\nT:\xe9") == "%%abc-charset zlib\nT:é"
    assert decode_abc(b"T:\x81") == "T:\x81"


def test_only_line_ends_end_a_line():
    [piece] = read_abc("X:1\nT:one\x0btwo\x85three\u2028four\nK:C\nC\x0cD|\nw: la\x85E\n")
    assert letters(piece) == "CD"
    assert piece.title == "one two three four"


def test_marks_of_byte_order_inside_a_book_are_passed_over():
    pieces = read_abc(decode_abc("\ufeffX:1\nK:C\nC\n\n\ufeffX:2\nK:C\nD\n".encode()))
    assert [letters(p) for p in pieces] == ["C", "D"]


def test_rtranspose_adds_to_the_transposition():
    """As abc2midi plays it: C, then D and then C sharp."""
    assert play("%%MIDI rtranspose 2\nC\n%%MIDI rtranspose -1\nC", more="%%MIDI transpose 0\n") == "D4:1 C#4:1"


def test_slashes_have_no_pitch():
    body = 'C D [K:C style=rhythm] "Am" B B | [K:C style=normal] E F'
    assert play(body) == "C4:1 D4:1 @4 E4:1 F4:1"
    assert len(tune(body).chords) == 1
