"""MusicXML, kern and MEI scores: exact notes, bars, keys and order, against hand-written values and oracles."""

from __future__ import annotations

import io
import zipfile
from fractions import Fraction

import pytest
from kern_counter import count_kern

from ritornello.music.scores.reader import scan_score
from ritornello.music.values import Key, Metre, Tempo

VALUES = {1: "eighth", 2: "quarter", 3: "quarter", 4: "half", 6: "half", 8: "whole"}  # by divisions, 2 to a quarter
COMMON = "<key><fifths>0</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time>"


def note(pitch: str, eighths: int, more: str = "", change: str = "", notations: str = "", kind: str = "") -> str:
    """A MusicXML note: "F#4", its length in eighths, elements in their order."""
    alter = f"<alter>{pitch.count('#') - pitch.count('b')}</alter>" if len(pitch) > 2 else ""
    dot = "<dot/>" if eighths in (3, 6) else ""
    return (
        f"<note>{kind}<pitch><step>{pitch[0]}</step>{alter}<octave>{pitch[-1]}</octave></pitch>"
        f"<duration>{eighths}</duration>{more}<voice>1</voice><type>{VALUES[eighths]}</type>{dot}{change}"
        f"<notations>{notations}</notations></note>"
    )


def rest(eighths: int) -> str:
    return f"<note><rest/><duration>{eighths}</duration><voice>1</voice><type>{VALUES[eighths]}</type></note>"


def score(*bars: str, attributes: str = COMMON, divisions: int = 2) -> bytes:
    """A MusicXML file of one part from what stands in each bar."""
    head = f"<attributes><divisions>{divisions}</divisions>{attributes}</attributes>"
    measures = "".join(f'<measure number="{i}">{"" if i > 1 else head}{b}</measure>' for i, b in enumerate(bars, 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="3.1">'
        "<work><work-title>Air</work-title></work>"
        '<identification><creator type="composer">Anna Bon</creator></identification>'
        '<part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>'
        f'<part id="P1">{measures}</part></score-partwise>'
    ).encode()


def read_one(content: bytes, suffix: str = ".musicxml", repeats: str = "unfold"):
    ((piece,), _) = scan_score(content, suffix, "here", repeats)
    return piece


def sung(piece, part: int = 0) -> list[tuple[Fraction, Fraction, int]]:
    q = piece.timeline.ticks_per_quarter
    return [(Fraction(n.start, q), Fraction(n.duration, q), n.pitch) for n in piece.parts[part].notes]


def line(piece, part: int = 0) -> list[tuple[float, float, int]]:
    return [(float(start), float(length), pitch) for start, length, pitch in sung(piece, part)]


def bars(piece) -> list[float]:
    return [tick / piece.timeline.ticks_per_quarter for tick in piece.timeline.barlines()[:-1]]


def test_title_composer_part_and_source_are_kept():
    piece = read_one(score(note("C4", 8)))
    assert (piece.title, piece.composer, piece.source) == ("Air", "Anna Bon", "here")
    assert [p.name for p in piece.parts] == ["Voice"]
    assert line(piece) == [(0, 4, 60)]


def test_rests_at_the_start_and_end_keep_their_time():
    piece = read_one(score(rest(4) + note("D4", 4), note("E4", 2) + rest(2) + rest(4)))
    assert line(piece) == [(2, 2, 62), (4, 1, 64)]
    assert piece.timeline.length == 8 * piece.timeline.ticks_per_quarter


TRIPLET = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"


def triplet(pitch: str, bracket: str = "") -> str:
    """A quarter of a quarter triplet at 6 divisions to the quarter."""
    return (
        f"<note><pitch><step>{pitch[0]}</step><octave>{pitch[1]}</octave></pitch><duration>4</duration><voice>1</voice>"
        f"<type>quarter</type>{TRIPLET}<notations>{bracket}</notations></note>"
    )


@pytest.mark.parametrize("brackets", [('<tuplet type="start"/>', '<tuplet type="stop"/>'), ("", "")])
def test_triplets_are_exact_with_and_without_a_bracket(brackets):
    begin, end = brackets
    half = "<note><pitch><step>G</step><octave>4</octave></pitch><duration>12</duration><type>half</type></note>"
    piece = read_one(score(triplet("C4", begin) + triplet("D4") + triplet("E4", end) + half, divisions=6))
    third = Fraction(2, 3)
    assert sung(piece) == [(0, third, 60), (third, third, 62), (2 * third, third, 64), (2, 2, 67)]


def test_triplets_are_exact_where_the_divisions_round_them():
    rounded = "".join(
        triplet(p).replace("<duration>4<", f"<duration>{d}<") for p, d in (("C4", 21), ("D4", 21), ("E4", 22))
    )
    third = Fraction(2, 3)
    assert sung(read_one(score(rounded, divisions=32))) == [
        (0, third, 60),
        (third, third, 62),
        (2 * third, third, 64),
    ]


def test_a_duration_that_belies_the_note_value_is_believed():
    swung = note("C4", 2).replace("<duration>2", "<duration>3") + note("D4", 2).replace("<duration>2", "<duration>1")
    assert line(read_one(score(swung + note("E4", 4)))) == [(0, 1.5, 60), (1.5, 0.5, 62), (2, 2, 64)]


def test_voices_and_gaps_lie_where_backup_and_forward_put_them():
    low = note("C3", 4).replace("<voice>1", "<voice>2")
    gap = "<forward><duration>2</duration></forward>"
    piece = read_one(
        score(note("C4", 8) + "<backup><duration>8</duration></backup>" + gap + low, gap + note("D4", 6))
    )
    assert line(piece) == [(0, 4, 60), (1, 2, 48), (5, 3, 62)]


def test_notes_that_say_no_value_are_read_by_their_duration():
    plain = "".join(
        f"<note><pitch><step>{s}</step><octave>4</octave></pitch><duration>{d}</duration></note>"
        for s, d in (("C", 3), ("D", 1), ("E", 4))
    )
    assert line(read_one(score(plain))) == [(0, 1.5, 60), (1.5, 0.5, 62), (2, 2, 64)]


START, STOP = '<tie type="start"/>', '<tie type="stop"/>'
ARC, ARC_END = '<tied type="start"/>', '<tied type="stop"/>'


@pytest.mark.parametrize(("arc", "arc_end"), [(ARC, ARC_END), ("", "")])
def test_ties_make_one_note_drawn_or_only_sounded(arc, arc_end):
    piece = read_one(
        score(
            note("C4", 4) + note("D4", 4, START, notations=arc),
            note("D4", 8, START + STOP, notations=arc_end + arc),
            note("D4", 2, STOP, notations=arc_end) + note("D4", 6),
        )
    )
    assert line(piece) == [(0, 2, 60), (2, 7, 62), (9, 3, 62)]


def test_a_tie_into_a_second_ending_holds():
    piece = read_one(
        score(
            note("C4", 4) + note("G4", 4, START, notations=ARC),
            '<barline location="left"><ending number="1" type="start"/></barline>'
            + note("G4", 8, STOP, notations=ARC_END)
            + '<barline location="right"><ending number="1" type="stop"/><repeat direction="backward"/></barline>',
            '<barline location="left"><ending number="2" type="start"/></barline>'
            + note("G4", 8, STOP, notations=ARC_END)
            + '<barline location="right"><ending number="2" type="discontinue"/></barline>',
        )
    )
    assert line(piece) == [(0, 2, 60), (2, 6, 67), (8, 2, 60), (10, 6, 67)]


def test_grace_notes_and_arpeggios_take_no_time():
    grace = "<note><grace/><pitch><step>B</step><octave>4</octave></pitch><voice>1</voice><type>eighth</type></note>"
    chord = note("C4", 4, notations="<arpeggiate/>") + note("G4", 4, kind="<chord/>", notations="<arpeggiate/>")
    piece = read_one(score(note("C4", 4) + grace + note("A4", 4), chord + grace + note("D4", 4)))
    assert line(piece) == [(0, 2, 60), (2, 2, 69), (4, 2, 60), (4, 2, 67), (6, 2, 62)]


def test_cue_notes_are_left_out_in_their_time():
    cue = "<note><cue/><pitch><step>B</step><octave>4</octave></pitch><duration>4</duration><type>half</type></note>"
    assert line(read_one(score(cue + note("A4", 4)))) == [(2, 2, 69)]


def test_a_transposing_instrument_sounds_and_so_does_its_key():
    clarinet = (
        "<key><fifths>2</fifths><mode>major</mode></key><time><beats>4</beats><beat-type>4</beat-type></time>"
        "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    )
    piece = read_one(score(note("D5", 4) + note("F#5", 4), attributes=clarinet))
    assert line(piece) == [(0, 2, 72), (2, 2, 76)]
    assert piece.timeline.keys == (Key(0, 0, "major"),)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("dorian", "dorian"), ("mixolydian", "mixolydian"), ("aeolian", "minor"), ("ionian", "major"), ("none", "major"),
     ("phrygian", "phrygian"), ("lydian", "lydian"), ("locrian", "locrian"), ("minor", "minor")],
)  # fmt: skip
def test_the_mode_of_a_musicxml_file_is_kept(mode, expected):
    attributes = f"<key><fifths>1</fifths><mode>{mode}</mode></key>" + COMMON[COMMON.index("<time>") :]
    assert read_one(score(note("A4", 8), attributes=attributes)).timeline.keys == (Key(0, 1, expected),)


@pytest.mark.parametrize(
    ("signs", "expected"),
    [("*k[] *D:dor", Key(0, 0, "dorian")), ("*k[f#] *D:mix", Key(0, 1, "mixolydian")),
     ("*k[b-] *d:", Key(0, -1, "minor")),
     ("*k[b-e-a-] *f:", Key(0, -3, "dorian")), ("*k[f#] *D:", Key(0, 1, "mixolydian")), ("*k[f#]", Key(0, 1))],
)  # fmt: skip
def test_the_tonic_of_a_kern_file_is_kept(signs, expected):
    tandem = "\n".join(signs.split())
    text = f"**kern\n*clefG2\n{tandem}\n*M4/4\n=1\n1d\n==\n*-\n"
    assert read_one(text.encode(), ".krn").timeline.keys == (expected,)


@pytest.mark.parametrize(
    ("definition", "child", "expected"),
    [('keysig="0" key.pname="d" key.mode="dorian"', "", Key(0, 0, "dorian")),
     ('keysig="1s" key.pname="d"', "", Key(0, 1, "mixolydian")),
     ('keysig="2f" key.mode="minor"', "", Key(0, -2, "minor")),
     ('keysig="1f" key.pname="b" key.accid="f" key.mode="lydian"', "", Key(0, -1, "lydian")),
     ("", '<keySig sig="1s" pname="a" mode="dorian"/>', Key(0, 1, "dorian")),
     ("", '<keySig pname="g" mode="mixolydian"/>', Key(0, 0, "mixolydian"))],
)  # fmt: skip
def test_the_tonic_of_an_mei_file_is_kept(definition, child, expected):
    text = (
        '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead/><music><body><mdiv><score>'
        f'<scoreDef {definition}><staffGrp><staffDef n="1" lines="5">{child}<meterSig count="4" unit="4"/></staffDef>'
        '</staffGrp></scoreDef><section><measure n="1"><staff n="1"><layer n="1"><note pname="d" oct="4" dur="1"/>'
        "</layer></staff></measure></section></score></mdiv></body></music></mei>"
    )
    assert read_one(text.encode(), ".mei").timeline.keys == (expected,)


@pytest.mark.parametrize(
    "time",
    ["<beats>3+2+2</beats><beat-type>8</beat-type>",
     "<beats>3</beats><beat-type>8</beat-type><beats>2</beats><beat-type>4</beat-type>"],
)  # fmt: skip
def test_an_additive_metre_keeps_its_groups(time):
    attributes = f"<key><fifths>0</fifths></key><time>{time}</time>"
    piece = read_one(score(note("D5", 6) + note("E5", 1), note("D5", 6) + note("E5", 1), attributes=attributes))
    assert piece.timeline.metres == (Metre(0, 7, 8, (3, 2, 2)),)


@pytest.mark.parametrize(
    ("sign", "expected"),
    [("*M3+2+2/8", Metre(0, 7, 8, (3, 2, 2))), ("*M2/4+3/8", Metre(0, 7, 8, (2, 2, 3))),
     ("*M2+5/8", Metre(0, 7, 8, (2, 5))), ("*M7/8", Metre(0, 7, 8)), ("*M3/8+2/4", Metre(0, 7, 8, (3, 2, 2)))],
)  # fmt: skip
def test_an_additive_metre_of_kern_keeps_its_groups(sign, expected):
    text = f"**kern\n*k[]\n{sign}\n8c\n=1\n4.d\n4e\n4f\n=2\n2d\n4.c\n==\n*-\n"
    assert read_one(text.encode(), ".krn").timeline.metres == (expected, expected._replace(tick=240))


def test_signs_in_mid_piece_of_kern_hold_in_every_voice_until_the_next():
    text = """**kern\t**kern\t**text
*k[b-]\t*k[b-]\t*
*F:\t*F:\t*
*M4/4\t*M4/4\t*
=1\t=1\t=1
.\t8qg\t.
1F\t[4f\tla
.\t4f]\t.
.\t6f\t.
.\t6g\t.
.\t6a\t.
*C:\t*C:\t*
*M3+2/8\t*M3+2/8\t*
=2\t=2\t=2
*\t*^\t*
8%5C\t4.cc\t8%5c\tla
.\t4b\t.\t.
*\t*v\t*v\t*
*k[]\t*k[]\t*
*D:dor\t*D:dor\t*
*M2/4\t*M2/4\t*
=3\t=3\t=3
2D\t4d\t.
*\t*k[f#]\t*
*\t*e:\t*
.\t4e\t.
==\t==\t==
*-\t*-\t*-
"""
    timeline = read_one(text.encode(), ".krn").timeline
    assert timeline.metres == (Metre(0, 4, 4), Metre(1920, 5, 8, (3, 2)), Metre(3120, 2, 4))
    assert timeline.keys == (Key(0, -1), Key(1920, 0), Key(3120, 0, "dorian"), Key(3600, 1, "minor"))


@pytest.mark.parametrize(
    ("signs", "expected"),
    [("*D:", Key(480, 2)), ("*b:", Key(480, 2, "minor")), ("*k[f#] *D:", Key(480, 1, "mixolydian")),
     ("*D:dor", Key(480, 0, "dorian")), ("*k[f#c#g#]", Key(480, 3)), ("*B-:", Key(480, -2))],
)  # fmt: skip
def test_a_key_inside_a_kern_piece_is_kept_in_mid_bar_too(signs, expected):
    tandem = "\n".join(signs.split())
    text = f"**kern\n*k[b-e-]\n*g:\n*M2/4\n=1\n4g\n{tandem}\n4a\n=2\n2b\n==\n*-\n"
    assert read_one(text.encode(), ".krn").timeline.keys == (Key(0, -2, "minor"), expected)


def test_sections_of_kern_played_again_have_the_metre_and_key_of_their_place():
    text = "**kern\n*>[A,B,A]\n*k[]\n*C:\n*M3+2/8\n*>A\n=1\n4.c\n4d\n*>B\n=2\n*M5/8\n*G:\n4g\n4.a\n==\n*-\n"
    timeline = read_one(text.encode(), ".krn").timeline
    assert timeline.metres == (Metre(0, 5, 8, (3, 2)), Metre(1200, 5, 8), Metre(2400, 5, 8, (3, 2)))
    assert timeline.keys == (Key(0, 0), Key(1200, 1), Key(2400, 0))


def test_pickup_key_change_metre_change_and_tempo():
    change = (
        "<attributes><key><fifths>-3</fifths><mode>minor</mode></key>"
        "<time><beats>6</beats><beat-type>8</beat-type></time></attributes>"
    )
    mark = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>60</per-minute></metronome></direction-type></direction>"
    )
    piece = read_one(
        score(
            '<direction><sound tempo="72"/></direction>' + note("G4", 2),
            note("C5", 8),
            change + mark + note("Eb5", 6),
            note("C5", 6),
        )
    )
    q = piece.timeline.ticks_per_quarter
    assert line(piece) == [(0, 1, 67), (1, 4, 72), (5, 3, 75), (8, 3, 72)]
    assert piece.timeline.metres == (Metre(0, 4, 4), Metre(q, 4, 4), Metre(5 * q, 6, 8))
    assert piece.timeline.keys == (Key(0, 0, "major"), Key(5 * q, -3, "minor"))
    assert piece.timeline.tempos == (Tempo(0, 72.0), Tempo(5 * q, 90.0))
    assert piece.timeline.pickup == q


def test_irregular_bars_anchor_the_barlines_anew():
    piece = read_one(score(note("C4", 8), note("D4", 2), note("E4", 8), note("F4", 8) + note("G4", 2), note("A4", 8)))
    assert bars(piece) == [0, 4, 5, 9, 14]


def test_two_halves_of_a_bar_at_a_repeat_are_one_bar():
    back = '<barline location="right"><repeat direction="backward"/></barline>'
    piece = read_one(score(note("C4", 8), note("D4", 6) + back, note("E4", 2), note("F4", 8)), repeats="written")
    assert bars(piece) == [0, 4, 8]


def test_rests_of_many_bars_keep_every_bar():
    many = "<attributes><measure-style><multiple-rest>3</multiple-rest></measure-style></attributes>"
    whole = '<note><rest measure="yes"/><duration>8</duration><voice>1</voice></note>'
    piece = read_one(score(many + whole, whole, whole, note("C4", 8)))
    assert line(piece) == [(12, 4, 60)]
    assert bars(piece) == [0, 4, 8, 12]


SEGNO = "<direction><direction-type><segno/></direction-type></direction>"
CODA = "<direction><direction-type><coda/></direction-type></direction>"


def words(text: str) -> str:
    return f"<direction><direction-type><words>{text}</words></direction-type></direction>"


@pytest.mark.parametrize(
    ("contents", "played"),
    [
        (
            [
                ("C", "", '<barline location="right"><repeat direction="backward" times="3"/></barline>'),
                ("D", "", ""),
            ],
            "CCCD",
        ),
        ([("C", "", ""), ("D", "", words("Fine")), ("E", "", words("D.C. al Fine"))], "CDECD"),
        ([("C", "", ""), ("D", "", '<sound fine="yes"/>'), ("E", "", '<sound dacapo="yes"/>')], "CDECD"),
        (
            [
                ("C", "", ""),
                ("D", SEGNO, ""),
                ("E", "", words("To Coda")),
                ("F", "", words("D.S. al Coda")),
                ("G", CODA, ""),
            ],
            "CDEFDEG",
        ),
        ([("C", "", ""), ("D", SEGNO, ""), ("E", "", CODA), ("F", "", words("D.S.")), ("G", CODA, "")], "CDEFDEG"),
    ],
)
def test_repeats_and_jumps_are_played_or_left_as_written(contents, played):
    content = score(*(before + note(f"{letter}4", 8) + after for letter, before, after in contents))
    names = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G"}
    assert "".join(names[p] for _, _, p in sung(read_one(content))) == played
    assert "".join(names[p] for _, _, p in sung(read_one(content, repeats="written"))) == "".join(
        c[0] for c in contents
    )


TWO_PARTS = (
    b'<score-partwise><part-list><score-part id="A"><part-name>Soprano</part-name></score-part>'
    b'<score-part id="B"><part-name>Piano</part-name></score-part></part-list>'
    b'<part id="A"><measure number="1"><attributes><divisions>1</divisions></attributes>'
    b"<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><type>whole</type><lyric><text>la</text></lyric></note></measure></part>"
    b'<part id="B"><measure number="1"><attributes><divisions>1</divisions><staves>2</staves></attributes>'
    b"<note><pitch><step>E</step><octave>4</octave></pitch><duration>4</duration><voice>1</voice><type>whole</type><staff>1</staff></note>"
    b"<backup><duration>4</duration></backup>"
    b"<note><pitch><step>C</step><octave>3</octave></pitch><duration>4</duration><voice>5</voice><type>whole</type><staff>2</staff></note>"
    b"</measure></part></score-partwise>"
)


def test_every_staff_is_a_part_and_sung_syllables_are_counted():
    piece = read_one(TWO_PARTS)
    assert [(p.name, p.syllables, p.notes[0].pitch) for p in piece.parts] == [
        ("Soprano", 1, 72),
        ("Piano", 0, 64),
        ("Piano", 0, 48),
    ]


def test_a_score_by_measures_is_turned_into_one_by_parts():
    content = (
        b'<score-timewise><part-list><score-part id="P1"><part-name>V</part-name></score-part></part-list>'
        + b"".join(
            b'<measure number="1"><part id="P1"><attributes><divisions>1</divisions></attributes><note><pitch><step>'
            + step
            + b"</step><octave>4</octave></pitch><duration>4</duration><type>whole</type></note></part></measure>"
            for step in (b"C", b"D")
        )
        + b"</score-timewise>"
    )
    assert line(read_one(content)) == [(0, 4, 60), (4, 4, 62)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (score(note("C4", 8))[:-40], "broken or cut short XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><score-partwise/>', "declares entities"),
        (b"<opus/>", "no score with parts"),
        (score(rest(8)), "no notes"),
        (score(note("C4", 8), divisions=0), "divisions must be more than 0"),
        (score(note("C4", 8).replace(">8<", ">8e99<")), "<duration> must be a number"),
    ],
)
def test_a_score_that_cannot_be_read_exactly_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        read_one(content)


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def container(name: str) -> bytes:
    return f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'.encode()


@pytest.mark.parametrize("name", ["score.xml", "Über den Wolken (2).musicxml", "folder/it's & odd.xml"])
def test_an_archive_opens_whatever_its_score_is_called(name):
    named = {"META-INF/container.xml": container(name.replace("&", "&amp;")), name: score(note("C4", 8))}
    assert line(read_one(zipped(named), ".mxl")) == [(0, 4, 60)]
    misnamed = {"META-INF/container.xml": container("else.xml"), name: score(note("D4", 8))}
    assert line(read_one(zipped(misnamed), ".mxl")) == [(0, 4, 62)]
    assert line(read_one(zipped({name: score(note("E4", 8))}), ".mxl")) == [(0, 4, 64)]


def test_damaged_empty_and_overlarge_archives_are_refused():
    whole = zipped({"a.xml": score(note("C4", 8))})
    spoilt = bytearray(whole)
    spoilt[60] ^= 0xFF
    for content, message in (
        (whole[:-30], "damaged archive"),
        (bytes(spoilt), "damaged archive|broken"),
        (zipped({"readme.txt": b"x"}), "no score in this"),
        (zipped({"a.xml": b" " * (65 * 2**20)}), "more than 64 MB"),
    ):
        with pytest.raises(ValueError, match=message):
            read_one(content, ".mxl")


MEI = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt><title>Round</title>
</titleStmt><pubStmt/></fileDesc></meiHead><music><body>{mdivs}</body></music></mei>"""
MDIV = """<mdiv><score><scoreDef meter.count="3" meter.unit="4" keysig="2s"><staffGrp><staffDef n="1" lines="5"
clef.shape="G" clef.line="2"/></staffGrp></scoreDef><section>
<measure n="1" right="rptend"><staff n="1"><layer n="1"><note pname="{p}" oct="4" dur="4"/>
<tuplet num="3" numbase="2"><note pname="e" oct="4" dur="8"/><note pname="f" accid.ges="s" oct="4" dur="8"/>
<note pname="g" oct="4" dur="8"/></tuplet>
<note pname="a" oct="4" dur="4" tie="i"/></layer></staff></measure>
<measure n="2"><staff n="1"><layer n="1"><note pname="a" oct="4" dur="2" dots="1" tie="t"/></layer></staff></measure>
</section></score></mdiv>"""


def test_mei_is_read_with_its_repeat_tuplet_and_tie():
    piece = read_one(MEI.format(mdivs=MDIV.format(p="d")).encode(), ".mei")
    third = Fraction(1, 3)
    bar = [(0, 1, 62), (1, third, 64), (1 + third, third, 66), (1 + 2 * third, third, 67)]
    assert sung(piece) == [*bar, (2, 1, 69), *((s + 3, d, p) for s, d, p in bar), (5, 4, 69)]
    assert piece.title == "Round"
    assert piece.timeline.metres == (Metre(0, 3, 4),)
    assert piece.timeline.keys == (Key(0, 2, "major"),)
    written = read_one(MEI.format(mdivs=MDIV.format(p="d")).encode(), ".mei", "written")
    assert sung(written) == [*bar, (2, 4, 69)]


def test_every_movement_of_an_mei_file_is_a_piece():
    content = MEI.format(mdivs=MDIV.format(p="d") + MDIV.format(p="c")).encode()
    pieces, _ = scan_score(content, ".mei", "here", "written")
    assert [(p.source, p.parts[0].notes[0].pitch) for p in pieces] == [("here#1", 62), ("here#2", 60)]


def test_kern_with_a_tie_a_grace_note_and_a_tuplet():
    content = b"!!!OTL: Air\n**kern\n*M2/4\n*k[f#]\n*e:\n8b\n=1\n[2e\n=2\n4e]\n8ggq\n12f#\n12g\n12a\n==\n*-\n"
    piece = read_one(content, ".krn")
    third, half = Fraction(1, 3), Fraction(1, 2)
    start = 3 + half
    assert sung(piece) == [
        (0, half, 71),
        (half, 3, 64),
        (start, third, 66),
        (start + third, third, 67),
        (start + 2 * third, third, 69),
    ]
    assert piece.timeline.keys == (Key(0, 1, "minor"),)
    assert bars(piece) == [0, 0.5, 2.5]
    assert piece.title == "Air"


def test_music21_agrees_on_a_score_that_it_wrote():
    music21 = pytest.importorskip("music21")
    stream = music21.converter.parse("tinynotation: 3/4 c4 trip{d8 e f#} g4~ g2 r8 a8 b-2. c'16 B- c d e4 f4")
    stream.insert(0, music21.key.Key("F"))
    text = music21.musicxml.m21ToXml.GeneralObjectExporter(stream).parse()
    wanted = [
        (Fraction(n.offset).limit_denominator(64), Fraction(n.quarterLength).limit_denominator(64), n.pitch.midi)
        for n in stream.flatten().stripTies().notes
    ]
    assert sung(read_one(text)) == wanted
    assert len(wanted) == 13


@pytest.mark.parametrize(("folder", "count"), [("kinder", 213), ("jugoslav", 115), ("fink", 566)])
def test_every_kern_melody_is_read_exactly(folder, count, shared_data):
    """Notes, bars and length of all 894 melodies against our own counter; about 20 s in all."""
    paths = sorted(shared_data(f"melodies/{folder}").glob("*.krn"))
    wrong = []
    for path in paths:
        content = path.read_bytes()
        piece = read_one(content, ".krn")
        notes, barlines, length = count_kern(content.decode("utf-8", "replace"))
        q = piece.timeline.ticks_per_quarter
        starts = [Fraction(tick, q) for tick in piece.timeline.barlines()[:-1]]
        same = sung(piece) == notes and starts == [b for b in barlines if b < length]
        if not same or Fraction(piece.timeline.length, q) != length or len(piece.parts) != 1:
            wrong.append(path.name)
    assert wrong == []
    assert len(paths) == count


def style(sign: str, kind: str, text: str = "", more: str = "") -> str:
    return f'<attributes><measure-style><{sign} type="{kind}"{more}>{text}</{sign}></measure-style></attributes>'


EMPTY = '<note><rest measure="yes"/><duration>8</duration><voice>1</voice></note>'
GAP = "<forward><duration>8</duration></forward>"
STOP_BARS, STOP_BEATS = style("measure-repeat", "stop"), style("beat-repeat", "stop")


@pytest.mark.parametrize("nothing", ["", EMPTY, GAP])
def test_a_bar_repeat_sign_sounds_as_the_bars_before(nothing):
    once, twice = style("measure-repeat", "start", "1"), style("measure-repeat", "start", "2", ' slashes="2"')
    bar, other = note("C4", 4) + note("D4", 4), note("E4", 8)
    sung_bar, rests = [(0, 2, 60), (2, 2, 62)], score(bar, once + nothing, nothing, STOP_BARS + EMPTY, other)
    assert line(read_one(rests)) == [*sung_bar, (4, 2, 60), (6, 2, 62), (8, 2, 60), (10, 2, 62), (16, 4, 64)]
    assert line(read_one(score(bar, other, twice + nothing, nothing, STOP_BARS + note("F4", 8)))) == [
        *sung_bar, (4, 4, 64), (8, 2, 60), (10, 2, 62), (12, 4, 64), (16, 4, 65)
    ]  # fmt: skip


def test_a_bar_repeat_sign_over_notes_that_are_written_out_changes_nothing():
    once = style("measure-repeat", "start", "1")
    assert line(read_one(score(note("C4", 8), once + note("C4", 8), STOP_BARS + note("D4", 8)))) == [
        (0, 4, 60), (4, 4, 60), (8, 4, 62)
    ]  # fmt: skip


@pytest.mark.parametrize("nothing", ["", rest(2) + rest(2) + rest(2), "<forward><duration>6</duration></forward>"])
def test_a_beat_repeat_sign_sounds_as_the_beat_before(nothing):
    beats = style("beat-repeat", "start", "<slash-type>quarter</slash-type>", ' slashes="1"')
    piece = read_one(score(note("C4", 1) + note("D4", 1) + beats + nothing, STOP_BEATS + note("E4", 8)))
    expected = [(i / 2, 0.5, 60 if i % 2 == 0 else 62) for i in range(8)]
    assert line(piece) == [*expected, (4, 4, 64)]
    assert line(read_one(score(note("C4", 6) + note("D4", 1) * 2, beats, STOP_BEATS + note("E4", 8)))) == [
        (0, 3, 60), *((3 + i / 2, 0.5, 62) for i in range(10)), (8, 4, 64)
    ]  # fmt: skip


@pytest.mark.parametrize("sign", ["slash", "multiple-rest"])
def test_other_styles_of_bars_change_no_note(sign):
    assert line(read_one(score(style(sign, "start") + note("C4", 8), EMPTY, note("D4", 8)))) == [
        (0, 4, 60),
        (8, 4, 62),
    ]


def test_ties_that_say_only_where_they_begin_hold():
    piece = read_one(score(note("C4", 4) + note("D4", 4, START), note("D4", 4) + note("D4", 4)))
    assert line(piece) == [(0, 2, 60), (2, 4, 62), (6, 2, 62)]


def test_a_bar_without_content_lasts_a_bar():
    assert line(read_one(score(note("C4", 8), "", note("D4", 8)))) == [(0, 4, 60), (8, 4, 62)]


def test_a_change_of_divisions_changes_no_length():
    finer = "<attributes><divisions>4</divisions></attributes>" + note("D4", 4).replace("<duration>4", "<duration>8")
    assert line(read_one(score(note("C4", 8), finer + note("E4", 4).replace("<duration>4", "<duration>8")))) == [
        (0, 4, 60), (4, 2, 62), (6, 2, 64)
    ]  # fmt: skip


def test_a_backup_returns_to_where_a_rounded_tuplet_began():
    rounded = "".join(triplet(p).replace("<duration>4<", "<duration>7<") for p in ("C5", "D5", "E5"))
    low = note("C4", 2).replace("<duration>2", "<duration>10").replace("<voice>1", "<voice>2")
    piece = read_one(score(rounded + "<backup><duration>21</duration></backup>" + low, divisions=10))
    third = Fraction(2, 3)
    assert [(s, p) for s, _, p in sung(piece)] == [(0, 60), (0, 72), (third, 74), (2 * third, 76)]


@pytest.mark.parametrize(
    ("heading", "title", "composer"),
    [
        ("<work><work-title>Songs</work-title></work><movement-title>Air</movement-title>", "Air", ""),
        ("<work><work-title>Songs</work-title></work><movement-title/>", "Songs", ""),
        ('<credit page="1"><credit-type>title</credit-type><credit-words>An </credit-words>'
         "<credit-words>Air</credit-words></credit>", "An Air", ""),
        ('<credit page="1"><credit-words font-size="11">A. Bon</credit-words></credit><credit page="1"><credit-words '
         'font-size="22" justify="center">Air</credit-words></credit>', "Air", ""),
        ('<credit page="2"><credit-words font-size="30">page</credit-words></credit>', "", ""),
        ('<credit page="1"><credit-words font-size="30">Copyright 1999</credit-words></credit>', "", ""),
        ('<credit page="1"><credit-type>composer</credit-type><credit-words>Anna Bon</credit-words></credit>'
         '<identification><creator type="lyricist">X</creator></identification>', "", "Anna Bon"),
    ],
)  # fmt: skip
def test_title_and_composer_are_found_in_the_heading_or_on_the_first_page(heading, title, composer):
    content = score(note("C4", 8)).decode()
    start = content.index("<work>")
    piece = read_one((content[:start] + heading + content[content.index("<part-list>") :]).encode())
    assert (piece.title, piece.composer) == (title, composer)


def test_percussion_beside_a_melody_is_a_part_of_its_own():
    unpitched = "<note><unpitched><display-step>E</display-step><display-octave>4</display-octave></unpitched>"
    drum = unpitched + "<duration>4</duration><type>whole</type></note>"
    content = TWO_PARTS.decode().replace("<part-name>Piano</part-name>", "<part-name>Drums</part-name>")
    start, end = content.index("<note>", content.index('<part id="B"')), content.index("</measure></part></score")
    piece = read_one((content[:start] + drum + content[end:]).encode())
    assert [part.name for part in piece.parts] == ["Soprano"]
    clef = "<clef><sign>percussion</sign></clef></attributes>"
    piece = read_one((content[:start].replace("<staves>2</staves></attributes>", clef) + content[start:]).encode())
    assert [(part.name, part.is_drum) for part in piece.parts] == [
        ("Soprano", False),
        ("Drums", True),
        ("Drums", False),
    ]


def test_elements_without_a_name_are_passed_over_as_musescore_3_writes_them():
    nameless = b'<notations>< default-x="-36.60" default-y="25.51"/></notations></note>'
    content = score(note("C4", 4) + note("D4", 4)).replace(b"</note>", nameless, 1)
    assert line(read_one(content), 0) == [(0, 2, 60), (2, 2, 62)]


def test_bare_ampersands_and_control_characters_in_texts_cost_no_score():
    content = score(note("C4", 8)).replace(b"Air", b"Rhythm & Blues\x0b &nbsp; B&amp;W")
    assert read_one(content).title == "Rhythm & Blues &nbsp; B&W"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("stated", ["UTF-8", "utf-16", "ISO-8859-1", "no-such"])
def test_the_encoding_is_the_true_one_whatever_is_stated(encoding, stated):
    text = score(note("C4", 8)).decode().replace("UTF-8", stated).replace("Air", "Größe")
    if (encoding, stated) != ("utf-8-sig", "ISO-8859-1"):
        assert read_one(text.encode(encoding)).title == "Größe"


def test_rests_beyond_the_metre_leave_all_parts_in_time():
    """As in Monteverdi's fourth book of madrigals (music21's corpus), where one part rests twice in a bar."""
    bar, late = note("C5", 8), rest(8) + rest(8)
    head = f"<attributes><divisions>2</divisions>{COMMON}</attributes>"
    parts = "".join(
        f'<part id="P{p}"><measure>{head}{bar}</measure><measure>{second}</measure><measure>{bar}</measure></part>'
        for p, second in ((1, bar), (2, late))
    )
    names = "".join(f'<score-part id="P{p}"><part-name/></score-part>' for p in (1, 2))
    content = f"<score-partwise><part-list>{names}</part-list>{parts}</score-partwise>"
    piece = read_one(content.encode())
    assert line(piece, 0) == [(0, 4, 72), (4, 4, 72), (8, 4, 72)]
    assert line(piece, 1) == [(0, 4, 72), (8, 4, 72)]


def test_a_rest_of_a_whole_bar_lasts_a_bar():
    """As music21 reads it; other rests may make a bar longer than its metre."""
    three = COMMON.replace("<beats>4", "<beats>3")
    whole = "<note><rest measure='yes'/><duration>8</duration></note>"
    for middle, onset in ((whole, 6), (rest(8), 7)):
        piece = read_one(score(note("C5", 6), middle, note("D5", 6), attributes=three))
        assert line(piece) == [(0, 3, 72), (onset, 3, 74)]


def test_slashes_have_no_pitch():
    """As MuseScore plays them: a slash is the rhythm of an accompaniment."""
    slash = note("B4", 4, more="").replace("<notations>", "<notehead>slash</notehead><notations>")
    cross = note("B4", 4).replace("<notations>", "<notehead>x</notehead><notations>")
    piece = read_one(score(note("C4", 8), slash * 2, cross + note("D4", 4)))
    ticks = piece.timeline.ticks_per_quarter
    assert [(Fraction(n.start, ticks), n.pitch) for n in piece.parts[0].notes] == [(0, 60), (8, 71), (10, 62)]
