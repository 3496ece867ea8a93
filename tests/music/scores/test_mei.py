"""MEI and kern: signs that repeat, endings, expansions, jumps and what verovio passes over."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ritornello.music.files import scan_content
from ritornello.music.values import Tempo

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
HEAD = (
    '<mei xmlns="http://www.music-encoding.org/ns/mei"><meiHead/><music><body><mdiv><score><scoreDef '
    'meter.count="{metre[0]}" meter.unit="{metre[2]}" keysig="0"><staffGrp><staffDef n="1" lines="5" '
    'clef.shape="G" clef.line="2"/></staffGrp></scoreDef><section>'
)
FOOT = "</section></score></mdiv></body></music></mei>"


def note(pitch: str, value: str = "4", more: str = "") -> str:
    return f'<note pname="{pitch[0]}" oct="{pitch[1]}" dur="{value}" {more}/>'


def bar(layer: str, more: str = "", sides: str = "") -> str:
    return f'<measure {sides}><staff n="1"><layer n="1">{layer}</layer></staff>{more}</measure>'


def whole(letter: str, sides: str = "", more: str = "") -> str:
    return bar(note(f"{letter.lower()}4", "1"), more, sides)


C_BAR = "".join(note(p) for p in ("c4", "d4", "e4", "f4"))
G_BAR = "".join(note(p) for p in ("g4", "a4", "b4", "c5"))


def scanned(music: str, metre: str = "4/4"):
    (piece,), remarks = scan_content((HEAD.format(metre=metre) + music + FOOT).encode(), "x.mei")
    return piece, remarks


def played(music: str, metre: str = "4/4") -> str:
    """Notes as "C4:1": name, octave, quarters; "@2" before one that does not follow the last straight on."""
    piece, _ = scanned(music, metre)
    ticks, expected, words = piece.timeline.ticks_per_quarter, 0, []
    for n in piece.parts[0].notes:
        gap = "" if n.start == expected else f"@{Fraction(n.start, ticks)} "
        words.append(f"{gap}{NAMES[n.pitch % 12]}{n.pitch // 12 - 1}:{Fraction(n.duration, ticks)}")
        expected = n.end
    return " ".join(words)


def letters(piece) -> str:
    return "".join(NAMES[n.pitch % 12] for n in piece.parts[0].notes)


C, G = "C4:1 D4:1 E4:1 F4:1", "G4:1 A4:1 B4:1 C5:1"


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        (bar(C_BAR) + bar("<mRpt/>") + bar("<mRpt/>") + bar(G_BAR), f"{C} {C} {C} {G}"),
        (bar(C_BAR) + bar(G_BAR) + bar("<mRpt2/>") + bar("<mSpace/>") + bar(C_BAR), f"{C} {G} {C} {G} {C}"),
        (bar(C_BAR) + bar(G_BAR) + bar("<mRpt2/>") + bar("<mRpt2/>") + bar(C_BAR), f"{C} {G} {C} {G} {C}"),
        (bar(C_BAR) + bar(G_BAR) + bar("<mRpt2/>") + bar(C_BAR), f"{C} {G} {C} {G} {C}"),
        (bar(C_BAR) + bar(G_BAR) + bar('<multiRpt num="2"/>') + bar(C_BAR), f"{C} {G} {C} {G} {C}"),
        (bar(C_BAR) + bar('<beam><note pname="c" oct="4" dur="2"/></beam><halfmRpt/>'), f"{C} C4:2 C4:2"),
        (bar(C_BAR) + bar("<halfmRpt/>" + note("g4", "2")), f"{C} E4:1 F4:1 G4:2"),
        (
            bar("<beam>" + note("c4", "8") + note("d4", "8") + "</beam><beatRpt/><beatRpt/>" + note("f4")),
            "C4:1/2 D4:1/2 C4:1/2 D4:1/2 C4:1/2 D4:1/2 F4:1",
        ),
        (
            bar(
                '<tuplet num="3" numbase="2">'
                + "".join(note(p, "8") for p in ("c4", "d4", "e4"))
                + "</tuplet><beatRpt/>"
                + note("g4", "2")
            ),
            "C4:1/3 D4:1/3 E4:1/3 C4:1/3 D4:1/3 E4:1/3 G4:2",
        ),
        (bar(note("c4", "2") + note("d4", "2", 'xml:id="a"')) + bar("<mRpt/>"), "C4:2 D4:2 C4:2 D4:2"),
        (
            bar(
                note("c4", "2", 'xml:id="a"') + note("c4", "2", 'xml:id="b"'),
                '<tie startid="#a" endid="#b"/>',
            )
            + bar("<mRpt/>"),
            "C4:4 C4:4",
        ),
    ],
)
def test_signs_that_repeat_beats_and_bars_sound(music, expected):
    assert played(music) == expected


def test_a_beat_of_compound_time_is_repeated_whole():
    beat = "".join(note(p, "8") for p in ("c4", "d4", "e4"))
    assert played(bar(beat + "<beatRpt/>"), "6/8") == "C4:1/2 D4:1/2 E4:1/2 C4:1/2 D4:1/2 E4:1/2"


def test_a_beat_of_alla_breve_is_a_half():
    head = HEAD.replace('meter.count="{metre[0]}" meter.unit="{metre[2]}"', 'meter.sym="cut"')
    (piece,), _ = scan_content((head + bar(note("c4") + note("d4") + "<beatRpt/>") + FOOT).encode(), "x.mei")
    assert letters(piece) == "CDCD"


def test_durations_and_octaves_that_are_stated_once_hold_for_all():
    notes = '<note pname="c"/><note pname="d" oct="4"/><chord><note pname="e"/></chord><note pname="f" dur="8"/>'
    head = HEAD.format(metre="4/4").replace("<scoreDef ", '<scoreDef dur.default="4" octave.default="5" ')
    (piece,), _ = scan_content((head + bar(notes) + FOOT).encode(), "x.mei")
    assert [(n.pitch, n.duration / piece.timeline.ticks_per_quarter) for n in piece.parts[0].notes] == [
        (72, 1),
        (62, 1),
        (76, 1),
        (77, 0.5),
    ]


@pytest.mark.parametrize(
    "music",
    [
        bar(note("g4", more='xml:id="a"') + '<note copyof="#a"/>' * 3),
        bar(f'<chord xml:id="a" dur="4">{note("g4")}</chord>' + '<chord copyof="#a"/>' * 3),
        bar(f'<beam xml:id="a">{note("g4", "8") * 4}</beam>' + '<beam copyof="#a"/>'),
    ],
)
def test_copies_of_events_sound(music):
    assert set(played(music).split()) in ({"G4:1"}, {"G4:1/2"})
    assert len(played(music).split()) in (4, 8)


def test_copies_of_bars_staves_and_layers_sound():
    first = bar(C_BAR).replace("<measure", '<measure xml:id="m"').replace("<staff", '<staff xml:id="s"')
    first = first.replace("<layer", '<layer xml:id="l"')
    copies = (
        '<measure copyof="#m"/>',
        '<measure><staff n="1" copyof="#s"/></measure>',
        bar("").replace("></", ' copyof="#l"></', 1),
    )
    for copy in copies:
        assert played(first + copy) == "C4:1 D4:1 E4:1 F4:1 C4:1 D4:1 E4:1 F4:1"


def test_copies_of_copies_without_end_are_refused():
    events = f'<beam xml:id="b0">{note("g4") * 8}</beam>'
    nested = "".join(
        f'<beam xml:id="b{i + 1}"><beam copyof="#b{i}"/><beam copyof="#b{i}"/></beam>' for i in range(30)
    )
    with pytest.raises(ValueError, match="copies come to more"):
        scanned(bar(events + nested))


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        (bar(C_BAR) + bar(G_BAR), "C#4:1 D4:1 E4:1 F#4:1 G4:1 A4:1 B4:1 C#5:1"),
        (bar(note("f4", more='accid="n"') + note("f4") + note("f5") + note("g4")), "F4:1 F4:1 F#5:1 G4:1"),
        (
            bar(note("g4", more='accid="s"') + note("g4") + note("a4") + note("d4")) + bar(G_BAR),
            "Ab4:1 Ab4:1 A4:1 D4:1 G4:1 A4:1 B4:1 C#5:1",
        ),
        (bar(note("f4", more='accid.ges="s"') + note("g4") + note("f4") + note("c4")), "F#4:1 G4:1 F4:1 C4:1"),
        (
            bar((note("f4", more='accid="s"') + note("c4", more='accid="s"')) * 2) + bar(G_BAR),
            "F#4:1 C#4:1 F#4:1 C#4:1 G4:1 A4:1 B4:1 C5:1",
        ),
    ],
)
def test_the_key_holds_for_notes_where_none_states_how_it_sounds(music, expected):
    content = (HEAD.format(metre="4/4").replace('keysig="0"', 'keysig="2s"') + music + FOOT).encode()
    (piece,), _ = scan_content(content, "x.mei")
    quarter = piece.timeline.ticks_per_quarter
    found = (
        f"{NAMES[n.pitch % 12]}{n.pitch // 12 - 1}:{Fraction(n.duration, quarter)}" for n in piece.parts[0].notes
    )
    assert " ".join(found) == expected


@pytest.mark.parametrize(
    ("signature", "pitches"),
    [("3f", [60, 62, 63, 65, 67, 68, 70, 72]), ("6s", [61, 63, 65, 66, 68, 70, 71, 73]), ("0", [60, 62, 64, 65])],
)
def test_flats_and_sharps_of_the_key_hold_for_their_letters(signature, pitches):
    music = bar(C_BAR) + (bar(G_BAR) if len(pitches) > 4 else "")
    content = (HEAD.format(metre="4/4").replace('keysig="0"', f'keysig="{signature}"') + music + FOOT).encode()
    (piece,), _ = scan_content(content, "x.mei")
    assert [note.pitch for note in piece.parts[0].notes] == pitches


def test_mei_without_its_namespace_is_read():
    bare = (HEAD.format(metre="4/4") + bar(C_BAR) + FOOT).replace(' xmlns="http://www.music-encoding.org/ns/mei"', "")
    (piece,), _ = scan_content(bare.encode(), "x.mei")
    assert letters(piece) == "CDEF"


def test_every_layer_repeats_its_own_bar():
    layers = f'<layer n="1">{C_BAR}</layer><layer n="2">{note("c3", "1")}</layer>'
    again = '<layer n="1"><mRpt/></layer><layer n="2"><mRpt/></layer>'
    piece, _ = scanned("".join(f'<measure><staff n="1">{x}</staff></measure>' for x in (layers, again)))
    assert sorted(n.pitch for n in piece.parts[0].notes) == [48, 48, 60, 60, 62, 62, 64, 64, 65, 65]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        (bar('<note pname="c" oct="4" dur="2"><dot/></note>' + note("d4")), "C4:3 D4:1"),
        (bar('<note pname="c" oct="4" dur="2"><dot/><dot/></note>' + note("d4", "8")), "C4:7/2 D4:1/2"),
        (bar('<chord dur="2"><dot/><note pname="c" oct="4"/></chord>' + note("d4")), "C4:3 D4:1"),
        (bar('<rest dur="2"><dot/></rest>' + note("d4")), "@3 D4:1"),
        (
            bar('<note pname="f" oct="4" dur="2"><accid accid="s"/></note>' + note("b4", "2", 'accid.ges="f"')),
            "F#4:2 Bb4:2",
        ),
        (bar(C_BAR + note("g4", "8", 'grace="acc"')) + bar(G_BAR), f"{C} {G}"),
        (bar(C_BAR) + bar('<multiRest num="3"/>') + bar(G_BAR), f"{C} @16 {G}"),
        (
            bar(note("c4") + '<space dur="4"/>' + note("d4", "2")) + bar("<mSpace/>") + bar(C_BAR),
            f"C4:1 @2 D4:2 @8 {C}",
        ),
        (
            bar(
                note("c4") + note("d4", more='xml:id="a"') + note("e4", more='xml:id="b"') + note("f4"),
                '<octave dis="8" dis.place="above" startid="#a" endid="#b"/>',
            ),
            "C4:1 D5:1 E5:1 F4:1",
        ),
        (
            bar(C_BAR, '<octave staff="1" dis="15" dis.place="below" tstamp="2" tstamp2="1m+1"/>') + bar(G_BAR),
            "C4:1 D2:1 E2:1 F2:1 G2:1 A4:1 B4:1 C5:1",
        ),
        (
            bar(
                note("c4", more='xml:id="a" oct.ges="5"') + note("d4", "2", 'dots="1" xml:id="b"'),
                '<octave dis="8" dis.place="above" startid="#a" endid="#b"/>',
            ),
            "C5:1 D5:3",
        ),
        (
            bar(
                "".join(note(p, more=f'xml:id="{p}"') for p in ("c4", "d4", "e4")) + note("f4", "2"),
                '<tupletSpan startid="#c4" endid="#e4" num="3" numbase="2"/>',
            ),
            "C4:2/3 D4:2/3 E4:2/3 F4:2",
        ),
    ],
)
def test_values_and_pitches_are_read_from_elements_as_from_attributes(music, expected):
    assert played(music) == expected


def test_keys_and_metres_change_where_they_stand():
    piece, _ = scanned(
        bar(C_BAR)
        + '<scoreDef><meterSig count="3" unit="4"/></scoreDef>'
        + bar(note("c4", "2", 'dots="1"'))
        + '<staffDef n="1" keysig="2s"/>'
        + bar(note("d4", "2", 'dots="1"'))
    )
    q = piece.timeline.ticks_per_quarter
    assert [(m.tick // q, m.name) for m in piece.timeline.metres] == [(0, "4/4"), (4, "3/4")]
    assert [(k.tick // q, k.fifths) for k in piece.timeline.keys] == [(0, 0), (7, 2)]


START, END, BOTH = 'left="rptstart"', 'right="rptend"', 'right="rptboth"'


def ending(number: str, *bars: str) -> str:
    return f"<ending {number}>" + "".join(bars) + "</ending>"


def words(text: str) -> str:
    return f'<dir staff="1" tstamp="1">{text}</dir>'


ONE, TWO = 'n="1"', 'n="2"'


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        (whole("C", START) + whole("D", END) + whole("E"), "CDCDE"),
        (whole("C") + whole("D", END) + whole("E"), "CDCDE"),
        (whole("C") + whole("D", BOTH) + whole("E", END), "CDCDEE"),
        (whole("C", 'right="rptstart"') + whole("D", END), "CDD"),
        (whole("C") + whole("D", 'left="rptend"'), "CCD"),
        (whole("C", START) + ending(ONE, whole("D", END)) + ending(TWO, whole("E")) + whole("F"), "CDCEF"),
        (whole("C") + ending(ONE, whole("D", END)) + ending(TWO, whole("E")) + whole("F"), "CDCEF"),
        (whole("C") + ending(ONE, whole("D")) + ending(TWO, whole("E")) + whole("F"), "CDCEF"),
        (whole("C") + ending("", whole("D", END)) + ending("", whole("E")) + whole("F"), "CDCEF"),
        (whole("C") + ending(ONE, whole("D"), whole("E", END)) + ending(TWO, whole("F"), whole("G")), "CDECFG"),
        (whole("C") + ending('n="1, 2"', whole("D", END)) + ending('n="3"', whole("E")), "CDCDCE"),
        (whole("C") + ending('n="1-3"', whole("D", END)) + ending('n="4."', whole("E")), "CDCDCDCE"),
        (whole("C") + ending(ONE, whole("D", END)) + ending(TWO, whole("E", END)) + whole("F"), "CDCEF"),
        (whole("C") + whole("D", more=words("Fine")) + whole("E", more=words("D.C. al Fine")), "CDECD"),
        (whole("C", more=words("Segno")) + whole("D", more=words("to Coda")) + whole("E", more=words("D.S. al Coda"))
         + whole("F", more=words("Coda")), "CDECDF"),
        (whole("C") + whole("D", more='<repeatMark func="segno"/>') + whole("E", more='<repeatMark func="fine"/>')
         + whole("F", more='<repeatMark func="dalSegno">D.S. al Fine</repeatMark>'), "CDEFDE"),
        ('<expansion plist="#a #b #a"/><section xml:id="a">' + whole("C") + '</section><section xml:id="b">'
         + whole("D") + "</section>", "CDC"),
        ('<expansion plist="#a #e #a #f #b"/><section xml:id="a">' + whole("C", START) + "</section>"
         + ending('n="1" xml:id="e"', whole("D", END)) + ending('n="2" xml:id="f"', whole("E"))
         + '<section xml:id="b">' + whole("F") + "</section>", "CDCEF"),
        ('<expansion plist="#x #a"/><expansion xml:id="x" plist="#a #b"/><section xml:id="a">' + whole("C")
         + '</section><section xml:id="b">' + whole("D") + "</section>", "CDC"),
    ],
)  # fmt: skip
def test_bars_are_played_in_this_order(music, expected):
    piece, remarks = scanned(music)
    assert letters(piece) == expected
    assert remarks == []


def test_bars_that_no_expansion_names_are_a_remark():
    sections = "".join(f'<section xml:id="{x}">{whole(x)}</section>' for x in "CDE")
    piece, remarks = scanned('<expansion plist="#C #E #C"/>' + sections)
    assert letters(piece) == "CEC"
    assert [code for code, _ in remarks] == ["unplayed_bars"]


def test_an_expansion_that_contains_itself_is_refused():
    with pytest.raises(ValueError, match="contains itself"):
        scanned('<expansion xml:id="x" plist="#x #x"/>' + whole("C"))


KERN = "**kern\n{head}*M4/4\n{body}*-\n"


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("", "=1\n1c\n=2:|!\n1d\n==\n", "CCD"),
        ("", "=1!|:\n1c\n=2:|!|:\n1d\n=:|!\n", "CCDD"),
        ("*>[A,B,A]\n*>norep[A,B]\n", "*>A\n=1\n1c\n*>B\n=2\n1d\n==\n", "CDC"),
        ("*>norep[A,B]\n*>[A,A,B]\n", "*>A\n=1\n1c\n*>B\n=2:|!\n1d\n==\n", "CCD"),
        ("*>[A,A1,A,A2,B]\n", "*>A\n=1\n1c\n*>A1\n=2\n1d\n*>A2\n=3:|!\n1e\n*>B\n=4\n1f\n==\n", "CDCEF"),
        ("*>norep[A,B]\n", "*>A\n=1!|:\n1c\n*>B\n=2:|!\n1d\n==\n", "CCD"),
        ("*>long[A,B,A]\n", "*>A\n=1\n1c\n*>B\n=2\n1d\n==\n", "CDC"),
        ("*>long[A,B,A]\n*>[A,B]\n", "*>A\n=1\n1c\n*>B\n=2\n1d\n==\n", "CD"),
        ("*>[verse1,ref,verse2,ref]\n", "*>verse1\n=1\n1c\n*>ref\n=2\n1d\n*>verse2\n=3\n1e\n==\n", "CDED"),
        ("*>[A,A]\n", "*>A\n=1\n1c\n=2\n1d\n==\n", "CDCD"),
        ("", "*>A\n=1\n1c\n*>A1\n=2\n1d\n*>A2\n=3\n1e\n==\n", "CDE"),
        ("", "*>A\n=1\n1c\n*>A1\n=2\n1d\n*>A2\n=3:|!\n1e\n==\n", "CDCE"),
        ("", "=1\n1c\n=2\n!LO:TX:t=Fine\n1d\n=3\n!LO:TX:t=D.C. al Fine\n1e\n==\n", "CDECD"),
        ("", "=1\n1c\n==2\n!LO:TX:t=Fine\n1d\n=3\n!LO:TX:t=D.C. al Fine\n1e\n==4\n1f\n==\n", "CDEDF"),
    ],
)
def test_sections_of_kern_are_played_in_the_order_of_their_list(head, body, expected):
    (piece,), _ = scan_content(KERN.format(head=head, body=body).encode(), "x.krn")
    assert letters(piece) == expected
    (once,), _ = scan_content(KERN.format(head=head, body=body).encode(), "x.krn", "written")
    assert letters(once) == "".join(sorted(set(expected)))


def test_a_section_of_kern_may_begin_inside_a_bar_and_takes_its_metre_and_key_along():
    body = "*>A\n4d\n=1\n2.g\n=2\n2g\n*>B\n4d\n=3\n2.e\n=4\n2f#\n==\n"
    text = f"**kern\n*M3/4\n*k[f#]\n*>[A,B,A]\n{body}*-\n"
    (piece,), remarks = scan_content(text.encode(), "x.krn")
    q = piece.timeline.ticks_per_quarter
    assert letters(piece) == "DGGDEF#DGG"
    assert [tick // q for tick in piece.timeline.barlines()[:-1]] == [0, 1, 4, 7, 10, 13, 16]
    assert piece.timeline.length == 18 * q
    assert remarks == []
    text = "**kern\n*M4/4\n*k[]\n*>[A,B,A]\n*>A\n=1\n1c\n*>B\n*M3/4\n*k[f#]\n=2\n2.d\n==\n*-\n"
    (piece,), _ = scan_content(text.encode(), "x.krn")
    assert [(m.tick // q, m.name) for m in piece.timeline.metres] == [(0, "4/4"), (4, "3/4"), (7, "4/4")]
    assert [(k.tick // q, k.fifths) for k in piece.timeline.keys] == [(0, 0), (4, 1), (7, 0)]


def test_sections_of_kern_that_no_list_names_are_a_remark():
    text = "**kern\n*M4/4\n*>[A,C]\n*>A\n=1\n1c\n*>B\n=2\n1d\n=3\n1e\n*>C\n=4\n1f\n==\n*-\n"
    (piece,), remarks = scan_content(text.encode(), "x.krn")
    assert letters(piece) == "CF"
    assert remarks == [("unplayed_bars", "bars with notes that its repeat signs never reach (2): 2 to 3")]


def test_the_notes_of_a_repeat_sign_in_kern_sound_in_each_spine():
    text = "**kern\t**kern\n*M2/4\t*M2/4\n=1\t=1\n2c\t2e\n=2\t=2\n*rep\t*\n2c\t2f\n*Xrep\t*\n==\t==\n*-\t*-\n"
    (piece,), _ = scan_content(text.encode(), "x.krn")
    assert sorted(letters(piece) + "".join(NAMES[n.pitch % 12] for n in piece.parts[1].notes)) == ["C", "C", "E", "F"]


@pytest.mark.parametrize("seed", [1, 2])
def test_no_note_is_lost_of_a_file_whose_names_verovio_made_from_a_seed(seed):
    """Verovio gives stems and flags names from the same numbers, and then takes notes of that name for them."""
    verovio = pytest.importorskip("verovio")
    notes = "".join(
        f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration><type>eighth</type></note>"
        for step in "CDEFGABC"
    )
    attributes = (
        "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    )
    bars = f"<measure>{attributes}{notes}</measure>" + f"<measure>{notes}</measure>" * 39
    head = '<score-partwise><part-list><score-part id="P"><part-name/></score-part></part-list><part id="P">'
    toolkit = verovio.toolkit()
    toolkit.resetXmlIdSeed(seed)
    toolkit.setOptions({"inputFrom": "xml", "breaks": "none"})
    assert toolkit.loadData(f"{head}{bars}</part></score-partwise>")
    (piece,), _ = scan_content(toolkit.getMEI().encode(), "x.mei")
    assert [n.pitch for n in piece.parts[0].notes] == [60, 62, 64, 65, 67, 69, 71, 60] * 40


def test_an_editors_readings_are_played_and_what_was_deleted_is_not():
    choices = (
        f"<choice><sic>{note('e4', '2')}</sic><corr>{note('f4', '2')}</corr></choice>"
        f"<choice><orig>{note('c4', '2')}</orig><reg>{note('d4', '2')}</reg></choice>"
    )
    subst = f"<subst><del>{note('a4', '2')}</del><add>{note('b4', '2')}</add></subst>{note('c5', '2')}"
    restored = f"<restore><del>{note('g4', '1')}</del></restore>"
    assert played(bar(choices) + bar(subst) + bar(restored)) == "F4:2 D4:2 B4:2 C5:2 G4:4"


def test_slashes_have_no_pitch():
    slashes = note("b4", "2", 'head.shape="slash"') * 2
    assert played(whole("C") + bar(slashes) + whole("E")) == "C4:4 @8 E4:4"


def kern(*lines: str):
    (piece,), _ = scan_content("\n".join(["**kern", *lines, "*-"]).encode(), "x.krn")
    return piece


def test_long_notes_of_kern_do_not_make_up_a_tempo():
    assert kern("*M4/2", "=1", "0c", "=2", "1d", "1e").timeline.tempos == (Tempo(0, 120.0),)
    assert kern("*M4/2", "*MM72", "=1", "0c").timeline.tempos == (Tempo(0, 72.0),)


def test_a_kern_instrument_that_changes_leaves_the_sounding_pitches():
    """*ITr says how a part is drawn; kern writes what sounds."""
    piece = kern("*ITrd1c2", "*M2/4", "*k[f#]", "=1", "4d", "4e", "=2", "*ITrd0c0", "4c", "4d")
    assert [note.pitch for note in piece.parts[0].notes] == [62, 64, 60, 62]
    assert piece.timeline.key.fifths == 1
